"""Who may do what in a channel, by Discord's documented algorithm. Pure.

https://docs.discord.com/developers/topics/permissions#permission-overwrites, with its rules for implicit
permissions, for threads (which have their parent's overwrites) and for timed-out members.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, Final

import discord

Json = dict[str, Any]

ALL: Final = -1
"""Every bit, those of the future too: owners and administrators."""
_FLAGS: Final = discord.Permissions.VALID_FLAGS
VIEW: Final = _FLAGS["view_channel"]
HISTORY: Final = _FLAGS["read_message_history"]
SEND: Final = _FLAGS["send_messages"]
SEND_IN_THREADS: Final = _FLAGS["send_messages_in_threads"]
REACT: Final = _FLAGS["add_reactions"]
PIN: Final = _FLAGS["pin_messages"]
"""Since February 23, 2026 Manage Messages no longer includes it (change log, 2025-11-24)."""
THREADS: Final = _FLAGS["create_public_threads"]
MANAGE_THREADS: Final = _FLAGS["manage_threads"]
POLLS: Final = _FLAGS["send_polls"]
LINKS: Final = _FLAGS["embed_links"]
FILES: Final = _FLAGS["attach_files"]
_ADMINISTRATOR: Final = _FLAGS["administrator"]
CONNECT: Final = _FLAGS["connect"]
SPEAK: Final = _FLAGS["speak"]
READ: Final = VIEW | HISTORY

NAMES: Final = {
    VIEW: "View Channel",
    HISTORY: "Read Message History",
    SEND: "Send Messages",
    SEND_IN_THREADS: "Send Messages in Threads",
    REACT: "Add Reactions",
    PIN: "Pin Messages",
    THREADS: "Create Public Threads",
    MANAGE_THREADS: "Manage Threads",
    POLLS: "Create Polls",
    LINKS: "Embed Links",
    FILES: "Attach Files",
    CONNECT: "Connect",
    SPEAK: "Speak",
}
"""As they are called in Discord's settings."""
VOICE_TYPES: Final = frozenset({2, 13})
_ROLE: Final = 0
_MEMBER: Final = 1


def names_of(flags: int) -> str:
    """Permissions by name, for people."""
    return ", ".join(name for flag, name in NAMES.items() if flags & flag)


def permissions_in(guild: Json, member: Json, channel: Json, *, now: datetime | None = None) -> int:
    """What a member may do in a channel; for a thread give its parent.

    `guild` needs `owner_id` and `roles`, `channel` its `permission_overwrites`.
    """
    user_id = str(member["user"]["id"])
    held = {str(role) for role in member.get("roles", ())}
    value = _computed(guild, channel, user_id=user_id, roles=held)
    if value != ALL and is_timed_out(member, now=now or datetime.now(UTC)):
        value &= READ
    return value


def is_timed_out(member: Json, *, now: datetime) -> bool:
    """Whether a member may only look on for now."""
    until = member.get("communication_disabled_until")
    return bool(until) and datetime.fromisoformat(str(until)) > now


def _computed(guild: Json, channel: Json, *, user_id: str, roles: Collection[str]) -> int:
    if user_id and str(guild.get("owner_id")) == user_id:
        return ALL
    everyone = str(guild["id"])
    value = 0
    for role in guild.get("roles", ()):
        if str(role["id"]) == everyone or str(role["id"]) in roles:
            value |= int(role["permissions"])
    if value & _ADMINISTRATOR:
        return ALL
    found = _overwrites(channel)
    allow, deny = found.get((_ROLE, everyone), (0, 0))
    value = (value & ~deny) | allow
    allow = deny = 0
    for role_id in roles:
        more, less = found.get((_ROLE, role_id), (0, 0))
        allow, deny = allow | more, deny | less
    value = (value & ~deny) | allow
    allow, deny = found.get((_MEMBER, user_id), (0, 0))
    value = (value & ~deny) | allow
    if not value & VIEW:
        return 0
    if channel.get("type") in VOICE_TYPES and not value & CONNECT:
        # Who may not come in does not see the text of a voice channel either.
        value &= VIEW
    return value


def _overwrites(channel: Json) -> dict[tuple[int, str], tuple[int, int]]:
    return {
        (int(each["type"]), str(each["id"])): (int(each["allow"]), int(each["deny"]))
        for each in channel.get("permission_overwrites") or ()
    }


def all_may_read(guild: Json, here: Json, there: Json, *, but: str = "") -> bool:
    """Whether everybody who sees the channel `here` may read `there` too; for threads give their parents.

    Each role is tried alone, and each member with overwrites of their own, apart from the bot itself (`but`)
    and from bots' own roles. Where that leaves it open it says no.
    """
    if str(here["id"]) == str(there["id"]):
        return True
    people, bots = set[str](), set[str]()
    for role in guild.get("roles", ()):
        (bots if (role.get("tags") or {}).get("bot_id") else people).add(str(role["id"]))
    for role_id in people:
        one = {role_id}
        sees = _computed(guild, here, user_id="", roles=one) & VIEW
        if sees and _computed(guild, there, user_id="", roles=one) & READ != READ:
            return False
    mine, theirs = _overwrites(here), _overwrites(there)
    passed_over = {(_MEMBER, but), (_ROLE, str(guild["id"])), *((_ROLE, role_id) for role_id in bots)}
    for who in {*mine, *theirs} - passed_over:
        comes_in = not mine.get(who, (0, 0))[1] & VIEW
        # Another role may let them in here: whoever is shut out there by name must be shut out here too.
        if comes_in and theirs.get(who, (0, 0))[1] & READ:
            return False
        let_in = who[0] == _MEMBER and mine.get(who, (0, 0))[0] & VIEW
        if let_in and _computed(guild, there, user_id=who[1], roles=()) & READ != READ:
            return False
    return True
