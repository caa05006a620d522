"""Messages and what became of them, in lists: what came in, what was said unasked, what was not let in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot_host.types.content import ChannelType
from bot_host.types.ids import UUID
from bot_host.types.turn import OutboxState, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which messages to list; empty and None: not narrowed by that."""

    agent_id: UUID | None = None
    account: str = ""
    """`discord:123`, or a platform for all of its accounts."""
    room_id: UUID | None = None
    entity_id: UUID | None = None
    """Who said it."""
    outcome: str = ""
    """Of `Outcome`, or `waiting`."""
    reason: str = ""
    """A part of it, in any case."""
    text: str = ""
    """A part of it, in any case (of letters beyond ASCII, in just this one on SQLite)."""
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A row's place in a list."""

    at: datetime
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """An inbound message in a list; what was erased or deleted is None or empty."""

    seq: int
    agent_id: UUID
    agent_name: str
    account: str
    memory_id: UUID | None
    room_id: UUID | None
    room_name: str
    room_type: ChannelType | None
    entity_id: UUID | None
    sender: str
    content: dict[str, Any] | None
    """As the memory has it; None: it is not kept."""
    outcome: Outcome | None
    """None: it waits, or its turn is under way."""
    running: bool
    reason: str
    attempts: int
    received_at: datetime
    finished_at: datetime | None
    run_id: UUID | None
    started_at: datetime | None
    """Of the run; None: there was none, or it is not kept."""
    ended_at: datetime | None
    model_calls: tuple[dict[str, Any], ...]

    @property
    def place(self) -> Place:
        """For the next page."""
        return Place(at=self.received_at, seq=self.seq)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unasked:
    """A message that goes out without an inbound one: of a schedule, a task, a plugin, a caller."""

    seq: int
    """Of its first part in the outbox."""
    agent_id: UUID
    agent_name: str
    account: str
    destination: str
    parts: int
    memory_id: UUID | None
    room_id: UUID | None
    room_name: str
    content: dict[str, Any] | None
    state: OutboxState
    error: str
    created_at: datetime
    sent_at: datetime | None

    @property
    def place(self) -> Place:
        """For the next page."""
        return Place(at=self.created_at, seq=self.seq)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What was found by looking back, newest first. A look ends after so many rows, found or not."""

    rows: tuple[Any, ...]
    next: Place | None = None
    """Where to look on; None: that was all."""
    back_to: datetime | None = None
    """How far was looked where that is not told by the rows."""
