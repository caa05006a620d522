"""The agent's methods for events and runs (elizaos.md 2.11)."""

from collections.abc import Mapping
from typing import Any, Literal

from bot_host.contracts.plugin import EventHandler
from bot_host.runtime.base import AgentBase
from bot_host.runtime.events import Events, Names
from bot_host.runtime.runs import begin_run, current_run_of, leave_run
from bot_host.types.events import Event, EventType
from bot_host.types.ids import UUID, new_id


class EventMethods(AgentBase):
    """Listeners, and the run that a task works for."""

    def __init__(self) -> None:
        self.events = Events()

    def on(self, event: str | type[Event], handler: EventHandler) -> None:
        """Listen to an event, by name or by class (`Event` itself: to all)."""
        self.events.on(event, handler)

    register_event = on

    def off(self, event: str | type[Event], handler: EventHandler) -> None:
        """Listen no more."""
        self.events.off(event, handler)

    def get_event(self, event: str) -> list[EventHandler]:
        """Who listens to a name."""
        return self.events.get(event)

    async def emit_event(self, event: Names, payload: Event | Mapping[str, Any] | None = None) -> None:
        """Tell the listeners, and wait for them. Failing ones are logged; nothing is raised for them."""
        await self.events.emit(event, self.agent_id, payload)

    emit = emit_event

    async def send_control_message(
        self, *, room_id: UUID, action: Literal["enable_input", "disable_input"], target: str = ""
    ) -> None:
        """Tell those who show the room to take, or not to take, input (elizaos.md 2.15-03)."""
        payload = {"room_id": room_id, "action": action, "target": target}
        await self.emit_event(EventType.CONTROL_MESSAGE, payload)

    def create_run_id(self) -> UUID:
        """A fresh id."""
        return new_id()

    def start_run(self, room_id: UUID | None = None) -> UUID:
        """Begin a run for this task and those that it starts; others keep theirs (2.11-03 [T])."""
        return begin_run(self.agent_id, room_id).id

    def end_run(self) -> None:
        """End it."""
        leave_run(self.agent_id)

    def get_current_run_id(self) -> UUID:
        """The id of the run that this task works for; one is begun where there is none."""
        run = current_run_of(self.agent_id) or begin_run(self.agent_id, None)
        return run.id
