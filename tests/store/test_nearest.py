"""Every way to find the nearest vectors finds the same ones, in the same order."""

import logging
import math
import sqlite3
import sys
from array import array
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot_host.store import Database, make_store, nearest, scoring, sqlite_vec
from bot_host.store.columns import pack
from bot_host.store.embeddings import unit_vector
from bot_host.store.nearest import Scan
from bot_host.store.postgres_vectors import Vectors
from bot_host.types.character import Character
from bot_host.types.content import Content
from bot_host.types.hearing import Hearing
from bot_host.types.ids import UUID, new_id
from bot_host.types.knowledge import Audience
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.places import Entity, Room, World
from tests import postgres
from tests.store.samples import NOON

LOADABLE = not sqlite_vec.load(sqlite3.connect(":memory:"))
WAYS = ("sqlite, plain", "sqlite, numpy", "postgresql, plain", "postgresql, numpy", "pgvector")
CANNOT = "this Python cannot load SQLite's extensions"
VEC = pytest.param("sqlite-vec", marks=pytest.mark.skipif(not LOADABLE, reason=CANNOT))


async def _without_extension(self: Vectors, connection: Any, *, read_only: bool) -> None:
    """As on a server that has none."""


@pytest.fixture(params=[*WAYS, VEC])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Database]:
    """A store that finds the nearest in one of the ways that there are."""
    way = request.param
    if "plain" in way:
        monkeypatch.setattr(scoring, "has_numpy", lambda: False)
    if way.startswith("sqlite,"):
        monkeypatch.setattr(sqlite_vec, "load", lambda db: "this test does without")
    # Many chunks of few.
    monkeypatch.setattr(nearest, "CHUNK", 7)
    if way.startswith("sqlite"):
        async with make_store("sqlite:///bot.db", base=tmp_path) as store:
            assert isinstance(store._driver.nearest, Scan) == (way != "sqlite-vec")
            yield store
        return
    if way == "pgvector":
        base = postgres.vector_server().url
        url = await postgres.make_database(base)
        async with make_store(url, base=tmp_path) as store:
            assert not isinstance(store._driver.nearest, Scan)
            yield store
        await postgres.drop_database(url, base)
        return
    monkeypatch.setattr(Vectors, "open", _without_extension)
    async with postgres.lent_database() as url, make_store(url, base=tmp_path) as store:
        yield store


@dataclass(frozen=True)
class Case:
    """Memories with vectors, and a question."""

    kept: tuple[tuple[tuple[int, ...], int, MemoryType, Audience | None, int], ...]
    """Vector, room, type, audience, person."""
    wanted: tuple[int, ...]
    hearing: int
    narrowed: tuple[str, ...]
    count: int


@st.composite
def cases(draw: st.DrawFn) -> Case:
    dimensions = draw(st.sampled_from((2, 3, 8)))
    # Small whole numbers make many ties.
    vectors = st.tuples(*[st.integers(-2, 2)] * dimensions)
    memory = st.tuples(
        vectors,
        st.integers(0, 3),
        st.sampled_from((MemoryType.MESSAGE, MemoryType.FACT)),
        st.sampled_from((None, *Audience)),
        st.integers(0, 1),
    )
    return Case(
        kept=tuple(draw(st.lists(memory, max_size=30))),
        wanted=draw(vectors),
        hearing=draw(st.integers(-1, 2)),
        narrowed=tuple(draw(st.sets(st.sampled_from(("room_id", "types", "entity_ids", "world_id"))))),
        count=draw(st.integers(1, 12)),
    )


class Places:
    """An agent of its own for each example, with four rooms and two people."""

    def __init__(self) -> None:
        self.agent = Character(name=f"Ada {new_id()}")
        self.agent_id = self.agent.agent_id
        self.worlds = [new_id(), new_id()]
        self.rooms = [new_id() for _ in range(4)]
        self.people = [new_id(), new_id()]
        self.open = (True, False, None, True)

    def world_of(self, room: int) -> UUID:
        """The last room is in a world of its own."""
        return self.worlds[room == 3]

    async def make(self, store: Database) -> None:
        """Them in the database."""
        me = self.agent_id
        await store.ensure_agent(me, self.agent)
        await store.apply_places(
            "",
            [World(id=each, agent_id=me, platform="x", platform_id=each) for each in self.worlds],
            [
                Room(id=room, agent_id=me, world_id=self.world_of(i), open=self.open[i])
                for i, room in enumerate(self.rooms)
            ],
            [Entity(id=person, agent_id=me) for person in self.people],
            None,
        )

    def hearing(self, number: int) -> Hearing | None:
        """No rule, an open room, another closed one, a private chat."""
        return (
            Hearing(room_ids=(self.rooms[0],), world_id=self.worlds[0]),
            Hearing(room_ids=(self.rooms[2],), world_id=self.worlds[1]),
            Hearing(room_ids=(self.rooms[1],), persons=(self.people[0],)),
            None,
        )[number]


def fits(memory: Memory, places: Places, hearing: Hearing | None, narrowed: dict[str, Any]) -> bool:
    """Whether it may be found, as the words of the contract say it."""
    room = places.rooms.index(memory.room_id)
    return (
        (hearing is None or hearing.hears(memory, room_open=bool(places.open[room])))
        and memory.room_id == narrowed.get("room_id", memory.room_id)
        and memory.world_id == narrowed.get("world_id", memory.world_id)
        and memory.type in narrowed.get("types", [memory.type])
        and memory.entity_id in narrowed.get("entity_ids", [memory.entity_id])
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases())
async def test_it_finds_what_sorting_all_of_them_finds(store: Database, case: Case) -> None:
    places = Places()
    await places.make(store)
    wanted = unit_vector(case.wanted)
    kept: list[tuple[float, int, Memory]] = []
    for number, (vector, room, kind, audience, person) in enumerate(case.kept):
        memory = Memory(
            agent_id=places.agent_id,
            entity_id=places.people[person],
            room_id=places.rooms[room],
            world_id=places.world_of(room),
            type=kind,
            audience=audience,
            content=Content(text=f"{number}"),
            created_at=NOON,
        )
        await store.create_memory(memory)
        await store.set_embedding(memory.id, vector, model=f"m{len(vector)}")
        kept.append((scoring.cosine(pack(unit_vector(vector)), wanted), number, memory))
    narrow = {
        "room_id": places.rooms[0],
        "types": [MemoryType.FACT],
        "entity_ids": [places.people[1]],
        "world_id": places.worlds[0],
    }
    narrowed = {name: narrow[name] for name in case.narrowed}
    hearing = places.hearing(case.hearing)
    hits = await store.search_memories(
        places.agent_id,
        embedding=case.wanted,
        model=f"m{len(case.wanted)}",
        hearing=hearing,
        threshold=-1.0,
        count=case.count,
        **narrowed,  # type: ignore[arg-type]
    )
    fitting = [each for each in kept if fits(each[2], places, hearing, narrowed)]
    best = sorted(fitting, reverse=True, key=lambda each: each[:2])[: case.count] if any(case.wanted) else []
    assert [hit.memory.content.text for hit in hits] == [memory.content.text for *_, memory in best]
    assert [hit.vector_similarity for hit in hits] == [similarity for similarity, *_ in best]
    await store.delete_agent(places.agent_id)


async def test_another_agents_vectors_of_the_model_may_be_of_another_length(store: Database) -> None:
    for length in (3, 5):
        places = Places()
        await places.make(store)
        memory = Memory(
            agent_id=places.agent_id,
            entity_id=places.people[0],
            room_id=places.rooms[0],
            content=Content(text=f"{length}"),
        )
        await store.create_memory(memory)
        await store.set_embedding(memory.id, [1.0] * length, model="m")
        (hit,) = await store.search_memories(places.agent_id, embedding=[1.0] * length, model="m")
        assert hit.memory.content.text == f"{length}"
        assert hit.vector_similarity == pytest.approx(1.0)


@pytest.mark.parametrize("kind", [scoring.PlainBest, scoring.NumpyBest])
def test_the_best_of_many_are_kept(kind: type[scoring.PlainBest]) -> None:
    wanted = array("f", [1.0, 0.0])
    vectors = [pack(array("f", [math.cos(i), math.sin(i)])) for i in range(100)]
    best = kind(wanted, 4)
    for at in range(0, 100, 9):
        best.add(range(at, min(at + 9, 100)), vectors[at : at + 9])
    assert best.numbers() == sorted(range(100), key=lambda i: -math.cos(i))[:4]


class TestWhatIsTold:
    async def told(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
        caplog.set_level(logging.INFO, "bot_host")
        async with make_store("sqlite:///bot.db", base=tmp_path) as store:
            places = Places()
            await places.make(store)
            memory = Memory(
                agent_id=places.agent_id,
                entity_id=places.people[0],
                room_id=places.rooms[0],
                content=Content(text="a"),
            )
            await store.create_memory(memory)
            await store.search_memories(places.agent_id, text="a")
            assert not [each for each in caplog.records if "vectors" in each.message]
            await store.set_embedding(memory.id, [1.0], model="m")
            for _ in range(2):
                assert await store.search_memories(places.agent_id, embedding=[1.0])
        return [
            (record.levelname, record.message) for record in caplog.records if "vectors" in record.message
        ]

    async def test_what_it_costs_and_how_to_get_better_once(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(scoring, "has_numpy", lambda: False)
        # As where it is not installed.
        monkeypatch.setitem(sys.modules, "sqlite_vec", None)
        ((level, words),) = await self.told(tmp_path, caplog)
        assert level == "WARNING"
        assert "one by one in plain Python" in words
        assert 'pip install "bot-host[sqlite-vec]"' in words
        assert ("is not installed" if LOADABLE else "cannot load SQLite's extensions") in words

    async def test_less_of_it_with_numpy(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "sqlite_vec", None)
        ((level, words),) = await self.told(tmp_path, caplog)
        assert (level, "one by one, by numpy" in words) == ("INFO", True)

    @pytest.mark.skipif(not LOADABLE, reason=CANNOT)
    async def test_nothing_where_the_extension_is_loaded(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert await self.told(tmp_path, caplog) == []
