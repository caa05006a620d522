"""How a PostgreSQL database finds the nearest vectors: its extension, and the indexes that are made of it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from bot_host.kit.tasks import Supervisor
from bot_host.store.nearest import Nearest, Scan
from bot_host.store.pgvector import COMPARED, Extension, Pgvector
from bot_host.store.postgres_errors import place_of
from bot_host.store.postgres_line import CLOSE_S

log = logging.getLogger(__name__)

INDEX_FROM: Final = 10_000
"""Vectors of a model from which on an index pays: below, comparing all of them takes 10 ms at the most."""
LOOK_AGAIN_S: Final = 600.0
"""How soon it is looked again whether a model that is searched has become so large."""
LOCKED_S: Final = 1.0
_LOCK: Final = 0x626F745F76656373
BUILD_MEMORY: Final = "256MB"
EXTENSION: Final = (
    "SELECT e.extversion, quote_ident(n.nspname) FROM pg_extension AS e "
    "JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'vector'"
)
AVAILABLE: Final = "SELECT true FROM pg_available_extensions WHERE name = 'vector'"
_MANY: Final = (
    "SELECT count(*) FROM (SELECT FROM embeddings WHERE model = $1 AND dimensions = $2 LIMIT $3) AS found"
)
_INDEXES: Final = (
    "SELECT c.relname, i.indisvalid FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid "
    "WHERE i.indrelid = 'embeddings'::regclass AND c.relname LIKE 'ix\\_vectors\\_%'"
)
_MODELS: Final = "SELECT DISTINCT model, dimensions FROM embedding_models"


class Vectors:
    """The vectors of one database."""

    def __init__(self, url: str, tasks: Supervisor) -> None:
        self._url = url
        self._tasks = tasks
        self._extension: Extension | None = None
        self._looked: dict[tuple[str, int], float] = {}
        """When it was last looked whether a model needs an index."""
        self.nearest: Nearest = Scan()

    async def open(self, connection: asyncpg.Connection, *, read_only: bool) -> None:
        """Find out what there is, and take the extension into use where that is allowed."""
        why = "" if await self._find(connection) or read_only else await self._create(connection)
        if self._extension is None:
            self.nearest = Scan(why, warn=True)
            return
        scan = Scan("the extension pgvector takes no more than 16,000 dimensions")
        by_extension = Pgvector(self._extension, self._searched)
        self.nearest = lambda scope, model, wanted, count: (scan if len(wanted) > COMPARED else by_extension)(
            scope, model, wanted, count
        )
        if not read_only and (await connection.fetch(_MODELS) or await connection.fetch(_INDEXES)):
            self._tasks.spawn("vector indexes", self._tidy())

    async def _find(self, connection: asyncpg.Connection) -> bool:
        row = await connection.fetchrow(EXTENSION)
        if row is None:
            return False
        version = tuple(int(part) for part in row[0].split(".") if part.isdigit())
        self._extension = Extension(version=version, schema=row[1])
        return True

    async def _create(self, connection: asyncpg.Connection) -> str:
        """Create the extension; else why not, and what to do."""
        where = place_of(self._url)
        if not await connection.fetchval(AVAILABLE):
            major = connection.get_server_version().major
            return (
                f"the server of the database {where} has no pgvector, which would do it there: install it "
                f"(Debian: apt install postgresql-{major}-pgvector) and start the host again"
            )
        try:
            await connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        except asyncpg.PostgresError as error:
            # Another host may have been quicker.
            if not await self._find(connection):
                log.debug("no extension: %s", type(error).__name__)
                return (
                    f"pgvector would do it in the database {where}, whose user may not take it into use: "
                    "have an admin of the server run CREATE EXTENSION vector; there, and start the host again"
                )
        else:
            log.info("the database %s compares vectors by pgvector from now on", where)
            await self._find(connection)
        return ""

    def _searched(self, model: str, dimensions: int) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._looked.get((model, dimensions), now):
            self._looked[model, dimensions] = now + LOOK_AGAIN_S
            if not self._tasks.is_closed:
                self._tasks.spawn("vector index", self._build(model, dimensions))

    async def settled(self) -> None:
        """Make the indexes that pay, and wait for it."""
        async with self._connected() as connection:
            for model, dimensions in await connection.fetch(_MODELS):
                await self._make(connection, model, dimensions)

    async def _tidy(self) -> None:
        """Drop the indexes of models that are no more, and make those that pay."""
        assert self._extension is not None
        async with self._connected() as connection:
            models = await connection.fetch(_MODELS)
            known = {self._extension.index(*row)[0] for row in models}
            for name, _ in await connection.fetch(_INDEXES):
                if name not in known:
                    await connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            for model, dimensions in models:
                await self._make(connection, model, dimensions)

    async def _build(self, model: str, dimensions: int) -> None:
        async with self._connected() as connection:
            await self._make(connection, model, dimensions)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection of its own, without a limit of time: a million take many minutes."""
        try:
            connection = await asyncpg.connect(self._url)
            try:
                # Another process may be at it: on one index only one can work.
                await _take_turns(connection)
                yield connection
            finally:
                await connection.close(timeout=CLOSE_S)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            log.warning("no index of vectors can be made now (%s); searches compare all of them", error)

    async def _make(self, connection: asyncpg.Connection, model: str, dimensions: int) -> None:
        """Make a model's index if it pays and is not there. Searches are exact until then, and slower."""
        assert self._extension is not None
        if not self._extension.has_index(dimensions):
            return
        name, statement = self._extension.index(model, dimensions)
        valid = {row[0]: row[1] for row in await connection.fetch(_INDEXES)}
        if valid.get(name):
            return
        if await connection.fetchval(_MANY, model, dimensions, INDEX_FROM) < INDEX_FROM:
            return
        if name in valid:
            # Begun by a host that ended meanwhile.
            await connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        log.info("making an index for the vectors of %s; searches compare all of them till then", model)
        began = asyncio.get_running_loop().time()
        await connection.execute(f"SET maintenance_work_mem = '{BUILD_MEMORY}'")
        # Further processes need shared memory, of which containers have 64 MB.
        await connection.execute("SET max_parallel_maintenance_workers = 0")
        await connection.execute(statement)
        # Without figures the planner would not know what the index is good for.
        await connection.execute("ANALYZE embeddings")
        await connection.execute("ANALYZE memories")
        took = asyncio.get_running_loop().time() - began
        log.info("the vectors of %s have their index, made in %.0f seconds", model, took)


async def _take_turns(connection: asyncpg.Connection) -> None:
    """Wait until no other process works on indexes. Asking again and again, as whoever waited in a statement
    would hold up the very index that it waits for.
    """
    while True:
        if await connection.fetchval(f"SELECT pg_try_advisory_lock({_LOCK})"):
            return
        await asyncio.sleep(LOCKED_S)
