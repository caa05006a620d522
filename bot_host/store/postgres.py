"""The PostgreSQL driver: one writer with group commit, one reader, one searcher, by asyncpg.

One writer, as on SQLite: units are serial by construction, and a group of them costs one flush. The host that
works on the database has an advisory lock on the writer's own connection: whoever lost the connection has
lost the right to write with it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

from bot_host.kit.tasks import Supervisor
from bot_host.store import postgres_schema
from bot_host.store.batches import Batches, Result
from bot_host.store.nearest import Nearest
from bot_host.store.postgres_dialect import DIALECT
from bot_host.store.postgres_errors import explain, place_of
from bot_host.store.postgres_groups import Groups
from bot_host.store.postgres_line import Line
from bot_host.store.postgres_upgrade import run_migrations
from bot_host.store.postgres_vectors import Vectors
from bot_host.store.statement import MakeUnit, Preparer
from bot_host.store.upgrade import Standing
from bot_host.types.errors import BotHostError, NotReady, StateError, StoreError

log = logging.getLogger(__name__)
T = TypeVar("T")
_RunGroup: TypeAlias = Callable[[Line, Sequence[MakeUnit[Any]]], Awaitable[list[Result]]]

PATIENCE_S: Final = 5.0
"""How long a unit waits for a server that went away before its caller is told."""
CLAIM_S: Final = 30.0
"""How long a host waits for another one that works on the database."""
LOOK_S: Final = 1.0


class PostgresDriver:
    """A PostgreSQL database. `read_only`: one connection that only looks."""

    def __init__(self, url: str, *, read_only: bool = False, patience_s: float = PATIENCE_S) -> None:
        self._url = url
        self._read_only = read_only
        self._patience_s = patience_s
        self._groups = Groups(Preparer(DIALECT))
        self._tasks = Supervisor("database")
        self._lines: list[Line] = []
        self._writer: Batches | None = None
        self._reader: Batches | None = None
        self._searcher: Batches | None = None
        self._is_open = False
        self._vectors = Vectors(url, self._tasks)

    @property
    def lock_path(self) -> Path | None:
        """None: the lock is in the database, where other machines see it. See `claim`."""
        return None

    @property
    def nearest(self) -> Nearest:
        """See Driver."""
        return self._vectors.nearest

    async def open(self) -> None:
        """See Driver."""
        if self._is_open:
            raise StateError("the database is open already")
        try:
            await self._open()
        except BaseException as error:
            await self.close()
            if isinstance(error, BotHostError) or not isinstance(error, Exception):
                raise
            raise explain(error, self._url) from error

    async def _open(self) -> None:
        if self._tasks.is_closed:
            self._tasks = Supervisor("database")
        first = await self._line("looker" if self._read_only else "writer", read_only=self._read_only)
        connection = await first.get()
        await postgres_schema.check_server(connection, place_of(self._url))
        if self._read_only:
            self._refuse_unready(await postgres_schema.standing(connection))
            self._reader = self._searcher = self._batches(first, self._groups.read)
        else:
            if await postgres_schema.settle(connection) is Standing.OLDER:
                # Not under the hands of a host of that version.
                await self._claim(first)
                log.info("the database %s is of an older version and is upgraded now", place_of(self._url))
                await run_migrations(self._url)
                await first.release()
            self._writer = self._batches(first, self._groups.write)
            self._reader = self._batches(await self._line("reader", read_only=True), self._groups.read)
            searcher = await self._line("searcher", read_only=True)
            self._searcher = self._batches(searcher, self._groups.read)
        self._vectors = Vectors(self._url, self._tasks)
        await self._vectors.open(connection, read_only=self._read_only)
        self._is_open = True

    async def settle_vectors(self) -> None:
        """Make the indexes of vectors that are due, and wait for it; else they come in the background."""
        await self._vectors.settled()

    def _refuse_unready(self, found: Standing) -> None:
        where = place_of(self._url)
        if found is Standing.EMPTY:
            raise NotReady(f"the database {where} is empty: the host makes its tables at its next start")
        if found is Standing.OLDER:
            raise NotReady(
                f"the database {where} is of an older version of Bot Host: start the host once to upgrade it"
            )

    async def _line(self, name: str, *, read_only: bool) -> Line:
        line = Line(self._url, name=name, read_only=read_only)
        self._lines.append(line)
        await line.get()
        line.patience_s = self._patience_s
        return line

    def _batches(self, line: Line, run_group: _RunGroup) -> Batches:
        def submit(makes: Sequence[MakeUnit[Any]]) -> asyncio.Future[list[Result]]:
            return self._tasks.spawn("group", run(makes))

        async def run(makes: Sequence[MakeUnit[Any]]) -> list[Result]:
            return await run_group(line, makes)

        return Batches(submit, explain=partial(explain, url=self._url))

    async def claim(self) -> None:
        """See Store."""
        if not self._is_open or self._read_only:
            raise StoreError("the database is not open to be worked on")
        try:
            await self._claim(self._lines[0])
        except BotHostError:
            raise
        except Exception as error:
            raise explain(error, self._url) from error

    async def _claim(self, line: Line) -> None:
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + CLAIM_S
        told = False
        while holder := await line.claim():
            if loop.time() >= give_up_at:
                raise StoreError(
                    f"another Bot Host ({holder}) works on the database {place_of(self._url)}, and its "
                    "messages would be answered twice: end it, or give this one another database.url"
                )
            if not told:
                log.warning("another Bot Host (%s) uses this database; waiting for it to end", holder)
                told = True
            await asyncio.sleep(LOOK_S)

    async def close(self) -> None:
        """See Driver."""
        all_batches = [each for each in (self._searcher, self._reader, self._writer) if each is not None]
        try:
            for batches in all_batches:
                await batches.finish()
        finally:
            for batches in all_batches:
                batches.stop()
            self._searcher = self._reader = self._writer = None
            self._is_open = False
            await self._tasks.close()
            while self._lines:
                await self._lines.pop().close()

    @property
    def queued(self) -> int:
        """Units that wait for the writer."""
        return self._writer.queued if self._writer else 0

    async def write(self, make: MakeUnit[T]) -> T:
        """See Driver."""
        if self._writer is None:
            raise StoreError(f"the database is {'open to look only' if self._is_open else 'not open'}")
        return await self._writer.run(make)

    async def read(self, make: MakeUnit[T]) -> T:
        """See Driver."""
        if self._reader is None:
            raise StoreError("the database is not open")
        return await self._reader.run(make)

    async def search(self, make: MakeUnit[T]) -> T:
        """See Driver."""
        if self._searcher is None:
            raise StoreError("the database is not open")
        return await self._searcher.run(make)
