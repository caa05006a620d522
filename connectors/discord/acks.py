"""Which interactions are being acknowledged just now."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final

WAIT_S: Final = 10.0
"""An answer waits no longer for the acknowledgement before it."""


class Acks:
    """By interaction: an event that is set when its acknowledgement has been sent, or failed."""

    def __init__(self) -> None:
        self._open: dict[str, asyncio.Event] = {}

    @contextlib.contextmanager
    def begin(self, interaction_id: str) -> Iterator[None]:
        """Answers to this interaction wait while inside."""
        event = self._open.setdefault(interaction_id, asyncio.Event())
        try:
            yield
        finally:
            self._open.pop(interaction_id, None)
            event.set()

    async def wait(self, interaction_id: str) -> None:
        """Wait until it is acknowledged, or was not by this process."""
        event = self._open.get(interaction_id)
        if event is None:
            return
        try:
            async with asyncio.timeout(WAIT_S):
                await event.wait()
        except TimeoutError:
            return
