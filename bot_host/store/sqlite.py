"""The SQLite driver: one writer with group commit, one reader, one searcher; whole units on threads.

One reader, because all reads of the message path are short: with a second one the groups were smaller, the
page caches colder and a turn among 64 cost half as much CPU again (benchmarks/store.py). Searches take
long, so they have a connection of their own.
"""

import asyncio
import functools
import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

from sqlalchemy.dialects import sqlite

from bot_host.store import sqlite_vec, upgrade
from bot_host.store.aiosqlite_thread import SqliteThread
from bot_host.store.batches import Batches, Result
from bot_host.store.groups import Groups
from bot_host.store.nearest import Nearest, Scan
from bot_host.store.sqlite_errors import explain
from bot_host.store.statement import MakeUnit, Preparer
from bot_host.types.errors import BotHostError, NotReady, StateError, StoreError

log = logging.getLogger(__name__)
T = TypeVar("T")
_RunGroup: TypeAlias = Callable[[sqlite3.Connection, Sequence[MakeUnit[Any]]], list[Result]]

BUSY_TIMEOUT_S: Final = 5.0
"""How long to wait for another process's lock."""
CACHED_STATEMENTS: Final = 256


class SqliteDriver:
    """A SQLite database in `file`, or in memory (one connection for all) when that is None.

    `read_only`: one connection that only looks.
    """

    def __init__(
        self, file: Path | None, *, busy_timeout_s: float = BUSY_TIMEOUT_S, read_only: bool = False
    ) -> None:
        self._file = file
        self._read_only = read_only
        self._busy_timeout_s = busy_timeout_s
        self._groups = Groups(Preparer(sqlite.dialect()))
        self._threads: list[SqliteThread] = []
        self._writer: Batches | None = None
        self._reader: Batches | None = None
        self._searcher: Batches | None = None
        self._is_open = False
        self._nearest: Nearest = Scan()

    @property
    def lock_path(self) -> Path | None:
        """Beside the file. One in memory belongs to whoever has the object."""
        return None if self._file is None else Path(f"{self._file.resolve()}.lock")

    @property
    def nearest(self) -> Nearest:
        """See Driver."""
        return self._nearest

    async def claim(self) -> None:
        """See Driver. `lock_path` says it all."""

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
            raise explain(error, file=self._file) from error

    async def _open(self) -> None:
        if self._read_only:
            await self._open_to_look()
            return
        if self._file is not None:
            await asyncio.to_thread(_make_folder, self._file.parent)
        writer = await self._connect(read_only=False)
        if await writer.run(upgrade.settle) is upgrade.Standing.OLDER:
            assert self._file is not None
            log.info("the database %s is of an older version and is upgraded now", self._file)
            await asyncio.to_thread(upgrade.run_migrations, self._file)
        self._is_open = True
        self._writer = self._batches(writer, self._groups.write)
        if self._file is not None:
            reader = await self._connect(read_only=True)
            self._reader = self._batches(reader, self._groups.read)
            searcher = await self._connect(read_only=True)
            self._searcher = self._batches(searcher, self._groups.read)
            await self._find_nearest(searcher)
        else:
            await self._find_nearest(writer)

    async def _open_to_look(self) -> None:
        if self._file is None:
            raise StoreError("the database lives in the memory of its host, and nobody else can look into it")
        if not await asyncio.to_thread(self._file.is_file):
            raise NotReady(f"there is no database {self._file} yet: the host makes it at its first start")
        looker = await self._connect(read_only=True, look=True)
        found = await looker.run(upgrade.standing)
        if found is upgrade.Standing.EMPTY:
            raise NotReady(f"the database {self._file} is empty: the host makes its tables at its next start")
        if found is upgrade.Standing.OLDER:
            raise NotReady(
                f"the database {self._file} is of an older version of Bot Host: start the host once to "
                "upgrade it"
            )
        self._is_open = True
        self._reader = self._searcher = self._batches(looker, self._groups.read)
        await self._find_nearest(looker)

    async def _find_nearest(self, thread: SqliteThread) -> None:
        """How vectors are compared on the connection that searches."""
        why = await thread.run(sqlite_vec.load)
        self._nearest = Scan(why) if why else sqlite_vec.nearest

    async def _connect(self, *, read_only: bool, look: bool = False) -> SqliteThread:
        connect = functools.partial(
            _connect, self._file, read_only=read_only, look=look, busy_timeout_s=self._busy_timeout_s
        )
        thread = await SqliteThread.open(connect)
        self._threads.append(thread)
        return thread

    def _batches(self, thread: SqliteThread, run_group: _RunGroup) -> Batches:
        def submit(makes: Sequence[MakeUnit[Any]]) -> asyncio.Future[list[Result]]:
            return thread.submit(lambda connection: run_group(connection, makes))

        return Batches(submit, explain=functools.partial(explain, file=self._file))

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
            await self._let_go()

    async def _let_go(self) -> None:
        # The writer was opened first and goes last: the last connection tidies the write-ahead log away.
        while self._threads:
            thread = self._threads.pop()
            try:
                await thread.close()
            except sqlite3.Error as error:
                log.warning("closing the database: %s", error)
            except asyncio.CancelledError:
                # This thread ends by itself; the others must be told first.
                await self._let_go()
                raise

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
            return await self.write(make)
        return await self._reader.run(make)

    async def search(self, make: MakeUnit[T]) -> T:
        """See Driver."""
        if self._searcher is None:
            return await self.write(make)
        return await self._searcher.run(make)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the database's folder {folder} cannot be made: {error.strerror}") from error


def _connect(file: Path | None, *, read_only: bool, look: bool, busy_timeout_s: float) -> sqlite3.Connection:
    """`look`: without even the right to tidy up the write-ahead log of a host that was killed."""
    place = ":memory:" if file is None else file.absolute().as_uri() + "?mode=ro" if look else file
    db = sqlite3.connect(
        place,
        timeout=busy_timeout_s,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=CACHED_STATEMENTS,
        uri=look,
    )
    try:
        if file is not None and not read_only:
            _write_ahead(db, busy_timeout_s)
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        # What is deleted is overwritten in the file too (many builds do not by default).
        db.execute("PRAGMA secure_delete = ON")
        if read_only:
            db.execute("PRAGMA query_only = ON")
    except BaseException:
        db.close()
        raise
    return db


def _write_ahead(db: sqlite3.Connection, busy_timeout_s: float) -> None:
    # SQLite's own waiting does not cover this step: two hosts that create one database would collide.
    give_up_at = time.monotonic() + busy_timeout_s
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() >= give_up_at:
                raise
            time.sleep(0.01)
        else:
            return
