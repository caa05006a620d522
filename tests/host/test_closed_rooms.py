"""Rooms that take nothing any more: given up together, told once, open again with the next sign of life."""

import asyncio
import logging
from datetime import UTC, datetime

import pytest

from bot_host.connector import InboundPlaces, RoomClosed, SendLater, SendRefused
from bot_host.types.content import Content
from bot_host.types.errors import StoreError
from bot_host.types.events import ClosedRoomEvent, EventType
from bot_host.types.outbound import ClosedRoom, Target
from tests.host.conftest import House, Houses
from tests.host.test_hard_moments import until

KICKED = "kicked from the group; add the bot again"


def kicked() -> RoomClosed:
    return RoomClosed("kicked from the group", advice="add the bot again")


async def closed(house: House) -> list[tuple[str, str]]:
    """The marks, once what was sent is dealt with: a part counts as sent before its room's mark is lifted."""
    await house.host.finish_pending()
    return [(room.destination, room.reason) for room in await house.store.closed_rooms()]


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


async def speak(house: House, text: str, *, room: str = "ada") -> asyncio.Task[list[str]]:
    """A message of the agent's own; what becomes of it."""
    await house.platform.accept()
    target = Target(source="fake", channel_id=room)
    delivery = await house.host.send_message_to_target(house.agent_id, target, Content(text=text))
    return asyncio.create_task(delivery.sent(30))


async def test_all_that_waits_for_the_room_is_given_up_with_the_reason(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.platform.hold_sends.clear()
    house.platform.faults.append(kicked())
    mine = [await speak(house, f"{number}") for number in range(3)]
    await until(lambda: house.platform.tried == 1)
    house.platform.hold_sends.set()
    for each in mine:
        with pytest.raises(SendRefused, match="add the bot again"):
            await each
    assert house.platform.tried == 1
    assert house.platform.sent == []
    assert await house.store.unsent_count() == 0
    assert await closed(house) == [("fake:1/ada", KICKED)]
    [line] = errors(caplog)
    assert line == f"fake room ada is closed to the bot: {KICKED} (parts of messages given up: 3)"


async def test_other_rooms_are_not_touched(house: House) -> None:
    house.platform.hold_sends.clear()
    house.platform.faults.append(kicked())
    first = await speak(house, "to ada")
    await until(lambda: house.platform.tried == 1)
    other = await speak(house, "to bob", room="bob")
    house.platform.hold_sends.set()
    with pytest.raises(SendRefused):
        await first
    assert await other
    assert [text for _, text, _ in house.platform.sent] == ["to bob"]


async def test_a_refusal_of_one_message_closes_nothing(house: House) -> None:
    house.platform.hold_sends.clear()
    house.platform.faults.append(SendRefused("too long"))
    first = await speak(house, "much")
    await until(lambda: house.platform.tried == 1)
    second = await speak(house, "less")
    house.platform.hold_sends.set()
    with pytest.raises(SendRefused, match="too long"):
        await first
    assert await second
    assert await closed(house) == []


async def test_who_has_no_room_yet_closes_none(house: House) -> None:
    """Private messages to people who never wrote have one destination together."""
    house.platform.hold_sends.clear()
    house.platform.faults.append(kicked())
    await house.platform.accept()
    target = Target(source="fake", extra={"user_id": "1"})
    first = await house.host.send_message_to_target(house.agent_id, target, Content(text="psst"))
    await until(lambda: house.platform.tried == 1)
    second = await house.host.send_message_to_target(house.agent_id, target, Content(text="psst!"))
    house.platform.hold_sends.set()
    with pytest.raises(SendRefused):
        await first.sent(30)
    assert await second.sent(30)
    assert await closed(house) == []


async def test_the_admin_is_told_once_until_something_is_taken(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for _ in range(3):
        house.platform.faults.append(kicked())
        await house.platform.say("Are you there?")
        await house.host.finish_pending()
        assert await closed(house) == [("fake:1/ada", KICKED)]
    assert len(errors(caplog)) == 1
    await house.platform.say("And now?")
    await house.host.finish_pending()
    assert await closed(house) == []
    house.platform.faults.append(kicked())
    await house.platform.say("Once more")
    await house.host.finish_pending()
    assert len(errors(caplog)) == 2


async def test_another_reason_is_told_anew(house: House, caplog: pytest.LogCaptureFixture) -> None:
    for fault in (kicked(), RoomClosed("the chat is gone"), RoomClosed("the chat is gone")):
        house.platform.faults.append(fault)
        with pytest.raises(SendRefused):
            await (await speak(house, "hello"))
    assert len(errors(caplog)) == 2
    assert await closed(house) == [("fake:1/ada", "the chat is gone")]


async def test_a_message_from_there_lifts_the_mark_before_its_answer(house: House) -> None:
    house.platform.faults.append(kicked())
    with pytest.raises(SendRefused):
        await (await speak(house, "hello"))
    house.model.hold.clear()
    await house.platform.say("I have added you again")
    await until(lambda: not house.host._desks[0].sender.closed._closed)
    await house.host._tasks.wait(5)
    assert await house.store.closed_rooms() == []
    house.model.hold.set()
    assert await house.platform.wait_sent() == ["echo: I have added you again"]


async def test_a_part_that_is_taken_lifts_the_mark(house: House) -> None:
    house.platform.faults.append(kicked())
    with pytest.raises(SendRefused):
        await (await speak(house, "hello"))
    assert await (await speak(house, "hello again"))
    assert await closed(house) == []


async def test_the_mark_outlives_the_process(house_at: Houses, caplog: pytest.LogCaptureFixture) -> None:
    async with house_at() as house:
        house.platform.faults.append(kicked())
        with pytest.raises(SendRefused):
            await (await speak(house, "hello"))
    caplog.clear()
    async with house_at() as house:
        assert await closed(house) == [("fake:1/ada", KICKED)]
        house.platform.faults.append(kicked())
        with pytest.raises(SendRefused):
            await (await speak(house, "hello"))
        assert errors(caplog) == []
        assert await (await speak(house, "hello"))
        assert await closed(house) == []


async def test_plugins_hear_of_it(house: House) -> None:
    heard: list[ClosedRoomEvent] = []
    agent = house.host.get_agent(house.agent_id)
    agent.register_event(EventType.ROOM_CLOSED, heard.append)
    agent.register_event(EventType.ROOM_OPENED, heard.append)
    house.platform.faults += [kicked(), kicked()]
    await house.platform.say("hello")
    await house.host.finish_pending()
    [room] = await house.store.closed_rooms()
    with pytest.raises(SendRefused):
        await (await speak(house, "still closed"))
    assert await (await speak(house, "open"))
    await until(lambda: len(heard) == 2)
    assert [(event.type, event.destination, event.reason) for event in heard] == [
        ("ROOM_CLOSED", "fake:1/ada", KICKED),
        ("ROOM_OPENED", "fake:1/ada", KICKED),
    ]
    assert heard[0].room_id == room.room_id is not None


async def test_a_mark_that_could_not_be_lifted_is_lifted_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.platform.faults.append(kicked())
    with pytest.raises(SendRefused):
        await (await speak(house, "hello"))
    open_room, busy = house.store.open_room, [StoreError("busy")]

    async def sometimes(destination: str) -> bool:
        if busy:
            raise busy.pop()
        return await open_room(destination)

    monkeypatch.setattr(house.store, "open_room", sometimes)
    assert await (await speak(house, "one"))
    assert await closed(house) == [("fake:1/ada", KICKED)]
    assert await (await speak(house, "two"))
    assert await closed(house) == []


async def test_what_is_put_off_is_no_refusal(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot_host.host.sender.backoff", lambda attempt: 0.0)
    house.platform.faults.append(SendLater("busy"))
    assert await (await speak(house, "hello"))
    assert await closed(house) == []


async def test_the_store_keeps_when_it_closed_first(house: House) -> None:
    first = datetime(2026, 1, 1, tzinfo=UTC)
    for day, reason in ((first, "kicked"), (datetime(2026, 2, 1, tzinfo=UTC), "gone")):
        room = ClosedRoom(
            destination="fake:1/x",
            account="fake:1",
            agent_id=house.agent_id,
            room_id="00000000-0000-0000-0000-00000000abcd",
            reason=reason,
            closed_at=day,
        )
        assert await house.store.close_room(room) == []
    [kept] = await house.store.closed_rooms()
    assert (kept.closed_at, kept.reason, kept.room_id) == (first, "gone", None)
    assert await house.store.open_room("fake:1/x")
    assert not await house.store.open_room("fake:1/x")


async def test_a_channel_that_the_platform_opens_is_open_with_its_threads(house: House) -> None:
    for thread in ("", "t1"):
        house.platform.faults.append(kicked())
        await house.platform.accept()
        target = Target(source="fake", channel_id="ada", thread_id=thread)
        delivery = await house.host.send_message_to_target(house.agent_id, target, Content(text="hello"))
        with pytest.raises(SendRefused):
            await delivery.sent(30)
    assert [destination for destination, _ in await closed(house)] == ["fake:1/ada", "fake:1/ada/t1"]
    await house.platform.accept(InboundPlaces(opened=("ad",)))
    assert len(await closed(house)) == 2
    await house.platform.accept(InboundPlaces(opened=("ada",)))
    async with asyncio.timeout(30):
        while await closed(house):
            await asyncio.sleep(0)
