"""Summaries of rooms: found, believed only as long as each of their messages says the same."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot_host.kit.clock import utc_now
from bot_host.store import Database
from bot_host.types.content import ChannelType, Content, Media
from bot_host.types.ids import UUID
from bot_host.types.inbound import Mark
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.summary import Summary, SummaryState
from bot_host.types.turn import Move
from tests.store.samples import (
    ACCOUNT,
    AGENT,
    NOON,
    make_admission,
    make_id,
    make_room,
    make_summary,
    make_world,
    put_summary,
)

ROOM = make_id("room")


def message(n: int) -> UUID:
    return make_id(f"memory m{n}")


async def say(store: Database, *numbers: int, **more: Any) -> None:
    await store.admit([make_admission(f"m{n}", f"message {n}", minutes=n, **more) for n in numbers])


async def grow(store: Database, *, segments: int, each: int = 2) -> list[Summary]:
    """A room in which all has been folded."""
    await say(store, *range(segments * each))
    return [await put_summary(store, ROOM, f"segment {n}", count=each) for n in range(segments)]


async def merge(store: Database, below: list[Summary], text: str = "all of it") -> Summary:
    above = replace(
        make_summary([]) if not below else below[0],
        id=make_id(text),
        level=below[0].level + 1,
        last_seq=below[-1].last_seq,
        last_at=below[-1].last_at,
        count=sum(part.count for part in below),
        text=text,
    )
    assert await store.merge_summaries(above, below)
    return above


async def texts(store: Database, room_id: UUID = ROOM) -> list[str]:
    return [part.text for part in (await store.room_summary(room_id)).parts]


async def edit(store: Database, n: int, text: str) -> None:
    edited = await store.apply_edit(ACCOUNT, f"room/m{n}", Content(text=text), utc_now(), None)
    assert edited.changed


async def test_what_is_folded_is_told_and_what_is_not_is_counted(store: Database) -> None:
    await say(store, *range(6))
    assert await store.room_summary(ROOM, shown=[message(0)]) == await store.room_summary(make_id("other"))
    made = await put_summary(store, ROOM, "hello", count=3)
    found = await store.room_summary(ROOM, shown=[message(2), message(4), message(5)])
    assert found.parts == (made,)
    assert found.covered == {message(2)}
    assert (found.between, found.untold) == (1, 0)
    said, total = await store.messages_to_fold(ROOM, begins_at=None, count=2, horizon=1000)
    assert [each.memory.id for each in said] == [message(3), message(4)]
    assert total == 3


async def test_only_messages_of_the_room_are_folded(store: Database) -> None:
    await say(store, 0, 1)
    await say(store, 2, room="elsewhere")
    fact = Memory(
        agent_id=AGENT,
        entity_id=AGENT,
        room_id=ROOM,
        type=MemoryType.FACT,
        content=Content(text="a fact"),
        created_at=NOON,
    )
    await store.create_memory(fact)
    said, total = await store.messages_to_fold(ROOM, begins_at=None, count=9, horizon=1000)
    assert [each.memory.id for each in said] == [message(0), message(1)]
    assert total == 2


async def test_what_comes_in_late_is_folded_with_what_is_new(store: Database) -> None:
    await say(store, 10, 11)
    await put_summary(store, ROOM, count=2)
    await say(store, 9, 12)
    said, _ = await store.messages_to_fold(ROOM, begins_at=None, count=9, horizon=1000)
    assert [each.memory.id for each in said] == [message(9), message(12)]
    found = await store.room_summary(ROOM, shown=[message(9), message(10)])
    assert found.covered == {message(10)}


async def test_more_than_the_horizon_is_passed_over_and_said_so(store: Database) -> None:
    await say(store, *range(3))
    await put_summary(store, ROOM, count=2)
    await say(store, *range(3, 20))
    said, total = await store.messages_to_fold(ROOM, begins_at=None, count=4, horizon=8)
    assert [each.memory.id for each in said] == [message(n) for n in range(12, 16)]
    assert total == 8
    made = make_summary(said, "later")
    assert await store.put_summary(made, [each.print for each in said])
    found = await store.room_summary(ROOM, shown=[message(1), message(5), message(12)])
    states = [part.state for part in found.parts]
    assert states == [SummaryState.READY, SummaryState.SKIPPED, SummaryState.READY]
    assert found.covered == {message(1), message(12)}
    assert found.untold == 10


async def test_an_edit_empties_the_segment_and_removes_what_was_made_of_it(store: Database) -> None:
    segments = await grow(store, segments=4)
    await merge(store, segments[:2], "first half")
    await merge(store, segments[2:], "second half")
    assert await texts(store) == ["first half", "second half"]
    await edit(store, 1, "something else")
    found = await store.room_summary(ROOM, shown=[message(0), message(1), message(2)])
    assert [(part.text, part.state) for part in found.parts] == [
        ("", SummaryState.STALE),
        ("segment 1", SummaryState.READY),
        ("second half", SummaryState.READY),
    ]
    assert found.covered == {message(2)}
    assert found.untold == 2
    assert await store.rooms_to_summarize_anew(AGENT) == [ROOM]


async def test_a_segment_is_made_anew_of_what_its_messages_say_now(store: Database) -> None:
    [first, _] = await grow(store, segments=2)
    await edit(store, 0, "I like coffee")
    [stale, _] = (await store.room_summary(ROOM)).parts
    assert (stale.id, stale.revision) == (first.id, 1)
    said = await store.messages_of_summary(stale)
    assert [each.memory.content.text for each in said] == ["I like coffee", "message 1"]
    anew = replace(stale, state=SummaryState.READY, text="coffee", revision=2)
    prints = [each.print for each in said]
    assert await store.put_summary(anew, prints)
    assert not await store.put_summary(anew, prints), "it is there"
    assert await texts(store) == ["coffee", "segment 1"]
    assert await store.rooms_to_summarize_anew(AGENT) == []


@pytest.mark.parametrize("how", ["edit", "delete", "erase", "update", "delete_all"])
async def test_whichever_way_a_message_goes_the_words_go_with_it(store: Database, how: str) -> None:
    [first, _] = segments = await grow(store, segments=2)
    await merge(store, segments)
    if how == "edit":
        await edit(store, 0, "x")
    elif how == "delete":
        await store.apply_delete(ACCOUNT, ["room/m0"], None)
    elif how == "erase":
        await store.erase_entity(make_id("ben"))
    elif how == "update":
        await store.update_memory(message(0), content=Content(text="x"))
    else:
        await store.delete_all_memories(ROOM)
    found = await store.room_summary(ROOM)
    assert (found.parts[0].id, found.parts[0].text) == (first.id, "")
    assert "all of it" not in [part.text for part in found.parts]


async def test_what_is_read_of_a_file_changes_it_and_a_reaction_does_not(store: Database) -> None:
    admission = make_admission("m0", "look", attachments=[Media(id="f")])
    await store.admit([admission])
    await put_summary(store, ROOM)
    await store.update_memory(message(0), metadata={"reactions": {"+1": 2}})
    assert await texts(store) == ["They said hello."]
    read = admission.memory.content.model_copy(update={"attachments": [Media(id="f", text="a page")]})
    assert await store.note_readings(message(0), 0, read)
    assert await texts(store) == [""]


async def test_an_edit_while_it_is_made_is_not_passed_over(store: Database) -> None:
    await say(store, 0, 1)
    said, _ = await store.messages_to_fold(ROOM, begins_at=None, count=2, horizon=1000)
    await edit(store, 0, "not that")
    assert not await store.put_summary(make_summary(said), [each.print for each in said])
    assert await texts(store) == []


async def test_two_makers_do_not_tell_the_same_twice(store: Database) -> None:
    await say(store, 0, 1, 2)
    said, _ = await store.messages_to_fold(ROOM, begins_at=None, count=2, horizon=1000)
    prints = [each.print for each in said]
    assert await store.put_summary(make_summary(said, "one"), prints)
    assert not await store.put_summary(make_summary(said, "two"), prints)
    assert await texts(store) == ["one"]


async def test_a_summary_of_summaries_needs_each_as_it_was_read(store: Database) -> None:
    segments = await grow(store, segments=2)
    await edit(store, 0, "x")
    above = replace(segments[0], id=make_id("above"), level=1, last_seq=segments[1].last_seq)
    assert not await store.merge_summaries(above, segments)


async def test_what_was_said_before_the_conversation_began_anew_is_not_told(store: Database) -> None:
    segments = await grow(store, segments=2)
    begins = NOON + timedelta(minutes=1)
    found = await store.room_summary(ROOM, begins_at=begins)
    assert found.parts == (segments[1],)
    assert (await store.room_summary(ROOM, begins_at=NOON + timedelta(minutes=9))).parts == ()
    await store.drop_summaries(ROOM, [segments[0].id])
    assert await texts(store) == ["segment 1"]


async def test_a_move_takes_them_along_unless_something_was_said_there(store: Database) -> None:
    await grow(store, segments=1)
    new = replace(make_room("new"), world_id=make_id("guild"))
    move = Move(
        agent_id=AGENT,
        account=ACCOUNT,
        old_world=make_world(),
        old_room=make_room(),
        world=make_world(),
        room=new,
    )
    await store.apply_move(move, Mark(name="m", value=1))
    assert await texts(store, new.id) == ["segment 0"]
    third = make_room("third")
    await say(store, 7, room="third")
    again = replace(move, old_room=new, room=third)
    await store.apply_move(again, Mark(name="m", value=2))
    assert await texts(store, third.id) == []
    said, total = await store.messages_to_fold(third.id, begins_at=None, count=9, horizon=1000)
    assert (len(said), total) == (3, 3)


async def test_they_go_with_a_private_room_and_stand_in_its_persons_export(store: Database) -> None:
    private = replace(make_admission("m0", room="dm"), room=make_room("dm", type=ChannelType.DM))
    await store.admit([private])
    await put_summary(store, make_id("dm"), "secret")
    exported = await store.export_entity(make_id("ben"))
    assert [row["text"] for row in exported["summaries"]] == ["secret"]
    assert (await store.erase_entity(make_id("ben")))["summaries"] == 1
    assert await texts(store, make_id("dm")) == []


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.sampled_from(["say", "fold", "merge", "edit", "delete"]), max_size=25), st.randoms())
async def test_no_message_is_told_twice_and_none_from_an_emptied_one(
    store: Database, deeds: list[str], random: Any
) -> None:
    room = f"room {random.random()}"
    key = make_id(room)
    said: list[int] = []
    for deed in deeds:
        parts = list((await store.room_summary(key)).parts)
        if deed == "say":
            for _ in range(2):
                said.append(len(said))
                await store.admit([make_admission(f"{room}-{said[-1]}", room=room, minutes=said[-1])])
        elif deed == "fold":
            found, _ = await store.messages_to_fold(key, begins_at=None, count=3, horizon=1000)
            if found:
                text = " ".join(each.memory.id for each in found)
                assert await store.put_summary(make_summary(found, text), [each.print for each in found])
        elif deed == "merge":
            pairs = [(a, b) for a, b in pairwise(parts) if a.level == b.level and a.says and b.says]
            for a, b in pairs[:1]:
                await merge(store, [a, b], f"{a.text} {b.text}")
        elif said:
            n = random.choice(said)
            if deed == "edit":
                text = str(random.random())
                await store.apply_edit(ACCOUNT, f"{room}/{room}-{n}", Content(text=text), utc_now(), None)
            else:
                await store.apply_delete(ACCOUNT, [f"{room}/{room}-{n}"], None)
                said.remove(n)
    found = await store.room_summary(key, shown=[make_id(f"memory {room}-{n}") for n in said])
    for one, two in pairwise(found.parts):
        assert one.last_seq < two.first_seq
    told = {word for part in found.parts if part.says for word in part.text.split()}
    assert found.covered <= told
    for part in found.parts:
        if part.level == 0 and part.says:
            assert part.text == " ".join(m.memory.id for m in await store.messages_of_summary(part))
