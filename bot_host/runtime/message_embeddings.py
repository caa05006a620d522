"""Vectors of what was said: queued when a turn is over, so that the turn does not wait for it."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from bot_host.contracts.plugin import EventHandler
from bot_host.kit.tasks import Supervisor
from bot_host.runtime.settings import truth
from bot_host.types.errors import StoreError
from bot_host.types.events import Event, EventType, MessageEvent, RunEvent
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory

log = logging.getLogger(__name__)

SETTING: Final = "EMBED_MESSAGES"
"""Off: messages and answers get no vectors, for searches by meaning. On by itself where there is a model."""
NOTED: Final = 1000
"""Messages of turns under way that are remembered at the most."""


class MessageEmbeddings:
    """Listens to an agent's turns."""

    def __init__(
        self, queue: Callable[[Memory], Awaitable[None]], *, tasks: Callable[[], Supervisor | None]
    ) -> None:
        """`tasks` owns the queueing; None: it is done at once, by the turn itself."""
        self._queue = queue
        self._tasks = tasks
        self._said: OrderedDict[UUID, Memory] = OrderedDict()

    def follow(self, agent: "Listening") -> None:
        """Begin to listen; it ends with the agent's other listeners."""
        agent.on(EventType.MESSAGE_RECEIVED, self._note)
        agent.on(EventType.MESSAGE_SENT, self._note)
        agent.on(RunEvent, self._run)

    def _note(self, event: MessageEvent) -> None:
        self._said[event.message.id] = event.message
        while len(self._said) > NOTED:
            self._said.popitem(last=False)

    async def _run(self, event: RunEvent) -> None:
        said = [memory for memory in self._said.values() if memory.room_id == event.room_id]
        for memory in said:
            del self._said[memory.id]
        tasks = self._tasks()
        if not said:
            return
        if tasks is None:
            await self._queue_all(said)
        else:
            tasks.spawn("queue embeddings", self._queue_all(said))

    async def _queue_all(self, said: list[Memory]) -> None:
        try:
            # Together: they share a commit.
            await asyncio.gather(*map(self._queue, said))
        except StoreError as error:
            log.warning("%d messages get no vectors: %s", len(said), error)


class Listening(Protocol):
    """An agent as far as this needs it."""

    def on(self, event: str | type[Event], handler: EventHandler) -> None:
        """Listen to an event."""

    def get_setting(self, key: str) -> Any | None:
        """A setting."""


def follow_messages(
    agent: Listening,
    queue: Callable[[Memory], Awaitable[None]],
    *,
    tasks: Callable[[], Supervisor | None],
    possible: bool,
) -> None:
    """Queue what is said from now on, unless the agent's settings are against it; else nobody even listens.

    `possible`: there is a model for it.
    """
    wanted = agent.get_setting(SETTING)
    if possible and (wanted is None or truth(wanted)):
        MessageEmbeddings(queue, tasks=tasks).follow(agent)
