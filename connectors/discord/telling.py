"""Actions that tell of places and people: LIST_CHANNELS, CHANNEL_INFO, GET_USER_INFO, SERVER_INFO."""

from datetime import UTC, datetime
from typing import Any, Final

from bot_host.connector import (
    OTHERS_WORDS,
    Action,
    ActionResult,
    ChannelType,
    Memory,
    Refused,
    State,
    as_object,
    clean_text,
    one_line,
)
from connectors.discord.decode import snowflake_time
from connectors.discord.errand import TIMEOUT_S, Errand, Lookup, errand
from connectors.discord.permissions import is_timed_out
from connectors.discord.places import clean_name, display_name
from connectors.discord.reading import CHANNEL
from connectors.discord.rest import Json

LISTED: Final = 100
SELF: Final = frozenset({"", "me", "myself", "i", "self"})
PERSON: Final[Json] = {
    "type": "string",
    "maxLength": 100,
    "description": 'Name, user name or id of somebody in this server; "me" for whoever asks.',
}
_TYPES: Final = {
    0: "text channel",
    2: "voice channel",
    4: "category",
    5: "announcement channel",
    10: "thread",
    11: "thread",
    12: "private thread",
    13: "stage",
    15: "forum",
    16: "media channel",
}
"""https://docs.discord.com/developers/resources/channel#channel-object-channel-types"""


def telling_actions(lookup: Lookup) -> list[Action]:
    """What tells, for one account."""
    return [
        Action(
            name="LIST_CHANNELS",
            description="List the channels and active threads of this server.",
            handler=errand(lookup, _list),
            validate=in_server,
            idempotent=True,
        ),
        Action(
            name="CHANNEL_INFO",
            description="Tell of a channel or thread: kind, topic, age.",
            similes=("GET_CHANNEL_INFO",),
            handler=errand(lookup, _channel),
            idempotent=True,
            parameters=as_object({"channel": CHANNEL}),
        ),
        Action(
            name="GET_USER_INFO",
            description="Tell of a member of this server: names, roles, when they joined.",
            similes=("USER_INFO", "MEMBER_INFO"),
            handler=errand(lookup, _member),
            validate=in_server,
            idempotent=True,
            parameters=as_object({"person": PERSON}, required=["person"]),
        ),
        Action(
            name="SERVER_INFO",
            description="Tell of this server: members, channels, roles, age.",
            similes=("GUILD_INFO",),
            handler=errand(lookup, _server),
            validate=in_server,
            idempotent=True,
        ),
    ]


async def in_server(_agent: Any, message: Memory, _state: State) -> bool:
    """Whether a message was said in a server."""
    return message.content.channel_type in (ChannelType.GROUP, ChannelType.THREAD, ChannelType.FORUM)


async def _list(do: Errand) -> ActionResult:
    spots = await do.visible()
    shown = spots[:LISTED]
    lines = [f"> {_kind(spot.channel)}, id {spot.id}: {spot.name}" for spot in shown]
    more = [f"and {len(spots) - len(shown)} more"] if len(spots) > len(shown) else []
    seen = f"{len(spots)} channels and threads that everybody here and the person who asks can see."
    head = f"{seen} {OTHERS_WORDS}"
    return ActionResult(text="\n".join([head, *lines, *more]), data={"channels": len(spots)})


async def _channel(do: Errand) -> ActionResult:
    spot = await do.spot(do.argument("channel"))
    channel = spot.channel
    if spot.guild is None:
        return ActionResult(text="This is a private chat with the person who asks.")
    facts = [f"{_named(spot.name)}: {_kind(channel)}, id {spot.id}, made {_day(spot.id)}"]
    if spot.is_thread:
        state = channel.get("thread_metadata") or {}
        facts.append(f"in {_named(spot.parent.get('name'))}; {channel.get('message_count', 0)} messages")
        facts += [word for word in ("archived", "locked") if state.get(word)]
    if channel.get("rate_limit_per_user"):
        facts.append(f"one message each {channel['rate_limit_per_user']} s for each member")
    if channel.get("nsfw"):
        facts.append("age-restricted")
    topic = clean_text(str(channel.get("topic") or "")).strip()
    quoted = [OTHERS_WORDS, *(f"> {line}" for line in f"Topic: {topic}".splitlines())] if topic else []
    return ActionResult(text="\n".join(["; ".join(facts), *quoted]), data={"channel_id": spot.id})


async def _member(do: Errand) -> ActionResult:
    member = await find_member(do, do.argument("person"))
    user, guild = member["user"], do.guild
    held = {str(role) for role in member.get("roles", ())}
    roles = [_named(role.get("name")) for role in guild["roles"] if str(role["id"]) in held]
    facts = [
        f"{_named(display_name(user, member))} (user name {clean_name(user.get('username'))}, "
        f"id {user['id']})",
        f"on Discord since {_day(str(user['id']))}",
        f"in this server since {str(member.get('joined_at') or 'unknown')[:10]}",
        f"roles: {', '.join(roles) or 'none'}",
    ]
    if str(guild.get("owner_id")) == str(user["id"]):
        facts.append("owns this server")
    if user.get("bot"):
        facts.append("a bot")
    if is_timed_out(member, now=datetime.now(UTC)):
        facts.append("timed out at the moment")
    return ActionResult(text="; ".join(facts), data={"user_id": str(user["id"])})


async def _server(do: Errand) -> ActionResult:
    guild_id = str(do.guild["id"])
    guild = await do.lookup.rest.request(
        "GET", "/guilds/{id}", timeout=TIMEOUT_S, params={"with_counts": "true"}, id=guild_id
    )
    spots = await do.visible()
    facts = [
        f"{_named(guild.get('name'))}, id {guild_id}, made {_day(guild_id)}",
        f"about {guild.get('approximate_member_count', 'an unknown number of')} members",
        f"{sum(not spot.is_thread for spot in spots)} channels that everybody here can see",
        f"{max(0, len(guild.get('roles', ())) - 1)} roles",
        f"boost level {guild.get('premium_tier', 0)}",
    ]
    about = clean_text(str(guild.get("description") or "")).strip()
    quoted = [OTHERS_WORDS, *(f"> {line}" for line in f"Description: {about}".splitlines())] if about else []
    return ActionResult(text="\n".join(["; ".join(facts), *quoted]), data={"server_id": guild_id})


async def find_member(do: Errand, asked: str) -> Json:
    """Whoever in the server is meant, by id, mention, user name or name. Raises Refused.

    Names are whatever people call themselves, so one that fits several people names nobody.
    """
    guild_id = str(do.guild["id"])
    plain = asked.strip().removeprefix("<@").removeprefix("!").removesuffix(">").lstrip("@")
    if plain.casefold() in SELF:
        plain = do.askers[0]
    if plain.isdecimal():
        found = await do.lookup.find("/guilds/{guild}/members/{user}", guild=guild_id, user=plain)
        members: list[Json] = [found] if found else []
    else:
        answer = await do.lookup.rest.request(
            "GET",
            "/guilds/{guild}/members/search",
            timeout=TIMEOUT_S,
            params={"query": plain, "limit": "100"},
            guild=guild_id,
        )
        wanted = plain.casefold()
        exact = [m for m in answer if clean_name(m["user"].get("username")).casefold() == wanted]
        members = exact or [m for m in answer if display_name(m["user"], m).casefold() == wanted]
    if len(members) == 1:
        return members[0]
    name = one_line(asked, 60)
    if not members:
        raise Refused(f"nobody in this server is called {name}")
    told = ", ".join(f"{clean_name(m['user'].get('username'))} ({m['user']['id']})" for m in members[:10])
    raise Refused(f"several people in this server are called {name}: {told}; which user name is meant?")


def _named(name: object) -> str:
    """A name between quotation marks that nothing in it closes: people put into theirs what they like."""
    return '"{}"'.format(clean_name(name).replace('"', "'"))


def _kind(channel: Json) -> str:
    return _TYPES.get(int(channel["type"]), "channel")


def _day(snowflake: str) -> str:
    return snowflake_time(int(snowflake)).strftime("%Y-%m-%d")
