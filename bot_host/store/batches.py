"""Waiting units, handed to one connection in groups."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar, cast

from bot_host.kit.tasks import Supervisor
from bot_host.store.aiosqlite_thread import SqliteThread
from bot_host.store.statement import MakeUnit
from bot_host.types.errors import StoreError

log = logging.getLogger(__name__)
T = TypeVar("T")

WAITING_LIMIT: Final = 512
"""Units that may wait; the next caller waits until there is room."""
GROUP_LIMIT: Final = 64
"""Units in one group: bounds how long one of them may wait for the others."""


@dataclass(frozen=True, slots=True)
class Done:
    """A unit came through, and with it its transaction."""

    value: Any


@dataclass(frozen=True, slots=True)
class Failed:
    """A unit failed; nothing of it is in the database."""

    error: Exception


Result: TypeAlias = Done | Failed
RunGroup: TypeAlias = Callable[[sqlite3.Connection, Sequence[MakeUnit[Any]]], list[Result]]


class _Waiting(NamedTuple):
    make: MakeUnit[Any]
    future: asyncio.Future[Any]


class Batches:
    """A bounded queue in front of one connection; what waits together is run together."""

    def __init__(
        self,
        thread: SqliteThread,
        run_group: RunGroup,
        *,
        explain: Callable[[Exception], Exception],
        tasks: Supervisor,
        name: str,
    ) -> None:
        self._thread = thread
        self._run_group = run_group
        self._explain = explain
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(WAITING_LIMIT)
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False
        self._worker = tasks.spawn(name, self._work())

    @property
    def queued(self) -> int:
        """Units in the queue: not begun yet. Never more than `WAITING_LIMIT`."""
        return self._queue.qsize()

    async def run(self, make: MakeUnit[T]) -> T:
        """Queue a unit and return its result. Raises StoreError."""
        if self._closed:
            raise StoreError("the database is closed")
        self._under_way += 1
        self._idle.clear()
        try:
            future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            await self._queue.put(_Waiting(make, future))
            return cast(T, await future)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def _work(self) -> None:
        while True:
            group = [await self._queue.get()]
            while len(group) < GROUP_LIMIT and not self._queue.empty():
                group.append(self._queue.get_nowait())
            # A caller that was cancelled before its unit began wants nothing written.
            group = [waiting for waiting in group if not waiting.future.done()]
            try:
                if group:
                    self._hand_out(group, await self._run(group))
            except asyncio.CancelledError:
                _give_up(group)
                raise

    async def _run(self, group: list[_Waiting]) -> list[Result]:
        makes = [waiting.make for waiting in group]
        try:
            return await self._thread.run(lambda connection: self._run_group(connection, makes))
        except Exception as error:
            log.exception("the database's group could not be run")
            return [Failed(error) for _ in group]

    def _hand_out(self, group: list[_Waiting], results: list[Result]) -> None:
        for waiting, result in zip(group, results, strict=True):
            if waiting.future.done():
                continue
            if isinstance(result, Done):
                waiting.future.set_result(result.value)
            else:
                waiting.future.set_exception(self._explain(result.error))

    async def finish(self) -> None:
        """Take no more units and wait for those that were taken."""
        self._closed = True
        await self._idle.wait()

    def stop(self) -> None:
        """End at once; whoever still waits is told. Idempotent."""
        self._closed = True
        self._worker.cancel()
        while not self._queue.empty():
            _give_up([self._queue.get_nowait()])


def _give_up(group: Sequence[_Waiting]) -> None:
    for waiting in group:
        if not waiting.future.done():
            waiting.future.set_exception(StoreError("the database was closed; this may not be written"))
