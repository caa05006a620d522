"""Actions that tell of channels and people: LIST_CHANNELS, GET_USER_INFO."""

from typing import Any, Final

from bot_host.connector import (
    OTHERS_WORDS,
    Action,
    ActionResult,
    Refused,
    as_name,
    as_object,
    as_quote,
    one_line,
)
from connectors.slack.errand import ADMINS, Errand, Spot, errand
from connectors.slack.events import display_name
from connectors.slack.lookups import Json, Workspace, is_full

LISTED: Final = 100
PRIVATE: Final = 30
"""Private channels that are looked at: each costs a request."""
SELF: Final = frozenset({"me", "myself", "i", "self"})
PERSON: Final[Json] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 100,
    "description": 'Name, user name, mention or id; "me" for whoever asks.',
}


def telling_actions(workspace: Workspace) -> list[Action]:
    """What tells, for one account."""
    return [
        Action(
            name="LIST_CHANNELS",
            description="List the channels of this workspace.",
            handler=errand(workspace, _list),
            idempotent=True,
        ),
        Action(
            name="GET_USER_INFO",
            description="Tell of somebody in this workspace: names, title, time zone, standing.",
            similes=("USER_INFO",),
            handler=errand(workspace, _member),
            idempotent=True,
            parameters=as_object({"person": PERSON}, required=["person"]),
        ),
    ]


async def _list(do: Errand) -> ActionResult:
    spots: list[Spot] = []
    looked = 0
    for channel in await do.workspace.channels():
        spot = Spot(channel=channel)
        if not spot.is_public:
            looked += 1
            if looked > PRIVATE:
                continue
        if all([await do.sees(spot, asker) for asker in do.askers]) and await do.is_open(spot):
            spots.append(spot)
    shown = spots[:LISTED]
    lines = [line for spot in shown for line in as_quote(_told(spot))]
    more = [f"and {len(spots) - len(shown)} more"] if len(spots) > len(shown) else []
    head = f"{len(spots)} channels that everybody here and the person who asks can see. {OTHERS_WORDS}"
    return ActionResult(text="\n".join([head, *lines, *more]), data={"channels": len(spots)})


def _told(spot: Spot) -> str:
    channel = spot.channel
    facts = [f"{spot.name}, id {spot.id}"]
    facts += ["private"] if not spot.is_public else []
    facts += ["shared with other organisations"] if channel.get("is_ext_shared") else []
    if isinstance(channel.get("num_members"), int):
        facts.append(f"{channel['num_members']} members")
    facts += ["the bot is not in it"] if channel.get("is_member") is False else []
    topic: Any = channel.get("topic") or channel.get("purpose")
    said = one_line(str(topic.get("value") or ""), 150) if isinstance(topic, dict) else ""
    return ", ".join(facts) + (f": {said}" if said else "")


async def _member(do: Errand) -> ActionResult:
    user = await find_person(do, do.argument("person"))
    profile: Any = user.get("profile")
    profile = profile if isinstance(profile, dict) else {}
    facts = [
        f"{as_name(display_name(user))} (user name {one_line(str(user.get('name') or ''))}, id {user['id']})"
    ]
    for key, shown in (("real_name", "called"), ("title", "title"), ("status_text", "status")):
        if profile.get(key):
            facts.append(f"{shown} {as_name(str(profile[key]))}")
    if user.get("tz"):
        facts.append(f"time zone {one_line(str(user['tz']), 60)}")
    if any(user.get(flag) for flag in ADMINS):
        facts.append("an owner of the workspace" if user.get("is_owner") else "an admin of the workspace")
    if user.get("is_bot"):
        facts.append("a bot")
    elif user.get("deleted"):
        facts.append("has left")
    elif user.get("is_restricted") or user.get("is_ultra_restricted"):
        facts.append("a guest")
    elif not is_full(user, do.workspace.me.team_id):
        facts.append("of another organisation")
    return ActionResult(text="; ".join(facts), data={"user_id": str(user["id"])})


async def find_person(do: Errand, asked: str) -> Json:
    """Whoever is meant, by id, mention, user name or name, and who asks may know of. Raises Refused.

    Names are whatever people call themselves, so one that fits several people names nobody. Guests, and
    people of other organisations, know those who are in the same channel.
    """
    plain = asked.strip().removeprefix("<@").removesuffix(">").partition("|")[0].lstrip("@")
    name = one_line(asked, 60)
    if plain.casefold() in SELF:
        plain = do.askers[0]
    # By id also those of other organisations, whom no list has.
    found = await do.workspace.user(plain) if plain.isalnum() and plain.isupper() else None
    people = [found] if found is not None else await _called(do, plain.casefold())
    if not all([await _is_member(do, asker) for asker in do.askers]):
        near = set() if do.here.is_direct else await do.workspace.members(do.here.id)
        people = [user for user in people if str(user["id"]) in {*near, *do.askers}]
    if len(people) == 1:
        return people[0]
    if not people:
        raise Refused(f"nobody in this workspace is called {name}")
    told = ", ".join(f"{one_line(str(user.get('name')))} ({user['id']})" for user in people[:10])
    raise Refused(f"several people are called {name}: {told}; which user name is meant?")


async def _is_member(do: Errand, asker: str) -> bool:
    return is_full(await do.workspace.user(asker), do.workspace.me.team_id)


async def _called(do: Errand, wanted: str) -> list[Json]:
    people = [user for user in (await do.workspace.people()).values() if not user.get("deleted")]
    exact = [user for user in people if str(user.get("name") or "").casefold() == wanted]
    return exact or [user for user in people if wanted in _names(user)]


def _names(user: Json) -> set[str]:
    profile: Any = user.get("profile")
    profile = profile if isinstance(profile, dict) else {}
    names = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"))
    return {one_line(str(name)).casefold() for name in names if name}
