"""What an agent knows of people and of the world, and for whose ears it is."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot_host.kit.clock import utc_now
from bot_host.types.ids import UUID, new_id


class Audience(StrEnum):
    """Who may hear of something that was learned. Narrowest first."""

    ENTITY = "entity"
    """Only the person it is about, in private."""
    ROOM = "room"
    """Whoever is in the room where it was learned."""
    WORLD = "world"
    """Whoever is in the world where it was learned."""
    AGENT = "agent"
    """Everybody whom the agent talks with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """Further data about an entity, from one source (elizaos.md 3.3-04)."""

    id: UUID = field(default_factory=new_id)
    agent_id: UUID
    entity_id: UUID
    type: str
    data: dict[str, Any] = field(default_factory=dict)
    room_id: UUID | None = None
    world_id: UUID | None = None
    source_entity_id: UUID | None = None
    created_at: datetime = field(default_factory=utc_now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationship:
    """One entity's relationship to another, as the agent sees it (elizaos.md 3.3-05).

    What is told by code is one a pair; what was learned is one a pair and message, so that what was said in
    different rooms is never mixed.
    """

    id: UUID = field(default_factory=new_id)
    agent_id: UUID
    source_entity_id: UUID
    target_entity_id: UUID
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    source_memory_id: UUID | None = None
    """The message that it was learned from: its room is the one that `audience` speaks of."""
    confidence: float = 1.0
    """0 to 1."""
    audience: Audience = Audience.ROOM
    created_at: datetime = field(default_factory=utc_now)
    updated_at: datetime = field(default_factory=utc_now)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One line of an agent's log (elizaos.md 2.15-05)."""

    id: UUID = field(default_factory=new_id)
    agent_id: UUID
    type: str
    body: dict[str, Any] = field(default_factory=dict)
    entity_id: UUID | None = None
    room_id: UUID | None = None
    created_at: datetime = field(default_factory=utc_now)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """A change of roles, settings, plugins or characters: who, what, when."""

    id: UUID = field(default_factory=new_id)
    agent_id: UUID
    actor: str
    """Entity id, `config`, `code` …"""
    action: str
    """`role changed`, `setting changed`, `character updated`, `plugin registered` …"""
    subject: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    """Never a secret."""
    at: datetime = field(default_factory=utc_now)
