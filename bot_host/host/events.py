"""Who listens to the host. A listener can neither delay nor break what it is told of."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from bot_host.kit.names import did_you_mean
from bot_host.kit.tasks import Supervisor
from bot_host.types.errors import StateError
from bot_host.types.host_events import HOST_EVENTS, HostEvent

log = logging.getLogger(__name__)

LISTENER_SECONDS: Final = 30.0
"""An asynchronous listener that takes longer is given up."""

Listener: TypeAlias = Callable[[Any], Awaitable[None] | None]
"""Hears of an event: one frozen dataclass of `types.host_events`. May be sync or async."""


class HostEvents:
    """Listeners by class; a base class hears of all its children (`HostEvent`: of everything)."""

    def __init__(self) -> None:
        self._listeners: dict[type[HostEvent], list[Listener]] = {}
        self._tasks = Supervisor("host events")

    def on(self, event: str | type[HostEvent], listener: Listener) -> Callable[[], None]:
        """Listen to a name (`agent:added`) or a class; what this returns ends it.

        Raises StateError for a name that no event has, and for a listener that cannot be called.
        """
        kind = HOST_EVENTS.get(event) if isinstance(event, str) else event
        if not isinstance(kind, type) or not issubclass(kind, HostEvent):
            hint = did_you_mean(str(event), HOST_EVENTS)
            raise StateError(f"the host has no event {event!r}{hint}; it has {', '.join(HOST_EVENTS)}")
        if not callable(listener):
            raise StateError(f"a listener must be a function, found {listener!r:.60}")
        listeners = self._listeners.setdefault(kind, [])
        listeners.append(listener)

        def unsubscribe() -> None:
            if listener in listeners:
                listeners.remove(listener)

        return unsubscribe

    def tell(self, event: HostEvent) -> None:
        """Tell everybody who listens. Plain functions hear at once, coroutines in a task of their own."""
        for kind, listeners in list(self._listeners.items()):
            if isinstance(event, kind):
                for listener in list(listeners):
                    self._tell(listener, event)

    def _tell(self, listener: Listener, event: HostEvent) -> None:
        try:
            told = listener(event)
        except Exception:
            log.exception("a listener of %s failed", event.name)
            return
        if not inspect.isawaitable(told):
            return
        hearing = _hear(told, event)
        try:
            self._tasks.spawn(event.name, hearing)
        except RuntimeError as error:
            # Closed, or no event loop runs (an event of a host that is set up before `asyncio.run`).
            hearing.close()
            if inspect.iscoroutine(told):
                told.close()
            log.warning("a listener of %s could not be told: %s", event.name, error)

    async def close(self, grace: float) -> None:
        """Give listeners that are at work `grace` seconds."""
        await self._tasks.close(grace)


async def _hear(told: Awaitable[None], event: HostEvent) -> None:
    try:
        async with asyncio.timeout(LISTENER_SECONDS):
            await told
    except TimeoutError:
        log.warning("a listener of %s took more than %.0f s and was given up", event.name, LISTENER_SECONDS)
    except Exception:
        log.exception("a listener of %s failed", event.name)
