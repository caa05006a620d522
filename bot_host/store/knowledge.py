"""The store's verbs for all that is not on the message path, each as one unit of work on a driver."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from bot_host.contracts.tables import Query, Schema, T, TableRow, Work
from bot_host.store import (
    embeddings,
    erase,
    export,
    media,
    memories,
    moves,
    people,
    plugin_rows,
    plugin_schemas,
    recall,
    records,
    rooms,
    tasks,
)
from bot_host.store.driver import Driver
from bot_host.types.content import Content
from bot_host.types.ids import UUID
from bot_host.types.knowledge import AuditEntry, Component, LogEntry, Relationship
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.places import Entity, Participant, Room, World
from bot_host.types.task import Occurrence, Task


class MemoryVerbs:
    """`bot_host.contracts.knowledge.Memories`; see there for what each verb does."""

    _driver: Driver

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
        """See Memories."""
        scope = recall.scope_values(agent_id, type, room_id, world_id, entity_id)
        return await self._driver.read(
            partial(recall.list_memories, scope, room_ids, start, end, unique, count, offset)
        )

    async def get_memories_by_ids(self, ids: Sequence[UUID]) -> list[Memory]:
        """See Memories."""
        return await self._driver.read(partial(recall.get_memories_by_ids, ids))

    async def update_memory(
        self,
        memory_id: UUID,
        *,
        content: Content | None = None,
        metadata: Mapping[str, Any] | None = None,
        confidence: float | None = None,
    ) -> bool:
        """See Memories."""
        return await self._driver.write(
            partial(recall.update_memory, memory_id, content, metadata, confidence)
        )

    async def delete_memories(self, ids: Sequence[UUID]) -> int:
        """See Memories."""
        return await self._driver.write(partial(memories.delete_memories, ids))

    async def delete_all_memories(
        self, room_id: UUID, type: MemoryType | None = None, *, agent_id: UUID | None = None
    ) -> int:
        """See Memories."""
        return await self._driver.write(partial(recall.delete_all_memories, room_id, type, agent_id))

    async def count_memories(
        self, room_id: UUID, type: MemoryType | None = None, *, agent_id: UUID | None = None
    ) -> int:
        """See Memories."""
        return await self._driver.read(partial(recall.count_memories, room_id, type, agent_id))

    async def set_embedding(self, memory_id: UUID, embedding: Sequence[float], *, model: str) -> bool:
        """See Memories."""
        return await self._driver.write(partial(embeddings.set_embedding, memory_id, embedding, model))

    async def embedding_models(self, agent_id: UUID) -> dict[str, int]:
        """See Memories."""
        return await self._driver.read(partial(embeddings.embedding_models, agent_id))

    async def drop_embeddings(self, agent_id: UUID, model: str, *, count: int = 1000) -> int:
        """See Memories."""
        return await self._driver.write(partial(embeddings.drop_embeddings, agent_id, model, count))

    async def queue_embedding(self, memory_id: UUID, *, priority: int) -> None:
        """See Memories."""
        await self._driver.write(partial(embeddings.queue_embedding, memory_id, priority))

    async def next_embedding_jobs(self, agent_id: UUID, count: int) -> list[Memory]:
        """See Memories."""
        return await self._driver.read(partial(embeddings.next_embedding_jobs, agent_id, count))

    async def fail_embedding_job(self, memory_id: UUID, error: str) -> int:
        """See Memories."""
        return await self._driver.write(partial(embeddings.fail_embedding_job, memory_id, error))


class PeopleVerbs:
    """`bot_host.contracts.knowledge.People`; see there for what each verb does."""

    _driver: Driver

    async def create_entities(self, entities: Sequence[Entity]) -> int:
        """See People."""
        return await self._driver.write(partial(people.create_entities, entities))

    async def update_entity(self, entity: Entity) -> bool:
        """See People."""
        return await self._driver.write(partial(people.update_entity, entity))

    async def get_entities_for_room(self, room_id: UUID) -> list[Entity]:
        """See People."""
        return await self._driver.read(partial(people.get_entities_for_room, room_id))

    async def find_entities_by_name(self, agent_id: UUID, name: str) -> list[Entity]:
        """See People."""
        return await self._driver.read(partial(people.find_entities_by_name, agent_id, name))

    async def create_component(self, component: Component) -> bool:
        """See People."""
        return await self._driver.write(partial(people.create_component, component))

    async def update_component(self, agent_id: UUID, component_id: UUID, data: Mapping[str, Any]) -> bool:
        """See People."""
        return await self._driver.write(partial(people.update_component, agent_id, component_id, data))

    async def delete_component(self, agent_id: UUID, component_id: UUID) -> bool:
        """See People."""
        return await self._driver.write(partial(people.delete_component, agent_id, component_id))

    async def get_components(
        self,
        agent_id: UUID,
        entity_id: UUID,
        *,
        type: str | None = None,
        world_id: UUID | None = None,
        source_entity_id: UUID | None = None,
    ) -> list[Component]:
        """See People."""
        return await self._driver.read(
            partial(people.get_components, agent_id, entity_id, type, world_id, source_entity_id)
        )

    async def put_relationship(self, relationship: Relationship) -> Relationship:
        """See People."""
        return await self._driver.write(partial(people.put_relationship, relationship))

    async def find_relationship(
        self, agent_id: UUID, source_entity_id: UUID, target_entity_id: UUID
    ) -> Relationship | None:
        """See People."""
        return await self._driver.read(
            partial(people.find_relationship, agent_id, source_entity_id, target_entity_id)
        )

    async def get_relationships(
        self, agent_id: UUID, entity_id: UUID, *, tags: Sequence[str] = ()
    ) -> list[Relationship]:
        """See People."""
        return await self._driver.read(partial(people.get_relationships, agent_id, entity_id, tags))


class PlaceVerbs:
    """`bot_host.contracts.knowledge.Places`; see there for what each verb does."""

    _driver: Driver

    async def get_worlds(self, agent_id: UUID) -> list[World]:
        """See Places."""
        return await self._driver.read(partial(rooms.get_worlds, agent_id))

    async def update_world(self, world: World) -> bool:
        """See Places."""
        return await self._driver.write(partial(rooms.update_world, world))

    async def remove_world(self, world_id: UUID) -> bool:
        """See Places."""
        return await self._driver.write(partial(rooms.remove_world, world_id))

    async def update_room(self, room: Room) -> bool:
        """See Places."""
        return await self._driver.write(partial(rooms.update_room, room))

    async def delete_room(self, room_id: UUID) -> bool:
        """See Places."""
        return await self._driver.write(partial(rooms.delete_room, room_id))

    async def get_rooms(self, agent_id: UUID, *, world_id: UUID | None = None) -> list[Room]:
        """See Places."""
        return await self._driver.read(partial(rooms.get_rooms, agent_id, world_id))

    async def find_room_by_channel(
        self, agent_id: UUID, source: str, channel_id: str, thread_id: str = ""
    ) -> Room | None:
        """See Places."""
        return await self._driver.read(
            partial(moves.find_room_by_channel, agent_id, source, channel_id, thread_id)
        )

    async def get_rooms_for_participants(self, entity_ids: Sequence[UUID]) -> list[Room]:
        """See Places."""
        return await self._driver.read(partial(rooms.get_rooms_for_participants, entity_ids))

    async def add_participants(self, agent_id: UUID, room_id: UUID, entity_ids: Sequence[UUID]) -> int:
        """See Places."""
        return await self._driver.write(partial(rooms.add_participants, agent_id, room_id, entity_ids))

    async def remove_participant(self, room_id: UUID, entity_id: UUID) -> bool:
        """See Places."""
        return await self._driver.write(partial(rooms.remove_participant, room_id, entity_id))

    async def get_participants_for_entity(self, entity_id: UUID) -> list[Participant]:
        """See Places."""
        return await self._driver.read(partial(rooms.get_participants_for_entity, entity_id))


class RecordVerbs:
    """`bot_host.contracts.knowledge.Records`; see there for what each verb does."""

    _driver: Driver

    async def add_log(self, entry: LogEntry) -> None:
        """See Records."""
        await self._driver.write(partial(records.add_log, entry))

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
        """See Records."""
        return await self._driver.read(
            partial(records.get_logs, agent_id, entity_id, room_id, type, count, offset)
        )

    async def delete_log(self, agent_id: UUID, log_id: UUID) -> bool:
        """See Records."""
        return await self._driver.write(partial(records.delete_log, agent_id, log_id))

    async def add_audit(self, entry: AuditEntry) -> None:
        """See Records."""
        await self._driver.write(partial(records.add_audit, entry))

    async def get_audit(self, agent_id: UUID, *, count: int = 100, offset: int = 0) -> list[AuditEntry]:
        """See Records."""
        return await self._driver.read(partial(records.get_audit, agent_id, count, offset))

    async def export_entity(self, entity_id: UUID) -> dict[str, list[dict[str, Any]]]:
        """See Records."""
        return await self._driver.search(partial(export.export_entity, entity_id))

    async def entity_files(self, entity_id: UUID) -> set[str]:
        """See Records."""
        return await self._driver.search(partial(media.entity_files, entity_id))

    async def erase_entity(self, entity_id: UUID) -> dict[str, int]:
        """See Records."""
        return await self._driver.write(partial(erase.erase_entity, entity_id))


class TaskVerbs:
    """`bot_host.contracts.tasks.Tasks`; see there for what each verb does."""

    _driver: Driver

    async def create_task(self, task: Task) -> bool:
        """See Tasks."""
        return await self._driver.write(partial(tasks.create_task, task))

    async def find_task(self, task_id: UUID) -> Task | None:
        """See Tasks."""
        return await self._driver.read(partial(tasks.find_task, task_id))

    async def get_tasks(
        self,
        agent_id: UUID,
        *,
        room_id: UUID | None = None,
        entity_id: UUID | None = None,
        name: str | None = None,
        tags: Sequence[str] = (),
    ) -> list[Task]:
        """See Tasks."""
        return await self._driver.read(partial(tasks.get_tasks, agent_id, room_id, entity_id, name, tags))

    async def update_task(self, task: Task) -> bool:
        """See Tasks."""
        return await self._driver.write(partial(tasks.update_task, task))

    async def delete_task(self, task_id: UUID) -> bool:
        """See Tasks."""
        return await self._driver.write(partial(tasks.delete_task, task_id))

    async def next_due(self, agent_ids: Sequence[UUID]) -> datetime | None:
        """See Tasks."""
        return await self._driver.read(partial(tasks.next_due, agent_ids))

    async def claim_due(
        self, agent_ids: Sequence[UUID], now: datetime, *, lease_s: float, limit: int
    ) -> list[Occurrence]:
        """See Tasks."""
        return await self._driver.write(partial(tasks.claim_due, agent_ids, now, lease_s, limit))

    async def finish_occurrence(
        self, task_id: UUID, due_at: datetime, *, error: str, then: Callable[[Task], Task | None]
    ) -> bool:
        """See Tasks."""
        return await self._driver.write(partial(tasks.finish_occurrence, task_id, due_at, error, then))


class SchemaVerbs:
    """`bot_host.contracts.tables.SchemaStore`."""

    _driver: Driver

    async def migrate_schema(self, plugin: str, schema: Schema) -> bool:
        """See SchemaStore."""
        plugin_schemas.check(plugin, schema)
        if await self._driver.read(partial(plugin_schemas.is_settled, plugin, schema)):
            return False
        return await self._driver.write(partial(plugin_schemas.migrate, plugin, schema))

    async def fetch_rows(self, schema: Schema, query: Query, values: Mapping[str, Any]) -> list[TableRow]:
        """See SchemaStore."""
        return await self._driver.search(partial(plugin_rows.fetch, schema, query, values))

    async def transact_rows(self, schema: Schema, work: Callable[[], Work[T]]) -> T:
        """See SchemaStore."""
        try:
            return await self._driver.write(partial(plugin_rows.transact, schema, work))
        except plugin_rows.RaisedInWork as raised:
            raise raised.error from None
