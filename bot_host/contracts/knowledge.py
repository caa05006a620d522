"""What the database keeps of memories, people and places. Each method is one whole transaction.

Unless said otherwise, lists are newest first, and ids that are not known change nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from bot_host.types.content import Content
from bot_host.types.hearing import Hearing
from bot_host.types.ids import UUID
from bot_host.types.knowledge import AuditEntry, Component, LogEntry, Relationship
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.places import Entity, Participant, Room, World
from bot_host.types.search import SearchHit


class Memories(Protocol):
    """Memories beyond the message path (elizaos.md 2.13, 7.2)."""

    async def list_memories(
        self,
        agent_id: UUID,
        *,
        type: MemoryType | None = None,
        room_id: UUID | None = None,
        room_ids: Sequence[UUID] | None = None,
        world_id: UUID | None = None,
        entity_id: UUID | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        unique: bool = False,
        count: int = 10,
        offset: int = 0,
    ) -> list[Memory]:
        """Memories that fit all that is given (entity_id is a filter: 7.2-02 [T])."""

    async def get_memories_by_ids(self, ids: Sequence[UUID]) -> list[Memory]:
        """Known ones, in the order of `ids`."""

    async def update_memory(
        self,
        memory_id: UUID,
        *,
        content: Content | None = None,
        metadata: Mapping[str, Any] | None = None,
        confidence: float | None = None,
    ) -> bool:
        """Replace what is given; False when there is no such memory. A changed text loses its embedding."""

    async def delete_memories(self, ids: Sequence[UUID]) -> int:
        """Delete memories with their embeddings and what was derived from them (`source_memory_id`)."""

    async def delete_all_memories(
        self, room_id: UUID, type: MemoryType | None = None, *, agent_id: UUID | None = None
    ) -> int:
        """Delete a room's memories (of one type, of one agent). How many."""

    async def count_memories(
        self, room_id: UUID, type: MemoryType | None = None, *, agent_id: UUID | None = None
    ) -> int:
        """How many a room has (of one type, of one agent)."""

    async def search_memories(
        self,
        agent_id: UUID,
        *,
        text: str = "",
        embedding: Sequence[float] | None = None,
        model: str | None = None,
        types: Sequence[MemoryType] = (),
        room_id: UUID | None = None,
        world_id: UUID | None = None,
        entity_ids: Sequence[UUID] = (),
        start: datetime | None = None,
        end: datetime | None = None,
        hearing: Hearing | None = None,
        threshold: float = 0.0,
        count: int = 10,
        without: Collection[UUID] = (),
    ) -> list[SearchHit]:
        """By words, by meaning, or by both, merged by reciprocal rank; best first.

        Every filter holds before anything is ranked: `count` hits come whenever there are so many that fit.
        `types` and `entity_ids` are any of these, and nothing given is no filter; `hearing` leaves only what
        may be heard there. `text` may be any text. `embedding` is compared with the vectors of `model`;
        without a model with all that have as many dimensions. `threshold` is the least cosine; what is found
        by its words needs none. `without` are ids that are not given back, and take nobody's place. Raises
        StateError for a vector that is not as long as the model's.
        """

    async def search_memories_by_text(
        self,
        agent_id: UUID,
        query: str,
        *,
        type: MemoryType | None = None,
        room_id: UUID | None = None,
        world_id: UUID | None = None,
        entity_id: UUID | None = None,
        hearing: Hearing | None = None,
        count: int = 10,
    ) -> list[Memory]:
        """`search_memories` by words only; `similarity` is compared with the best hit's, which is 1."""

    async def search_memories_by_embedding(
        self,
        agent_id: UUID,
        embedding: Sequence[float],
        *,
        model: str | None = None,
        type: MemoryType | None = None,
        room_id: UUID | None = None,
        world_id: UUID | None = None,
        entity_id: UUID | None = None,
        hearing: Hearing | None = None,
        threshold: float = 0.0,
        count: int = 10,
    ) -> list[Memory]:
        """`search_memories` by the vector only; `similarity` is the cosine."""

    async def set_embedding(self, memory_id: UUID, embedding: Sequence[float], *, model: str) -> bool:
        """Keep a memory's vector of a model (32-bit floats), beside those of other models; end its job.

        False: no such memory. Raises StateError for a vector that is not as long as the model's others.
        """

    async def embedding_models(self, agent_id: UUID) -> dict[str, int]:
        """The models that an agent has vectors of, with how many dimensions; newest first."""

    async def drop_embeddings(self, agent_id: UUID, model: str, *, count: int = 1000) -> int:
        """Delete up to `count` of an agent's vectors of a model; how many. If fewer, none is left."""

    async def queue_embedding(self, memory_id: UUID, *, priority: int) -> None:
        """Note that a memory wants an embedding; higher priorities first. Idempotent; raises the priority."""

    async def next_embedding_jobs(self, agent_id: UUID, count: int) -> list[Memory]:
        """The memories that wait for an embedding, highest priority and oldest first, not given up."""

    async def fail_embedding_job(self, memory_id: UUID, error: str) -> int:
        """Count a failed attempt and return how many there are now."""


class People(Protocol):
    """Entities, components, relationships (elizaos.md 2.12, 2.15-06)."""

    async def create_entities(self, entities: Sequence[Entity]) -> int:
        """Make those that are not known; how many were new."""

    async def update_entity(self, entity: Entity) -> bool:
        """Replace names and metadata."""

    async def get_entities_for_room(self, room_id: UUID) -> list[Entity]:
        """Who is in a room, by time of joining."""

    async def find_entities_by_name(self, agent_id: UUID, name: str) -> list[Entity]:
        """Entities one of whose names equals `name`, regardless of case."""

    async def create_component(self, component: Component) -> bool:
        """False when its id is known."""

    async def update_component(self, agent_id: UUID, component_id: UUID, data: Mapping[str, Any]) -> bool:
        """Replace its data; False when the agent has none of this id."""

    async def delete_component(self, agent_id: UUID, component_id: UUID) -> bool:
        """Delete it; False when the agent has none of this id."""

    async def get_components(
        self,
        agent_id: UUID,
        entity_id: UUID,
        *,
        type: str | None = None,
        world_id: UUID | None = None,
        source_entity_id: UUID | None = None,
    ) -> list[Component]:
        """What an agent knows of an entity: its components that fit."""

    async def put_relationship(self, relationship: Relationship) -> Relationship:
        """Make it, or merge tags and metadata into the one between the same two that has the same source (or
        none, as it has); as it is now."""

    async def find_relationship(
        self, agent_id: UUID, source_entity_id: UUID, target_entity_id: UUID
    ) -> Relationship | None:
        """The one between two, in this direction: the one without a source, else the newest."""

    async def get_relationships(
        self, agent_id: UUID, entity_id: UUID, *, tags: Sequence[str] = ()
    ) -> list[Relationship]:
        """Those of an entity, in both directions, that have all `tags`."""


class Places(Protocol):
    """Worlds, rooms, participants (elizaos.md 2.12)."""

    async def get_worlds(self, agent_id: UUID) -> list[World]:
        """An agent's worlds, by name."""

    async def update_world(self, world: World) -> bool:
        """Replace name and metadata."""

    async def remove_world(self, world_id: UUID) -> bool:
        """Delete a world with its rooms and what is in them."""

    async def update_room(self, room: Room) -> bool:
        """Replace what is not an id."""

    async def delete_room(self, room_id: UUID) -> bool:
        """Delete a room with what is in it."""

    async def get_rooms(self, agent_id: UUID, *, world_id: UUID | None = None) -> list[Room]:
        """An agent's rooms (of a world), by name."""

    async def find_room_by_channel(
        self, agent_id: UUID, source: str, channel_id: str, thread_id: str = ""
    ) -> Room | None:
        """The room of a platform's channel."""

    async def get_rooms_for_participants(self, entity_ids: Sequence[UUID]) -> list[Room]:
        """Rooms in which all of these are (elizaOS: any of them, 2.12-12 [T])."""

    async def add_participants(self, agent_id: UUID, room_id: UUID, entity_ids: Sequence[UUID]) -> int:
        """Put entities into a room; how many were new."""

    async def remove_participant(self, room_id: UUID, entity_id: UUID) -> bool:
        """Take one out."""

    async def get_participants_for_entity(self, entity_id: UUID) -> list[Participant]:
        """Where an entity is."""


class Records(Protocol):
    """Logs, audit, and a person's data as a whole."""

    async def add_log(self, entry: LogEntry) -> None:
        """Keep a log entry."""

    async def get_logs(
        self,
        agent_id: UUID,
        *,
        entity_id: UUID | None = None,
        room_id: UUID | None = None,
        type: str | None = None,
        count: int = 10,
        offset: int = 0,
    ) -> list[LogEntry]:
        """Log entries that fit."""

    async def delete_log(self, agent_id: UUID, log_id: UUID) -> bool:
        """Delete one of an agent's."""

    async def add_audit(self, entry: AuditEntry) -> None:
        """Keep an audit entry; nothing deletes it but the end of its agent."""

    async def get_audit(self, agent_id: UUID, *, count: int = 100, offset: int = 0) -> list[AuditEntry]:
        """Audit entries."""

    async def export_entity(self, entity_id: UUID) -> dict[str, list[dict[str, Any]]]:
        """All that is kept about a person: rows by table, as JSON values."""

    async def entity_files(self, entity_id: UUID) -> set[str]:
        """The files of the media folder that a person's messages and what was made for them name."""

    async def erase_entity(self, entity_id: UUID) -> dict[str, int]:
        """Delete all that is kept about a person; how many rows by table: the receipt.

        Inbox rows stay as bare keys, so that a redelivery is still known as a duplicate.
        """
