"""What the store costs a message: CPU and time of one turn's verbs, alone and with many rooms at once.

Run: python benchmarks/store.py [turns]
"""

import asyncio
import cProfile
import os
import platform
import pstats
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bot_host.store import Database, make_store
from bot_host.types.character import Character
from bot_host.types.content import ChannelType, Content
from bot_host.types.ids import create_unique_uuid, new_id
from bot_host.types.memory import Memory
from bot_host.types.outbound import Target
from bot_host.types.places import Entity, Room, World
from bot_host.types.turn import Admission, InboxEnd, NewOutbox, Outcome, RunRecord, TurnCommit

CHARACTER = Character(name="Ada")
AGENT = CHARACTER.agent_id
ACCOUNT = "discord:99"
HISTORY = 40
SEARCHED = 10_000
TEXT = "A sentence of about the length that people write in a chat, now and then a bit more. "


def _admission(room: int, number: int) -> Admission:
    room_id, person = create_unique_uuid(AGENT, f"room{room}"), create_unique_uuid(AGENT, f"person{room}")
    world = create_unique_uuid(AGENT, "world")
    now = datetime.now(UTC)
    target = Target(source="discord", account=ACCOUNT, room_id=room_id, channel_id=str(room))
    return Admission(
        agent_id=AGENT,
        account=ACCOUNT,
        event_key=f"{room}/{number}",
        message_id=str(number),
        world=World(id=world, agent_id=AGENT, name="World", platform="discord"),
        room=Room(id=room_id, agent_id=AGENT, world_id=world, name="room", type=ChannelType.GROUP),
        sender=Entity(id=person, agent_id=AGENT, names=("Ben",), metadata={"discord": {"id": str(room)}}),
        memory=Memory(
            agent_id=AGENT,
            entity_id=person,
            room_id=room_id,
            content=Content(text=TEXT, source="discord"),
        ),
        target=target,
        sent_at=now,
        places_known=number > 0,
    )


async def _turn(store: Database, room: int, number: int) -> None:
    admission = _admission(room, number)
    await store.admit([admission])
    rows = (await store.take_turn(AGENT, admission.room.id, 16)).rows
    history = await store.get_memories(admission.room.id, count=32)
    run_id = new_id()
    reply = Memory(
        agent_id=AGENT,
        entity_id=AGENT,
        room_id=admission.room.id,
        content=Content(text=TEXT * 2, in_reply_to=rows[-1].memory_id),
    )
    part = NewOutbox(
        agent_id=AGENT,
        account=ACCOUNT,
        destination=f"{ACCOUNT}/{room}",
        target=admission.target,
        payload={"content": reply.content.text},
        part=0,
        parts=1,
        memory_id=reply.id,
        run_id=run_id,
    )
    run = RunRecord(
        id=run_id,
        agent_id=AGENT,
        room_id=admission.room.id,
        started_at=admission.sent_at,
        ended_at=datetime.now(UTC),
        status="completed",
        model_calls=({"type": "TEXT_LARGE", "model": "m", "prompt_tokens": 900, "ms": 800.0},),
        steps=({"name": "gate", "ms": 0.1}, {"name": "compose", "ms": 3.0}, {"name": "respond", "ms": 800.0}),
    )
    seqs = await store.commit_turn(
        TurnCommit(
            ends=tuple(InboxEnd(seq=row.seq, outcome=Outcome.ANSWERED, reason="mention") for row in rows),
            run=run,
            memories=(reply,),
            outbox=(part,),
            revisions={memory.id: 0 for memory in history[-1:]},
        )
    )
    assert seqs is not None
    await store.mark_sending(seqs[0])
    await store.mark_sent(seqs[0], str(number))


@dataclass(frozen=True)
class Figures:
    """Of one measurement."""

    name: str
    times: int
    cpu_s: float
    wall_s: float

    def line(self) -> str:
        return (
            f"{self.name:<34} {self.cpu_s / self.times * 1e6:>10.0f} {self.wall_s / self.times * 1e6:>10.0f}"
            f" {self.times / self.wall_s:>10.0f}"
        )


async def _measure(name: str, times: int, work: Callable[[], Awaitable[object]]) -> Figures:
    cpu, wall = time.process_time(), time.perf_counter()
    await work()
    return Figures(name, times, time.process_time() - cpu, time.perf_counter() - wall)


async def _rooms(store: Database, rooms: range, first: int, turns: int) -> None:
    async def one(room: int) -> None:
        for number in range(first, first + turns):
            await _turn(store, room, number)

    async with asyncio.TaskGroup() as group:
        for room in rooms:
            group.create_task(one(room))


async def _verbs(store: Database, times: int) -> list[Figures]:
    """Each verb by itself, one caller."""
    admissions = [_admission(0, 10**6 + i) for i in range(times)]
    room_id, first = admissions[0].room.id, admissions[0]

    async def admit() -> None:
        for admission in admissions:
            await store.admit([admission])

    async def admit_again() -> None:
        for admission in admissions:
            await store.admit([replace(admission)])

    async def take_and_put_back() -> None:
        for _ in range(times):
            rows = (await store.take_turn(AGENT, room_id, 1)).rows
            await store.put_back([rows[0].seq], blameless=True)

    async def read(count: int) -> None:
        for _ in range(times):
            await store.get_memories(room_id, count=count)

    async def find() -> None:
        for _ in range(times):
            await store.find_room(first.room.id)

    return [
        await _measure("admit, places known", times, admit),
        await _measure("admit, duplicate", times, admit_again),
        await _measure("take_turn + put_back", times, take_and_put_back),
        await _measure("get_memories(32)", times, lambda: read(32)),
        await _measure("get_memories(1)", times, lambda: read(1)),
        await _measure("find_room", times, find),
    ]


async def _searches(store: Database) -> list[Figures]:
    """Searches among 10,000 memories with vectors of 384 numbers; each line is one search."""
    chance = random.Random(1)
    words = [f"word{number}" for number in range(5000)]
    room = _admission(0, 0).room.id
    now = datetime.now(UTC)

    async def keep() -> None:
        text = " ".join(chance.choices(words, k=15))
        memory = Memory(
            agent_id=AGENT, entity_id=AGENT, room_id=room, content=Content(text=text), created_at=now
        )
        await store.create_memory(memory)
        await store.set_embedding(memory.id, [chance.gauss(0, 1) for _ in range(384)], model="m")

    for _ in range(0, SEARCHED, 100):
        await asyncio.gather(*(keep() for _ in range(100)))
    vector = [chance.gauss(0, 1) for _ in range(384)]

    async def times(search: Callable[[], Awaitable[object]]) -> None:
        for _ in range(5):
            await search()

    def by_vector() -> Awaitable[object]:
        return store.search_memories_by_embedding(AGENT, vector)

    def by_words() -> Awaitable[object]:
        return store.search_memories_by_text(AGENT, "word7 word8 word9")

    def by_pieces() -> Awaitable[object]:
        return store.search_memories_by_text(AGENT, "東京")

    return [
        await _measure("search 10,000 vectors", 5, lambda: times(by_vector)),
        await _measure("search 10,000 texts by words", 5, lambda: times(by_words)),
        await _measure("search 10,000 texts by pieces", 5, lambda: times(by_pieces)),
    ]


async def _main(turns: int) -> None:
    print(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {os.cpu_count()} cores")
    print(f"{'':<34} {'CPU µs':>10} {'wall µs':>10} {'per s':>10}")
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        async with make_store("sqlite:///bench.db", base=Path(folder)) as store:
            await store.ensure_agent(AGENT, CHARACTER)
            await _rooms(store, range(64), 0, HISTORY // 2)
            alone = await _measure("turn, 1 room", turns, lambda: _rooms(store, range(1), 1000, turns))
            print(alone.line())
            each = max(1, turns // 16)
            many = await _measure(
                "turn, 64 rooms at once", each * 64, lambda: _rooms(store, range(64), 10**5, each)
            )
            print(many.line())
            for figures in [*await _verbs(store, turns), *await _searches(store)]:
                print(figures.line())


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    if os.environ.get("BENCH_PROFILE"):
        with cProfile.Profile() as profile:
            asyncio.run(_main(count))
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)
    else:
        asyncio.run(_main(count))
