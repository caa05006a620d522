"""Memories, facts, relationships and components by elizaOS's names (2.13, 2.15)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot_host.runtime.embeddings import Embeddings
from bot_host.runtime.given import keys_of, made, made_content, made_memory, takes_ids, word
from bot_host.runtime.record_methods import RecordMethods
from bot_host.runtime.runs import current_turn
from bot_host.types.content import Content
from bot_host.types.errors import StateError
from bot_host.types.hearing import Hearing
from bot_host.types.ids import UUID
from bot_host.types.knowledge import Audience, Component, Relationship
from bot_host.types.memory import Memory, MemoryType

TABLES: Mapping[str, MemoryType] = {
    "messages": MemoryType.MESSAGE,
    "facts": MemoryType.FACT,
    "documents": MemoryType.DOCUMENT,
    "fragments": MemoryType.FRAGMENT,
    "descriptions": MemoryType.DESCRIPTION,
    "memories": MemoryType.CUSTOM,
}
"""elizaOS's table names; ours are the types."""


def table_type(table_name: str) -> MemoryType:
    """The type of memory that an elizaOS table holds; our own names too. Raises StateError."""
    if table_name in TABLES:
        return TABLES[table_name]
    if table_name in list(MemoryType):
        return MemoryType(table_name)
    raise StateError(f"there is no kind of memory called {table_name}")


def _type(table_name: str | None) -> MemoryType | None:
    return table_type(table_name) if table_name else None


@takes_ids
class Knowledge(RecordMethods):
    """Thin wrappers over the store; the agent's id is filled in, and another agent's rows are not there.

    Rows may be given as plain mappings of their fields.
    """

    _embeddings: Embeddings

    # -- memories ---------------------------------------------------------------------------------------

    async def create_memory(
        self, memory: Memory | Mapping[str, Any], table_name: str | None = None, unique: bool | None = None
    ) -> UUID:
        """Store a memory; its id. An embedding that it has is stored too. Raises StateError."""
        changes: dict[str, Any] = {"agent_id": self.agent_id}
        if table_name:
            changes["type"] = table_type(table_name)
        if unique is not None:
            changes["unique"] = unique
        mine = made_memory(memory, **changes)
        new = await self.store.create_memory(mine)
        if new and mine.embedding is not None:
            await self.store.set_embedding(
                mine.id, mine.embedding, model=self._embeddings.model_of(mine.embedding)
            )
        return mine.id

    async def update_memory(self, memory: Memory | Mapping[str, Any]) -> bool:
        """Change a memory: a Memory (content, metadata, confidence), or a mapping with `id` and changes.

        False when the agent has none of this id. Raises StateError.
        """
        if isinstance(memory, Memory):
            memory = {
                "id": memory.id,
                "content": memory.content,
                "metadata": memory.metadata,
                "confidence": memory.confidence,
            }
        changes = keys_of(memory)
        if not changes.get("id"):
            raise StateError("the changes of a memory need its id")
        content: Content | None = None
        if changes.get("content") is not None:
            content = made_content(changes["content"])
        if await self.get_memory_by_id(changes["id"]) is None:
            return False
        return await self.store.update_memory(
            changes["id"],
            content=content,
            metadata=changes.get("metadata"),
            confidence=changes.get("confidence"),
        )

    async def delete_memory(self, memory_id: UUID) -> None:
        """Delete a memory with what was derived from it."""
        await self.delete_many_memories([memory_id])

    async def delete_many_memories(self, memory_ids: Sequence[UUID]) -> None:
        """Delete memories with what was derived from them."""
        mine = [memory.id for memory in await self.get_memories_by_ids(memory_ids)]
        await self.store.delete_memories(mine)

    async def delete_all_memories(self, room_id: UUID, table_name: str | None = None) -> None:
        """Delete a room's memories (of one kind)."""
        await self.store.delete_all_memories(room_id, _type(table_name), agent_id=self.agent_id)

    async def clear_all_agent_memories(self) -> int:
        """Delete all memories of this agent, batch by batch; how many."""
        gone = 0
        while batch := await self.store.list_memories(self.agent_id, count=500):
            gone += await self.store.delete_memories([memory.id for memory in batch])
        return gone

    async def count_memories(self, room_id: UUID, unique: bool = False, table_name: str | None = None) -> int:
        """How many a room has. `unique` is elizaOS's and changes nothing."""
        return await self.store.count_memories(room_id, _type(table_name), agent_id=self.agent_id)

    async def get_memories(
        self,
        *,
        table_name: str | None = None,
        room_id: UUID | None = None,
        world_id: UUID | None = None,
        entity_id: UUID | None = None,
        count: int = 10,
        offset: int = 0,
        unique: bool = False,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> list[Memory]:
        """Memories that fit all that is given, newest first."""
        return await self.store.list_memories(
            self.agent_id,
            type=_type(table_name),
            room_id=room_id,
            world_id=world_id,
            entity_id=entity_id,
            count=count,
            offset=offset,
            unique=unique,
            start=start,
            end=end,
        )

    async def get_all_memories(self) -> list[Memory]:
        """The newest 10,000 memories of the agent."""
        return await self.store.list_memories(self.agent_id, count=10_000)

    async def get_memory_by_id(self, memory_id: UUID) -> Memory | None:
        """One memory."""
        found = await self.store.find_memory(memory_id)
        return found if found is not None and found.agent_id == self.agent_id else None

    async def get_memories_by_ids(
        self, memory_ids: Sequence[UUID], table_name: str | None = None
    ) -> list[Memory]:
        """Known ones, in the order of the ids."""
        wanted = _type(table_name)
        found = await self.store.get_memories_by_ids(memory_ids)
        mine = [memory for memory in found if memory.agent_id == self.agent_id]
        return [memory for memory in mine if wanted is None or memory.type is wanted]

    async def get_memories_by_room_ids(
        self, *, table_name: str, room_ids: Sequence[UUID], limit: int = 10
    ) -> list[Memory]:
        """The newest memories of several rooms."""
        return await self.store.list_memories(
            self.agent_id, type=_type(table_name), room_ids=room_ids, count=limit
        )

    async def get_memories_by_world_id(
        self, *, world_id: UUID, count: int = 10, table_name: str | None = None
    ) -> list[Memory]:
        """The newest memories of a world."""
        return await self.get_memories(world_id=world_id, count=count, table_name=table_name)

    async def search_memories(
        self,
        query: str,
        limit: int = 10,
        *,
        table_name: str | None = None,
        room_id: UUID | None = None,
        world_id: UUID | None = None,
        entity_id: UUID | None = None,
        hearing: Hearing | None = None,
    ) -> list[Memory]:
        """Full-text search, best first: in a turn only what may be heard in its room, or by `hearing`."""
        return await self.store.search_memories_by_text(
            self.agent_id,
            query,
            type=_type(table_name),
            room_id=room_id,
            world_id=world_id,
            entity_id=entity_id,
            hearing=hearing or await self._ears(),
            count=limit,
        )

    async def search_memories_by_embedding(
        self,
        embedding: Sequence[float],
        *,
        table_name: str | None = None,
        room_id: UUID | None = None,
        world_id: UUID | None = None,
        entity_id: UUID | None = None,
        match_threshold: float = 0.0,
        count: int = 10,
        hearing: Hearing | None = None,
    ) -> list[Memory]:
        """By cosine similarity, best first (elizaOS: searchMemories with an embedding); heard as above."""
        return await self.store.search_memories_by_embedding(
            self.agent_id,
            embedding,
            type=_type(table_name),
            room_id=room_id,
            world_id=world_id,
            entity_id=entity_id,
            hearing=hearing or await self._ears(),
            threshold=match_threshold,
            count=count,
        )

    async def _ears(self) -> Hearing | None:
        """Who hears in the turn that this task works for; None outside of turns: nobody hears it yet."""
        turn = current_turn()
        if turn is None or turn[0] != self.agent_id:
            return None
        return await self.store.hearing_in(*turn)

    # -- facts and relationships ------------------------------------------------------------------------

    async def create_fact(
        self,
        text: str,
        *,
        entity_id: UUID,
        room_id: UUID,
        world_id: UUID | None = None,
        source_memory_id: UUID | None = None,
        confidence: float | None = None,
        audience: Audience | str = Audience.ROOM,
        metadata: Mapping[str, Any] | None = None,
    ) -> Memory:
        """Keep a fact about an entity, with where it was learned and for whose ears it is."""
        ears = word(Audience, audience, "the fact's audience")
        fact = Memory(
            agent_id=self.agent_id,
            entity_id=entity_id,
            room_id=room_id,
            world_id=world_id,
            type=MemoryType.FACT,
            content=Content(text=text),
            source_memory_id=source_memory_id,
            confidence=confidence,
            audience=ears,
            metadata=dict(metadata or {}),
        )
        await self.store.create_memory(fact)
        return fact

    async def search_facts(self, query: str, limit: int = 10, **where: Any) -> list[Memory]:
        """Facts by text, as by `search_memories`; `room_id`, `world_id`, `entity_id` narrow it."""
        return await self.search_memories(query, limit, table_name="facts", **where)

    async def create_relationship(
        self,
        source_entity_id: UUID | Relationship | Mapping[str, Any],
        target_entity_id: UUID = "",
        tags: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> Relationship:
        """Make it, or merge tags and metadata into the one between the two; as it is now.

        A whole relationship, or a mapping of its fields, may stand in the place of the first id.
        """
        given = source_entity_id
        if isinstance(given, str):
            given = {
                "source_entity_id": given,
                "target_entity_id": target_entity_id or None,
                "tags": tuple(tags),
                "metadata": dict(metadata or {}),
            }
        return await self.update_relationship(given)

    async def update_relationship(self, relationship: Relationship | Mapping[str, Any]) -> Relationship:
        """Merge tags and metadata into the one between the two; as it is now."""
        return await self.store.put_relationship(made(Relationship, relationship, agent_id=self.agent_id))

    async def get_relationship(self, source_entity_id: UUID, target_entity_id: UUID) -> Relationship | None:
        """The one between two, in this direction."""
        return await self.store.find_relationship(self.agent_id, source_entity_id, target_entity_id)

    async def get_relationships(self, entity_id: UUID, tags: Sequence[str] = ()) -> list[Relationship]:
        """Those of an entity, in both directions, that have all `tags`.

        In a turn those that were learned from messages only as far as they may be heard in its room.
        """
        found = await self.store.get_relationships(self.agent_id, entity_id, tags=tags)
        hearing = await self._ears()
        if hearing is None:
            return found
        heard = await self.store.heard_relationships(self.agent_id, hearing, entity_id, count=len(found))
        known = {each.id for each in heard}
        return [each for each in found if each.source_memory_id is None or each.id in known]

    # -- components -------------------------------------------------------------------------------------

    async def get_component(
        self,
        entity_id: UUID,
        type: str,
        world_id: UUID | None = None,
        source_entity_id: UUID | None = None,
    ) -> Component | None:
        """The first of an entity's components that fits."""
        found = await self.store.get_components(
            self.agent_id, entity_id, type=type, world_id=world_id, source_entity_id=source_entity_id
        )
        return found[0] if found else None

    async def get_components(
        self, entity_id: UUID, world_id: UUID | None = None, source_entity_id: UUID | None = None
    ) -> list[Component]:
        """An entity's components that fit."""
        return await self.store.get_components(
            self.agent_id, entity_id, world_id=world_id, source_entity_id=source_entity_id
        )

    async def create_component(self, component: Component | Mapping[str, Any]) -> bool:
        """False when its id is known."""
        return await self.store.create_component(made(Component, component, agent_id=self.agent_id))

    async def update_component(self, component: Component | Mapping[str, Any]) -> bool:
        """Replace its data (a mapping: `id` and `data`); False when the agent has none of this id."""
        if isinstance(component, Component):
            return await self.store.update_component(self.agent_id, component.id, component.data)
        changes = keys_of(component)
        if not changes.get("id") or not isinstance(changes.get("data"), Mapping):
            raise StateError("the changes of a component need its id and data")
        return await self.store.update_component(self.agent_id, changes["id"], changes["data"])

    async def delete_component(self, component_id: UUID) -> bool:
        """Delete it; False when the agent has none of this id."""
        return await self.store.delete_component(self.agent_id, component_id)
