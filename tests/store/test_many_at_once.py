"""Many rooms at once, with redeliveries, edits and callers that give up: each message once, in order."""

import asyncio
import random
from dataclasses import replace

from bot_host.store import Database
from bot_host.types.content import Content
from tests.store.samples import ACCOUNT, AGENT, make_admission, make_commit, make_id, make_part, make_reply

ROOMS = 24
MESSAGES = 8


async def deliver(store: Database, room: str, dice: random.Random) -> None:
    """A platform: delivers each message until it is acknowledged, sometimes once more, sometimes edited."""
    for number in range(MESSAGES):
        admission = make_admission(f"m{number}", f"text {number}", room=room, minutes=number)
        memory = admission.memory.model_copy(update={"id": make_id(f"{room} {number}")})
        admission = replace(admission, memory=memory)
        if dice.random() < 0.3:
            impatient = asyncio.get_running_loop().create_task(store.admit([admission]))
            await asyncio.sleep(0)
            impatient.cancel()
            await asyncio.gather(impatient, return_exceptions=True)
        for _ in range(1 + (dice.random() < 0.5)):
            await store.admit([admission])
        if dice.random() < 0.3:
            await store.apply_edit(
                ACCOUNT, admission.event_key, Content(text="edited"), admission.sent_at, None
            )


async def answer(store: Database, room: str, answered: list[str]) -> None:
    """A lane: takes turns and commits them until it has answered everything."""
    room_id = make_id(room)
    while len(answered) < MESSAGES:
        rows = (await store.take_turn(AGENT, room_id, 3)).rows
        if not rows:
            await asyncio.sleep(0)
            continue
        memories = [await store.find_memory(row.memory_id) for row in rows]
        reply = make_reply(rows[-1])
        commit = make_commit(
            *rows,
            reply=reply,
            outbox=(make_part(reply, destination=room),),
            revisions={memory.id: memory.revision for memory in memories if memory},
        )
        queued = await store.commit_turn(commit)
        if queued is None:
            await store.put_back([row.seq for row in rows], blameless=True)
            continue
        answered += [row.message_id for row in rows]
        part = await store.next_part(room)
        assert part is not None
        assert part.seq == queued.seqs[0]
        await store.mark_sending(part.seq)
        await store.mark_sent(part.seq, "p")


async def test_each_message_is_answered_once_and_in_order(store: Database) -> None:
    dice = random.Random(7)
    answered: dict[str, list[str]] = {f"r{number}": [] for number in range(ROOMS)}
    async with asyncio.TaskGroup() as group:
        for room, messages in answered.items():
            group.create_task(deliver(store, room, dice))
            group.create_task(answer(store, room, messages))
    expected = [f"m{number}" for number in range(MESSAGES)]
    assert all(messages == expected for messages in answered.values())
    assert (await store.pending_count(), await store.unsent_count()) == (0, 0)
    assert await store.recover() == []
    for room in answered:
        said = await store.get_memories(make_id(room), count=1000)
        assert sum(memory.entity_id != AGENT for memory in said) == MESSAGES
