"""Searches among many memories: how long they take, and how many of the ten best they find.

Run: python -m benchmarks.search N [--url URL] [--dimensions D] [--keep FOLDER]

Without a URL a SQLite file in a temporary folder; with `--keep` it stays, and is used again by the next run.
Needs numpy. Vectors lie in clusters, as those of texts do; in each of 100 rooms are as many memories.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy

from bot_host.store import Database, embeddings, filters, make_store, memories, search
from bot_host.store.nearest import Scan
from bot_host.store.statement import Unit
from bot_host.types.character import Character
from bot_host.types.content import Content
from bot_host.types.hearing import Hearing
from bot_host.types.ids import UUID, create_unique_uuid
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.places import Entity, Room, World

CHARACTER: Final = Character(name="Ada")
AGENT: Final = CHARACTER.agent_id
MODEL: Final = "benchmark"
ROOMS: Final = 100
AT_ONCE: Final = 500
WORDS: Final = 20_000
BEGAN: Final = datetime(2026, 1, 1, tzinfo=UTC)
Vectors = numpy.ndarray[Any, numpy.dtype[numpy.float32]]


@dataclass(frozen=True, slots=True)
class Figures:
    """One kind of search."""

    what: str
    ms: float
    """The median."""
    slowest_ms: float
    recall: float
    """Of the ten that an exact scan finds, the share that was found; NaN where nothing is compared."""

    def line(self) -> str:
        """For a table."""
        return f"{self.what:<34} {self.ms:>9.1f} {self.slowest_ms:>9.1f} {self.recall:>8.3f}"


def _id(base: str) -> UUID:
    return create_unique_uuid(AGENT, base)


class Corpus:
    """Texts and vectors that are the same each time."""

    def __init__(self, dimensions: int, seed: int = 1) -> None:
        self._chance = numpy.random.default_rng(seed)
        self._centres = self._chance.standard_normal((1000, dimensions)).astype("f4")
        self.dimensions = dimensions

    def vectors(self, count: int) -> Vectors:
        """Around centres, some of which are met more often than others."""
        which = numpy.minimum(self._chance.zipf(1.3, count), len(self._centres)) - 1
        found = self._centres[which] + 0.7 * self._chance.standard_normal((count, self.dimensions))
        lengths = numpy.linalg.norm(found, axis=1, keepdims=True)
        made: Vectors = (found / lengths).astype("<f4")
        return made

    def texts(self, count: int, words: int = 15) -> list[str]:
        """Words as in a language: a few are in many texts, most in few."""
        which = numpy.minimum(self._chance.zipf(1.1, (count, words)), WORDS)
        return [" ".join(f"word{number}" for number in line) for line in which.tolist()]


async def fill(store: Database, n: int, dimensions: int) -> float:
    """`n` memories with their vectors in an open store; seconds."""
    began = time.perf_counter()
    corpus = Corpus(dimensions)
    await store.ensure_agent(AGENT, CHARACTER)
    rooms = [
        Room(id=_id(f"room{i}"), agent_id=AGENT, world_id=_id("world"), open=i % 2 == 0) for i in range(ROOMS)
    ]
    world = World(id=_id("world"), agent_id=AGENT, platform="x", platform_id="1")
    await store.apply_places("", [world], rooms, [Entity(id=_id("ben"), agent_id=AGENT)], None)
    for at in range(0, n, AT_ONCE):
        count = min(AT_ONCE, n - at)
        lines = list(zip(corpus.texts(count), corpus.vectors(count), strict=True))
        await store._driver.write(partial(_keep, at, lines))
    return time.perf_counter() - began


def _keep(at: int, lines: Sequence[tuple[str, Any]]) -> Unit[None]:
    for number, (text, vector) in enumerate(lines, at):
        memory = Memory(
            id=_id(f"memory{number}"),
            agent_id=AGENT,
            entity_id=_id("ben"),
            room_id=_id(f"room{number % ROOMS}"),
            world_id=_id("world"),
            # One in ten, in each room.
            type=MemoryType.FACT if number // ROOMS % 10 == 0 else MemoryType.MESSAGE,
            content=Content(text=text),
            created_at=BEGAN + timedelta(seconds=number),
        )
        yield from memories.create_memory(memory)
        if number == 0:
            yield from embeddings.set_embedding(memory.id, vector.tolist(), MODEL)
        else:
            yield embeddings.PUT(
                memory_id=memory.id,
                model=MODEL,
                dimensions=len(vector),
                vector=vector.tobytes(),
                now=memory.created_at,
            )


NARROWED: Final[Mapping[str, dict[str, Any]]] = {
    "": {},
    ", one of 100 rooms": {"room_id": _id("room3")},
    ", facts (one in ten)": {"types": (MemoryType.FACT,)},
    ", last hundredth of the time": {"start": None},
    ", what an open room may hear": {"hearing": Hearing(room_ids=(_id("room3"),), world_id=_id("world"))},
    ", what a private chat may hear": {"hearing": Hearing(room_ids=(_id("room3"),), persons=(_id("ben"),))},
}


async def measure(store: Database, n: int, dimensions: int, times: int = 20) -> list[Figures]:
    """Searches by vector, words and both, with and without filters, in a store that `fill` has filled."""
    corpus = Corpus(dimensions)
    # The same centres, other vectors.
    corpus._chance = numpy.random.default_rng(2)
    asked = list(zip(corpus.texts(times, words=4), corpus.vectors(times), strict=True))
    found = []
    for name, narrowed in NARROWED.items():
        scope = dict(narrowed)
        if "start" in scope:
            scope["start"] = BEGAN + timedelta(seconds=n * 0.99)
        found += [
            await _measure(store, f"{what}{name}", asked, what, scope) for what in ("vector", "words", "both")
        ]
    return found


async def _measure(
    store: Database, name: str, asked: Sequence[tuple[str, Any]], what: str, scope: Mapping[str, Any]
) -> Figures:
    took, recalls = [], []
    for text, vector in asked:
        how: dict[str, Any] = dict(scope)
        if what != "vector":
            how["text"] = text
        if what != "words":
            how |= {"embedding": vector.tolist(), "model": MODEL, "threshold": -1.0}
        began = time.perf_counter()
        hits = await store.search_memories(AGENT, **how)
        took.append((time.perf_counter() - began) * 1000)
        if what == "vector":
            best = await store._driver.search(partial(_exactly, scope, vector))
            recalls.append(len({hit.memory.id for hit in hits} & best) / max(1, len(best)))
    recall = statistics.mean(recalls) if recalls else float("nan")
    return Figures(name, statistics.median(took), max(took), recall)


def _exactly(scope: Mapping[str, Any], vector: Vectors) -> Unit[set[UUID]]:
    values = filters.values(AGENT, **scope)
    found = yield from search.by_vector(
        values, vector.tolist(), Scan(), model=MODEL, threshold=-1.0, count=10
    )
    return set(search.first(found, 10))


def lines(figures: Sequence[Figures]) -> Iterator[str]:
    """A table."""
    yield f"{'':<34} {'median ms':>9} {'max ms':>9} {'recall':>8}"
    for each in figures:
        yield each.line()


async def _main(n: int, url: str, base: Path, dimensions: int) -> None:
    async with make_store(url, base=base) as store:
        if not await store._driver.read(partial(embeddings.embedding_models, AGENT)):
            print(f"filled in {await fill(store, n, dimensions):.0f} s")
        if hasattr(store._driver, "settle_vectors"):
            began = time.perf_counter()
            await store._driver.settle_vectors()
            print(f"index built in {time.perf_counter() - began:.0f} s")
        for line in lines(await measure(store, n, dimensions)):
            print(line)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("n", type=int)
    parser.add_argument("--url", default="sqlite:///search.db")
    parser.add_argument("--dimensions", type=int, default=384)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_main(given.n, given.url, given.keep or Path(folder), given.dimensions))
