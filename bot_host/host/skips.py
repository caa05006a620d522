"""Events that were not for the agent, on their way to the store: many together, within a second."""

import asyncio
import logging
from collections import Counter
from typing import Final

from bot_host.contracts.store import Store
from bot_host.kit.tasks import Supervisor
from bot_host.types.errors import StoreError
from bot_host.types.inbound import Skipped

log = logging.getLogger(__name__)

SOON_SECONDS: Final = 1.0
MOST: Final = 500
"""That wait; with one more, whoever brings it waits for the disk."""


class Skips:
    """Keeps skipped events for a moment: a busy group that is not on the list must not cost many commits.

    A host that is killed meanwhile loses counts, and marks of what needed no answer: that is skipped again at
    the next start.
    """

    def __init__(self, store: Store, *, tasks: Supervisor) -> None:
        self._store = store
        self._tasks = tasks
        self._waiting: dict[str, list[Skipped]] = {}
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._writing = asyncio.Lock()
        self.by_reason: Counter[str] = Counter()
        """Since the start."""

    @property
    def waiting(self) -> int:
        """Events that are not written yet."""
        return self._count

    async def add(self, account: str, event: Skipped) -> None:
        """Count an event. Raises StoreError when too many wait and cannot be written."""
        if self._count >= MOST:
            await self.flush()
        self.by_reason[event.reason] += 1
        self._waiting.setdefault(account, []).append(event)
        self._count += 1
        self._arm()

    def _arm(self) -> None:
        # A timer and not a task that sleeps: the end of the host waits for tasks.
        if self._timer is None and self._count and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(SOON_SECONDS, self._fire)

    def _fire(self) -> None:
        self._timer = None
        self._tasks.spawn("skipped", self._flush_soon())

    async def _flush_soon(self) -> None:
        try:
            await self.flush()
        except StoreError as error:
            log.warning("skipped events could not be counted yet: %s", error)
        self._arm()

    async def flush(self) -> None:
        """Write what waits. Raises StoreError: it waits on."""
        if not self._count:
            return
        async with self._writing:
            for account, events in list(self._waiting.items()):
                writing = events[:MOST]
                await self._store.count_skipped(account, writing)
                del events[: len(writing)]
                self._count -= len(writing)
                if not events:
                    del self._waiting[account]

    async def close(self) -> None:
        """Write what waits, and set no timer any more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        try:
            await self.flush()
        except StoreError as error:
            log.warning("%d skipped events are not counted: %s", self._count, error)
