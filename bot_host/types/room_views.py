"""Worlds, rooms and people as those who run the host look at them."""

from dataclasses import dataclass, field
from datetime import datetime

from bot_host.types.hearing import Hearing
from bot_host.types.ids import UUID
from bot_host.types.knowledge import Relationship
from bot_host.types.ledger import Part
from bot_host.types.memory import Memory
from bot_host.types.places import Entity, ParticipantState, Room, World
from bot_host.types.summary import RoomSummary
from bot_host.types.turn import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldRow:
    """A world in a list."""

    world: World
    agent_name: str
    rooms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomRow:
    """A room in a list."""

    room: Room
    at: datetime
    """When something was said there last; 1970 where nothing was."""
    agent_name: str
    world_name: str
    first_name: str
    """How to call the first person who came there: what a private chat is known by."""
    speaker: str
    """Who said the newest message."""
    people: int
    """How many are known to be there beside the agent, bots too."""
    state: ParticipantState | None
    """How the agent holds itself there."""
    closed: str
    """Why the platform takes nothing that is sent there; empty: it does."""
    last: Memory | None
    """The newest message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomState:
    """How a room stands."""

    row: RoomRow
    world: World | None
    hearing: Hearing
    """Who hears an answer there."""
    summary: RoomSummary
    account: str
    """Through which account the newest message came in; empty: none did."""
    waiting: int
    """Messages that wait for their turn, or whose turn is under way."""
    unsent: int
    """Outgoing parts that are still to be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a message that came in, beside its words."""

    memory_id: UUID
    account: str
    message_id: str
    """Its id on the platform."""
    done: bool
    outcome: Outcome | None
    reason: str
    run_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidRow:
    """A message of a room, with its place in the order of arrival."""

    seq: int
    memory: Memory
    receipt: Receipt | None
    """None: it did not come in from outside."""
    parts: tuple[Part, ...]
    """Of what the agent said: what was sent, and is to be sent, of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A message that came in and was deleted since."""

    seq: int
    """Its number in the inbox."""
    received_at: datetime
    entity_id: UUID | None
    """None: whoever said it was erased."""
    outcome: Outcome | None
    run_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A stretch of what was said in a room."""

    said: tuple[SaidRow, ...]
    """The newest first."""
    gone: tuple[Gone, ...] = ()
    """Of the same time, the newest first; a hundred at the most."""
    people: dict[UUID, Entity] = field(default_factory=dict)
    """Who speaks, and is replied to."""
    replied: dict[UUID, Memory] = field(default_factory=dict)
    """What is replied to, as far as it is still there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """Somebody in a list."""

    entity: Entity
    joined_at: datetime | None
    """When they became known in the room; None: the list is not of a room."""
    state: ParticipantState | None
    linked: bool
    """Whether they have linked another account."""
    name: str = ""
    """Of a search by name: the one that fits, without case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonView:
    """Somebody, with what is known of them."""

    entity: Entity
    agent_name: str
    linked: tuple[Entity, ...]
    """Their other accounts."""
    rooms: tuple[tuple[Room, datetime], ...]
    """Where they are, with when they became known there, the newest first."""
    worlds: dict[UUID, World]
    """Of these rooms."""
    facts: tuple[Memory, ...]
    """The newest first."""
    contacts: tuple[Relationship, ...]
    people: dict[UUID, Entity]
    """Whom the contacts name."""
