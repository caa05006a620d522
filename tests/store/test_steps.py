"""The steps of turns: on disk before they run, changed once, bounded, and gone with what they were about."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot_host.kit.clock import utc_now
from bot_host.store import Database
from bot_host.store.steps import KEPT, SWEPT
from bot_host.types.content import Content
from bot_host.types.ids import UUID, new_id
from bot_host.types.turn import InboxRow, StepRow, StepState
from tests.store.samples import (
    ACCOUNT,
    AGENT,
    NOON,
    make_admission,
    make_commit,
    make_id,
    make_reply,
    make_step,
)

ROOM = make_id("room")


@pytest.fixture
async def row(store: Database) -> InboxRow:
    """A message whose turn has begun."""
    await store.admit([make_admission("m1")])
    [row] = (await store.take_turn(AGENT, ROOM, 9)).rows
    return row


async def add(store: Database, row: InboxRow, *steps: StepRow, revision: int = 0) -> bool:
    return await store.add_steps(steps, room_id=ROOM, seqs=[row.seq], revisions={row.memory_id: revision})


async def test_what_was_written_is_read_in_order(store: Database, row: InboxRow) -> None:
    turn = new_id()
    first = make_step(turn, text="Let me see.", answering={row.memory_id: (0, "mention")})
    second = make_step(turn, call=1, call_id="call_2", state=StepState.PLANNED)
    later = make_step(turn, round=2)
    anew = make_step(turn, edition=1)
    assert await add(store, row, first, second)
    assert await add(store, row, anew)
    assert await add(store, row, later)
    assert await store.get_steps(turn) == [first, second, later, anew]
    assert await store.get_steps(new_id()) == []


async def test_the_row_that_is_taken_again_names_its_steps(store: Database, row: InboxRow) -> None:
    assert row.turn_id is None
    step = make_step()
    await add(store, row, step)
    await store.put_back([row.seq], blameless=True)
    [again] = (await store.take_turn(AGENT, ROOM, 9)).rows
    assert again.turn_id == step.turn_id


async def test_nothing_begins_for_a_message_that_was_edited_meanwhile(store: Database, row: InboxRow) -> None:
    step = make_step()
    planned = make_step(step.turn_id, call=1, state=StepState.PLANNED)
    await add(store, row, step, planned)
    await store.apply_edit(ACCOUNT, "room/m1", Content(text="other"), NOON, None)
    assert not await add(store, row, make_step(step.turn_id, round=2))
    begun = replace(planned, state=StepState.RUNNING)
    assert not await store.change_step(begun, was=StepState.PLANNED, revisions={row.memory_id: 0})
    assert await store.change_step(begun, was=StepState.PLANNED, revisions={row.memory_id: 1})
    assert [each.state for each in await store.get_steps(step.turn_id)] == ["running", "running"]


async def test_a_step_ends_once(store: Database, row: InboxRow) -> None:
    step = make_step()
    await add(store, row, step)
    done = replace(
        step,
        state=StepState.DONE,
        result={"success": True, "text": "Paid."},
        data={"values": {"n": 1}},
        ended_at=NOON,
    )
    assert await store.change_step(done, was=StepState.RUNNING, revisions={})
    other = replace(done, state=StepState.UNKNOWN, result={})
    assert not await store.change_step(other, was=StepState.RUNNING, revisions={})
    assert await store.get_steps(step.turn_id) == [done]


async def test_the_end_of_the_turn_keeps_what_was_done_without_its_data(
    store: Database, row: InboxRow
) -> None:
    step = make_step(state=StepState.DONE, result={"text": "Paid."}, data={"data": {"picture": "x" * 99}})
    other = make_step(state=StepState.DONE, data={"data": {}})
    cut_off = make_step(step.turn_id, call=1)
    await add(store, row, other)
    await add(store, row, step, cut_off)
    assert await store.commit_turn(make_commit(row))
    kept, unknown = await store.get_steps(step.turn_id)
    assert (kept.state, kept.result, kept.data) == ("done", {"text": "Paid."}, {})
    assert unknown.state == "unknown"
    [untouched] = await store.get_steps(other.turn_id)
    assert untouched.data


async def test_old_steps_go_a_few_at_a_time_but_not_those_of_open_turns(
    store: Database, row: InboxRow
) -> None:
    old = utc_now() - KEPT - timedelta(days=1)
    mine = make_step(created_at=old)
    await add(store, row, mine)
    turns: list[UUID] = []
    for n in range(SWEPT + 2):
        await store.admit([make_admission(f"old {n}", room="elsewhere")])
        [ended] = (await store.take_turn(AGENT, make_id("elsewhere"), 9)).rows
        step = make_step(created_at=old)
        await store.add_steps([step], room_id=ROOM, seqs=[ended.seq], revisions={})
        assert await store.commit_turn(make_commit(ended))
        turns.append(step.turn_id)
    # Each round that was added swept those before it that were over.
    assert [bool(await store.get_steps(turn)) for turn in turns] == [False] * (SWEPT + 1) + [True]
    young = make_step(created_at=utc_now())
    await store.add_steps([young], room_id=ROOM, seqs=[], revisions={})
    assert [bool(await store.get_steps(s)) for s in (turns[-1], mine.turn_id, young.turn_id)] == [
        False,
        True,
        True,
    ]


async def test_a_message_that_is_deleted_takes_the_words_of_its_steps_along(
    store: Database, row: InboxRow
) -> None:
    said = {"text": "Let me pay.", "arguments": '{"to": "Zoe"}', "answering": {row.memory_id: (0, "mention")}}
    done = make_step(state=StepState.DONE, result={"text": "Paid."}, data={"values": {"a": 1}}, **said)
    running = make_step(done.turn_id, call=1, **said)
    await add(store, row, done, running)
    await store.apply_delete(ACCOUNT, ["room/m1"], None)
    blank = {"text": "", "arguments": "", "answering": {}, "result": {}, "data": {}}
    left = [replace(done, **blank), replace(running, state=StepState.UNKNOWN, **blank)]
    assert await store.get_steps(done.turn_id) == left
    ended = replace(running, state=StepState.DONE, result={"text": "Paid Zoe."})
    assert not await store.change_step(ended, was=StepState.RUNNING, revisions={})
    assert await store.get_steps(done.turn_id) == left


async def test_a_deleted_room_takes_its_steps_along(store: Database, row: InboxRow) -> None:
    step = make_step()
    await add(store, row, step)
    await store.delete_room(ROOM)
    assert await store.get_steps(step.turn_id) == []


async def test_a_memory_that_was_said_before_is_not_sent_again(store: Database) -> None:
    await store.admit([make_admission("m1"), make_admission("m2", minutes=1)])
    first, second = (await store.take_turn(AGENT, ROOM, 9)).rows
    reply = make_reply(first)
    assert await store.commit_turn(make_commit(first, reply=reply))
    assert await store.commit_turn(make_commit(second, reply=reply)) is not None
    assert await store.unsent_count() == 1
    assert await store.pending_count() == 0
