"""Who may do what in a channel: Discord's algorithm, held against discord.py's own."""

from datetime import UTC, datetime, timedelta
from typing import Any

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.discord.permissions import (
    ALL,
    HISTORY,
    PIN,
    READ,
    SEND,
    SEND_IN_THREADS,
    VIEW,
    all_may_read,
    names_of,
    permissions_in,
)
from tests.fakes.discord_model import EVERYONE, Channel, Guild, Member, Role, User, allow_and_deny

ADMINISTRATOR = 1 << 3
CONNECT = 1 << 20
COMPARED = (
    READ | SEND | SEND_IN_THREADS | PIN | sum(1 << bit for bit in (6, 14, 15, 34, 35, 49)) | ADMINISTRATOR
)
IDS = ("100", "201", "202", "203")
"""The server (so @everyone), and three roles."""
flags = st.sampled_from([VIEW, HISTORY, SEND, SEND_IN_THREADS, PIN, READ, VIEW | SEND])
some = st.lists(flags, max_size=3).map(lambda found: sum(set(found)) & COMPARED)
overwrite = st.tuples(st.sampled_from([*IDS, "7", "8"]), some, some)


def server(permissions: dict[str, int], *, owner: str = "1") -> Guild:
    guild = Guild("100", "Workshop", owner_id=owner)
    for role_id in IDS:
        role = Role(role_id, "role")
        role.permissions = permissions.get(role_id, 0)
        guild.roles[role_id] = role
    return guild


def channel_of(guild: Guild, *overwrites: tuple[str, int, int], id: str = "300") -> Channel:
    channel = Channel(id, 0, f"c{id}", guild)
    for who, allow, deny in overwrites:
        about = guild.roles[who] if who in guild.roles else User(who, f"u{who}")
        allow_and_deny(channel, about, allow=allow, deny=deny & ~allow)
    return channel


def by_the_library(guild: Guild, channel: Channel, member: Member) -> discord.Permissions:
    client = discord.Client(intents=discord.Intents.none())
    state: Any = client._connection
    known = discord.Guild(data=guild.create_payload(members=True, bot_id="0"), state=state)  # type: ignore[arg-type]
    place = discord.TextChannel(state=state, guild=known, data=channel.payload())  # type: ignore[arg-type]
    data: Any = member.payload(with_user=True)
    return place.permissions_for(discord.Member(data=data, guild=known, state=state))


@given(
    permissions=st.dictionaries(st.sampled_from(IDS), some),
    overwrites=st.lists(overwrite, max_size=6),
    roles=st.sets(st.sampled_from(IDS[1:])),
    admin=st.booleans(),
    owner=st.booleans(),
    timed_out=st.booleans(),
)
def test_it_is_what_the_library_computes(
    permissions: dict[str, int],
    overwrites: list[tuple[str, int, int]],
    roles: set[str],
    admin: bool,
    owner: bool,
    timed_out: bool,
) -> None:
    if admin:
        permissions = permissions | {"201": permissions.get("201", 0) | ADMINISTRATOR}
    guild = server(permissions, owner="7" if owner else "1")
    channel = channel_of(guild, *overwrites)
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat() if timed_out else None
    member = Member(User("7", "ada"), roles=sorted(roles), timed_out_until=until)
    theirs = by_the_library(guild, channel, member)
    mine = permissions_in(guild.payload(), member.payload(with_user=True), channel.payload())
    for flag in (VIEW, HISTORY, SEND, SEND_IN_THREADS, PIN):
        assert bool(mine & flag) == bool(theirs.value & flag), names_of(flag)


def may(channel: Channel, member: Member) -> int:
    assert channel.guild is not None
    return permissions_in(channel.guild.payload(), member.payload(with_user=True), channel.payload())


def test_owners_and_administrators_may_do_all() -> None:
    guild = server({"201": ADMINISTRATOR}, owner="7")
    channel = channel_of(guild, ("100", 0, VIEW), ("7", 0, VIEW))
    assert may(channel, Member(User("7", "ada"))) == ALL
    assert may(channel, Member(User("8", "bob"), roles=["201"])) == ALL
    assert may(channel, Member(User("9", "carol"))) == 0


def test_the_text_of_a_voice_channel_is_for_those_who_may_come_in() -> None:
    guild = server({"100": EVERYONE})
    channel = channel_of(guild, ("100", 0, CONNECT))
    channel.type = 2
    assert may(channel, Member(User("7", "ada"))) == VIEW


def test_a_time_out_ends_by_itself() -> None:
    channel = channel_of(server({"100": EVERYONE}))
    until = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    assert may(channel, Member(User("7", "ada"), timed_out_until=until)) & SEND


HERE_OPEN: list[tuple[str, int, int]] = []
STAFF_ONLY = [("100", 0, VIEW), ("201", VIEW, 0)]


@pytest.mark.parametrize(
    ("here", "there", "open"),
    [
        (HERE_OPEN, HERE_OPEN, True),
        (HERE_OPEN, STAFF_ONLY, False),
        (STAFF_ONLY, HERE_OPEN, True),
        (STAFF_ONLY, STAFF_ONLY, True),
        (STAFF_ONLY, [("100", 0, VIEW), ("202", VIEW, 0)], False),
        # One person more, or less, is enough.
        (HERE_OPEN, [("7", 0, VIEW)], False),
        ([("7", 0, VIEW)], [("7", 0, VIEW)], True),
        ([*STAFF_ONLY, ("7", VIEW, 0)], STAFF_ONLY, False),
        # The bot itself does not count.
        ([*STAFF_ONLY, ("8", VIEW, 0)], STAFF_ONLY, True),
        # Staff with the role 202 come in here, and are shut out there.
        (STAFF_ONLY, [("202", 0, VIEW)], False),
        (HERE_OPEN, [("202", 0, HISTORY)], False),
    ],
)
def test_what_is_told_in_a_room_is_open_to_all_who_read_there(here: Any, there: Any, open: bool) -> None:
    guild = server({"100": EVERYONE})
    one, two = channel_of(guild, *here, id="300"), channel_of(guild, *there, id="301")
    assert all_may_read(guild.payload(), one.payload(), two.payload(), but="8") is open
