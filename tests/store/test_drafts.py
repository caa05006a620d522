"""Answers in the making: their parts, and what becomes of them when the turn ends."""

from dataclasses import replace

import pytest

from bot_host.store import Database
from bot_host.types.memory import Memory
from bot_host.types.turn import Draft, InboxEnd, InboxRow, NewOutbox, Operation, OutboxRow, Outcome
from tests.store.samples import ACCOUNT, AGENT, make_admission, make_commit, make_id, make_part, make_reply

HERE = f"{ACCOUNT}/room"


@pytest.fixture
async def row(store: Database) -> InboxRow:
    """A message whose turn is under way."""
    await store.admit([make_admission("m1")])
    [row] = (await store.take_turn(AGENT, make_id("room"), 1)).rows
    return row


@pytest.fixture
def reply(row: InboxRow) -> Memory:
    return make_reply(row)


def draft_of(row: InboxRow, reply: Memory, parts: int = 1) -> Draft:
    return Draft(
        memory_id=reply.id,
        agent_id=AGENT,
        room_id=row.room_id,
        asked=row.seq,
        destination=HERE,
        parts=parts,
    )


def part_of(reply: Memory, number: int, text: str = "half", **more: object) -> NewOutbox:
    return make_part(reply, part=number, parts=number + 1, payload={"content": text}, **more)


async def send_all(store: Database) -> list[OutboxRow]:
    """As the outbox does; each part gets a platform id of its own."""
    sent = []
    while (part := await store.next_part(HERE)) is not None:
        await store.mark_sending(part.seq)
        await store.mark_sent(part.seq, f"p{part.seq}")
        sent.append(part)
    return sent


async def test_a_part_is_in_the_outbox_before_the_answer_is_there(
    store: Database, row: InboxRow, reply: Memory
) -> None:
    queued = await store.show_part(draft_of(row, reply), part_of(reply, 0), {HERE})
    assert queued is not None
    assert [part.payload for part in queued.marked] == [{"content": "half"}]
    assert await store.find_memory(reply.id) is None
    assert await store.recover_drafts() == [draft_of(row, reply)]
    assert await store.show_part(draft_of(row, reply, 2), part_of(reply, 1)) is not None
    assert await store.recover_drafts() == [draft_of(row, reply, 2)]


async def test_the_answer_takes_the_place_of_what_is_shown(
    store: Database, row: InboxRow, reply: Memory
) -> None:
    for number in range(2):
        await store.show_part(draft_of(row, reply, number + 1), part_of(reply, number))
    places = [f"p{part.seq}" for part in await send_all(store)]
    whole = [make_part(reply, part=n, parts=3, payload={"content": f"whole {n}"}) for n in range(3)]
    commit = make_commit(row, reply=reply, outbox=tuple(whole), draft=reply.id)
    # Each part belongs to the run; verify looks for that.
    commit = replace(commit, outbox=tuple(replace(part, run_id=commit.run.id) for part in whole))
    assert await store.commit_turn(commit) is not None
    assert await store.recover_drafts() == []
    done = await send_all(store)
    assert [(part.operation, part.part, part.revision) for part in done] == [
        (Operation.FINISH, 0, 1),
        (Operation.FINISH, 1, 1),
        (Operation.SEND, 2, 1),
    ]
    assert [await store.find_place(reply.id, n, before=done[n].seq) for n in range(2)] == places
    assert (await store.audit_rows(host_runs=False)).violations == ()


async def test_what_is_too_much_goes(store: Database, row: InboxRow, reply: Memory) -> None:
    for number in range(2):
        await store.show_part(draft_of(row, reply, number + 1), part_of(reply, number))
    await send_all(store)
    await store.commit_turn(make_commit(row, reply=reply, draft=reply.id))
    operations = [part.operation for part in await send_all(store)]
    assert operations == [Operation.FINISH, Operation.DELETE]


@pytest.mark.parametrize("sent", [True, False])
async def test_a_turn_without_an_answer_takes_it_back(
    store: Database, row: InboxRow, reply: Memory, sent: bool
) -> None:
    await store.show_part(draft_of(row, reply), part_of(reply, 0))
    [shown] = await send_all(store) if sent else [await store.next_part(HERE)]
    ends = (InboxEnd(seq=row.seq, outcome=Outcome.IGNORED, reason="the model chose silence"),)
    commit = make_commit(row, ends=ends, memories=(), outbox=(), draft=reply.id)
    assert await store.commit_turn(commit) is not None
    assert await store.recover_drafts() == []
    assert shown is not None
    [kept] = await store.get_parts([shown.seq])
    assert kept.payload == {}
    assert (kept.state, kept.error) == (("sent", "") if sent else ("failed", "the answer was not finished"))
    [gone] = await send_all(store)
    assert gone.operation is Operation.DELETE
    assert await store.find_place(reply.id, 0, before=gone.seq) == (f"p{shown.seq}" if sent else "")
    assert (await store.audit_rows(host_runs=False)).violations == ()


async def test_a_stale_turn_leaves_it(store: Database, row: InboxRow, reply: Memory) -> None:
    await store.show_part(draft_of(row, reply), part_of(reply, 0))
    stale = make_commit(row, reply=reply, draft=reply.id, revisions={row.memory_id: 7})
    assert await store.commit_turn(stale) is None
    assert await store.recover_drafts() == [draft_of(row, reply)]


async def test_nothing_is_shown_for_a_question_that_has_ended(
    store: Database, row: InboxRow, reply: Memory
) -> None:
    await store.commit_turn(make_commit(row))
    assert await store.show_part(draft_of(row, reply), part_of(reply, 0)) is None
    assert await store.recover_drafts() == []


async def test_a_room_has_one_at_a_time(store: Database, row: InboxRow, reply: Memory) -> None:
    await store.show_part(draft_of(row, reply), part_of(reply, 0))
    other = make_reply(row)
    await store.show_part(draft_of(row, other), part_of(other, 0))
    assert [draft.memory_id for draft in await store.recover_drafts()] == [other.id]
    [first, second] = await send_all(store)
    assert (first.operation, first.memory_id) == (Operation.DELETE, reply.id)
    assert (second.operation, second.memory_id) == (Operation.SEND, other.id)


async def test_at_the_start_it_goes_where_its_question_has_ended(
    store: Database, row: InboxRow, reply: Memory
) -> None:
    await store.show_part(draft_of(row, reply), part_of(reply, 0))
    await send_all(store)
    await store.commit_turn(make_commit(row))  # by a host that knows nothing of it
    assert await store.recover_drafts() == []
    assert [part.operation for part in await send_all(store)] == [Operation.SEND, Operation.DELETE]


async def test_a_part_that_cannot_take_a_place_is_sent(store: Database, row: InboxRow, reply: Memory) -> None:
    await store.show_part(draft_of(row, reply), part_of(reply, 0))
    await send_all(store)
    await store.commit_turn(make_commit(row, reply=reply, draft=reply.id))
    part = await store.next_part(HERE)
    assert part is not None
    await store.mark_sending(part.seq)
    await store.send_instead(part.seq)
    again = await store.next_part(HERE)
    assert again is not None
    assert (again.seq, again.operation, again.state) == (part.seq, Operation.SEND, "pending")


async def test_the_words_go_with_the_person_who_asked(store: Database, row: InboxRow, reply: Memory) -> None:
    secret = "what Ben asked about"
    await store.show_part(draft_of(row, reply), part_of(reply, 0, secret))
    await store.erase_entity(row.entity_id)
    shown = await store.get_parts([1])
    assert [part.payload for part in shown] == [{}]
