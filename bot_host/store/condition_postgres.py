"""How a PostgreSQL database is; see `condition`."""

from typing import Final

import asyncpg

from bot_host.store.condition import Condition, Rows, State, stands
from bot_host.store.postgres_errors import explain
from bot_host.store.postgres_line import Line, holder
from bot_host.store.postgres_schema import table_names
from bot_host.store.urls import Place

LONG_S: Final = 3600.0
"""For a statement that reads a whole table."""


async def look(place: Place) -> Condition:
    """See `condition.look`."""
    line = Line(place.url, name="status", read_only=True)
    try:
        connection = await line.get()
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await _condition(connection, place)
    except Exception as error:
        raise explain(error, place.url) from error
    finally:
        await line.close()


async def _condition(connection: asyncpg.Connection, place: Place) -> Condition:
    names = sorted(await table_names(connection))
    found: list[str] = []
    if "alembic_version" in names:
        found = [row[0] for row in await connection.fetch("SELECT version_num FROM alembic_version")]
    state, faults = stands(names, found)
    pid, where = await holder(connection)
    ours = () if state in (State.EMPTY, State.UNFIT) else names
    return Condition(
        kind="postgresql",
        where=place.shown,
        version=f"PostgreSQL {await connection.fetchval('SHOW server_version')}",
        state=state,
        revision=", ".join(found),
        bytes=await connection.fetchval("SELECT pg_database_size(current_database())"),
        tables=tuple([await _size(connection, name) for name in ours if name != "alembic_version"]),
        checked="pages that the server found damaged, indexes and constraints that are not valid",
        faults=faults + await _faults(connection),
        worker=f"process {pid} of the server, from {where}" if pid else "",
    )


async def _size(connection: asyncpg.Connection, name: str) -> Rows:
    size = "SELECT pg_total_relation_size(quote_ident($1)::regclass)"
    return Rows(
        table=name,
        rows=await connection.fetchval(f'SELECT count(*) FROM "{name}"', timeout=LONG_S),
        bytes=await connection.fetchval(size, name),
    )


async def _faults(connection: asyncpg.Connection) -> tuple[str, ...]:
    """What the server has noticed by itself: it offers no cheap look through all pages."""
    faults = []
    # NULL where checksums are off.
    pages = await connection.fetchval(
        "SELECT checksum_failures FROM pg_stat_database WHERE datname = current_database()"
    )
    if pages:
        faults.append(f"damaged: the server found {pages} pages with a wrong checksum")
    indexes = await connection.fetch(
        "SELECT c.relname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid "
        "WHERE c.relnamespace = current_schema()::regnamespace AND NOT i.indisvalid"
    )
    faults += [f"the index {row[0]} is not valid: REINDEX INDEX {row[0]}" for row in indexes]
    keys = await connection.fetch(
        "SELECT conname, conrelid::regclass::text FROM pg_constraint "
        "WHERE connamespace = current_schema()::regnamespace AND NOT convalidated"
    )
    faults += [
        f"the constraint {name} of {table} was never checked: ALTER TABLE {table} VALIDATE CONSTRAINT {name}"
        for name, table in keys
    ]
    return tuple(faults)
