"""What people look at: rows put together for those who run the host."""

from dataclasses import dataclass
from datetime import datetime

from bot_host.types.ids import UUID
from bot_host.types.outbound import ClosedRoom
from bot_host.types.places import Room
from bot_host.types.turn import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What became of one inbound message."""

    memory_id: UUID
    event_key: str
    done: bool
    outcome: Outcome | None
    reason: str
    run_id: UUID | None
    reply_id: UUID | None
    """The memory that answers it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A room, with when something was said in it last."""

    room: Room
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedPlace:
    """A destination that takes nothing, with its room's name."""

    closed: ClosedRoom
    name: str
    """Empty: it has none, or the agent knows no such room."""
