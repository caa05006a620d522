"""An elizaOS database, read as it was at one moment."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from bot_host.app.elizaos.queries import NEEDED, OPTIONAL, OTHER_SPELLINGS, Column, Queries
from bot_host.types.errors import BotHostError, ConfigError, StoreError, StoreUnfit
from bot_host.types.ids import UUID

if TYPE_CHECKING:
    import asyncpg

BATCH: Final = 500
"""Rows at once."""
CONNECT_S: Final = 15.0
CLOSE_S: Final = 5.0
_COLUMNS: Final = """
    SELECT attname::text AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
    WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
"""
_FOLDER: Final = (
    "is no PostgreSQL URL (postgresql://user:password@host:5432/name). If it is the folder of a PGlite "
    "database, where elizaOS keeps its rows when no POSTGRES_URL is set: that can be opened by its own "
    "process only. Dump it and read the dump into PostgreSQL first: docs/elizaos.md, Moving from elizaOS, "
    "says how"
)


class Source:
    """An open elizaOS database. What changes there meanwhile is not seen."""

    def __init__(self, connection: "asyncpg.Connection", queries: Queries, version: str) -> None:
        self._connection = connection
        self.queries = queries
        self.version = version
        """Which of the two generations of column names it has, in words."""

    async def agents(self) -> list[dict[str, Any]]:
        """All agents."""
        return [dict(row) for row in await self._connection.fetch(self.queries.agents())]

    async def rows(self, query: str, agents: Sequence[UUID]) -> AsyncIterator[list[dict[str, Any]]]:
        """What a query finds of these agents, in batches."""
        cursor = await self._connection.cursor(query, list(agents))
        while found := await cursor.fetch(BATCH):
            yield [dict(row) for row in found]

    async def memories(self, agents: Sequence[UUID]) -> AsyncIterator[list[dict[str, Any]]]:
        """Memories of these agents, in batches and in order: only their ids are sorted, not what they say."""
        query = self.queries.memories()
        async for batch in self.rows(self.queries.memory_ids(), agents):
            ids = [str(row["id"]) for row in batch]
            found = {row["id"]: dict(row) for row in await self._connection.fetch(query, ids)}
            yield [found[id] for id in ids]

    async def documents(self, ids: Sequence[UUID]) -> dict[UUID, UUID]:
        """Those of these memories that there are, with their agents."""
        if not ids:
            return {}
        found = await self._connection.fetch(self.queries.documents(), list(ids))
        return {row["id"]: row["agent_id"] for row in found}

    async def count(self, table: str, agents: Sequence[UUID]) -> int:
        """How many rows of a table are theirs; 0 where there is no such table."""
        if not self.queries.has(table):
            return 0
        number: int = await self._connection.fetchval(self.queries.count(table), list(agents))
        return number


@asynccontextmanager
async def open_source(url: str) -> AsyncIterator[Source]:
    """Open a database for reading only, as of now. Raises ConfigError, StoreError."""
    if urlsplit(url).scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise ConfigError(f"{_without_password(url)} {_FOLDER}")
    try:
        import asyncpg
    except ModuleNotFoundError as error:
        raise ConfigError(
            "elizaOS's database is PostgreSQL, which needs the package asyncpg: pip install "
            '"bot-host[postgres]"'
        ) from error
    url = urlunsplit(urlsplit(url)._replace(scheme="postgresql"))
    try:
        connection = await asyncpg.connect(
            url,
            timeout=CONNECT_S,
            server_settings={
                "application_name": "bot_host import-elizaos",
                "timezone": "UTC",
                "default_transaction_read_only": "on",
                "statement_timeout": "0",
                "idle_in_transaction_session_timeout": "0",
                # Where rows would be hidden from this user, an error instead.
                "row_security": "off",
            },
        )
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise _explained(error, url) from error
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            columns = await _columns(connection, url)
            yield Source(connection, Queries(columns), _version(columns))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise _explained(error, url) from error
    finally:
        await _close(connection)


async def _close(connection: "asyncpg.Connection") -> None:
    import asyncpg

    try:
        await connection.close(timeout=CLOSE_S)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return "what was given" if "@" in parts.netloc or ":" in parts.netloc else url


def _explained(error: Exception, url: str) -> BotHostError:
    import asyncpg

    from bot_host.store.postgres_errors import explain, place_of

    where = f"the elizaOS database {place_of(url)}"
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return StoreUnfit(
            f"{where} does not let this user read all of it ({error}): give it SELECT on all tables, and "
            "BYPASSRLS where ENABLE_DATA_ISOLATION is on; or use the superuser"
        )
    if isinstance(error, ValueError):
        return ConfigError(
            f"the URL cannot be read: {error}; special characters of a password are written as %40 and "
            "the like"
        )
    told = str(explain(error, url)).replace("database.url", "the URL that you gave")
    return StoreError(told.replace("the database", "the elizaOS database", 1))


async def _columns(connection: "asyncpg.Connection", url: str) -> Mapping[str, Mapping[str, Column]]:
    from bot_host.store.postgres_errors import place_of

    found = {table: await _columns_of(connection, table) for table in (*NEEDED, *OPTIONAL)}
    where = f"the database {place_of(url)}"
    if {"character", "given"} <= found["agents"].keys():
        raise StoreUnfit(f"{where} is one of Bot Host, not of elizaOS: `db copy` takes such a one elsewhere")
    if not found["entities"] and await connection.fetchval("SELECT to_regclass('accounts') IS NOT NULL"):
        raise StoreUnfit(
            f"{where} has accounts and no entities, as elizaOS 0.x had them; only databases of 1.x are read: "
            "let elizaOS 1.x take it over first"
        )
    for table, needed in NEEDED.items():
        missing = [name for name in needed if name not in found[table]]
        if missing:
            what = f"no column {missing[0]} in its table {table}" if found[table] else f"no table {table}"
            raise StoreUnfit(f"{where} is none of elizaOS 1.x: it has {what}")
    return {
        table: columns
        for table, columns in found.items()
        if all(name in columns for name in {**NEEDED, **OPTIONAL}[table])
    }


async def _columns_of(connection: "asyncpg.Connection", table: str) -> dict[str, Column]:
    """A table's columns by their snake_case names, whichever way they are spelt."""
    there = {row["name"]: row["type"] for row in await connection.fetch(_COLUMNS, table)}
    found: dict[str, Column] = {}
    for name, kind in there.items():
        snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
        snake = next((ours for ours, others in OTHER_SPELLINGS.items() if name in others), snake)
        # A database that was half moved may have both; the newer spelling holds the rows.
        if snake not in found or name == snake:
            found[snake] = Column(name)
            found[snake].type = kind
    return found


def _version(columns: Mapping[str, Mapping[str, Column]]) -> str:
    new = columns["rooms"]["agent_id"] == "agent_id"
    return "plugin-sql 1.6.5 or later" if new else "plugin-sql before 1.6.5"
