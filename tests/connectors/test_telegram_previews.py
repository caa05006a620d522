"""Answers in private chats, shown by drafts while they are written; against the fake."""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import (
    ConnectorState,
    Content,
    SendLater,
    StreamingConnector,
    Target,
    TurnListener,
)
from bot_host.testing.connector import RecordingHost
from bot_host.types.errors import ModelError
from connectors.telegram import client as client_module
from connectors.telegram import previews
from connectors.telegram.client import TelegramConnector
from connectors.telegram.config import TelegramConfig
from connectors.telegram.previews import METHOD, draft_id_of
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_world import Chat, Json
from tests.host.conftest import House
from tests.host.pen import Pen, pen_house, pen_of, settled, show_at_once

MEMORY = "0190a7c2-1111-7000-8000-00000000000a"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    show_at_once(monkeypatch)
    for name in ("START_S", "EVERY_S", "SHARE"):
        monkeypatch.setattr(previews, name, 0.0)
    monkeypatch.setattr(client_module, "PRIVATE_EDIT_EVERY_S", 0.01)


class Room:
    """A private chat with a host that answers there."""

    def __init__(self, fake: FakeTelegram, chat: Chat, house: House) -> None:
        self.fake, self.chat, self.house = fake, chat, house
        self.pen = pen_of(house)
        self.asked = 0

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not true():
                await asyncio.sleep(0.005)

    @property
    def drafts(self) -> list[Json]:
        return self.fake.methods.drafts

    async def shows(self, text: str) -> None:
        await self.until(lambda: bool(self.drafts) and self.drafts[-1]["text"] == text)

    async def ask(self, topic: int | None = None) -> None:
        assert self.chat.user is not None
        await self.fake.say(self.chat, self.chat.user, "hi", topic=topic)
        self.asked += 1
        await self.house.model.wait_asked(self.asked)

    async def settled(self) -> None:
        await self.house.host.finish_pending()
        await settled(self.house)

    def said(self) -> list[str]:
        return [message.text for message in self.fake.sent if not message.deleted]


@asynccontextmanager
async def room_at(tmp_path: Path, *, lacking: bool = False, **settings: Any) -> AsyncIterator[Room]:
    async with AsyncExitStack() as stack:
        fake = await stack.enter_async_context(FakeTelegram())
        if lacking:
            fake.methods.lack(METHOD)
        chat = fake.world.private(fake.world.user("Ann"))
        config = TelegramConfig(token=fake.token, api_base=fake.url, **settings)
        house = await stack.enter_async_context(pen_house(tmp_path, TelegramConnector(config), Pen(), config))
        room = Room(fake, chat, house)
        await room.until(lambda: house.host.connectors[0].state is ConnectorState.CONNECTED)
        if config.streaming is not False:
            await fake.wait_for_call(METHOD, answered=True)
            key = f"connector:telegram:{fake.bot.user.id}:drafts"
            if not lacking:
                while await house.store.get_cache(house.agent_id, key) is None:
                    await asyncio.sleep(0.005)
        yield room


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with room_at(tmp_path) as one:
        yield one


async def test_an_answer_is_previewed_and_then_sent_as_one_message(room: Room) -> None:
    await room.ask()
    room.pen.write("Roses *want")
    await room.shows("Roses *want")
    room.pen.write("* sun")
    await room.shows("Roses want sun")
    room.pen.say(" & water.")
    await room.settled()
    assert room.said() == ["Roses want sun & water."]
    assert room.fake.called("editMessageText") == []
    assert len({draft["draft_id"] for draft in room.drafts}) == 1
    assert room.drafts[0]["draft_id"] != 0
    # Nothing is shown after the message: it would stand below it for half a minute.
    names = [call.method for call in room.fake.calls]
    assert METHOD not in names[names.index("sendMessage") :]


async def test_in_a_topic_of_a_private_chat(room: Room) -> None:
    room.chat.topics[77] = "Roses"
    await room.ask(topic=77)
    room.pen.write("Roses")
    await room.shows("Roses")
    assert room.drafts[-1]["thread_id"] == 77
    room.pen.end()
    await room.settled()
    assert [message.thread_id for message in room.fake.sent] == [77]


async def test_of_a_long_answer_the_newest_part_is_previewed(room: Room) -> None:
    text = "Roses want sun, and a deep soil that keeps its water. " * 120
    await room.ask()
    room.pen.write(text)
    await room.until(lambda: bool(room.drafts))
    room.pen.end()
    await room.settled()
    parts = room.said()
    assert len(parts) == 2
    assert room.drafts[-1]["text"] == parts[1]
    assert " ".join(parts).split() == text.split()


async def test_a_turn_that_fails_leaves_nothing(room: Room) -> None:
    await room.ask()
    room.pen.write("Roses want")
    await room.shows("Roses want")
    room.pen.end_with(ModelError("gone"))
    room.pen.end_with(ModelError("gone"))
    room.pen.end_with(ModelError("gone"))
    await room.settled()
    assert len(room.said()) == 1
    assert "Roses" not in room.said()[0]
    names = [call.method for call in room.fake.calls]
    assert METHOD not in names[names.index("sendMessage") :]


async def test_what_refuses_markup_is_previewed_plain(room: Room) -> None:
    await room.ask()
    room.fake.fail(METHOD, status=400, description="Bad Request: can't parse entities: no")
    room.pen.write("**Roses**")
    await room.shows("**Roses**")
    room.pen.end()
    await room.settled()
    assert [message.marked("bold") for message in room.fake.sent] == [["Roses"]]


async def test_a_server_without_drafts_is_shown_edits(tmp_path: Path) -> None:
    async with room_at(tmp_path, lacking=True) as room:
        await room.ask()
        room.pen.write("Roses")
        await room.until(lambda: room.said() == ["Roses"])
        room.pen.say(" want sun.")
        await room.settled()
        assert room.said() == ["Roses want sun."]
        assert len(room.fake.called(METHOD)) == 1


async def test_a_server_that_lost_them_is_shown_edits_from_the_next_answer_on(room: Room) -> None:
    room.fake.methods.lack(METHOD)
    await room.ask()
    room.pen.write("Roses")
    await room.fake.wait_for_call(METHOD, count=2, answered=True)
    room.pen.say(" want sun.")
    await room.settled()
    assert room.said() == ["Roses want sun."]
    await room.ask()
    room.pen.write("Water")
    await room.until(lambda: room.said()[-1] == "Water")
    room.pen.end()
    await room.settled()
    assert len(room.fake.called(METHOD)) == 2


async def test_a_chat_that_takes_none_is_shown_edits_from_the_next_answer_on(room: Room) -> None:
    room.fake.fail(METHOD, status=400, description="Bad Request: TEXTDRAFT_PEER_INVALID")
    await room.ask()
    room.pen.write("Roses")
    await room.fake.wait_for_call(METHOD, count=2, answered=True)
    room.pen.say(" want sun.")
    await room.settled()
    assert room.said() == ["Roses want sun."]
    await room.ask()
    room.pen.write("Water")
    await room.until(lambda: room.said()[-1] == "Water")
    room.pen.end()
    await room.settled()
    assert room.drafts == []


async def test_off_is_off(tmp_path: Path) -> None:
    async with room_at(tmp_path, streaming=False) as room:
        await room.ask()
        room.pen.say("Roses want sun.")
        await room.settled()
        assert room.said() == ["Roses want sun."]
        assert room.fake.called(METHOD) == []


class Desk:
    """A connector that is logged in, without a host's turns."""

    def __init__(self, fake: FakeTelegram, connector: TelegramConnector, chat: Chat) -> None:
        self.fake, self.connector = fake, connector
        self.target = Target(source="telegram", channel_id=str(chat.id))

    def open(self) -> Any:
        return self.connector.open_stream(self.target, memory_id=MEMORY)

    async def shows(self, count: int) -> Json:
        await self.fake.wait_for_call(METHOD, count=count + 1, answered=True)
        return self.fake.methods.drafts[-1]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with FakeTelegram() as fake:
        host = RecordingHost(tmp_path)
        connector = TelegramConnector(TelegramConfig(token=fake.token, api_base=fake.url))
        running = asyncio.create_task(connector.run(host))
        async with asyncio.timeout(20):
            await fake.wait_for_call(METHOD, answered=True)
            while not host.remembered.get("drafts"):
                await asyncio.sleep(0.005)
        yield Desk(fake, connector, fake.world.private(fake.world.user("Ann")))
        await connector.stop_intake()
        await running
        await host.tasks.close()
        await connector.close()


async def test_the_contract_is_met(desk: Desk) -> None:
    assert isinstance(desk.connector, StreamingConnector)
    assert isinstance(desk.connector, TurnListener)
    group = Target(source="telegram", channel_id="-1001")
    assert desk.connector.open_stream(group, memory_id=MEMORY) is None


async def test_a_message_waits_for_a_preview_that_is_on_its_way(desk: Desk) -> None:
    held = desk.fake.hold(METHOD)
    stream = desk.open()
    await stream.write("Roses")
    await held.reached()
    desk.connector.turn_over(desk.target)
    [payload] = desk.connector.encode(Content(text="Roses."), desk.target)
    sending = asyncio.create_task(desk.connector.send(payload, desk.target, key=f"{MEMORY}:0"))
    done, _ = await asyncio.wait([sending], timeout=0.2)
    assert not done
    assert desk.fake.called("sendMessage") == []
    held.release()
    await sending
    assert len(desk.fake.sent) == len(desk.fake.methods.drafts) == 1


async def test_a_message_does_not_wait_for_ever(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previews, "SETTLE_S", 0.01)
    held = desk.fake.hold(METHOD)
    await desk.open().write("Roses")
    await held.reached()
    desk.connector.turn_over(desk.target)
    [payload] = desk.connector.encode(Content(text="Roses."), desk.target)
    await desk.connector.send(payload, desk.target, key=f"{MEMORY}:0")
    assert len(desk.fake.sent) == 1
    held.release()


async def test_what_an_action_says_meanwhile_ends_no_preview(desk: Desk) -> None:
    stream = desk.open()
    await stream.write("Roses")
    await desk.shows(1)
    await desk.connector.send({"html": "Looking.", "plain": "Looking."}, desk.target, key="other:0")
    await stream.write(" want sun")
    assert (await desk.shows(2))["text"] == "Roses want sun"
    await stream.abandon()


async def test_a_preview_is_shown_again_before_it_is_gone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews, "AGAIN_S", 0.01)
    stream = desk.open()
    await stream.write("Let me look.")
    await desk.shows(3)
    await stream.abandon()
    assert {draft["text"] for draft in desk.fake.methods.drafts} == {"Let me look."}


async def test_too_many_are_slowed_down_as_telegram_asks(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, previews.__name__)
    desk.fake.flood(METHOD, retry_after=1)
    stream = desk.open()
    await stream.write("Roses")
    await desk.fake.wait_for_call(METHOD, count=2, answered=True)
    await stream.write(" want sun")
    await desk.shows(2)
    await stream.abandon()
    assert [draft["text"] for draft in desk.fake.methods.drafts] == ["Roses want sun"]
    assert len(desk.fake.called(METHOD)) == 3
    assert "the answer is shown more slowly" in caplog.text


async def test_a_chat_that_wants_no_messages_gets_no_previews(desk: Desk) -> None:
    desk.fake.flood("sendMessage", retry_after=60)
    with pytest.raises(SendLater):
        await desk.connector.send({"html": "x", "plain": "x"}, desk.target, key="k")
    stream = desk.open()
    await stream.write("Roses")
    for _ in range(20):
        await asyncio.sleep(0)
    await stream.abandon()
    assert len(desk.fake.called(METHOD)) == 1


async def test_after_three_troubles_no_more_is_shown(desk: Desk) -> None:
    desk.fake.fail(METHOD, status=500, times=9)
    stream = desk.open()
    numbers = itertools.count()
    async with asyncio.timeout(20):
        while not stream.closed:
            await stream.write(f"{next(numbers)} ")
            await asyncio.sleep(0.005)
    assert len(desk.fake.called(METHOD)) == 1 + previews.TROUBLES


async def test_a_new_turn_ends_what_an_old_one_left(desk: Desk) -> None:
    old, new = desk.open(), desk.open()
    assert old.closed
    assert not new.closed
    await new.abandon()


@pytest.mark.parametrize("memory_id", [MEMORY, "00000000-0000-4000-8000-000000000000", "f" * 32])
def test_a_draft_has_a_number_that_telegram_takes(memory_id: str) -> None:
    assert 0 < draft_id_of(memory_id) < 1 << 31
