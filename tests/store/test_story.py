"""One message found by whatever its admin has of it, and told with all that belongs to it."""

from dataclasses import replace

import pytest

from bot_host.store import Database
from bot_host.types.content import Content
from bot_host.types.ids import new_id
from bot_host.types.memory import Memory
from bot_host.types.turn import InboxEnd, InboxRow, InboxState, OutboxState, Outcome, StepState, TurnCommit
from tests.store.samples import (
    ACCOUNT,
    AGENT,
    make_admission,
    make_id,
    make_part,
    make_reply,
    make_run,
    make_step,
)

ROOM = make_id("room")


@pytest.fixture
async def answered(store: Database) -> tuple[TurnCommit, tuple[InboxRow, ...]]:
    """Two messages answered together in two parts, after something was said; a third one waits."""
    await store.admit([make_admission("m1"), make_admission("m2"), make_admission("m3")])
    rows = tuple((await store.take_turn(AGENT, ROOM, 2)).rows)
    said = make_reply(rows[1], "one moment").model_copy(update={"created_at": rows[1].received_at})
    [number] = (await store.enqueue([make_part(said)], said)).seqs
    await store.mark_sending(number)
    await store.mark_sent(number, "9001")
    reply = make_reply(rows[1], "here it is").model_copy(update={"created_at": rows[1].received_at})
    run = make_run(
        ROOM,
        started_at=rows[0].received_at,
        ended_at=rows[1].received_at,
        model_calls=({"type": "TEXT_LARGE", "model": "m", "prompt_tokens": 5, "cost": 0.25},),
        steps=({"name": "gate", "ms": 1.5},),
    )
    parts = tuple(make_part(reply, part=n, parts=2, run_id=run.id) for n in range(2))
    commit = TurnCommit(
        ends=tuple(InboxEnd(seq=row.seq, outcome=Outcome.ANSWERED, reason="mention") for row in rows),
        run=run,
        memories=(reply,),
        outbox=parts,
        revisions={row.memory_id: 0 for row in rows},
    )
    queued = await store.commit_turn(commit)
    assert queued is not None
    await store.mark_sending(queued.seqs[0])
    # The next one is marked with this record, and goes back.
    await store.mark_sent(queued.seqs[0], "9002")
    await store.put_parts_back(queued.seqs)
    return commit, rows


Answered = tuple[TurnCommit, tuple[InboxRow, ...]]


async def test_a_message_is_told_with_its_turn_and_where_the_answer_went(
    store: Database, answered: Answered
) -> None:
    commit, rows = answered
    story = await store.tell_story(rows[0].seq)
    assert story is not None
    assert story.received is not None
    assert (story.received.agent_name, story.received.account) == ("Ada", ACCOUNT)
    assert (story.received.outcome, story.received.reason) == (Outcome.ANSWERED, "mention")
    assert story.memory is not None
    assert story.memory.content.text == "hello"
    assert story.sender is not None
    assert story.sender.names == ("Ben",)
    assert story.room is not None
    assert story.world is not None
    assert (story.room.name, story.world.name) == ("general", "The guild")
    assert story.run == commit.run
    assert story.together == (rows[1].seq,)
    assert [reply.content.text for reply in story.replies] == ["one moment", "here it is"]
    assert [(part.part, part.state, part.platform_message_id) for part in story.parts] == [
        (0, OutboxState.SENT, "9001"),
        (0, OutboxState.SENT, "9002"),
        (1, OutboxState.PENDING, ""),
    ]
    assert story.parts[0].sent_at is not None


async def test_one_that_waits_has_no_turn(store: Database, answered: Answered) -> None:
    story = await store.tell_story(3)
    assert story is not None
    assert story.received is not None
    assert (story.received.state, story.received.outcome) == (InboxState.PENDING, None)
    assert (story.run, story.together, story.replies, story.parts) == (None, (), (), ())
    assert await store.tell_story(4) is None


async def test_the_answer_to_another_message_of_its_turn_is_not_its_own(store: Database) -> None:
    await store.admit([make_admission("m1"), make_admission("m2"), make_admission("m3")])
    rows = (await store.take_turn(AGENT, ROOM, 9)).rows
    outcomes = (Outcome.IGNORED, Outcome.ANSWERED, Outcome.IGNORED)
    run = make_run(ROOM, started_at=rows[0].received_at, ended_at=rows[2].received_at)
    answer, notice = (
        make_reply(row, text).model_copy(update={"created_at": row.received_at})
        for row, text in ((rows[1], "here it is"), (rows[2], "too much"))
    )
    commit = TurnCommit(
        ends=tuple(InboxEnd(seq=row.seq, outcome=end) for row, end in zip(rows, outcomes, strict=True)),
        run=run,
        memories=(answer, notice),
        outbox=(make_part(answer, run_id=run.id), make_part(notice, run_id=run.id)),
    )
    assert await store.commit_turn(commit)
    told = []
    for row in rows:
        story = await store.tell_story(row.seq)
        assert story is not None
        assert story.run == run
        assert [part.memory_id for part in story.parts] == [reply.id for reply in story.replies]
        told.append([reply.content.text for reply in story.replies])
    assert told == [[], ["here it is"], ["too much"]]


async def test_the_actions_that_the_model_asked_for_belong_to_it(store: Database) -> None:
    await store.admit([make_admission("m1")])
    [row] = (await store.take_turn(AGENT, ROOM, 1)).rows
    step = make_step(state=StepState.DONE, result={"success": True, "text": "Paid."})
    assert await store.add_steps([step], room_id=ROOM, seqs=[row.seq], revisions={row.memory_id: 0})
    story = await store.tell_story(row.seq)
    assert story is not None
    assert story.received is not None
    assert story.received.turn_id == step.turn_id
    assert story.steps == (step,)


async def test_it_is_found_by_each_of_its_ids(store: Database, answered: Answered) -> None:
    commit, rows = answered
    assert [row.seq for row in await store.find_received("m2")] == [2]
    assert [row.seq for row in await store.find_received_by_id(rows[1].memory_id)] == [2]
    assert [row.seq for row in await store.find_received_by_id(commit.run.id)] == [1, 2]
    assert [row.seq for row in await store.find_received_by_id(commit.memories[0].id)] == [2]
    assert await store.find_received_by_id(new_id()) == []
    last = await store.last_received()
    assert last is not None
    assert last.seq == 3
    one = await store.get_received(2)
    assert one is not None
    assert one.message_id == "m2"
    assert await store.get_received(99) is None


async def test_the_same_platform_id_in_two_chats_is_two_messages(store: Database) -> None:
    await store.admit([make_admission("7"), make_admission("7b", room="other")])
    await store.admit([replace(make_admission("7c", room="third"), message_id="7")])
    assert [row.seq for row in await store.find_received("7")] == [3, 1]


async def test_an_answer_leads_to_the_message_that_it_answers(store: Database, answered: Answered) -> None:
    for platform_id in ("9001", "9002"):
        [part] = await store.find_parts(platform_id)
        story = await store.tell_said(part.seq)
        assert story is not None
        assert story.received is not None
        assert story.received.message_id == "m2"


async def test_what_nobody_asked_for(store: Database) -> None:
    await store.admit([make_admission("m1")])
    memory = Memory(agent_id=AGENT, entity_id=AGENT, room_id=ROOM, content=Content(text="Good morning"))
    [one] = (await store.enqueue([make_part(memory)], memory)).seqs
    [part] = await store.find_parts(memory.id)
    story = await store.tell_said(part.seq)
    assert story is not None
    assert story.received is None
    assert story.memory == memory
    assert story.room is not None
    assert [each.seq for each in story.parts] == [one]
    assert await store.tell_said(99) is None


async def test_of_what_was_erased_the_outcome_is_left(store: Database, answered: Answered) -> None:
    _, rows = answered
    await store.erase_entity(make_id("ben"))
    story = await store.tell_story(rows[0].seq)
    assert story is not None
    assert story.received is not None
    assert story.received.outcome is Outcome.ANSWERED
    assert (story.memory, story.sender, story.run, story.parts) == (None, None, None, ())
    assert await store.find_received("m1") == []


async def test_parts_are_found_when_the_answer_is_forgotten(store: Database, answered: Answered) -> None:
    commit, rows = answered
    await store.delete_memories([memory.id for memory in commit.memories])
    story = await store.tell_story(rows[0].seq)
    assert story is not None
    assert [part.platform_message_id for part in story.parts] == ["9001", "9002", ""]
    assert [reply.content.text for reply in story.replies] == ["one moment"]
