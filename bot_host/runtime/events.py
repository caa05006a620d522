"""Events of one agent: listeners by name or by class, each contained."""

import asyncio
import inspect
import logging
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Final, TypeAlias

from bot_host.contracts.plugin import EventHandler
from bot_host.types.errors import StateError
from bot_host.types.events import EVENT_CLASSES, Event
from bot_host.types.ids import UUID

log = logging.getLogger(__name__)

LISTENER_SECONDS: Final = 30.0
"""A listener that takes longer is given up: whoever has more to do starts a task of its own."""

Names: TypeAlias = str | Sequence[str]


class Events:
    """Who listens to what (elizaos.md 2.11; elizaOS's second, synchronous emitter is this one too)."""

    def __init__(self) -> None:
        self._by_name: dict[str, list[EventHandler]] = {}
        self._by_class: dict[type[Event], list[EventHandler]] = {}

    def on(self, event: str | type[Event], handler: EventHandler) -> None:
        """Listen to a name, or to a class with all its children. The same handler twice counts once.

        Raises StateError for what is neither, and for a handler that cannot be called.
        """
        if not callable(handler):
            raise StateError(f"a listener must be a function, found {handler!r:.60}")
        found = self._listeners(event)
        if handler not in found:
            found.append(handler)

    def off(self, event: str | type[Event], handler: EventHandler) -> None:
        """Listen no more; no-op for one that does not."""
        found = self._listeners(event)
        if handler in found:
            found.remove(handler)

    def clear(self) -> None:
        """Forget all listeners."""
        self._by_name.clear()
        self._by_class.clear()

    def get(self, name: str) -> list[EventHandler]:
        """Who listens to this name."""
        return list(self._by_name.get(str(name), ()))

    def heard(self, name: str) -> bool:
        """Whether anybody listens to this event: telling nobody should cost nothing."""
        if self._by_name.get(name):
            return True
        kind = EVENT_CLASSES.get(name, Event)
        return any(listeners and issubclass(kind, wanted) for wanted, listeners in self._by_class.items())

    async def emit(self, names: Names, agent_id: UUID, payload: Event | Mapping[str, Any] | None) -> None:
        """Tell each event's listeners, together, and wait for them. Raises StateError for a wrong payload."""
        for name in (names,) if isinstance(names, str) else names:
            if not self.heard(name):
                continue
            event = make_event(name, agent_id, payload)
            listeners = self.get(name)
            for wanted, more in self._by_class.items():
                if isinstance(event, wanted):
                    listeners += more
            await asyncio.gather(*(_tell(listener, event) for listener in listeners))

    def _listeners(self, event: str | type[Event]) -> list[EventHandler]:
        if isinstance(event, str):
            return self._by_name.setdefault(str(event), [])
        if not isinstance(event, type) or not issubclass(event, Event):
            raise StateError(f"{event!r:.60} is no name or class of an event")
        return self._by_class.setdefault(event, [])


def make_event(name: str, agent_id: UUID, payload: Event | Mapping[str, Any] | None) -> Event:
    """A payload as the event's class; keys that the class does not have go into `data`.

    Raises StateError naming the keys that are missing.
    """
    if isinstance(payload, Event):
        return payload if payload.type == name else replace(payload, type=str(name))
    given = dict(payload or {})
    kind = EVENT_CLASSES.get(name, Event)
    known = {field.name for field in fields(kind)} - {"type", "agent_id"}
    values = {key: given.pop(key) for key in list(given) if key in known}
    values["data"] = {**values.get("data", {}), **given}
    try:
        return kind(type=str(name), agent_id=agent_id, **values)
    except TypeError as error:
        raise StateError(f"the event {name} was not sent: {error}") from None


async def _tell(listener: EventHandler, event: Event) -> None:
    try:
        async with asyncio.timeout(LISTENER_SECONDS):
            told = listener(event)
            if inspect.isawaitable(told):
                await told
    except TimeoutError:
        log.warning("a listener of %s took more than %.0f s and was given up", event.type, LISTENER_SECONDS)
    except Exception:
        log.exception("a listener of %s failed", event.type)
