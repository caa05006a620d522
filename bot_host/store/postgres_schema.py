"""A PostgreSQL database's tables: made, looked at, brought to the present schema.

What SQLite does with FTS5 and triggers stands here in PostgreSQL's words. A change needs a migration that
serves both, as in `schema`.
"""

import logging
from functools import cache
from typing import Final

import asyncpg
from sqlalchemy.schema import CreateIndex, CreateTable

from bot_host.store import summary_tables
from bot_host.store.plugin_catalogue import metadata
from bot_host.store.postgres_dialect import DIALECT
from bot_host.store.schema import HEAD
from bot_host.store.upgrade import Standing, stands
from bot_host.types.errors import StoreUnfit

log = logging.getLogger(__name__)

OLDEST: Final = 14
"""The oldest version of PostgreSQL that is still maintained."""
_SETTLE_LOCK: Final = 0x626F745F73657474

# Marks are stripped and case is folded as FTS5's `unicode61 remove_diacritics 2` does it, and what is cut at
# ASCII's punctuation there is cut here: PostgreSQL's parser would keep addresses and paths whole. A tsvector
# has less than 1 MiB (postgresql.org/docs/current/textsearch-limitations.html), which so many characters
# never fill.
WORDS_FUNCTION: Final = r"""
CREATE FUNCTION bot_host_words(said text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsvector(
        'simple'::regconfig,
        left(
            regexp_replace(
                regexp_replace(normalize(coalesce(said, ''), NFKD), '[\u0300-\u036f]', '', 'g'),
                '[!-/:-@\[-`{-~]+', ' ', 'g'
            ),
            200000
        )
    )
$$
"""
# Kept in the row: a search ranks by it, and to cut the text anew takes twenty times as long.
WORDS: Final = (
    "ALTER TABLE memories ADD COLUMN words tsvector "
    "GENERATED ALWAYS AS (bot_host_words(content ->> 'text')) STORED",
    "CREATE INDEX ix_memories_words ON memories USING gin (words)",
)


def _count(*, kind: str, ending: str, reason: str, at: str) -> str:
    return (
        "INSERT INTO tallies (account, kind, ending, reason, count, first_at, last_at, last_seq) VALUES "
        f"(new.account, '{kind}', {ending}, {reason}, 1, {at}, {at}, new.seq) "
        "ON CONFLICT (account, kind, ending, reason) DO UPDATE SET count = tallies.count + 1, "
        "last_at = excluded.last_at, last_seq = excluded.last_seq;"
    )


def _trigger(name: str, table: str, when: str, condition: str, work: str) -> tuple[str, str]:
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {work} RETURN NULL; END $$",
        f"CREATE TRIGGER {name} AFTER {when} ON {table} FOR EACH ROW {condition} EXECUTE FUNCTION {name}()",
    )


TRIGGERS: Final = (
    *_trigger(
        "tallies_received",
        "inbox",
        "INSERT",
        "",
        _count(kind="message", ending="'received'", reason="''", at="new.received_at"),
    ),
    *_trigger(
        "tallies_ended",
        "inbox",
        "UPDATE OF state",
        "WHEN (new.state = 'done' AND old.state <> 'done')",
        _count(
            kind="message",
            ending="coalesce(new.outcome, 'none')",
            reason="CASE new.outcome WHEN 'ignored' THEN new.reason ELSE '' END",
            at="coalesce(new.finished_at, new.received_at)",
        ),
    ),
    *_trigger(
        "tallies_reopened",
        "inbox",
        "UPDATE OF state",
        "WHEN (new.state <> 'done' AND old.state = 'done')",
        "UPDATE tallies SET count = count - 1 WHERE account = old.account AND kind = 'message' "
        "AND ending = coalesce(old.outcome, 'none') "
        "AND reason = CASE old.outcome WHEN 'ignored' THEN old.reason ELSE '' END;",
    ),
    *_trigger(
        "tallies_unsent",
        "outbox",
        "UPDATE OF state",
        "WHEN (new.state = 'failed' AND old.state <> 'failed' AND new.error <> 'erased')",
        _count(kind="part", ending="'failed'", reason="''", at="new.created_at"),
    ),
    *_trigger(
        "summaries_deleted", "memories", "DELETE", "WHEN (old.type = 'message')", summary_tables.FORGET
    ),
    *_trigger(
        "summaries_edited",
        "memories",
        "UPDATE OF content",
        "WHEN (old.type = 'message' AND old.content <> new.content)",
        summary_tables.FORGET,
    ),
)
_VERSION_TABLE: Final = "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)"


async def check_server(connection: asyncpg.Connection, where: str) -> None:
    """Raises StoreUnfit for a server that cannot hold what is to be stored."""
    version = connection.get_server_version()
    if version.major < OLDEST:
        raise StoreUnfit(
            f"the database {where} is of PostgreSQL {version.major}, and Bot Host needs {OLDEST} or newer"
        )
    encoding = await connection.fetchval("SHOW server_encoding")
    if encoding != "UTF8":
        raise StoreUnfit(
            f"the database {where} has the encoding {encoding}; make one with UTF8: "
            "createdb --encoding=UTF8 --template=template0 NAME"
        )


async def table_names(connection: asyncpg.Connection) -> set[str]:
    """The tables of the schema that statements without one mean, without those that extensions brought."""
    return {
        name
        for (name,) in await connection.fetch(
            "SELECT relname FROM pg_class AS c WHERE relnamespace = current_schema()::regnamespace "
            "AND relkind IN ('r', 'p') "
            "AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e')"
        )
    }


async def standing(connection: asyncpg.Connection) -> Standing:
    """How the database stands to this version of the code. Raises StoreUnfit."""
    tables = await table_names(connection)
    if "alembic_version" not in tables:
        return stands(tables, ())
    found = await connection.fetch("SELECT version_num FROM alembic_version")
    return stands(tables, [row[0] for row in found])


async def settle(connection: asyncpg.Connection) -> Standing:
    """Make the tables of an empty database, in one transaction; how it stands then. Raises StoreUnfit."""
    found = await standing(connection)
    if found is not Standing.EMPTY:
        return found
    async with connection.transaction():
        # Another process may be quicker.
        await connection.execute(f"SELECT pg_advisory_xact_lock({_SETTLE_LOCK})")
        found = await standing(connection)
        if found is Standing.EMPTY:
            for statement in _schema():
                await connection.execute(statement)
            await connection.execute("INSERT INTO alembic_version (version_num) VALUES ($1)", HEAD)
            found = Standing.READY
    return found


@cache
def _schema() -> tuple[str, ...]:
    statements: list[str] = []
    for table in metadata.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=DIALECT)))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        statements.extend(str(CreateIndex(index).compile(dialect=DIALECT)) for index in indexes)
    return (*statements, WORDS_FUNCTION, *WORDS, *TRIGGERS, _VERSION_TABLE)
