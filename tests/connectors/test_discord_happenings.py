"""Reactions, people and servers that come and go, with the real discord.py against the fake Discord."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot_host.testing.connector import RecordingHost
from bot_host.types.inbound import InboundMembership, InboundReaction
from tests.connectors.test_discord_live import started
from tests.fakes.discord import FakeDiscord


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as server:
        yield server


async def test_reactions_come_in_from_servers_and_direct_messages(fake: FakeDiscord, tmp_path: Path) -> None:
    ada, guild = fake.add_user("ada"), fake.add_guild("Workshop")
    channel = fake.add_channel(guild, "general")
    async with started(fake, tmp_path) as bot:
        await fake.wait_ready()
        said = fake.say(channel, fake.bot, "an answer")
        fake.react(said, ada, "👍")
        fake.react(said, fake.bot, "👀")
        fake.react(said, ada, "👍", added=False)
        fake.react(fake.say(fake.dm(ada), ada, "hello"), ada, "🎉")
        found = await bot.host.wait_for(InboundReaction, 3)
        assert [(each.reaction, each.added, each.message_id == said["id"]) for each in found] == [
            ("👍", True, True),
            ("👍", False, True),
            ("🎉", True, False),
        ]


async def test_people_are_heard_of_where_the_intent_is_asked_for(fake: FakeDiscord, tmp_path: Path) -> None:
    fake.members_intent = True
    ada, guild = fake.add_user("ada"), fake.add_guild("Workshop")
    fake.add_channel(guild, "general")
    async with started(fake, tmp_path, members=True) as bot:
        await fake.wait_ready()
        fake.join(guild, ada)
        fake.leave(guild, ada)
        *_, came, gone = await bot.host.wait_for(InboundMembership, 3)
        assert came.person is not None
        assert (came.person.key, came.joined, gone.joined) == (ada.id, True, False)


async def test_without_the_members_switch_the_bot_goes_on_with_less(
    fake: FakeDiscord, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ada = fake.add_user("ada")
    async with started(fake, tmp_path, members=True) as bot:
        await fake.wait_ready(2)
        fake.say(fake.dm(ada), ada, "hello")
        [message] = await bot.messages()
        assert message.content.text == "hello"
        [advice] = [
            r.message for r in caplog.records if "server members intent is off for this bot" in r.message
        ]
        assert f"https://discord.com/developers/applications/{fake.bot.id}/bot" in advice
        first, second = [each["intents"] for each in fake.gateway.identifies]
        assert first & ~second == 1 << 1


async def test_servers_that_the_bot_was_added_to_or_removed_from_are_told_once(
    fake: FakeDiscord, tmp_path: Path
) -> None:
    host, there = RecordingHost(tmp_path), fake.add_guild("There before")
    fake.add_channel(there, "general")

    def told() -> list[tuple[str, bool]]:
        return [(e.world.name, e.joined) for e in host.events if isinstance(e, InboundMembership)]

    async with started(fake, tmp_path, host=host):
        await fake.wait_ready()
        added = fake.add_guild("Added")
        await host.wait_for(InboundMembership, 2)
        fake.leave(added, fake.bot)
        await host.wait_for(InboundMembership, 3)
        while_down = told()
    assert while_down == [("There before", True), ("Added", True), ("Added", False)]
    host = RecordingHost(tmp_path)
    host.marks = {f"guild:{there.id}": int(there.id)}
    fake.add_guild("While down")
    async with started(fake, tmp_path, host=host):
        await host.wait_for(InboundMembership, 1)
    assert told() == [("While down", True)]
