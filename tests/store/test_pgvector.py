"""PostgreSQL's extension pgvector: taken into use, done without, and its indexes."""

import asyncio
import logging
import random
from array import array
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from bot_host.store import Database, filters, make_store, postgres_vectors
from bot_host.store.nearest import Scan
from bot_host.store.pgvector import Extension, Pgvector
from bot_host.store.statement import Unit
from bot_host.types.content import Content
from bot_host.types.hearing import Hearing
from bot_host.types.memory import Memory
from tests import postgres
from tests.store.raw import look
from tests.store.samples import AGENT, CHARACTER, NOON, make_id, make_person, make_room, make_world

BASE = Path("/nowhere")
MODEL = "it's a \\ model"
EIGHT = [1.0, 0.5, 0.25, 0.0, 0.0, 0.0, 0.0, 0.0]


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A database of a server that has the extension."""
    base = postgres.vector_server().url
    made = await postgres.make_database(base)
    yield made
    await postgres.drop_database(made, base)


async def run(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def fill(store: Database, count: int, *, dimensions: int = 8, model: str = MODEL) -> None:
    """Memories with vectors, every third in a room that is closed."""
    chance = random.Random(1)
    await store.ensure_agent(AGENT, CHARACTER)
    await store.apply_places(
        "discord:1",
        [make_world()],
        [make_room("open", open=True), make_room("closed", open=False)],
        [make_person()],
        None,
    )

    async def keep(number: int) -> None:
        memory = Memory(
            agent_id=AGENT,
            entity_id=make_id("ben"),
            room_id=make_id("open" if number % 3 else "closed"),
            world_id=make_id("guild"),
            content=Content(text=f"{number}"),
            created_at=NOON,
        )
        await store.create_memory(memory)
        await store.set_embedding(memory.id, [chance.gauss(0, 1) for _ in range(dimensions)], model=model)

    await asyncio.gather(*(keep(number) for number in range(count)))


async def prefer(url: str, *settings: str) -> None:
    """Settings of the database, for connections that are made after."""
    await run(url, *(f"ALTER DATABASE {urlsplit(url).path[1:]} SET {setting}" for setting in settings))


async def indexes(url: str) -> list[str]:
    found = await look(url, BASE, "SELECT indexdef FROM pg_indexes WHERE indexname LIKE 'ix_vectors_%'")
    return [row["indexdef"] for row in found]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno == logging.WARNING]


class TestIndex:
    async def test_it_is_made_where_it_pays_and_serves_searches(
        self, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with make_store(url, base=BASE) as store:
            await fill(store, 400)
            await store._driver.settle_vectors()  # type: ignore[attr-defined]
            assert await indexes(url) == []
            monkeypatch.setattr(postgres_vectors, "INDEX_FROM", 400)
            exact = await store.search_memories(AGENT, embedding=EIGHT, model=MODEL, count=5)
            await store._driver.settle_vectors()  # type: ignore[attr-defined]
            (made,) = await indexes(url)
            assert "USING hnsw" in made
            assert "vector_ip_ops" in made
            found = await store.search_memories(AGENT, embedding=EIGHT, model=MODEL, count=5)
            assert [hit.memory.id for hit in found] == [hit.memory.id for hit in exact]
            await self.is_used(store, url)

    async def is_used(self, store: Database, url: str) -> None:
        before = (await look(url, BASE, _SCANS))[0]["scans"]
        await prefer(url, *_BY_INDEX)
        async with make_store(url, base=BASE) as again:
            await again.search_memories(AGENT, embedding=EIGHT, model=MODEL, count=5)
        after = (await look(url, BASE, _SCANS))[0]["scans"]
        assert after > before

    async def test_the_index_of_a_model_that_is_no_more_goes(
        self, url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(postgres_vectors, "INDEX_FROM", 3)
        async with make_store(url, base=BASE) as store:
            await fill(store, 3)
            await store._driver.settle_vectors()  # type: ignore[attr-defined]
            assert len(await indexes(url)) == 1
            assert await store.drop_embeddings(AGENT, MODEL) == 3
        async with make_store(url, base=BASE) as store:
            await store._driver.settle_vectors()  # type: ignore[attr-defined]
            await store._driver._tasks.wait(10)  # type: ignore[attr-defined]
        assert await indexes(url) == []
        assert warnings(caplog) == []

    async def test_one_that_was_not_finished_is_made_again(
        self, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(postgres_vectors, "INDEX_FROM", 3)
        async with make_store(url, base=BASE) as store:
            await fill(store, 3)
            await store._driver.settle_vectors()  # type: ignore[attr-defined]
            await run(
                url,
                "UPDATE pg_index SET indisvalid = false WHERE indrelid = 'embeddings'::regclass "
                "AND NOT indisunique AND indpred IS NOT NULL",
            )
            await store._driver.settle_vectors()  # type: ignore[attr-defined]
            (row,) = await look(
                url,
                BASE,
                "SELECT indisvalid FROM pg_index "
                "WHERE indrelid = 'embeddings'::regclass AND indpred IS NOT NULL",
            )
            assert row["indisvalid"]

    async def test_what_may_not_be_heard_does_not_keep_hits_away(
        self, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(postgres_vectors, "INDEX_FROM", 3)
        async with make_store(url, base=BASE) as store:
            await fill(store, 90)
            await store._driver.settle_vectors()  # type: ignore[attr-defined]
            hearing = Hearing(room_ids=(make_id("x"),), world_id=make_id("guild"))
            how: dict[str, Any] = {"embedding": EIGHT, "model": MODEL, "hearing": hearing, "threshold": -1.0}
            assert len(await store.search_memories(AGENT, **how, count=90)) == 60
            assert len(await store.search_memories(AGENT, **how, count=59)) == 59

    @pytest.mark.parametrize("dimensions", [1, 2000, 2001, 4000, 4001, 16_000, 16_001])
    async def test_vectors_of_any_length(
        self, url: str, monkeypatch: pytest.MonkeyPatch, dimensions: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(postgres_vectors, "INDEX_FROM", 3)
        async with make_store(url, base=BASE) as store:
            await fill(store, 3, dimensions=dimensions)
            await store._driver.settle_vectors()  # type: ignore[attr-defined]
            assert len(await indexes(url)) == (dimensions <= 4000)
            chance = random.Random(2)
            wanted = [chance.gauss(0, 1) for _ in range(dimensions)]
            found = await store.search_memories(AGENT, embedding=wanted, model=MODEL, threshold=-1.0)
            assert len(found) == 3
        assert not [message for message in warnings(caplog) if "16,000" not in message]


_SCANS = (
    "SELECT coalesce(sum(idx_scan), 0) AS scans FROM pg_stat_user_indexes "
    "WHERE indexrelname LIKE 'ix_vectors_%'"
)
# With a few hundred, comparing all of them is the better plan: that must not decide here.
_BY_INDEX = ("enable_seqscan = off", "enable_bitmapscan = off", "enable_sort = off")


class TestWithAndWithout:
    async def test_it_comes_into_use_when_it_can_and_is_done_without_again(
        self, url: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "bot_host")
        async with make_store(url, base=BASE) as store:
            assert not isinstance(store._driver.nearest, Scan)
            assert any("compares vectors by pgvector from now on" in each.message for each in caplog.records)
            await fill(store, 5)
            with_it = await store.search_memories(AGENT, embedding=EIGHT, model=MODEL, threshold=-1.0)
        await run(url, "DROP EXTENSION vector CASCADE")
        async with make_store(url, base=BASE, read_only=True) as looker:
            assert isinstance(looker._driver.nearest, Scan)
            without = await looker.search_memories(AGENT, embedding=EIGHT, model=MODEL, threshold=-1.0)
        assert without == with_it
        assert len(with_it) == 5

    async def test_an_admin_must_allow_it_where_the_user_may_not(
        self, url: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        name = urlsplit(url).path[1:]
        role = f"bot_{name}"
        await run(url, f"CREATE ROLE {role} LOGIN", f"GRANT ALL ON SCHEMA public TO {role}")
        theirs = urlunsplit(urlsplit(url)._replace(netloc=f"{role}@"))
        async with make_store(theirs, base=BASE) as store:
            await fill(store, 2)
            for _ in range(2):
                assert await store.search_memories(AGENT, embedding=EIGHT, model=MODEL, threshold=-1.0)
        (told,) = warnings(caplog)
        assert f"pgvector would do it in the database {name}" in told
        assert "CREATE EXTENSION vector;" in told
        caplog.clear()
        await run(url, "CREATE EXTENSION vector")
        async with make_store(theirs, base=BASE) as store:
            assert not isinstance(store._driver.nearest, Scan)
            assert await store.search_memories(AGENT, embedding=EIGHT, model=MODEL, threshold=-1.0)
        assert warnings(caplog) == []
        await run(url, f"REASSIGN OWNED BY {role} TO tests", f"DROP OWNED BY {role}", f"DROP ROLE {role}")

    async def test_in_a_schema_of_its_own_beside_the_tables(self, url: str) -> None:
        await run(
            url,
            'CREATE SCHEMA "Ext tensions"',
            'CREATE EXTENSION vector SCHEMA "Ext tensions"',
            "CREATE SCHEMA bots",
        )
        theirs = f"{url}&search_path=bots"
        async with make_store(theirs, base=BASE) as store:
            await fill(store, 3)
            assert len(await store.search_memories(AGENT, embedding=EIGHT, model=MODEL, threshold=-1.0)) == 3

    async def test_a_server_without_it_is_told_of(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Whatever the server has: as if it had none."""
        monkeypatch.setattr(postgres_vectors, "AVAILABLE", "SELECT true WHERE false")
        monkeypatch.setattr(postgres_vectors, "EXTENSION", "SELECT '', '' WHERE false")
        async with postgres.lent_database() as url, make_store(url, base=BASE) as store:
            assert warnings(caplog) == []
            await fill(store, 2)
            for _ in range(2):
                assert await store.search_memories(AGENT, embedding=EIGHT, model=MODEL, threshold=-1.0)
        (told,) = warnings(caplog)
        assert "has no pgvector" in told
        assert "apt install postgresql-" in told


def search_for(extension: Extension, count: int) -> Unit[list[int]]:
    nearest = Pgvector(extension, lambda model, dimensions: None)
    return nearest(filters.values(AGENT), "m", array("f", [1.0]), count)


def test_where_the_index_finds_too_few_all_are_compared() -> None:
    unit = search_for(Extension((0, 8, 0), "public"), 2)
    next(unit)
    assert "index" in unit.send([]).statement.name
    assert "exact" in unit.send([(7,)]).statement.name
    with pytest.raises(StopIteration) as end:
        unit.send([(7,), (5,)])
    assert end.value.value == [7, 5]


def test_where_the_index_finds_enough_that_is_it() -> None:
    unit = search_for(Extension((0, 8, 0), "public"), 1)
    next(unit)
    unit.send([])
    with pytest.raises(StopIteration) as end:
        unit.send([(7,)])
    assert end.value.value == [7]


def test_older_versions_are_asked_for_what_they_know() -> None:
    old, older = Extension((0, 6, 2), "public"), Extension((0, 4, 4), "public")
    assert old.has_index(2000)
    assert not old.has_index(2001)
    assert old.kind(3000) == "public.vector(3000)"
    assert not older.has_index(3)

    assert "iterative" not in next(search_for(old, 1)).statement.name
    assert "iterative" in next(search_for(Extension((0, 8, 0), "public"), 1)).statement.name
