"""The inbox's verbs."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bot_host.store import Database
from bot_host.types.content import Content, Media
from bot_host.types.errors import StateError, StoreError
from bot_host.types.ids import UUID, new_id
from bot_host.types.inbound import Mark
from bot_host.types.knowledge import Relationship
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.places import ParticipantState, Room
from bot_host.types.turn import (
    Admitted,
    Deleted,
    InboxEnd,
    InboxRow,
    InboxState,
    OutboxState,
    Outcome,
    Queued,
    StepState,
    TakenTurn,
    TurnCommit,
)
from tests.store.samples import (
    ACCOUNT,
    AGENT,
    NOON,
    make_admission,
    make_commit,
    make_id,
    make_part,
    make_person,
    make_reply,
    make_run,
    make_step,
)

ROOM = make_id("room")


async def admit_and_take(store: Database, *keys: str) -> Sequence[InboxRow]:
    await store.admit([make_admission(key, minutes=i) for i, key in enumerate(keys)])
    return (await store.take_turn(AGENT, ROOM, 10)).rows


async def test_an_admission_makes_everything_the_turn_needs(store: Database) -> None:
    admission = make_admission("m1", "hello", mark=Mark(name="channel:room", value=7))
    (admitted,) = await store.admit([admission])
    assert not admitted.duplicate
    assert await store.find_memory(admission.memory.id) == admission.memory
    assert await store.find_world(admission.world.id) == admission.world
    assert await store.find_room(ROOM) == admission.room
    assert await store.find_entity(admission.sender.id) == admission.sender
    assert {p.entity_id for p in await store.get_participants(ROOM)} == {admission.sender.id, AGENT}
    assert await store.find_mark(ACCOUNT, "channel:room") == 7
    assert await store.pending_count() == 1
    (row,) = (await store.take_turn(AGENT, ROOM, 10)).rows
    assert (row.seq, row.attempts, row.state, row.target) == (
        admitted.seq,
        1,
        InboxState.RUNNING,
        admission.target,
    )
    assert (row.memory_id, row.entity_id, row.message_id) == (
        admission.memory.id,
        admission.sender.id,
        "m1",
    )


async def test_a_redelivery_is_a_duplicate_of_the_first_copy(store: Database) -> None:
    (first,) = await store.admit([make_admission("m1", "as it was", mark=Mark(name="c", value=1))])
    again = await store.admit(
        [
            make_admission("m1", "told differently", mark=Mark(name="c", value=2)),
            make_admission("m2"),
            make_admission("m2", "the same batch"),
        ]
    )
    assert again[0] == Admitted(seq=first.seq, duplicate=True)
    assert [a.duplicate for a in again] == [True, False, True]
    assert again[1].seq == again[2].seq
    memory = await store.find_memory(make_id("memory m1"))
    assert memory is not None
    assert memory.content.text == "as it was"
    assert await store.find_mark(ACCOUNT, "c") == 2
    assert await store.pending_count() == 2


async def test_the_same_key_in_two_accounts_is_two_messages(store: Database) -> None:
    one = make_admission("m1")
    other = replace(one, account="discord:77", memory=one.memory.model_copy(update={"id": new_id()}))
    assert [a.duplicate for a in await store.admit([one, other])] == [False, False]


async def test_racing_deliveries_make_one_row(store: Database) -> None:
    admitted = await asyncio.gather(*(store.admit([make_admission("m1")]) for _ in range(20)))
    assert sum(not a.duplicate for (a,) in admitted) == 1
    assert len({a.seq for (a,) in admitted}) == 1
    assert await store.pending_count() == 1


async def test_known_places_are_left_alone_but_made_when_they_are_gone(store: Database) -> None:
    admission = make_admission("m1", places_known=True)
    await store.admit([admission])
    assert await store.find_room(ROOM) == admission.room
    renamed = replace(admission.room, name="renamed")
    later = replace(make_admission("m2"), room=renamed, places_known=True)
    await store.admit([later])
    room = await store.find_room(ROOM)
    assert room is not None
    assert room.name == "general"


async def test_a_failed_admission_writes_nothing_of_its_batch(store: Database) -> None:
    stranger = make_admission("m2", person="zoe")
    stranger = replace(stranger, memory=stranger.memory.model_copy(update={"entity_id": new_id()}))
    with pytest.raises(StoreError, match="does not know the agent, room or entity"):
        await store.admit([make_admission("m1", mark=Mark(name="c", value=1)), stranger])
    assert await store.pending_count() == 0
    assert await store.find_mark(ACCOUNT, "c") is None
    assert await store.find_room(ROOM) is None


async def test_a_turn_takes_the_oldest_rows_of_its_room_in_order(store: Database) -> None:
    await store.admit([make_admission(f"m{i}") for i in range(5)])
    await store.admit([make_admission("x1", room="other")])
    first = (await store.take_turn(AGENT, ROOM, 2)).rows
    assert [row.message_id for row in first] == ["m0", "m1"]
    rest = (await store.take_turn(AGENT, ROOM, 10)).rows
    assert [row.message_id for row in rest] == ["m2", "m3", "m4"]
    assert (await store.take_turn(AGENT, ROOM, 10)).rows == ()
    assert (await store.take_turn(new_id(), make_id("other"), 10)).rows == ()
    assert [row.message_id for row in (await store.take_turn(AGENT, make_id("other"), 10)).rows] == ["x1"]


async def test_rows_that_are_put_back_are_taken_again_and_counted(store: Database) -> None:
    rows = await admit_and_take(store, "m1", "m2")
    await store.put_back([rows[1].seq], blameless=False)
    (again,) = (await store.take_turn(AGENT, ROOM, 10)).rows
    assert (again.message_id, again.attempts) == ("m2", 2)


async def test_putting_back_does_not_wake_what_has_ended(store: Database) -> None:
    rows = await admit_and_take(store, "m1")
    await store.commit_turn(make_commit(*rows))
    await store.put_back([rows[0].seq], blameless=False)
    assert await store.pending_count() == 0


async def test_recover_puts_interrupted_rows_back_oldest_room_first(store: Database) -> None:
    await store.admit([make_admission("x1", room="other"), make_admission("m1"), make_admission("m2")])
    await store.admit([make_admission("y1", room="third")])
    (done,) = (await store.take_turn(AGENT, make_id("third"), 1)).rows
    await store.commit_turn(make_commit(done))
    await store.take_turn(AGENT, ROOM, 1)
    expected = [(AGENT, make_id("other")), (AGENT, ROOM)]
    assert await store.pending_rooms(10) == expected
    await store.take_turn(AGENT, make_id("other"), 1)
    assert await store.pending_rooms(10) == [(AGENT, ROOM)]
    assert await store.recover() == expected
    assert await store.pending_rooms(1) == expected[:1]
    rows = (await store.take_turn(AGENT, ROOM, 10)).rows
    assert [(row.message_id, row.attempts) for row in rows] == [("m1", 2), ("m2", 1)]


async def test_commit_turn_ends_rows_and_queues_the_reply_at_once(store: Database) -> None:
    rows = await admit_and_take(store, "m1", "m2")
    reply = make_reply(rows[-1], "hi both")
    parts = tuple(make_part(reply, part=i, parts=2) for i in range(2))
    run = make_run(
        ROOM,
        model_calls=({"type": "TEXT_LARGE", "cost": 0.5},),
        steps=({"name": "gate", "ms": 3},),
        error="e",
    )
    commit = make_commit(*rows, reply=reply, outbox=parts, run=run)
    queued = await store.commit_turn(commit)
    assert queued is not None
    assert not queued.marked
    assert [part.part for part in await store.get_parts(queued.seqs)] == [0, 1]
    assert await store.pending_count() == 0
    assert await store.find_memory(reply.id) == reply
    assert await store.get_runs(ROOM) == [run]


async def test_a_turn_is_taken_with_what_it_needs_to_know(store: Database) -> None:
    await admit_and_take(store, "old")
    await store.admit([make_admission(f"m{n}", minutes=n) for n in (1, 2, 3)])
    await store.set_participant_state(AGENT, ROOM, AGENT, ParticipantState.FOLLOWED)
    asked: list[tuple[Room | None, list[str]]] = []

    def history(room: Room | None, messages: Sequence[Memory]) -> int:
        asked.append((room, [message.id for message in messages]))
        return 2

    taken = await store.take_turn(AGENT, ROOM, 2, history)
    ids = [make_id("memory m1"), make_id("memory m2")]
    assert [row.memory_id for row in taken.rows] == ids
    assert taken.more
    assert taken.memories == {memory_id: await store.find_memory(memory_id) for memory_id in ids}
    assert taken.room == await store.find_room(ROOM)
    assert taken.room is not None
    assert taken.world == await store.find_world(taken.room.world_id or "")
    assert taken.people == await store.get_entities([row.entity_id for row in taken.rows])
    assert taken.own_state is ParticipantState.FOLLOWED
    assert asked == [(taken.room, ids)]
    assert taken.history is not None
    assert [memory.id for memory in taken.history] == ids
    rest = await store.take_turn(AGENT, ROOM, 2)
    assert (len(rest.rows), rest.more, rest.history) == (1, False, None)
    assert await store.take_turn(AGENT, ROOM, 2) == TakenTurn(rows=())


async def test_a_reply_is_marked_with_its_turn_where_nothing_older_waits(
    store: Database,
) -> None:
    for name, marked in (("m1", [True]), ("m2", [])):
        rows = await admit_and_take(store, name)
        reply = make_reply(rows[-1], "hi")
        parts = tuple(make_part(reply, part=i, parts=2) for i in range(2))
        commit = make_commit(*rows, reply=reply, outbox=parts)
        queued = await store.commit_turn(replace(commit, send_now=frozenset({parts[0].destination})))
        assert queued is not None
        assert [row.marked for row in queued.marked] == marked
        found = await store.get_parts(queued.seqs)
        assert [replace(row, marked=True) for row in found if row.state is OutboxState.SENDING] == [
            *queued.marked
        ]
        assert [row.attempts for row in found] == [len(marked), 0]


async def test_a_turn_cannot_be_committed_twice(store: Database) -> None:
    rows = await admit_and_take(store, "m1")
    await store.commit_turn(make_commit(*rows))
    second = make_commit(*rows)
    with pytest.raises(StateError, match="has ended before"):
        await store.commit_turn(second)
    assert await store.unsent_count() == 1
    assert await store.find_memory(second.memories[0].id) is None


async def test_a_stale_commit_writes_nothing(store: Database) -> None:
    rows = await admit_and_take(store, "m1")
    commit = make_commit(*rows)
    edited = await store.apply_edit(ACCOUNT, "room/m1", Content(text="hello there"), NOON, None)
    assert (edited.found, edited.changed, edited.state) == (True, True, InboxState.RUNNING)
    assert (edited.agent_id, edited.room_id) == (AGENT, ROOM)
    assert await store.commit_turn(commit) is None
    assert (await store.pending_count(), await store.unsent_count()) == (1, 0)
    assert await store.get_runs(ROOM) == []
    await store.put_back([rows[0].seq], blameless=False)
    (row,) = (await store.take_turn(AGENT, ROOM, 1)).rows
    memory = await store.find_memory(row.memory_id)
    assert memory is not None
    assert (memory.content.text, memory.revision) == ("hello there", 1)
    assert await store.commit_turn(make_commit(row, revisions={row.memory_id: 1})) is not None


async def test_an_edit_changes_text_and_attachments_and_nothing_else(store: Database) -> None:
    admission = make_admission("m1", "see", attachments=[Media(id="1", title="old")], custom="kept")
    await store.admit([admission])
    same = Content(text="see", attachments=[Media(id="1", title="old")])
    edited = await store.apply_edit(ACCOUNT, "room/m1", same, NOON, Mark(name="e", value=3))
    assert (edited.found, edited.changed, edited.state) == (True, False, InboxState.PENDING)
    assert await store.find_mark(ACCOUNT, "e") == 3
    other = Content(text="see", attachments=[Media(id="2")])
    assert (await store.apply_edit(ACCOUNT, "room/m1", other, NOON, None)).changed
    memory = await store.find_memory(admission.memory.id)
    assert memory is not None
    assert memory.revision == 1
    assert [media.id for media in memory.content.attachments] == ["2"]
    assert memory.content.model_extra == {"custom": "kept"}
    assert memory.content.source == "discord"
    assert memory.metadata["edited_at"] == NOON.isoformat()
    signed = Content(text="x", attachments=[Media(id="1", url="https://cdn.example/a.png?sig=1")])
    assert (await store.apply_edit(ACCOUNT, "room/m1", signed, NOON, None)).changed
    signed.attachments[0].url = "https://cdn.example/a.png?sig=2"
    assert not (await store.apply_edit(ACCOUNT, "room/m1", signed, NOON, None)).changed
    unknown = await store.apply_edit(ACCOUNT, "room/m9", other, NOON, Mark(name="e", value=4))
    assert not unknown.found
    assert await store.find_mark(ACCOUNT, "e") == 4


async def test_an_edit_takes_what_was_learned_and_leaves_what_an_action_did(store: Database) -> None:
    [row] = await admit_and_take(store, "m1")
    step = make_step(created_at=NOON, ended_at=NOON + timedelta(seconds=9), state=StepState.DONE)
    assert await store.add_steps([step], room_id=ROOM, seqs=[row.seq], revisions={})
    assert await store.commit_turn(make_commit(row)) is not None
    for second, text in ((-1, "before"), (5, "while it ran"), (10, "after")):
        moment = NOON + timedelta(seconds=second)
        fact = Memory(
            agent_id=AGENT,
            entity_id=row.entity_id,
            room_id=ROOM,
            type=MemoryType.FACT,
            content=Content(text=text),
            source_memory_id=row.memory_id,
            created_at=moment,
        )
        assert await store.create_memory(fact)
        await store.create_entities([make_person(text)])
        await store.put_relationship(
            Relationship(
                agent_id=AGENT,
                source_entity_id=row.entity_id,
                target_entity_id=make_id(text),
                source_memory_id=row.memory_id,
                created_at=moment,
                updated_at=moment,
            )
        )

    async def left() -> tuple[list[str], list[UUID]]:
        facts = await store.list_memories(AGENT, type=MemoryType.FACT, count=9)
        links = await store.get_relationships(AGENT, row.entity_id)
        return [fact.content.text for fact in facts], [link.target_entity_id for link in links]

    assert not (await store.apply_edit(ACCOUNT, "room/m1", Content(text="hello"), NOON, None)).changed
    assert len((await left())[0]) == 3
    assert (await store.apply_edit(ACCOUNT, "room/m1", Content(text="hm"), NOON, None)).changed
    assert await left() == (["while it ran"], [make_id("while it ran")])


async def test_a_deleted_message_is_forgotten_and_gets_no_turn(store: Database) -> None:
    await store.admit([make_admission(f"m{i}") for i in range(3)])
    count = await store.apply_delete(ACCOUNT, ["room/m0", "room/m2", "room/m9"], Mark(name="d", value=5))
    assert count == Deleted(count=2)
    assert [row.message_id for row in (await store.take_turn(AGENT, ROOM, 10)).rows] == ["m1"]
    assert await store.find_memory(make_id("memory m0")) is None
    assert await store.pending_count() == 1
    assert await store.find_mark(ACCOUNT, "d") == 5
    # A late redelivery of what was deleted must not bring it back.
    (again,) = await store.admit([make_admission("m0")])
    assert again.duplicate
    assert await store.find_memory(make_id("memory m0")) is None


@pytest.mark.parametrize("way", ["put_back", "recover"])
async def test_a_message_deleted_in_its_turn_ends_when_it_is_put_back(store: Database, way: str) -> None:
    rows = await admit_and_take(store, "m1", "m2")
    assert (await store.apply_delete(ACCOUNT, ["room/m1"], None)).count == 1
    assert await store.pending_count() == 2
    assert await store.commit_turn(make_commit(*rows)) is None
    if way == "put_back":
        await store.put_back([row.seq for row in rows], blameless=False)
    else:
        await store.recover()
    assert [row.message_id for row in (await store.take_turn(AGENT, ROOM, 10)).rows] == ["m2"]
    assert await store.pending_count() == 1


async def test_a_row_can_end_without_an_answer(store: Database) -> None:
    rows = await admit_and_take(store, "m1", "m2")
    ends = (
        InboxEnd(seq=rows[0].seq, outcome=Outcome.SUPERSEDED, reason="newer message"),
        InboxEnd(seq=rows[1].seq, outcome=Outcome.IGNORED, reason="muted"),
    )
    ignored = TurnCommit(ends=ends, run=make_run(ROOM, status="ignored"))
    assert await store.commit_turn(ignored) == Queued(seqs=())
    assert await store.pending_count() == 0


async def test_marks_only_move_up(store: Database) -> None:
    assert await store.find_mark(ACCOUNT, "c") is None
    for value, expected in ((5, 5), (3, 5), (2**62, 2**62)):
        await store.set_mark(ACCOUNT, Mark(name="c", value=value))
        assert await store.find_mark(ACCOUNT, "c") == expected
    assert await store.find_mark("telegram:1", "c") is None
