"""One sqlite3 connection on aiosqlite's thread, for whole functions instead of single statements.

The only place that uses what aiosqlite keeps private: the queue `_tx`, into which each of its methods puts a
future and a function, `_running`, and `_thread`. Its `_execute` does the same from a coroutine, which would
cost a task.
tests/store/test_aiosqlite_thread.py holds it against the installed version.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from typing import Self, TypeVar

import aiosqlite

from bot_host.types.errors import StoreError

T = TypeVar("T")


class _Opening:
    """Calls `connect` on the thread, and closes what it made when nobody waits for it any more."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._abandoned = False
        self.made: list[sqlite3.Connection] = []

    def __call__(self) -> sqlite3.Connection:
        raw = self._connect()
        with self._lock:
            self.made.append(raw)
            if self._abandoned:
                raw.close()
        return raw

    def abandon(self) -> None:
        with self._lock:
            self._abandoned = True
            for raw in self.made:
                raw.close()


class SqliteThread:
    """A connection and its thread. `close` ends it in order; the end of the process ends it all the same."""

    def __init__(self, proxy: aiosqlite.Connection, raw: sqlite3.Connection) -> None:
        self._proxy = proxy
        self._raw = raw

    @classmethod
    async def open(cls, connect: Callable[[], sqlite3.Connection]) -> Self:
        """Call `connect` on a new thread. When it raises, the thread is ended and the error passed on.

        The connection must be made with `check_same_thread=False`.
        """
        opening = _Opening(connect)
        proxy = aiosqlite.Connection(opening, 64)
        # A script that never closes its host must still end. What was committed is on disk by then.
        proxy._thread.daemon = True
        try:
            await proxy
        except BaseException:
            # aiosqlite has told the thread to end, but does not know what `connect` may have made meanwhile.
            opening.abandon()
            raise
        return cls(proxy, opening.made[0])

    def submit(self, work: Callable[[sqlite3.Connection], T]) -> "asyncio.Future[T]":
        """Call `work` with the connection on its thread, after what was submitted before.

        The future is not to be cancelled: the work goes on anyway. Raises StoreError once it is closed.
        """
        if not self._proxy._running:
            raise StoreError("the database is closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._proxy._tx.put_nowait((future, partial(work, self._raw)))
        return future

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Like `submit`, and wait. A cancelled caller does not stop the work."""
        return await self.submit(work)

    async def close(self) -> None:
        """Finish the work that was given, close the connection and end the thread. Idempotent."""
        await self._proxy.close()
