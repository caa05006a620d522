"""Waiting units, handed to one connection in groups."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar, cast

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
RunGroup: TypeAlias = "Callable[[Sequence[MakeUnit[Any]]], asyncio.Future[list[Result]]]"
"""Runs a group on its connection, after those before it. Raises StoreError when there is none any more."""


class _Waiting(NamedTuple):
    make: MakeUnit[Any]
    future: asyncio.Future[Any]


class Batches:
    """A bounded queue in front of one connection; what waits together is run together.

    Runs by callbacks, without a task of its own: on the message path each turn of the event loop that a unit
    does not wait for counts.
    """

    def __init__(self, run_group: RunGroup, *, explain: Callable[[Exception], Exception]) -> None:
        self._run_group = run_group
        self._explain = explain
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(WAITING_LIMIT)
        self._group: list[_Waiting] = []
        """On the connection now."""
        self._due: asyncio.Handle | None = None
        """The next group's start, at the end of this turn of the loop: whoever comes until then is in it."""
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

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
            loop = asyncio.get_running_loop()
            waiting = _Waiting(make, loop.create_future())
            if self._queue.full():
                await self._queue.put(waiting)
            else:
                self._queue.put_nowait(waiting)
            if not self._group and self._due is None:
                self._due = loop.call_soon(self._start)
            return cast(T, await waiting.future)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    def _start(self) -> None:
        """Send the next group to the connection, unless nobody waits."""
        self._due = None
        group: list[_Waiting] = []
        while len(group) < GROUP_LIMIT and not self._queue.empty():
            waiting = self._queue.get_nowait()
            # A caller that was cancelled before its unit began wants nothing written.
            if not waiting.future.done():
                group.append(waiting)
        if not group:
            return
        self._group = group
        makes = [waiting.make for waiting in group]
        try:
            ran = self._run_group(makes)
        except StoreError as error:
            self._ended([Failed(error) for _ in group])
        else:
            ran.add_done_callback(self._ran)

    def _ran(self, ran: "asyncio.Future[list[Result]]") -> None:
        if ran.cancelled():
            self._ended([Failed(StoreError("the database was closed")) for _ in self._group])
            return
        error = ran.exception()
        if error is None:
            self._ended(ran.result())
            return
        log.error("the database's group could not be run", exc_info=error)
        told = (
            error
            if isinstance(error, Exception)
            else StoreError(f"the database's connection ended: {error!r}")
        )
        self._ended([Failed(told) for _ in self._group])

    def _ended(self, results: list[Result]) -> None:
        group, self._group = self._group, []
        for waiting, result in zip(group, results, strict=True):
            if waiting.future.done():
                continue
            if isinstance(result, Done):
                waiting.future.set_result(result.value)
            else:
                waiting.future.set_exception(self._explain(result.error))
        self._start()

    async def finish(self) -> None:
        """Take no more units and wait for those that were taken."""
        self._closed = True
        await self._idle.wait()

    def stop(self) -> None:
        """End at once; whoever still waits is told. Idempotent."""
        self._closed = True
        if self._due is not None:
            self._due.cancel()
            self._due = None
        _give_up(self._group)
        while not self._queue.empty():
            _give_up([self._queue.get_nowait()])


def _give_up(group: Sequence[_Waiting]) -> None:
    for waiting in group:
        if not waiting.future.done():
            waiting.future.set_exception(StoreError("the database was closed; this may not be written"))
