"""What is read after a gap at Discord, and how it is handed over, with the real discord.py."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot_host.testing.connector import RecordingHost
from bot_host.types.content import ChannelType
from bot_host.types.inbound import InboundMessage, RecentRoom
from connectors.discord import catch_up
from connectors.discord.decode import snowflake_time
from tests.connectors.test_discord_live import started
from tests.fakes.discord import HISTORY, FakeDiscord
from tests.fakes.discord_model import Channel, Guild, User

CHANNEL = "GET /channels/{channel_id}"


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as server:
        yield server


@pytest.fixture
def ada(fake: FakeDiscord) -> User:
    return fake.add_user("ada")


@pytest.fixture
def guild(fake: FakeDiscord) -> Guild:
    return fake.add_guild("Workshop")


@pytest.fixture
def channel(fake: FakeDiscord, guild: Guild) -> Channel:
    return fake.add_channel(guild, "general")


def knowing(folder: Path, guild: Guild, *channels: Channel, mark: int = 0) -> RecordingHost:
    """A host that has seen these channels, up to a mark."""
    host = RecordingHost(folder)
    host.marks = {f"channel:{channel.id}": mark or int(channel.id) for channel in channels}
    host.marks[f"guild:{guild.id}"] = 2**62
    return host


def texts(events: Any) -> list[str]:
    return [event.content.text for event in events if isinstance(event, InboundMessage)]


async def test_of_what_is_too_old_the_newest_page_is_read(
    fake: FakeDiscord, tmp_path: Path, ada: User, guild: Guild, channel: Channel
) -> None:
    first = fake.say(channel, ada, "taken in long ago", ago=9000)
    for n in range(130):
        fake.say(channel, ada, f"old {n}", ago=8000 - n)
    for n in range(120):
        fake.say(channel, ada, f"young {n}", ago=300 - n)
    host = knowing(tmp_path, guild, channel, mark=int(first["id"]))
    async with started(fake, tmp_path, host=host):
        await host.wait_caught_up()
        assert texts(host.missed) == [f"old {n}" for n in range(30, 130)] + [f"young {n}" for n in range(120)]
        assert host.marks[f"channel:{channel.id}"] == int(channel.last_message_id or 0)
    pages = [call.payload for call in fake.calls_of(HISTORY)]
    assert [("before" in page, "after" in page) for page in pages] == [
        (True, False),
        (False, True),
        (False, True),
    ]


async def test_nothing_too_old_is_read_to_be_skipped(
    fake: FakeDiscord, tmp_path: Path, ada: User, guild: Guild, channel: Channel
) -> None:
    fake.say(channel, ada, "old", ago=7200)
    fake.say(channel, ada, "young", ago=300)
    host = knowing(tmp_path, guild, channel, mark=1)
    async with started(fake, tmp_path, host=host, catch_up="skip"):
        await host.wait_caught_up()
        assert texts(host.missed) == ["young"]


async def test_a_gap_is_closed_once_when_all_servers_are_read(
    fake: FakeDiscord, tmp_path: Path, ada: User, guild: Guild, channel: Channel
) -> None:
    other = fake.add_guild("Garden")
    roses = fake.add_channel(other, "roses")
    host = knowing(tmp_path, guild, channel, roses)
    host.marks[f"guild:{other.id}"] = 2**62
    fake.say(channel, ada, "one")
    fake.say(roses, ada, "two")
    async with started(fake, tmp_path, host=host) as bot:
        await host.wait_caught_up()
        assert sorted(texts(host.missed)) == ["one", "two"]
        fake.say(channel, ada, "three")
        await bot.messages(3)
        assert host.gaps_closed == 1
        fake.forget_sessions()
        fake.cut()
        await fake.wait_ready(2)
        await host.wait_caught_up(2)
        assert len(texts(host.missed)) == 2


async def test_a_server_in_an_outage_does_not_keep_the_gap_open(
    fake: FakeDiscord,
    tmp_path: Path,
    ada: User,
    guild: Guild,
    channel: Channel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catch_up, "GAP_PATIENCE_S", 0.1)
    send_guild = fake.gateway.send_guild
    away = fake.add_guild("Away")
    monkeypatch.setattr(
        fake.gateway, "send_guild", lambda session, one: None if one is away else send_guild(session, one)
    )
    fake.say(channel, ada, "missed")
    host = knowing(tmp_path, guild, channel)
    async with started(fake, tmp_path, host=host):
        await host.wait_caught_up()
        assert texts(host.missed) == ["missed"]


async def test_what_is_said_after_the_start_is_live_whatever_history_shows(
    fake: FakeDiscord, tmp_path: Path, ada: User, guild: Guild, channel: Channel
) -> None:
    host = knowing(tmp_path, guild, channel)
    fake.say(channel, ada, "missed")
    hold = fake.hold(HISTORY)
    async with started(fake, tmp_path, host=host) as bot:
        await asyncio.wait_for(hold.reached.wait(), 20)
        fake.say(channel, ada, "live")
        hold.release()
        await bot.messages(2)
        await host.wait_caught_up()
        assert texts(host.missed) == ["missed"]
        assert texts(host.events)[:2] == ["missed", "live"]


async def test_a_thread_that_was_archived_meanwhile_is_read(
    fake: FakeDiscord, tmp_path: Path, ada: User, guild: Guild, channel: Channel
) -> None:
    thread, quiet = fake.add_thread(channel, "roses"), fake.add_thread(channel, "tulips")
    gone = fake.add_thread(channel, "weeds")
    host = knowing(tmp_path, guild, channel, thread, quiet, gone)
    host.rooms = [
        RecentRoom(
            server_id=guild.id,
            channel_id=place.id,
            thread_id="",
            type=ChannelType.THREAD,
            last_at=snowflake_time(int(place.id)),
        )
        for place in (thread, quiet, gone)
    ]
    fake.say(thread, ada, "the last word")
    for place in (thread, quiet):
        place.archived = True
    gone.archived, gone.refusal = True, (404, 10003, "Unknown Channel")
    async with started(fake, tmp_path, host=host):
        await host.wait_caught_up()
        [message] = [event for event in host.missed if isinstance(event, InboundMessage)]
        assert (message.content.text, message.room.type) == ("the last word", ChannelType.THREAD)
        assert message.room.metadata == {"parent_id": channel.id}
    assert len(fake.calls_of(CHANNEL)) == 3
    assert len(fake.calls_of(HISTORY)) == 1
