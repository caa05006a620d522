"""Backups, restores and moves: every row of every table arrives, on either kind, and work goes on there."""

import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, inspect, select
from sqlalchemy.ext.asyncio import create_async_engine

from bot_host.store import make_store, upgrade
from bot_host.store.backup import backup, copy, restore
from bot_host.store.ledger_tables import tallies
from bot_host.store.loose import loose
from bot_host.store.schema import inbox, memories
from bot_host.store.urls import parse
from tests import postgres
from tests.store.conftest import DATABASES
from tests.store.filled import SCHEMA, TABLES, books, contents, fill, run, shelves
from tests.store.samples import AGENT, CHARACTER, NOON, make_admission, make_id

FACTS = loose(select(memories.c.agent_id).where(memories.c.type == "fact"))
SQLITE = "sqlite:///data/bot_host.db"


def quiet(_: str, __: int) -> None:
    """Nobody looks on."""


@asynccontextmanager
async def empty(kind: str) -> AsyncIterator[str]:
    """The URL of a database in which nothing is, not even tables."""
    if kind == "sqlite":
        yield "sqlite:///elsewhere/bot_host.db"
        return
    url = await postgres.make_database()
    try:
        yield url
    finally:
        await postgres.drop_database(url)


@pytest.fixture(params=DATABASES)
async def target(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """An empty database's URL."""
    async with empty(request.param) as url:
        yield url


async def goes_on(url: str, base: Path) -> None:
    """Numbers, counters, full text and plugins work there as they did where the rows came from."""
    async with make_store(url, base=base) as store:
        numbers = await run(store, loose(select(inbox.c.seq)))
        received = tallies.c.ending == "received"
        before = await run(
            store, loose(select(tallies.c.count).where(received, tallies.c.account == "discord:99"))
        )
        assert before == []
        await store.ensure_agent(AGENT, CHARACTER)
        await store.admit([make_admission("new", text="a new word")])
        [(seq,)] = await run(store, loose(select(inbox.c.seq).where(inbox.c.event_key.like("%new"))))
        # Four were given where it came from, and one of them was deleted since.
        assert seq > max(4, *(number for (number,) in numbers))
        [(count,)] = await run(
            store, loose(select(tallies.c.count).where(received, tallies.c.account == "discord:99"))
        )
        assert count == 1
        [(agent,)] = await run(store, loose(select(memories.c.agent_id).where(memories.c.seq == 12)))
        found = await store.search_memories_by_text(agent, "münchen tea")
        assert len(found) == sum(1 for (other,) in await run(store, FACTS) if other == agent)
        await store.migrate_schema("books", SCHEMA)
        [(shelf,), *_] = await run(store, loose(select(shelves.c.id)))
        book = {"shelf": shelf, "reader": make_id("ben"), "about": {}, "title": "new"}
        [(number,)] = await run(store, loose(insert(books).values(**book).returning(books.c.id)))
        assert number > 3
        [(place,)] = await run(
            store, loose(insert(shelves).values(id=make_id("shelf")).returning(shelves.c.place))
        )
        assert place == "hall"
        await run(store, loose(delete(shelves)))
        assert await run(store, loose(select(books.c.id))) == []


async def shape(url: str, base: Path) -> dict[str, object]:
    """The plugin's tables: keys and indexes."""
    if url.startswith("sqlite"):
        engine = create_async_engine(f"sqlite+aiosqlite:///{base / url.removeprefix('sqlite:///')}")
    else:
        engine = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"))

    def look(connection: object) -> dict[str, object]:
        found = inspect(connection)
        assert found is not None
        return {
            table.name: (
                found.get_pk_constraint(table.name)["constrained_columns"],
                sorted(key["constrained_columns"] for key in found.get_foreign_keys(table.name)),
                sorted(str(each["name"]) for each in found.get_unique_constraints(table.name)),
                sorted(str(each["name"]) for each in found.get_indexes(table.name) if not each["unique"]),
                {each["name"]: each["nullable"] for each in found.get_columns(table.name)},
            )
            for table in (books, shelves)
        }

    try:
        async with engine.connect() as connection:
            return await connection.run_sync(look)
    finally:
        await engine.dispose()


async def make_source(url: str, base: Path) -> dict[str, list[dict[str, object]]]:
    """Fill it; what it holds."""
    async with make_store(url, base=base) as store:
        await fill(store)
        extra = await run(store, loose(select(inbox).order_by(inbox.c.seq.desc()).limit(1)))
        row = dict(
            zip([column.name for column in inbox.c if column.name != "seq"], extra[0][1:], strict=True)
        )
        row |= {"event_key": "gone", "account": "gone"}
        [(last,)] = await run(store, loose(insert(inbox).values(**row).returning(inbox.c.seq)))
        await run(store, loose(delete(inbox).where(inbox.c.seq == last)))
        held = await contents(store)
    assert all(len(rows) >= 1 for rows in held.values()), [name for name, rows in held.items() if not rows]
    return held


async def test_every_row_of_every_table_comes_back_from_a_backup(
    url: str, target: str, tmp_path: Path
) -> None:
    held = await make_source(url, tmp_path)
    file = tmp_path / "saved.db"
    done = await backup(parse(url, base=tmp_path), file, force=False, tell=quiet)
    assert {each.table: each.rows for each in done.tables if each.table != "alembic_version"} == {
        name: len(rows) for name, rows in held.items()
    }
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir() if each.name != "data"] == ["saved.db"]
    # It is a database by itself.
    (tmp_path / "looked").mkdir()
    (tmp_path / "looked" / "b.db").write_bytes(file.read_bytes())
    async with make_store("sqlite:///looked/b.db", base=tmp_path) as store:
        assert await contents(store) == held
    done = await restore(file, parse(target, base=tmp_path), now=NOON, force=False, tell=quiet)
    assert (done.aside, done.upgraded_from) == ("", "")
    async with make_store(target, base=tmp_path) as store:
        assert await contents(store) == held
    assert await shape(target, tmp_path) == await shape(url, tmp_path)
    await goes_on(target, tmp_path)


async def test_every_row_of_every_table_is_copied(url: str, target: str, tmp_path: Path) -> None:
    held = await make_source(url, tmp_path)
    done = await copy(parse(url, base=tmp_path), parse(target, base=tmp_path), tell=quiet)
    assert {each.table: each.rows for each in done.tables if each.table != "alembic_version"} == {
        name: len(rows) for name, rows in held.items()
    }
    async with make_store(url, base=tmp_path) as before, make_store(target, base=tmp_path) as after:
        assert await contents(after) == held == await contents(before)
    await goes_on(target, tmp_path)


def test_each_table_of_the_schema_is_among_those_that_are_filled() -> None:
    assert {table.name for table in upgrade.metadata.sorted_tables} < {table.name for table in TABLES}
