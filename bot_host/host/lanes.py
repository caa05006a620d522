"""Lanes: work in order per key, keys side by side, nothing kept but which keys have something to do.

The rows in the store are the truth; a lane only knows that its key is worth a look. That is what lets a
lane live in another process later.
"""

import asyncio
import contextvars
import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from bot_host.host.line import FairLine
from bot_host.kit.tasks import Supervisor

log = logging.getLogger(__name__)
K = TypeVar("K", bound=Hashable)

FAILED_SECONDS: Final = 5.0
"""Before the next look at a key whose work raised."""
REFILL_SECONDS: Final = 5.0
MAX_READY: Final = 20_000
"""Keys remembered as worth a look. Beyond that they are found again in the store."""


@dataclass(frozen=True, slots=True)
class Next:
    """What a lane does after one piece of work."""

    again: bool = False
    """There may be more: stand at the back of the line."""
    after_s: float | None = None
    """Have another look after so many seconds."""


IDLE: Final = Next()
AGAIN: Final = Next(again=True)


class Lanes(Generic[K]):
    """At most one piece of work a key at a time, at most `limit` at once, the groups of keys by turns."""

    def __init__(
        self,
        name: str,
        work: Callable[[K], Awaitable[Next]],
        *,
        limit: int,
        refill: Callable[[], Awaitable[list[K]]],
        page: int = MAX_READY,
        group_of: Callable[[K], Hashable] = lambda key: key,
    ) -> None:
        """`refill` finds keys that have something to do, at most `page` of them at a time.

        Groups of keys begin by turns, so that a busy one does not keep the others waiting.
        """
        self._page = page
        self._work = work
        self._limit = limit
        self._refill = refill
        self._tasks = Supervisor(name)
        self._ready: FairLine[K] = FairLine(group_of)
        self._running: dict[K, asyncio.Task[None]] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._paused: set[K] = set()
        self._overflowed = False
        self._refilling = False
        self._stopped = False
        self._changed = asyncio.Event()

    @property
    def running(self) -> int:
        """Pieces of work under way."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Keys in line."""
        return len(self._ready)

    def is_free(self, key: K) -> bool:
        """Whether work on `key` would begin at once if it were woken now."""
        return not (
            self._stopped
            or key in self._running
            or key in self._timers
            or key in self._paused
            or len(self._running) >= self._limit
        )

    def wake(self, key: K) -> None:
        """There is something to do for `key`. Safe to call at any time, any number of times."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        if key not in self._ready and len(self._ready) >= MAX_READY:
            self._overflowed = True
            return
        self._ready.add(key)
        self._pump()

    def interrupt(self, key: K) -> None:
        """What `key` is working on has changed: cancel it and begin again. No-op when it is not at work."""
        task = self._running.get(key)
        if task is not None:
            self._ready.add(key)
            task.cancel()

    @asynccontextmanager
    async def paused(self, key: K, *, within_s: float, interrupt: bool = False) -> AsyncIterator[None]:
        """Nothing begins for `key` inside; what is under way has ended, or goes on after `within_s` seconds.

        `interrupt` cancels what is under way, as `interrupt` does.
        """
        self._paused.add(key)
        try:
            if interrupt:
                self.interrupt(key)
            task = self._running.get(key)
            if task is not None:
                await asyncio.wait([task], timeout=within_s)
            yield
        finally:
            self._paused.discard(key)
            self._pump()

    def _pump(self) -> None:
        if self._stopped:
            return
        free = self._limit - len(self._running)
        if free <= 0:
            return
        busy = self._running.keys() | self._paused if self._paused else self._running
        for key in self._ready.take(free, but=busy):
            # A context of its own: the log fields of whoever woke this key do not belong to its work.
            task = self._tasks.spawn(str(key), self._run(key), context=contextvars.Context())
            self._running[key] = task
            task.add_done_callback(functools.partial(self._ended, key))
        if self._overflowed and not self._ready and not self._refilling:
            self._overflowed = False
            self._refilling = True
            self._tasks.spawn("refill", self._find_more(), context=contextvars.Context())

    async def _find_more(self) -> None:
        try:
            found = await self._refill()
            self._refilling = False
        except Exception:
            log.exception("could not look for what waits; trying again")
            await asyncio.sleep(REFILL_SECONDS)
            self._overflowed = True
            self._refilling = False
            self._pump()
            return
        for key in found:
            self.wake(key)
        if len(found) >= self._page:
            self._overflowed = True
            self._pump()

    async def _run(self, key: K) -> None:
        then = IDLE
        try:
            then = await self._work(key)
        except asyncio.CancelledError:
            if self._stopped:
                raise
            # Interrupted: `interrupt` has put the key in line again.
        except Exception:
            log.exception("lane %s failed; it goes on", key)
            then = Next(after_s=FAILED_SECONDS)
        finally:
            self._running.pop(key, None)
            self._changed.set()
        if then.again:
            self._ready.add(key)
        elif then.after_s is not None and key not in self._ready and not self._stopped:
            self._timers[key] = asyncio.get_running_loop().call_later(then.after_s, self._due, key)
        self._pump()

    def _ended(self, key: K, task: asyncio.Task[None]) -> None:
        # A task that is cancelled before its first step never enters `_run`, so nothing there frees its key.
        if self._running.get(key) is task:
            del self._running[key]
            self._changed.set()
            self._pump()

    def _due(self, key: K) -> None:
        self._timers.pop(key, None)
        self.wake(key)

    async def idle(self, *, timers: bool = False) -> None:
        """Wait until nothing is under way or in line; with `timers`, nothing waits for its time either."""
        while self._running or self._ready or (timers and self._timers):
            self._changed.clear()
            await self._changed.wait()

    async def cancel(self, *, only: Callable[[K], bool]) -> None:
        """Cancel the work on some keys and wait until it has ended; they are not begun again by this."""
        tasks = [task for key, task in self._running.items() if only(key)]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def hold(self) -> None:
        """Begin nothing more; what is under way goes on."""
        self._stopped = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._changed.set()

    async def close(self, grace: float) -> bool:
        """Hold, give what is under way `grace` seconds, cancel the rest. True when all of it finished."""
        self.hold()
        finished = not self._running or (grace > 0 and await self._tasks.wait(grace))
        await self._tasks.close()
        return finished
