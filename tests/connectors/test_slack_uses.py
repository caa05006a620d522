"""Buttons and commands are acknowledged in time, whatever waits for the disk."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from bot_host.connector import CommandSpec, InboundEvent, InboundMessage
from bot_host.testing.connector import RecordingHost
from connectors.slack.using import NOT_NOW, SLOW, Uses
from tests.connectors.slack_helpers import Running, running
from tests.fakes.slack import FakeSlack

MUTE = CommandSpec(name="mute", description="Hush.", private=True)


class Jammed(RecordingHost):
    """Messages wait for the disk; what is used does not."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.jam = asyncio.Event()
        self.known_commands = (MUTE,)

    async def _take(self, events: Sequence[InboundEvent], *, missed: bool) -> None:
        if any(isinstance(each, InboundMessage) and each.command is None for each in events):
            await self.jam.wait()
        await super()._take(events, missed=missed)


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as one:
        yield one


@pytest.fixture
async def bot(slack: FakeSlack, tmp_path: Path) -> AsyncIterator[Running]:
    host = RecordingHost(tmp_path)
    host.known_commands = (MUTE,)
    async with running(slack, tmp_path, host=host) as one:
        yield one


async def told(slack: FakeSlack, count: int) -> list[str]:
    await slack.wait_until(lambda: len(slack.ephemerals) >= count)
    return [each["text"] for each in slack.ephemerals]


async def test_they_pass_messages_that_wait_for_the_disk(slack: FakeSlack, tmp_path: Path) -> None:
    host = Jammed(tmp_path)
    async with running(slack, tmp_path, host=host):
        ada, general = slack.add_user("ada"), slack.add_channel("general")
        for _ in range(3):
            await slack.say(general, ada, f"<@{slack.bot_user_id}> hi")
        envelope = await slack.command(general, ada, "/bot_mute")
        await slack.wait_acked(envelope)
        assert [each.command is not None for each in host.messages] == [True]
        assert all(each.acked_at is None for each in slack.envelopes if each is not envelope)
        host.jam.set()
        await slack.wait_acked()


async def test_on_a_slow_disk_they_are_acknowledged_and_the_person_knows(
    slack: FakeSlack, bot: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.slack.using.ACK_S", 0.05)
    bot.host.open_gate.clear()
    ada, general = slack.add_user("ada"), slack.add_channel("general")
    envelope = await slack.command(general, ada, "/bot_mute")
    await slack.wait_acked(envelope)
    assert await told(slack, 1) == [SLOW]
    assert bot.host.messages == []
    bot.host.open_gate.set()
    [used] = await bot.host.wait_for(InboundMessage)
    assert used.command is not None
    assert slack.ephemerals[1:] == []


async def test_what_cannot_be_stored_is_told(slack: FakeSlack, bot: Running) -> None:
    bot.host.fail_next = 1
    ada, general = slack.add_user("ada"), slack.add_channel("general")
    envelope = await slack.command(general, ada, "/bot_mute")
    assert await told(slack, 1) == [NOT_NOW]
    await slack.wait_acked(envelope)
    assert bot.host.messages == []


async def test_what_cannot_be_stored_in_the_end_is_told_too(
    slack: FakeSlack, bot: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.slack.using.ACK_S", 0.05)
    bot.host.open_gate.clear()
    bot.host.fail_next = 1
    ada, general = slack.add_user("ada"), slack.add_channel("general")
    await slack.command(general, ada, "/bot_mute")
    assert await told(slack, 1) == [SLOW]
    bot.host.open_gate.set()
    assert await told(slack, 2) == [SLOW, NOT_NOW]


async def test_one_that_is_under_way_is_finished_before_the_end(
    slack: FakeSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = RecordingHost(tmp_path)
    finish = Uses.finish

    async def open_and_finish(self: Uses, seconds: float) -> None:
        host.open_gate.set()
        await finish(self, seconds)

    monkeypatch.setattr(Uses, "finish", open_and_finish)
    async with running(slack, tmp_path, host=host) as bot:
        host.open_gate.clear()
        ada, general = slack.add_user("ada"), slack.add_channel("general")
        envelope = await slack.command(general, ada, "/nothing")
        await bot.received()
        await bot.connector.stop_intake()
        await asyncio.wait([bot.task])
        assert len(host.messages) == 1
        await slack.wait_acked(envelope)
