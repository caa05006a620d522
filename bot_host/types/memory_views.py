"""What people look at of what an agent remembers."""

from dataclasses import dataclass
from datetime import datetime

from bot_host.types.ids import UUID
from bot_host.types.places import Entity, Room
from bot_host.types.sources import SourceState


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A room, with the name of its world."""

    room: Room
    world: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SummedRoom:
    """A room of which there are summaries; the figures are of those that are read."""

    room_id: UUID
    parts: int
    messages: int
    stale: int
    """Parts that are to be made anew."""
    last_at: datetime
    """When the latest of the messages was said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPerson:
    """Somebody, by the name that was found."""

    entity: Entity
    name: str
    """Without case, as it is looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCount:
    """How many sources of knowledge of a folder, or of none, are in a state."""

    parent_id: UUID | None
    state: SourceState
    count: int
    fragments: int
