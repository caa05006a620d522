"""Updates that come in requests side by side, put in order again by their ids.

Telegram counts a bot's updates one by one (core.telegram.org/bots/api#update). One whose predecessor has not
come yet waits for it, for a moment: what Telegram has to repeat comes seconds later, and must hold up nobody.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]

PATIENCE_S: Final = 0.3
MOST: Final = 1_000
"""That wait; one more is left for Telegram to repeat."""
TOGETHER: Final = 100
"""That are handed on at once, and stored in one transaction."""
FAR: Final = 10_000
"""So far below the last one is no straggler: after a quiet week Telegram counts from anywhere."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One update, and whether it is on disk, for the requests that brought it."""

    update: Json
    stored: "asyncio.Future[bool]"
    at: float

    @property
    def id(self) -> int:
        """Its place in the bot's count."""
        return int(self.update["update_id"])


class Arrivals:
    """Those that are not on disk yet."""

    def __init__(self, *, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._waiting: dict[int, Arrival] = {}
        self._next: int | None = None
        """Of the update that is due; None: any may be the first."""
        self._changed = asyncio.Event()
        self._closed = False

    def add(self, update: Json) -> "asyncio.Future[bool] | None":
        """What tells whether it was stored; None: it is not taken. A repeated one waits with the first."""
        id = int(update["update_id"])
        known = self._waiting.get(id)
        if known is not None:
            return known.stored
        if self._closed or len(self._waiting) >= MOST:
            return None
        if self._next is not None and id < self._next - FAR:
            self._next = None
        arrival = Arrival(update, asyncio.get_running_loop().create_future(), time.monotonic())
        self._waiting[id] = arrival
        self._changed.set()
        return arrival.stored

    async def ready(self) -> list[Arrival]:
        """The next ones, in order; at least one. They stay until `done`."""
        while True:
            self._changed.clear()
            ids = sorted(self._waiting)
            if ids and (found := self._due(ids)):
                return [self._waiting[id] for id in found[:TOGETHER]]
            oldest = min((arrival.at for arrival in self._waiting.values()), default=None)
            left = None if oldest is None else oldest + self._patience_s - time.monotonic()
            if left is not None and left <= 0:
                # The one that is missing comes later, if at all.
                self._next = ids[0]
                continue
            try:
                async with asyncio.timeout(left):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _due(self, ids: list[int]) -> list[int]:
        """Stragglers, and what follows the last one without a gap."""
        if self._next is None:
            return []
        found, due = [], self._next
        for id in ids:
            if id > due:
                break
            found.append(id)
            due = max(due, id + 1)
        return found

    def done(self, arrivals: list[Arrival], *, stored: bool) -> None:
        """They are on disk, or could not be written: then Telegram brings them again."""
        for arrival in arrivals:
            self._waiting.pop(arrival.id, None)
            if not arrival.stored.done():
                arrival.stored.set_result(stored)
            if stored and (self._next is None or arrival.id >= self._next):
                self._next = arrival.id + 1

    def close(self) -> None:
        """Take no more; what waits is left for Telegram to repeat."""
        self._closed = True
        self.done(list(self._waiting.values()), stored=False)
