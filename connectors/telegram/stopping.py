"""Waiting for something that the end of the intake may cut short."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Stopped(Exception):
    """The intake was told to end while waiting."""


class Stopping:
    """Told to end, once and for all; one task waits at a time."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._wait: asyncio.Timeout | None = None

    @property
    def is_asked(self) -> bool:
        """Whether it was told to end."""
        return self.asked.is_set()

    def ask(self) -> None:
        """End. Idempotent."""
        if self.asked.is_set():
            return
        self.asked.set()
        if self._wait is not None:
            self._wait.reschedule(asyncio.get_running_loop().time())

    async def unless(self, work: Awaitable[T]) -> T:
        """What `work` gives. Raises Stopped."""
        try:
            async with asyncio.timeout(0 if self.asked.is_set() else None) as self._wait:
                return await work
        except TimeoutError:
            raise Stopped from None
        finally:
            self._wait = None
