"""What people press, fill in and command does not wait in line with messages.

Slack wants each of them acknowledged within three seconds, shows the person a fault otherwise, and promises
retries for events only. So each is read and stored by a task of its own, whatever else waits for the disk,
and acknowledged after the commit. When the disk is slower than that, it is acknowledged all the same, and the
person is told that it is not written down yet: they are the only one who could do it again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from bot_host.connector import InboundEvent, InboundMessage, StoreError, Supervisor, Target

log = logging.getLogger(__name__)

KINDS: Final = frozenset({"interactive", "slash_commands"})
"""The types of envelopes that are somebody's use of something."""
ACK_S: Final = 2.0
"""After it came. The way to Slack and back takes its share of the three seconds."""
STORE_S: Final = 30.0
"""Longer nobody waits for an answer to a button."""
AT_ONCE: Final = 200
SLOW: Final = "I am slow just now, and have not written that down yet. If no answer comes, please try again."
NOT_NOW: Final = "I cannot take that just now. Please try again in a moment."

T = TypeVar("T")
Tell = Callable[[Target, str], Awaitable[None]]
"""Says something to one person alone, as well as it can. Never raises."""
Events = Sequence[InboundEvent]


class Uses:
    """Takes them in, side by side."""

    def __init__(self, *, store: Callable[..., Awaitable[None]], tell: Tell) -> None:
        self._store = store
        self._tell = tell
        self._under_way: set[asyncio.Task[None]] = set()
        self.tasks: Supervisor | None = None
        """None: nothing can be stored yet."""

    def offer(
        self,
        read: Callable[[], Awaitable[tuple[T, Events] | None]],
        acknowledge: Callable[[T], Awaitable[None]],
    ) -> bool:
        """Take one; never waits. False: it has to go the way of events.

        `read` gives the acknowledgement, and what it acknowledges; None: nothing is to be acknowledged.
        """
        if self.tasks is None:
            return False
        if len(self._under_way) >= AT_ONCE:
            log.warning("slack: too many buttons and commands at once; one is not taken")
            return True
        task = self.tasks.spawn("slack use", self._take(read, acknowledge))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return True

    async def finish(self, seconds: float) -> None:
        """Wait for those under way."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=seconds)

    async def _take(
        self,
        read: Callable[[], Awaitable[tuple[T, Events] | None]],
        acknowledge: Callable[[T], Awaitable[None]],
    ) -> None:
        until = asyncio.get_running_loop().time() + ACK_S
        try:
            async with asyncio.timeout_at(until):
                found = await read()
        except TimeoutError:
            log.warning("slack: a button or command could not be read in time; its user sees a fault")
            return
        if found is None:
            return
        answer, events = found
        assert self.tasks is not None
        storing = self.tasks.spawn("slack use stored", self._put(events))
        await asyncio.wait([storing], timeout=max(0.0, until - asyncio.get_running_loop().time()))
        is_late = not storing.done()
        await acknowledge(answer)
        if is_late:
            log.warning("slack: the disk is slow; a button or command was acknowledged before it was stored")
            await self._say(events, SLOW)
        if not await storing:
            await self._say(events, NOT_NOW)

    async def _put(self, events: Events) -> bool:
        """Whether it is on disk."""
        try:
            async with asyncio.timeout(STORE_S):
                await self._store(*events)
        except (StoreError, TimeoutError) as error:
            why = error or "it took too long"
            log.warning("slack: a button or command could not be stored (%s); its user is told", why)
            return False
        return True

    async def _say(self, events: Events, text: str) -> None:
        for event in events:
            if isinstance(event, InboundMessage):
                await self._tell(event.target, text)
