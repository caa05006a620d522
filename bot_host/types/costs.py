"""What the models have cost, added up."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot_host.types.ids import UUID


class CostsBy(StrEnum):
    """What costs are added up by."""

    DAY = "day"
    AGENT = "agent"
    ROOM = "room"
    PERSON = "person"
    MODEL = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Model calls of one day, agent, room, person or model."""

    key: str
    """The day (`2026-11-24`, UTC), an id, or the model; empty: nobody's, or erased."""
    name: str = ""
    """Of the agent, room or person; empty where it has none or is gone."""
    source: str = ""
    """The room's platform, or the model's provider."""
    agent_id: UUID | None = None
    """Of a room or person."""
    calls: int
    failed: int
    unpriced: int
    """Calls that used tokens, and whose price is not known."""
    prompt_tokens: int
    completion_tokens: int
    cost: float
    """US dollars, without what has no price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beats:
    """What was done in a time that has just passed, by whole minutes."""

    answered: int
    ignored: int
    superseded: int
    failed: int
    calls: int
    failed_calls: int
    unpriced: int
    tokens: int
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedMessage:
    """A message that could not be answered."""

    seq: int
    agent_id: UUID
    room_id: UUID | None
    room: str
    """Its name."""
    source: str
    person: str
    reason: str
    run_id: UUID | None
    received_at: datetime
