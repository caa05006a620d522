"""Several gateway connections of one account, and connections that are deaf, with the real discord.py."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot_host.testing.connector import RecordingHost
from bot_host.types.content import Content
from bot_host.types.errors import LoginError
from bot_host.types.inbound import Skipped
from bot_host.types.outbound import Target
from connectors.discord.config import DiscordConfig
from connectors.discord.gateway import Logins, Pace
from tests.connectors.test_discord_live import PACE, make, started
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord_model import Channel


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as server:
        yield server


def channels(fake: FakeDiscord, total: int) -> list[Channel]:
    """A channel in a server of each shard."""
    found: dict[int, Channel] = {}
    while len(found) < total:
        guild = fake.add_guild("Workshop")
        found.setdefault((int(guild.id) >> 22) % total, fake.add_channel(guild, "general"))
    return [found[number] for number in range(total)]


async def test_as_many_connections_as_discord_advises(fake: FakeDiscord, tmp_path: Path) -> None:
    fake.shards = 3
    ada, places = fake.add_user("ada"), channels(fake, 3)
    async with started(fake, tmp_path) as bot:
        await fake.wait_ready(3)
        await fake.wait_until(lambda: len(fake.gateway.live) == 3, "three connections")
        assert sorted(each["shard"] for each in fake.gateway.identifies) == [[0, 3], [1, 3], [2, 3]]
        assert len(fake.calls_of("GET /gateway/bot")) == 1
        for number, place in enumerate(places):
            fake.say(place, ada, f"{fake.bot.mention} on {number}")
        fake.say(fake.dm(ada), ada, "directly")
        said = {message.content.text for message in await bot.messages(4)}
        assert said == {"on 0", "on 1", "on 2", "directly"}


async def test_one_connection_that_is_lost_leaves_the_others_alone(fake: FakeDiscord, tmp_path: Path) -> None:
    ada, places = fake.add_user("ada"), channels(fake, 2)
    async with started(fake, tmp_path, shards=2) as bot:
        await fake.wait_until(lambda: len(fake.gateway.live) == 2, "two connections")
        [lost] = [each for each in fake.gateway.sessions.values() if each.shard == (1, 2)]
        assert lost.connection is not None
        lost.connection.close(4000, "again")
        await fake.wait_resumed()
        fake.say(places[0], ada, "still here")
        fake.say(places[1], ada, "here again")
        assert {message.content.text for message in await bot.messages(2)} == {"still here", "here again"}
        assert len(fake.gateway.identifies) == 2
        assert bot.host.waits == []


async def test_a_session_that_is_gone_is_read_up_on_its_own_shard(fake: FakeDiscord, tmp_path: Path) -> None:
    ada, places = fake.add_user("ada"), channels(fake, 2)
    async with started(fake, tmp_path, shards=2) as bot:
        await fake.wait_until(lambda: len(fake.gateway.live) == 2, "two connections")
        for place in places:
            fake.say(place, ada, "first")
        await bot.messages(2)
        [lost] = [each for each in fake.gateway.sessions.values() if each.shard == (1, 2)]
        assert lost.connection is not None
        fake.gateway.sessions.pop(lost.id)
        fake.gateway.refuse = 1
        lost.connection.close(4000, "again")
        fake.say(places[1], ada, "meanwhile")
        *_, missed = await bot.messages(3)
        assert missed.content.text == "meanwhile"
        assert [each["shard"] for each in fake.gateway.identifies[2:]] == [[1, 2]]


async def test_more_connections_follow_when_discord_wants_them(fake: FakeDiscord, tmp_path: Path) -> None:
    async with started(fake, tmp_path):
        await fake.wait_ready()
        fake.shards = 2
        fake.close_gateway(4011)
        await fake.wait_until(lambda: len(fake.gateway.live) == 2, "two connections")
        assert [each.get("shard") for each in fake.gateway.identifies] == [None, [0, 2], [1, 2]]


async def test_a_number_that_is_too_low_says_what_to_do(fake: FakeDiscord, tmp_path: Path) -> None:
    host = RecordingHost(tmp_path)
    connector = make(fake, shards=1)
    running = asyncio.create_task(connector.run(host))
    await fake.wait_ready()
    fake.close_gateway(4011)
    with pytest.raises(LoginError, match=r"set connectors\.discord\.shards to"):
        await running
    await connector.close()
    await host.tasks.close()


async def test_a_connection_that_brings_no_events_is_resumed(fake: FakeDiscord, tmp_path: Path) -> None:
    ada = fake.add_user("ada")
    channel = fake.add_channel(fake.add_guild("Workshop"), "general")
    pace = Pace(identify_s=0.05, retry_base_s=0.05, heartbeat_s=60.0, echo_s=0.2, watch_s=0.01)
    assert channel.guild is not None
    target = Target(source="discord", channel_id=channel.id, server_id=channel.guild.id)
    async with started(fake, tmp_path, pace=pace) as bot:
        await fake.wait_ready()
        fake.say(channel, ada, "hello")
        await bot.messages()

        async def send(text: str) -> None:
            [payload] = bot.connector.encode(Content(text=text), target)
            await bot.connector.send(payload, target, key=text)

        await send("heard")
        await bot.host.wait_for(Skipped)
        [session] = fake.gateway.sessions.values()
        fake.gateway.deaf = True
        await send("not heard")
        fake.say(channel, ada, "lost on the way")
        fake.gateway.deaf = False
        await fake.wait_resumed()
        assert [message.content.text for message in await bot.messages(2)] == ["hello", "lost on the way"]
        assert fake.gateway.sessions == {session.id: session}


@pytest.mark.parametrize("shards", [0, -1, 1001, "many"])
def test_a_wrong_number_of_connections_is_refused(shards: object) -> None:
    with pytest.raises(ValueError, match="shards"):
        DiscordConfig.model_validate({"token": "t", "shards": shards})


def test_shards_identify_by_turns() -> None:
    logins = Logins(5.0)
    assert logins.take(0) == 0.0
    assert 4.9 < logins.take(1) <= 5.0
    logins.at_once = 2
    assert 9.9 < logins.take(2) <= 10.0
    assert logins.take(3) < 5.1
    assert PACE.identify_s == 0.05
