"""Actions that tell of chats and people: CHAT_INFO, GET_USER_INFO."""

from collections.abc import Awaitable
from typing import Any, Final

from telegram.error import TelegramError

from bot_host.connector import (
    OTHERS_WORDS,
    Action,
    ActionResult,
    ChannelType,
    Entity,
    Memory,
    Refused,
    State,
    as_name,
    as_object,
    as_quote,
    one_line,
    shortened,
)
from connectors.telegram.doing import CHAT
from connectors.telegram.errand import Errand, errand
from connectors.telegram.lookups import Lookup
from connectors.telegram.places import SOURCE
from connectors.telegram.rights import Json, is_inside

ADMINS: Final = 20
"""That are named."""
QUOTED: Final = 1000
SELF: Final = frozenset({"me", "myself", "i", "self"})
_TYPES: Final = {"group": "group", "supergroup": "group", "channel": "channel"}


def telling_actions(lookup: Lookup) -> list[Action]:
    """What tells, for one account."""
    return [
        Action(
            name="CHAT_INFO",
            description="Tell of this chat, or another one: members, administrators, description, pinned.",
            similes=("GET_CHAT_INFO", "GROUP_INFO"),
            handler=errand(lookup, _chat),
            idempotent=True,
            parameters=as_object({"chat": CHAT}),
        ),
        Action(
            name="GET_USER_INFO",
            description="Tell of somebody in this group: name, standing.",
            similes=("USER_INFO", "MEMBER_INFO"),
            handler=errand(lookup, _member),
            validate=_in_group,
            idempotent=True,
            parameters=as_object(
                {
                    "person": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 100,
                        "description": 'Name, @name or id; "me" for whoever asks.',
                    }
                },
                required=["person"],
            ),
        ),
    ]


async def _in_group(_agent: Any, message: Memory, _state: State) -> bool:
    return message.content.channel_type in (ChannelType.GROUP, ChannelType.THREAD)


async def _chat(do: Errand) -> ActionResult:
    spot = await do.spot(do.argument("chat"))
    if spot.is_private:
        return ActionResult(text="This is a private chat with the person who asks.")
    # Not everybody here is in there: what is told of another chat is what anybody may know who is in both.
    if spot.id != do.here.id and not do.here.is_private:
        raise Refused(f"not everybody here may be in {spot.name}: ask again in a private chat")
    chat = spot.chat
    kind = "forum" if chat.get("is_forum") else _TYPES.get(str(chat.get("type")), "chat")
    facts = [f"{spot.name}: {kind}, id {spot.id}"]
    if chat.get("username"):
        facts.append(f"@{one_line(str(chat['username']), 40)}")
    count = await _or_none(do.lookup.member_count(spot.id))
    if count is not None:
        facts.append(f"{count} members")
    admins = await _or_none(do.lookup.admins(spot.id)) or []
    # Who hides among the administrators does so from everybody.
    shown = [_name_of(each["user"]) for each in admins if not each.get("is_anonymous")]
    if shown:
        more = f" and {len(shown) - ADMINS} more" if len(shown) > ADMINS else ""
        facts.append(f"administrators: {', '.join(shown[:ADMINS])}{more}")
    if chat.get("slow_mode_delay"):
        facts.append(f"one message each {chat['slow_mode_delay']} s for each member")
    lines = ["; ".join(facts)]
    pinned = chat.get("pinned_message")
    said = str(pinned.get("text") or pinned.get("caption") or "") if isinstance(pinned, dict) else ""
    quoted = [
        *as_quote(f"Description: {chat['description']}" if chat.get("description") else ""),
        *as_quote(f"Pinned: {shortened(said, QUOTED)}" if said else ""),
    ]
    return ActionResult(
        text="\n".join([*lines, *([OTHERS_WORDS] if quoted else []), *quoted]), data={"chat_id": spot.id}
    )


async def _or_none(asked: Awaitable[Any]) -> Any:
    """What a server may not know, and what is not worth a refusal."""
    try:
        return await asked
    except TelegramError:
        return None


async def _member(do: Errand) -> ActionResult:
    asked = do.argument("person").lstrip("@")
    user_id = await _person(do, asked)
    if user_id == do.here.id:
        return ActionResult(text="Whoever asks is an administrator who hides their name.")
    member = await do.member(do.here, user_id)
    user = (member or {}).get("user")
    if member is None or not isinstance(user, dict) or not is_inside(member):
        raise Refused(f"nobody in {do.here.name} is called {one_line(asked, 60)}")
    facts = [_name_of(user) + f", id {user['id']}", _standing(member)]
    if user.get("is_bot"):
        facts.append("a bot")
    if user.get("is_premium"):
        facts.append("has Telegram Premium")
    return ActionResult(text="; ".join(facts), data={"user_id": str(user["id"])})


def _standing(member: Json) -> str:
    hidden = member.get("is_anonymous")
    title = "" if hidden else one_line(str(member.get("custom_title") or ""), 40)
    named = f" ({as_name(title)})" if title else ""
    if hidden or member["status"] == "member":
        return "a member"
    return {
        "creator": f"owns the group{named}",
        "administrator": f"an administrator{named}",
        "restricted": "a member with restrictions",
    }.get(str(member["status"]), "a member")


async def _person(do: Errand, asked: str) -> str:
    """Somebody's id: bots can look up ids only, so names are those of people that the agent has met here."""
    if asked.casefold() in SELF:
        return do.askers[0]
    if asked.isdecimal():
        return asked
    wanted = asked.casefold()
    people = await do.agent.store.get_entities_for_room(do.call.message.room_id)
    known = [each for each in people if each.id != do.agent.agent_id]
    exact = [each for each in known if _told(each, "user_name").casefold() == wanted]
    named = exact or [each for each in known if wanted in (name.casefold() for name in each.names)]
    ids = {id for each in named if (id := _told(each, "id")).isdecimal()}
    if len(ids) == 1:
        return ids.pop()
    name = one_line(asked, 60)
    if ids:
        raise Refused(f"several people here are called {name}; which @name is meant?")
    raise Refused(f"the bot has met nobody here who is called {name}")


def _told(person: Entity, key: str) -> str:
    about = person.metadata.get(SOURCE)
    return str(about.get(key) or "") if isinstance(about, dict) else ""


def _name_of(user: Json) -> str:
    name = as_name(" ".join(str(user[key]) for key in ("first_name", "last_name") if user.get(key)))
    return f"{name} (@{one_line(str(user['username']), 40)})" if user.get("username") else name
