"""The outbox's verbs."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot_host.kit.clock import utc_now
from bot_host.store import Database
from bot_host.types.errors import StateError, StoreError
from bot_host.types.ids import new_id
from bot_host.types.memory import Memory
from bot_host.types.turn import OutboxState
from tests.store.samples import ACCOUNT, AGENT, NOON, make_admission, make_id, make_part, make_reply

HERE = f"{ACCOUNT}/room"
THERE = f"{ACCOUNT}/there"


@pytest.fixture
async def reply(store: Database) -> Memory:
    """An answer that is not stored yet, in a room that is."""
    await store.admit([make_admission("m1")])
    (row,) = (await store.take_turn(AGENT, make_id("room"), 1)).rows
    return make_reply(row)


async def test_a_part_comes_back_as_it_was_put_in(store: Database, reply: Memory) -> None:
    run_id = new_id()
    new = make_part(reply, payload={"content": "מה שלומך?", "n": [1, 2.5, None]}, run_id=run_id)
    (seq,) = (await store.enqueue([new], reply)).seqs
    part = await store.next_part(HERE)
    assert part is not None
    assert part.seq == seq
    assert (part.target, part.payload, part.run_id) == (new.target, new.payload, run_id)
    assert (part.memory_id, part.account, part.agent_id) == (reply.id, ACCOUNT, AGENT)
    assert (part.state, part.attempts, part.not_before) == (OutboxState.PENDING, 0, None)
    assert await store.find_memory(reply.id) == reply


async def test_parts_go_in_order_and_destinations_do_not_wait(store: Database, reply: Memory) -> None:
    parts = [make_part(reply, part=i, parts=3) for i in range(3)]
    seqs = (await store.enqueue(parts, reply)).seqs
    (other,) = (await store.enqueue([make_part(destination=THERE)], None)).seqs
    assert await store.pending_destinations() == [HERE, THERE]
    for seq in seqs:
        part = await store.next_part(HERE)
        assert part is not None
        assert part.seq == seq
        if seq == seqs[0]:
            await store.mark_sending(seq)
        again = await store.next_part(HERE)
        assert again is not None
        assert (again.seq, again.state, again.attempts) == (seq, OutboxState.SENDING, 1)
        following = await store.mark_sent(seq, f"p{seq}")
        assert (following is None) == (seq == seqs[-1])
        if following is not None:
            # The next one is marked in the same transaction.
            assert following == replace(
                again,
                seq=seq + 1,
                part=again.part + 1,
                payload=following.payload,
                created_at=following.created_at,
                marked=True,
            )
    assert await store.next_part(HERE) is None
    assert await store.pending_destinations() == [THERE]
    assert await store.unsent_count() == 1
    got = await store.get_parts([other, *reversed(seqs), 999])
    assert [part.seq for part in got] == [*seqs, other]
    assert [part.platform_message_id for part in got] == [*(f"p{seq}" for seq in seqs), ""]
    assert {part.state for part in got[:3]} == {OutboxState.SENT}


async def test_a_part_that_was_not_taken_waits_and_keeps_its_place(store: Database, reply: Memory) -> None:
    first, _ = (await store.enqueue([make_part(reply, part=i, parts=2) for i in range(2)], reply)).seqs
    await store.mark_sending(first)
    due = NOON + timedelta(seconds=30)
    await store.mark_later(first, due, "429: slow down")
    part = await store.next_part(HERE)
    assert part is not None
    assert (part.seq, part.state, part.attempts) == (first, OutboxState.PENDING, 1)
    assert (part.not_before, part.error) == (due, "429: slow down")
    await store.mark_sending(first)
    await store.mark_sent(first, "p")
    (part,) = await store.get_parts([first])
    assert (part.attempts, part.error, part.not_before) == (2, "", None)


async def test_a_refused_part_takes_the_rest_of_its_message_along(store: Database, reply: Memory) -> None:
    parts = [make_part(reply, part=i, parts=3) for i in range(3)]
    elsewhere = make_part(reply, destination=THERE)
    seqs = (await store.enqueue([*parts, elsewhere], reply)).seqs
    (next_message,) = (await store.enqueue([make_part()], None)).seqs
    await store.mark_sending(seqs[0])
    await store.mark_sent(seqs[0], "p0")
    assert await store.mark_failed(seqs[1], "blocked by the user") == [seqs[1], seqs[2]]
    got = {part.seq: part for part in await store.get_parts([*seqs, next_message])}
    assert got[seqs[0]].state is OutboxState.SENT
    assert got[seqs[1]].state is got[seqs[2]].state is OutboxState.FAILED
    assert got[seqs[1]].error == "blocked by the user"
    assert got[seqs[3]].state is got[next_message].state is OutboxState.PENDING
    assert await store.mark_failed(999, "unknown") == []


async def test_messages_without_memory_fail_each_for_itself(store: Database) -> None:
    two = [make_part(part=0, parts=2), make_part(part=1, parts=2), make_part()]
    first, second, alone = (await store.enqueue(two, None)).seqs
    assert await store.mark_failed(first, "no") == [first, second]
    part = await store.next_part(HERE)
    assert part is not None
    assert part.seq == alone


async def test_what_is_done_is_not_sent_again(store: Database) -> None:
    sent, failed = (await store.enqueue([make_part(), make_part()], None)).seqs
    await store.mark_sent(sent, "p")
    await store.mark_failed(failed, "no")
    for seq in (sent, failed, 999):
        with pytest.raises(StateError, match="not to be sent"):
            await store.mark_sending(seq)
    await store.mark_later(sent, NOON, "late")
    assert await store.unsent_count() == 0
    # The platform's own word counts more than an earlier guess of ours.
    await store.mark_sent(failed, "p2")
    (part,) = await store.get_parts([failed])
    assert part.state is OutboxState.SENT


async def test_a_part_that_must_wait_is_not_marked_by_the_one_before(store: Database) -> None:
    first, second = (await store.enqueue([make_part(), make_part()], None)).seqs
    due = utc_now() + timedelta(minutes=1)
    await store.mark_sending(second)
    await store.mark_later(second, due, "slow down")
    await store.mark_sending(first)
    following = await store.mark_sent(first, "p")
    assert following is not None
    assert (following.seq, following.state, following.marked) == (second, OutboxState.PENDING, False)


async def test_parts_that_did_not_go_out_are_put_back(store: Database) -> None:
    first, second = (await store.enqueue([make_part(), make_part()], None, {HERE})).seqs
    await store.put_parts_back([first, second])
    found = await store.get_parts([first, second])
    assert [(row.state, row.attempts) for row in found] == [(OutboxState.PENDING, 0)] * 2


async def test_recover_leaves_sending_parts_to_the_outbox(store: Database) -> None:
    (seq,) = (await store.enqueue([make_part()], None)).seqs
    await store.mark_sending(seq)
    await store.recover()
    (part,) = await store.get_parts([seq])
    assert part.state is OutboxState.SENDING


async def test_a_message_to_an_unknown_room_is_refused_whole(store: Database, reply: Memory) -> None:
    lost = reply.model_copy(update={"room_id": new_id()})
    with pytest.raises(StoreError, match="does not know the agent, room or entity"):
        await store.enqueue([make_part(lost)], lost)
    assert await store.unsent_count() == 0
