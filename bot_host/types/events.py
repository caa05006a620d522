"""Events: what happened, by elizaOS's names (elizaos.md 3.5). Handlers get one frozen dataclass each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from bot_host.types.content import Content
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory


class EventType(StrEnum):
    """Events of one agent's runtime."""

    WORLD_JOINED = "WORLD_JOINED"
    WORLD_CONNECTED = "WORLD_CONNECTED"
    WORLD_LEFT = "WORLD_LEFT"
    ENTITY_JOINED = "ENTITY_JOINED"
    ENTITY_LEFT = "ENTITY_LEFT"
    ENTITY_UPDATED = "ENTITY_UPDATED"
    ROOM_JOINED = "ROOM_JOINED"
    ROOM_LEFT = "ROOM_LEFT"
    ROOM_CLOSED = "ROOM_CLOSED"
    """Ours, not elizaOS's: nothing that is sent to a room is taken any more."""
    ROOM_OPENED = "ROOM_OPENED"
    MESSAGE_RECEIVED = "MESSAGE_RECEIVED"
    MESSAGE_SENT = "MESSAGE_SENT"
    MESSAGE_DELETED = "MESSAGE_DELETED"
    CHANNEL_CLEARED = "CHANNEL_CLEARED"
    VOICE_MESSAGE_RECEIVED = "VOICE_MESSAGE_RECEIVED"
    VOICE_MESSAGE_SENT = "VOICE_MESSAGE_SENT"
    REACTION_RECEIVED = "REACTION_RECEIVED"
    INTERACTION_RECEIVED = "INTERACTION_RECEIVED"
    POST_GENERATED = "POST_GENERATED"
    RUN_STARTED = "RUN_STARTED"
    RUN_ENDED = "RUN_ENDED"
    RUN_TIMEOUT = "RUN_TIMEOUT"
    ACTION_STARTED = "ACTION_STARTED"
    ACTION_COMPLETED = "ACTION_COMPLETED"
    EVALUATOR_STARTED = "EVALUATOR_STARTED"
    EVALUATOR_COMPLETED = "EVALUATOR_COMPLETED"
    MODEL_USED = "MODEL_USED"
    EMBEDDING_GENERATION_REQUESTED = "EMBEDDING_GENERATION_REQUESTED"
    EMBEDDING_GENERATION_COMPLETED = "EMBEDDING_GENERATION_COMPLETED"
    EMBEDDING_GENERATION_FAILED = "EMBEDDING_GENERATION_FAILED"
    CONTROL_MESSAGE = "CONTROL_MESSAGE"
    KNOWLEDGE_ADDED = "KNOWLEDGE_ADDED"
    """Ours, as the next: a source was added, and may be read at once."""
    KNOWLEDGE_CHANGED = "KNOWLEDGE_CHANGED"
    """What was read of sources is another than before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Any event; those without a class of their own come as this one."""

    type: str
    """An `EventType`, or a plugin's own name."""
    agent_id: UUID
    source: str = "runtime"
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEvent(Event):
    """MESSAGE_RECEIVED, MESSAGE_SENT, MESSAGE_DELETED, REACTION_RECEIVED …"""

    message: Memory
    again: bool = False
    """Of MESSAGE_RECEIVED: its turn was begun before, and is begun again (after an edit, say). Of
    MESSAGE_SENT: it was sent before, and says something else now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedRoomEvent(Event):
    """ROOM_CLOSED, ROOM_OPENED."""

    room_id: UUID | None
    """None: the agent knows no such room."""
    destination: str
    """The account and the platform's ids of the place, as in the outbox."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent(Event):
    """RUN_STARTED, RUN_ENDED, RUN_TIMEOUT."""

    run_id: UUID
    room_id: UUID
    message_id: UUID | None = None
    status: str = ""
    error: str = ""
    again: bool = False
    """Of RUN_STARTED: another run has begun with this message before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionEvent(Event):
    """ACTION_STARTED, ACTION_COMPLETED."""

    action: str
    room_id: UUID
    message_id: UUID
    content: Content | None = None
    success: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatorEvent(Event):
    """EVALUATOR_STARTED, EVALUATOR_COMPLETED."""

    evaluator: str
    message_id: UUID
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEvent(Event):
    """MODEL_USED."""

    model_type: str
    provider: str
    model: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingEvent(Event):
    """EMBEDDING_GENERATION_REQUESTED, _COMPLETED, _FAILED."""

    memory_id: UUID
    priority: str = "normal"
    error: str = ""


EVENT_CLASSES: Final[Mapping[str, type[Event]]] = {
    **dict.fromkeys(
        (
            EventType.MESSAGE_RECEIVED,
            EventType.MESSAGE_SENT,
            EventType.MESSAGE_DELETED,
            EventType.VOICE_MESSAGE_RECEIVED,
            EventType.VOICE_MESSAGE_SENT,
            EventType.REACTION_RECEIVED,
            EventType.INTERACTION_RECEIVED,
        ),
        MessageEvent,
    ),
    **dict.fromkeys((EventType.ROOM_CLOSED, EventType.ROOM_OPENED), ClosedRoomEvent),
    **dict.fromkeys((EventType.RUN_STARTED, EventType.RUN_ENDED, EventType.RUN_TIMEOUT), RunEvent),
    **dict.fromkeys((EventType.ACTION_STARTED, EventType.ACTION_COMPLETED), ActionEvent),
    **dict.fromkeys((EventType.EVALUATOR_STARTED, EventType.EVALUATOR_COMPLETED), EvaluatorEvent),
    EventType.MODEL_USED: ModelEvent,
    **dict.fromkeys(
        (
            EventType.EMBEDDING_GENERATION_REQUESTED,
            EventType.EMBEDDING_GENERATION_COMPLETED,
            EventType.EMBEDDING_GENERATION_FAILED,
        ),
        EmbeddingEvent,
    ),
}
"""The class of each event that has one of its own."""
