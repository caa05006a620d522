"""What a message costs in a room with much behind it.

    python -m benchmarks.growth [messages]

Rooms with 0, 10,000 and 100,000 stored messages: half a person's, half the agent's, each with the rows
that its turn left in inbox and outbox. Three hosts on three files take turns, message by message and each one
first in its turn, so that a busy machine is equally busy for all.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.hosts import CHARACTER, DATABASE, exchange, open_host
from benchmarks.processes import alone, middle
from benchmarks.rows import Row, show
from bot_host.store import Database, make_store
from bot_host.types.content import ChannelType, Content
from bot_host.types.ids import create_unique_uuid, new_id
from bot_host.types.memory import Memory
from bot_host.types.outbound import Target
from bot_host.types.places import Entity, Room, World
from bot_host.types.turn import Admission, InboxEnd, NewOutbox, Outcome, RunRecord, TurnCommit

TITLE = "Growth: a message in a room with so many stored ones"
STORED = (0, 10_000, 100_000)
ROOM = "ada"
BATCH = 500
WARM_UP = 60
"""Messages before the measurement: more than the prompt's history, so that all prompts are equally long."""
AGENT = CHARACTER.agent_id
ACCOUNT = "fake:1"
TEXT = "A sentence of about the length that people write in a chat, now and then a bit more. "


def _admission(number: int) -> Admission:
    world, room, person = (create_unique_uuid(AGENT, key) for key in ("world", ROOM, "ada"))
    return Admission(
        agent_id=AGENT,
        account=ACCOUNT,
        event_key=f"{ROOM}/old-{number}",
        message_id=f"old-{number}",
        world=World(id=world, agent_id=AGENT, name="World", platform="fake"),
        room=Room(
            id=room,
            agent_id=AGENT,
            world_id=world,
            name=ROOM,
            source="fake",
            type=ChannelType.DM,
            channel_id=ROOM,
        ),
        sender=Entity(id=person, agent_id=AGENT, names=("Ada",)),
        memory=Memory(
            agent_id=AGENT, entity_id=person, room_id=room, content=Content(text=TEXT, source="fake")
        ),
        target=Target(source="fake", account=ACCOUNT, room_id=room, channel_id=ROOM),
        sent_at=datetime.now(UTC),
        places_known=number > 0,
    )


async def _add(store: Database, numbers: Sequence[int]) -> None:
    """Messages with their answers, sent."""
    room = create_unique_uuid(AGENT, ROOM)
    await store.admit([_admission(number) for number in numbers])
    taken = (await store.take_turn(AGENT, room, len(numbers))).rows
    now, run_id = datetime.now(UTC), new_id()
    replies = [
        Memory(
            agent_id=AGENT,
            entity_id=AGENT,
            room_id=room,
            content=Content(text=TEXT, in_reply_to=row.memory_id),
        )
        for row in taken
    ]
    parts = [
        NewOutbox(
            agent_id=AGENT,
            account=ACCOUNT,
            destination=f"{ACCOUNT}/{ROOM}",
            target=row.target,
            payload={"text": TEXT},
            part=0,
            parts=1,
            memory_id=reply.id,
            run_id=run_id,
        )
        for row, reply in zip(taken, replies, strict=True)
    ]
    ended = TurnCommit(
        ends=tuple(InboxEnd(seq=row.seq, outcome=Outcome.ANSWERED, reason="direct message") for row in taken),
        run=RunRecord(
            id=run_id, agent_id=AGENT, room_id=room, started_at=now, ended_at=now, status="completed"
        ),
        memories=tuple(replies),
        outbox=tuple(parts),
    )
    queued = await store.commit_turn(ended)
    assert queued is not None
    await asyncio.gather(*(store.mark_sent(seq, f"sent-{seq}") for seq in queued.seqs))


async def fill(folder: Path, stored: int) -> None:
    """Put `stored` messages into the room, by the store's own verbs."""
    async with make_store(DATABASE, base=folder) as store:
        await store.ensure_agent(AGENT, CHARACTER)
        turns = stored // 2
        for begin in range(0, turns, BATCH):
            await _add(store, range(begin, min(begin + BATCH, turns)))


async def _measure(stored: Sequence[int], messages: int) -> list[tuple[float, float]]:
    async with AsyncExitStack() as stack:
        hosts = []
        for count in stored:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            await fill(folder, count)
            hosts.append(await stack.enter_async_context(open_host(folder)))
        for _, platform in hosts:
            await exchange(platform, WARM_UP, ROOM)
        wall: list[list[float]] = [[] for _ in stored]
        cpu: list[list[float]] = [[] for _ in stored]
        for turn in range(messages):
            for place in range(len(hosts)):
                index = (turn + place) % len(hosts)
                host, platform = hosts[index]
                spent, began = time.process_time(), time.perf_counter()
                await exchange(platform, 1, ROOM)
                wall[index].append(time.perf_counter() - began)
                await host.finish_pending()
                cpu[index].append(time.process_time() - spent)
        return [(middle(walls) * 1000, middle(cpus) * 1000) for walls, cpus in zip(wall, cpu, strict=True)]


def measure(stored: Sequence[int], messages: int) -> list[tuple[float, float]]:
    """For each count of stored messages: milliseconds until the answer and of CPU, the medians."""
    return asyncio.run(_measure(stored, messages))


def rows(messages: int = 500, stored: Sequence[int] = STORED) -> Iterator[Row]:
    """All measurements."""
    figures = alone(measure, stored, messages)
    for count, (wall, cpu) in zip(stored, figures, strict=True):
        yield Row(
            f"{count:,} stored",
            f"{wall / figures[0][0]:.2f} × at 0",
            f"p50 {wall:.2f} ms; CPU {cpu:.2f} ms, {cpu / figures[0][1]:.2f} × at 0",
        )


if __name__ == "__main__":
    show(TITLE, rows(*map(int, sys.argv[1:2])))
