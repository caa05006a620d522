"""Events of the host, by elizaOS's names (elizaos.md 1.8). Listeners get one frozen dataclass each.

None of them holds a secret: characters come without theirs, updates as the names of the changed keys, and
runtimes not at all (`host.get_agent(event.agent_id)` has them).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from bot_host.types.character import Character
from bot_host.types.ids import UUID
from bot_host.types.turn import Processing


@dataclass(frozen=True, slots=True, kw_only=True)
class HostEvent:
    """Any event of the host."""

    name: ClassVar[str] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentEvent(HostEvent):
    """Something about one agent."""

    agent_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsEvent(HostEvent):
    """Something about several agents at once."""

    agent_ids: tuple[UUID, ...]

    @property
    def count(self) -> int:
        """How many."""
        return len(self.agent_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentAdded(AgentEvent):
    """An agent was added; `character` is without its secrets."""

    name: ClassVar[str] = "agent:added"
    character: Character
    ephemeral: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRegistered(AgentEvent):
    """A runtime that somebody else made was added."""

    name: ClassVar[str] = "agent:registered"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentUpdated(AgentEvent):
    """A character was changed; `updates` are the keys, since a value may be a secret."""

    name: ClassVar[str] = "agent:updated"
    updates: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStarted(AgentEvent):
    """An agent answers now."""

    name: ClassVar[str] = "agent:started"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStopped(AgentEvent):
    """An agent has stopped."""

    name: ClassVar[str] = "agent:stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDeleted(AgentEvent):
    """An agent is gone from the host; what it knows stays in the database."""

    name: ClassVar[str] = "agent:deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsAdded(AgentsEvent):
    """A call of `add_agents` is done."""

    name: ClassVar[str] = "agents:added"
    ephemeral: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsStarted(AgentsEvent):
    """Agents were started together."""

    name: ClassVar[str] = "agents:started"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsStopped(AgentsEvent):
    """Agents were stopped together."""

    name: ClassVar[str] = "agents:stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsDeleted(AgentsEvent):
    """Agents were deleted together."""

    name: ClassVar[str] = "agents:deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSent(AgentEvent):
    """`handle_message` gave an agent a message; `processing` is there where the caller waited for it."""

    name: ClassVar[str] = "message:sent"
    message_id: UUID
    mode: Literal["sync", "async"]
    processing: Processing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SentResult:
    """One entry of `messages:sent`."""

    agent_id: UUID
    message_id: UUID
    """Empty where the message was not even taken in."""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesSent(HostEvent):
    """A call of `handle_messages` is done."""

    name: ClassVar[str] = "messages:sent"
    results: tuple[SentResult, ...]

    @property
    def count(self) -> int:
        """How many."""
        return len(self.results)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeEditable(HostEvent):
    """Characters may be changed from now on."""

    name: ClassVar[str] = "mode:editable"
    editable: bool = True


HOST_EVENTS: Final[Mapping[str, type[HostEvent]]] = {
    kind.name: kind
    for kind in (
        AgentAdded,
        AgentRegistered,
        AgentUpdated,
        AgentStarted,
        AgentStopped,
        AgentDeleted,
        AgentsAdded,
        AgentsStarted,
        AgentsStopped,
        AgentsDeleted,
        MessageSent,
        MessagesSent,
        ModeEditable,
    )
}
"""The class of each event, by name."""
