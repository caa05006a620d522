"""The rows of a PostgreSQL database, read from and written to; see `transfer`."""

import json
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import asyncpg
from sqlalchemy import Dialect, NullPool, Table
from sqlalchemy.ext.asyncio import create_async_engine

from bot_host.store import postgres_schema
from bot_host.store.plugin_catalogue import plugin_schemas
from bot_host.store.postgres_dialect import DIALECT
from bot_host.store.postgres_errors import explain
from bot_host.store.postgres_line import Line
from bot_host.store.statement import Row
from bot_host.store.transfer import BATCH, described, quoted
from bot_host.store.transfer_tables import OURS, making, numbered, plugin_tables
from bot_host.store.upgrade import Standing
from bot_host.store.urls import Place
from bot_host.types.errors import StateError, StoreError, StoreUnfit

LONG_S: Final = 24 * 3600.0
"""For a statement about a whole table."""


class PostgresRows:
    """See `Rows`."""

    dialect: Dialect = DIALECT

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._cursors = 0

    async def select(self, sql: str) -> AsyncGenerator[list[Row], None]:
        """See `Rows`."""
        # A name of its own each: what asyncpg knows of a FETCH is kept by its text.
        self._cursors += 1
        name = f"rows_{self._cursors}"
        await self._connection.execute(f"DECLARE {name} NO SCROLL CURSOR FOR {sql}")
        while batch := await self._connection.fetch(f"FETCH {BATCH} FROM {name}", timeout=LONG_S):
            yield [tuple(record) for record in batch]
        # Or its table could not be changed in this transaction.
        await self._connection.execute(f"CLOSE {name}")

    async def insert(self, table: Table, rows: AsyncIterable[Row]) -> None:
        """See `Rows`. One statement: rows of a table may point at later ones."""
        await self._connection.copy_records_to_table(
            table.name,
            records=rows,
            columns=[column.name for column in table.c],
            timeout=LONG_S,
        )

    async def highest(self, table: Table) -> int:
        """See `Rows`."""
        sequence = await self._sequence(table)
        if not sequence:
            return 0
        column, there = quoted(numbered(table), DIALECT), quoted(table.name, DIALECT)
        sql = (
            "SELECT greatest(CASE WHEN is_called THEN last_value ELSE 0 END, "
            f"(SELECT max({column}) FROM {there})) FROM {sequence}"
        )
        return int(await self._connection.fetchval(sql))

    async def _sequence(self, table: Table) -> str:
        key = numbered(table)
        if not key:
            return ""
        sql = "SELECT pg_get_serial_sequence(quote_ident($1), $2)"
        return await self._connection.fetchval(sql, table.name, key) or ""

    async def count_on(self, table: Table, highest: int) -> None:
        """See `Rows`."""
        sequence = await self._sequence(table)
        if sequence and highest:
            await self._connection.execute("SELECT setval($1::regclass, $2)", sequence, highest)


@asynccontextmanager
async def snapshot(place: Place, *, alone: bool) -> AsyncIterator[asyncpg.Connection]:
    """A database as it is now, whatever is written to it meanwhile. Raises StoreError.

    `alone`: keep hosts away until the end. Raises StateError when one works on it.
    """
    line = Line(place.url, name="backup", read_only=True)
    try:
        connection = await line.get()
        if alone and (who := await line.claim()):
            raise StateError(f"a host works on the database {place.shown} ({who}): stop it")
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await _refuse_other_versions(connection, place)
            yield connection
    except Exception as error:
        raise explain(error, place.url) from error
    finally:
        await line.close()


async def _refuse_other_versions(connection: asyncpg.Connection, place: Place) -> None:
    await postgres_schema.check_server(connection, place.shown)
    found = await postgres_schema.standing(connection)
    if found is Standing.EMPTY:
        raise StoreError(f"the database {place.shown} is empty: there is nothing to carry over")
    if found is Standing.OLDER:
        raise StoreError(
            f"the database {place.shown} is of an older version of Bot Host: `db upgrade` it first"
        )


@asynccontextmanager
async def filling(place: Place) -> AsyncIterator[asyncpg.Connection]:
    """A connection that has the database for itself, for one transaction. Raises StoreError, StateError."""
    line = Line(place.url, name="restore", read_only=False)
    try:
        connection = await line.get()
        await postgres_schema.check_server(connection, place.shown)
        if who := await line.claim():
            raise StateError(f"a host works on the database {place.shown} ({who}): stop it")
        async with connection.transaction():
            yield connection
        # The planner knows nothing of the new rows; what searches it now would be slow until it does.
        await connection.execute("ANALYZE", timeout=LONG_S)
    except Exception as error:
        raise explain(error, place.url) from error
    finally:
        await line.close()


async def tables_of(connection: asyncpg.Connection, place: Place) -> list[Table]:
    """Ours and the plugins'."""
    told = await connection.fetch(f"SELECT tables FROM {plugin_schemas.name}")
    known = described([json.loads(row[0]) for row in told])
    if not known:
        return list(OURS)
    connect = partial(asyncpg.connect, place.url)
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.connect() as another:
            return [*OURS, *await another.run_sync(plugin_tables, known)]
    finally:
        await engine.dispose()


async def _own_names(connection: asyncpg.Connection) -> list[str]:
    """Our tables and the plugins', as they are there."""
    ours = {table.name for table in OURS} | {"alembic_version"}
    there = await postgres_schema.table_names(connection)
    return sorted(name for name in there if name in ours or name.startswith("plugin_"))


async def rows_in(connection: asyncpg.Connection) -> int:
    """How many rows our tables and the plugins' hold."""
    found = 0
    for name in await _own_names(connection):
        if name != "alembic_version":
            sql = f"SELECT count(*) FROM {quoted(name, DIALECT)}"
            found += await connection.fetchval(sql, timeout=LONG_S)
    return found


async def put_aside(connection: asyncpg.Connection, schema: str) -> None:
    """Move our tables, with what belongs to them, into another schema, where a host could work on them."""
    to = quoted(schema, DIALECT)
    functions = await connection.fetch(
        "SELECT DISTINCT p.oid::regprocedure::text FROM pg_proc AS p LEFT JOIN pg_trigger AS t "
        "ON t.tgfoid = p.oid WHERE p.pronamespace = current_schema()::regnamespace "
        "AND (p.proname LIKE 'bot\\_host\\_%' OR t.tgname IS NOT NULL) "
        "AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')"
    )
    await connection.execute(f"CREATE SCHEMA {to}")
    for name in await _own_names(connection):
        await connection.execute(f"ALTER TABLE {quoted(name, DIALECT)} SET SCHEMA {to}")
    for (signature,) in functions:
        await connection.execute(f"ALTER FUNCTION {signature} SET SCHEMA {to}")


async def begin_filling(connection: asyncpg.Connection, extra: Sequence[Table]) -> None:
    """Make all tables that are not there: ours and `extra`. Raises StoreUnfit."""
    if await postgres_schema.settle(connection) is Standing.OLDER:
        raise StoreUnfit(
            "the target is of an older version of Bot Host: `db upgrade` it first, or use an empty one"
        )
    there = await postgres_schema.table_names(connection)
    for statement in making([table for table in extra if table.name not in there], DIALECT):
        await connection.execute(statement)
    await _count(connection, "DISABLE")


async def end_filling(connection: asyncpg.Connection) -> None:
    """Have the counting triggers count again."""
    await _count(connection, "ENABLE")


async def _count(connection: asyncpg.Connection, what: str) -> None:
    # What they count is carried over itself.
    triggers = await connection.fetch(
        "SELECT t.tgname, c.relname FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid "
        "WHERE c.relnamespace = current_schema()::regnamespace AND t.tgname LIKE 'tallies\\_%'"
    )
    for trigger, table in triggers:
        await connection.execute(f"ALTER TABLE {table} {what} TRIGGER {trigger}")


async def forget_fingerprints(connection: asyncpg.Connection) -> None:
    """See `transfer_sqlite.forget_fingerprints`."""
    await connection.execute("UPDATE plugin_schemas SET fingerprint = 'carried over'")
