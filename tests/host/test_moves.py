"""A room that gets other ids in the middle of everything: the talk goes on, and nothing is said twice."""

import asyncio
from typing import Any

import pytest

from bot_host.connector import RoomClosed
from bot_host.testing import FakePlatform, ScriptedModel
from bot_host.types.content import ChannelType
from bot_host.types.errors import StoreError
from bot_host.types.ids import create_unique_uuid
from bot_host.types.inbound import InboundMove, RoomRef, WorldRef
from bot_host.types.outbound import MOVED_PART
from bot_host.types.places import ParticipantState
from tests.host.conftest import House, Houses
from tests.host.pen import pen_of, shown, writing_at
from tests.host.test_revisions import settled

GROUP: dict[str, Any] = {"room": "old", "type": ChannelType.GROUP, "mention": True}
NEW: dict[str, Any] = {"room": "new", "type": ChannelType.GROUP, "mention": True}


def moved(name: str = "") -> InboundMove:
    def place(key: str) -> tuple[WorldRef, RoomRef]:
        room = RoomRef(key=key, type=ChannelType.GROUP, channel_id=key, name=name)
        return WorldRef(key=f"world {key}", name=name), room

    (old_world, old_room), (world, room) = place("old"), place("new")
    return InboundMove(old_world=old_world, old_room=old_room, world=world, room=room)


def said_to(platform: FakePlatform) -> list[tuple[str, str]]:
    return [(target.channel_id, text) for target, text, _ in platform.sent]


async def test_the_talk_goes_on_in_the_new_room(house: House) -> None:
    p = house.platform
    await p.say("hello", **GROUP)
    await p.wait_sent()
    await settled(house)
    old, new = (create_unique_uuid(house.agent_id, key) for key in ("old", "new"))
    await house.store.set_participant_state(house.agent_id, old, house.agent_id, ParticipantState.FOLLOWED)
    await p.accept(moved(), moved())
    await p.say("and now?", **{**NEW, "mention": False})
    await settled(house)
    await p.say("thanks", **NEW)
    await settled(house)
    assert said_to(p)[:1] == [("old", "echo: Ada: hello")]
    assert said_to(p)[-1] == ("new", "echo: Ada: thanks")
    told = [message.content for message in house.model.requests[-1].messages]
    assert any("hello" in text for text in told)
    assert next(m.content.text for m in await house.store.get_memories(new)) == "hello"
    assert await house.store.find_room(old) is None


async def test_a_turn_under_way_answers_in_the_new_room_once(house_at: Houses) -> None:
    model = ScriptedModel()
    async with house_at(model=model) as house:
        model.hold.clear()
        p = house.platform
        await p.say("hello", **GROUP)
        await model.wait_asked()
        await p.accept(moved())
        await model.wait_asked(2)
        model.hold.set()
        await p.wait_sent()
        await settled(house)
        assert said_to(p) == [("new", "echo: Ada: hello")]
        assert p.sent[0][0].reply_to == ""


async def test_what_waits_to_be_sent_goes_to_the_new_room(house: House) -> None:
    p = house.platform
    p.hold_sends.clear()
    await p.say("one", **GROUP)
    await p.wait_until(lambda: p.tried == 1)
    await p.say("two", **GROUP)
    await house.host._desks[0].lanes.idle()
    moving = asyncio.create_task(p.accept(moved()))
    await asyncio.sleep(0)
    p.hold_sends.set()
    await moving
    await p.wait_sent(2)
    await settled(house)
    # What left before goes on by its old way: the platform is still to say what becomes of it.
    assert sorted(said_to(p)) == [("new", "echo: Ada: two"), ("old", "echo: Ada: one")]
    assert MOVED_PART in p.sent[1][0].extra


async def test_a_send_that_does_not_end_holds_the_move_up_no_longer_than_a_moment(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot_host.host.moves.PATIENCE_S", 0.01)
    p = house.platform
    p.hold_sends.clear()
    await p.say("one", **GROUP)
    await p.wait_until(lambda: p.tried == 1)
    await p.accept(moved())
    p.hold_sends.set()
    await p.wait_sent()
    await settled(house)
    assert said_to(p) == [("old", "echo: Ada: one")]


async def test_what_waited_during_a_restart_is_answered_in_the_new_room(house_at: Houses) -> None:
    model = ScriptedModel()
    model.hold.clear()
    async with house_at(model=model, grace=0.0) as house:
        await house.platform.say("hello", **GROUP)
        await model.wait_asked()
        await house.host.stop(0)
    model.hold.clear()
    async with house_at(model=model) as house:
        p = house.platform
        await p.accept(moved())
        model.hold.set()
        await p.wait_sent()
        await settled(house)
        assert said_to(p) == [("new", "echo: Ada: hello")]


async def test_a_room_that_was_closed_is_so_under_its_new_name(house: House) -> None:
    p = house.platform
    p.faults.append(RoomClosed("no rights", advice="ask"))
    await p.say("hello", **GROUP)
    await p.wait_until(lambda: not p.faults)
    await settled(house)
    await p.accept(moved())
    [closed] = await house.store.closed_rooms()
    assert closed.destination == "fake:1/new"
    await p.say("again", **NEW)
    await p.wait_sent()
    await settled(house)
    assert await house.store.closed_rooms() == []


async def test_a_database_that_refuses_has_it_come_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = house.platform
    await p.say("hello", **GROUP)
    await p.wait_sent()

    async def refuse(*_: Any) -> None:
        raise StoreError("busy")

    with monkeypatch.context() as patched:
        patched.setattr(house.store, "apply_move", refuse)
        with pytest.raises(StoreError):
            await p.accept(moved())
    await p.accept(moved("Club"))
    room = await house.store.find_room(create_unique_uuid(house.agent_id, "new"))
    assert room is not None
    assert room.name == "Club"


async def test_a_plugins_table_that_cannot_follow_stops_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(*_: Any) -> None:
        raise StoreError("unique")

    monkeypatch.setattr(house.store, "move_plugin_rows", refuse)
    await house.platform.say("hello", **GROUP)
    await house.platform.wait_sent()
    await house.platform.accept(moved())
    assert "rows of plugins still name the room" in caplog.text


async def test_an_answer_that_is_shown_in_the_old_room_is_written_anew(
    house_at: Houses, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with writing_at(house_at, monkeypatch)() as house:
        p = house.platform
        await p.say("hello", **GROUP)
        pen_of(house).write("Half of it")
        await shown(house, "Half of it")
        await p.accept(moved())
        await house.model.wait_asked(2)
        pen_of(house).say("All of it")
        await p.wait_until(lambda: p.shown[-1] == "All of it")
        await settled(house)
        assert [channel for channel, _ in said_to(p)] == ["old", "new"]
        assert p.shown == ["Half of it", "All of it"]
