"""Worlds, rooms, entities and participants: where things happen, and who is there."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from bot_host.types.content import ChannelType
from bot_host.types.ids import UUID

BEGINS_AT: Final = "begins_at"
"""In a room's metadata: what was said up to then (ISO 8601) stands in no prompt any more."""


ROOM_SETTINGS: Final = "settings"
"""The same: what was set for this room alone."""


PARENT_ID: Final = "parent_id"
"""The same: the `channel_id` of the room that it is a thread of, where threads have ids of their own."""


OUTSIDERS: Final = "outsiders"
"""The same: whether people read along who may not read what is open to its world: guests, other companies."""


class ParticipantState(StrEnum):
    """How an agent holds itself in a room (elizaos.md 2.12-13). No row or no state: as the rules say."""

    FOLLOWED = "FOLLOWED"
    MUTED = "MUTED"


class Role(StrEnum):
    """What an entity may do in a world (elizaos.md 3.3-07)."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    NONE = "NONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A Discord guild, a Slack workspace, a Telegram group, or the private chats of one account."""

    id: UUID
    agent_id: UUID
    name: str = ""
    platform: str = ""
    platform_id: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def owner_id(self) -> UUID | None:
        """`metadata.ownership.owner_id` (elizaOS: `ownerId`)."""
        ownership = self.metadata.get("ownership")
        if not isinstance(ownership, dict):
            return None
        owner = ownership.get("owner_id") or ownership.get("ownerId")
        return owner if isinstance(owner, str) else None

    def role_of(self, entity_id: UUID) -> Role:
        """Its owner, else what `metadata.roles` says; NONE for everybody else."""
        if self.owner_id == entity_id:
            return Role.OWNER
        roles = self.metadata.get("roles")
        named = roles.get(entity_id) if isinstance(roles, dict) else None
        return Role(named) if named in list(Role) else Role.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A place where messages follow each other: channel, thread, forum topic, private chat."""

    id: UUID
    agent_id: UUID
    world_id: UUID | None = None
    name: str = ""
    source: str = ""
    type: ChannelType = ChannelType.GROUP
    channel_id: str = ""
    thread_id: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    open: bool | None = None
    """Whether everybody of its world may read it; None: nobody said so, and it counts as not."""

    def setting(self, name: str) -> Any:
        """What was set for this room alone (`metadata.settings`); None: nothing."""
        told = self.metadata.get(ROOM_SETTINGS)
        return told.get(name) if isinstance(told, dict) else None

    @property
    def begins_at(self) -> datetime | None:
        """When the conversation was begun anew (`metadata.begins_at`)."""
        begins = self.metadata.get(BEGINS_AT)
        return datetime.fromisoformat(begins) if isinstance(begins, str) else None

    def is_past(self, moment: datetime) -> bool:
        """Whether something was said before the conversation was begun anew."""
        begins = self.begins_at
        return begins is not None and moment <= begins


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A person or bot, as one agent knows them. `names[0]` is how to call them."""

    id: UUID
    agent_id: UUID
    names: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    """One sub-object a platform: `{"discord": {"id": …, "name": …, "user_name": …}}` (elizaos.md 3.3-03)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """An entity in a room."""

    entity_id: UUID
    room_id: UUID
    agent_id: UUID
    state: ParticipantState | None = None
    joined_at: datetime | None = None
