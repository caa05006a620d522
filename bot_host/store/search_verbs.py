"""The store's verbs for searches, on the connection that is kept for them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from bot_host.store import filters, search
from bot_host.store.driver import Driver
from bot_host.types.hearing import Hearing
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.search import SearchHit


class SearchVerbs:
    """The searches of `bot_host.contracts.knowledge.Memories`; see there for what each verb does."""

    _driver: Driver

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
        """See Memories."""
        scope = filters.values(
            agent_id,
            types=types,
            room_id=room_id,
            world_id=world_id,
            entity_ids=entity_ids,
            start=start,
            end=end,
            hearing=hearing,
        )
        return await self._driver.search(
            partial(
                search.search_memories,
                scope,
                self._driver.nearest,
                text=text,
                embedding=embedding,
                model=model,
                threshold=threshold,
                count=count,
                without=without,
            )
        )

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
        """See Memories."""
        found = await self.search_memories(
            agent_id,
            text=query,
            **_one(type, entity_id),
            room_id=room_id,
            world_id=world_id,
            hearing=hearing,
            count=count,
        )
        return [hit.memory for hit in found]

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
        """See Memories."""
        found = await self.search_memories(
            agent_id,
            embedding=embedding,
            model=model,
            **_one(type, entity_id),
            room_id=room_id,
            world_id=world_id,
            hearing=hearing,
            threshold=threshold,
            count=count,
        )
        return [hit.memory for hit in found]


def _one(type: MemoryType | None, entity_id: UUID | None) -> dict[str, Any]:
    return {"types": (type,) if type else (), "entity_ids": (entity_id,) if entity_id else ()}
