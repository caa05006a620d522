"""How a database is, as `db status` tells it: whatever its version, on both kinds."""

import sqlite3
from pathlib import Path

import asyncpg
import pytest

from bot_host.store import make_store, upgrade
from bot_host.store.condition import Condition, State, look
from bot_host.store.postgres_line import HOST_LOCK
from bot_host.store.postgres_upgrade import run_migrations
from bot_host.store.schema import HEAD, metadata
from bot_host.store.urls import Place, parse
from bot_host.types.errors import StoreError, StoreUnfit
from tests import postgres
from tests.store.samples import AGENT, CHARACTER, make_admission


async def condition(url: str, base: Path) -> Condition:
    return await look(parse(url, base=base))


def rows(found: Condition) -> dict[str, int]:
    return {each.table: each.rows for each in found.tables}


async def test_rows_and_sizes_of_all_tables_beside_a_host_at_work(url: str, tmp_path: Path) -> None:
    async with make_store(url, base=tmp_path) as store:
        await store.claim()
        await store.ensure_agent(AGENT, CHARACTER)
        await store.admit([make_admission("m1"), make_admission("m2")])
        found = await condition(url, tmp_path)
    assert (found.state, found.revision, found.newest) == (State.READY, HEAD, HEAD)
    assert rows(found).keys() == {table.name for table in metadata.sorted_tables}
    counted = rows(found)
    assert (counted["inbox"], counted["memories"], counted["agents"], counted["outbox"]) == (2, 2, 1, 0)
    assert found.bytes is not None
    sizes = [each.bytes for each in found.tables]
    assert all(size is not None and size > 0 for size in sizes)
    assert sum(size or 0 for size in sizes) <= found.bytes
    assert found.faults == ()
    assert bool(found.worker) == (found.kind == "postgresql")


async def test_one_of_an_older_version_is_shown(tmp_path: Path) -> None:
    upgrade.run_migrations(tmp_path / "b.db", to="0005")
    found = await condition("sqlite:///b.db", tmp_path)
    assert (found.state, found.revision, found.faults) == (State.OLDER, "0005", ())
    assert rows(found)["memories"] == 0
    url = await postgres.make_database()
    try:
        assert (await condition(url, tmp_path)).state is State.EMPTY
        await run_migrations(url, to="0005")
        found = await condition(url, tmp_path)
        assert (found.state, found.revision, found.faults) == (State.OLDER, "0005", ())
        assert rows(found)["memories"] == 0
    finally:
        await postgres.drop_database(url)


async def test_one_of_a_newer_version_is_shown_and_said_to_be(url: str, tmp_path: Path) -> None:
    async with make_store(url, base=tmp_path):
        pass
    change = "UPDATE alembic_version SET version_num = '9999'"
    if url.startswith("sqlite"):
        with sqlite3.connect(tmp_path / "data" / "bot_host.db") as db:
            db.execute(change)
        db.close()
        found = await condition(url, tmp_path)
    else:
        connection = await asyncpg.connect(url)
        await connection.execute(change)
        found = await condition(url, tmp_path)
        await connection.execute(f"UPDATE alembic_version SET version_num = '{HEAD}'")
        await connection.close()
    assert (found.state, found.revision, found.tables) == (State.UNFIT, "9999", ())
    [fault] = found.faults
    assert "newer version of Bot Host (schema 9999" in fault


async def test_none_is_made(tmp_path: Path) -> None:
    found = await condition("sqlite:///deep/b.db", tmp_path)
    assert (found.state, found.bytes) == (State.MISSING, None)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StoreError, match="lives in the memory of its host"):
        await look(Place())


async def test_a_torn_page_is_found(tmp_path: Path) -> None:
    async with make_store("sqlite:///b.db", base=tmp_path) as store:
        await store.ensure_agent(AGENT, CHARACTER)
        await store.admit([make_admission(f"m{number}", text="word " * 200) for number in range(200)])
    file = tmp_path / "b.db"
    with sqlite3.connect(file) as db:
        [page] = db.execute(
            "SELECT pageno FROM dbstat WHERE name = 'memories' AND pagetype = 'leaf'"
        ).fetchone()
        [size] = db.execute("PRAGMA page_size").fetchone()
    db.close()
    whole = bytearray(file.read_bytes())
    whole[(page - 1) * size : (page - 1) * size + size // 2] = b"\x55" * (size // 2)
    file.write_bytes(whole)
    found = await condition("sqlite:///b.db", tmp_path)
    assert found.faults
    assert all(fault.startswith("damaged: ") for fault in found.faults)


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "b.db").write_bytes(b"This is a diary, not a database. " * 100)
    with pytest.raises(StoreUnfit, match=r"b\.db is not a SQLite database"):
        await condition("sqlite:///b.db", tmp_path)


async def test_what_postgresql_knows_to_be_invalid_is_named(tmp_path: Path) -> None:
    async with postgres.lent_database() as url:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute("CREATE TABLE plugin_x_t (id integer)")
            await connection.execute("INSERT INTO plugin_x_t VALUES (-1), (-1)")
            with pytest.raises(asyncpg.UniqueViolationError):
                await connection.execute("CREATE UNIQUE INDEX CONCURRENTLY ix_broken ON plugin_x_t (id)")
            await connection.execute(
                "ALTER TABLE plugin_x_t ADD CONSTRAINT positive CHECK (id > 0) NOT VALID"
            )
        finally:
            await connection.close()
        found = await condition(url, tmp_path)
    assert found.faults == (
        "the index ix_broken is not valid: REINDEX INDEX ix_broken",
        "the constraint positive of plugin_x_t was never checked: "
        "ALTER TABLE plugin_x_t VALIDATE CONSTRAINT positive",
    )


async def test_somebody_with_the_database_s_own_lock_is_told(tmp_path: Path) -> None:
    async with postgres.lent_database() as url:
        connection = await asyncpg.connect(url)
        await connection.execute(f"SELECT pg_advisory_lock({HOST_LOCK})")
        found = await condition(url, tmp_path)
        await connection.close()
        assert "of the server, from its own machine" in found.worker
