"""What the database shows of what an agent remembers; see `bot_host.contracts.views`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot_host.types.ids import UUID
from bot_host.types.knowledge import Audience, Relationship
from bot_host.types.memory_views import FoundPerson, Place, SourceCount, SummedRoom
from bot_host.types.sources import KnowledgeSource
from bot_host.types.summary import Numbered


class MemoryViews(Protocol):
    """Each method is one whole transaction that only reads; lists go by pages."""

    async def facts(
        self,
        agent_id: UUID,
        *,
        entity_id: UUID | None = None,
        room_id: UUID | None = None,
        audience: Audience | None = None,
        after: tuple[datetime, int] | None,
        count: int,
    ) -> list[Numbered]:
        """Facts that fit all that is given, newest first; `after`: time and number."""

    async def relationships(
        self,
        agent_id: UUID,
        *,
        entity_id: UUID | None = None,
        after: tuple[datetime, UUID] | None,
        count: int,
    ) -> list[Relationship]:
        """Relationships (of one entity, in both directions), latest first; `after`: `updated_at` and id."""

    async def find_relationship_by_id(self, relationship_id: UUID) -> Relationship | None:
        """One relationship."""

    async def derived(self, memory_id: UUID, *, after: int | None, count: int) -> list[Numbered]:
        """What was derived from a memory, in order of arrival; `after`: the number."""

    async def places(self, room_ids: Sequence[UUID]) -> dict[UUID, Place]:
        """Rooms with the names of their worlds, by id."""

    async def summed_rooms(
        self, agent_id: UUID, *, after: tuple[datetime, UUID] | None, count: int
    ) -> list[SummedRoom]:
        """Rooms of which there are summaries, latest first; `after`: `last_at` and room id."""

    async def sources(
        self, agent_id: UUID, *, after: tuple[str, UUID] | None, count: int
    ) -> list[KnowledgeSource]:
        """Sources of knowledge by location, without their own texts; `after`: location and id."""

    async def source_counts(self, agent_id: UUID) -> list[SourceCount]:
        """How many sources of each folder, or of none, are in each state."""

    async def people_named(
        self, agent_id: UUID, beginning: str, *, after: tuple[str, UUID] | None, count: int
    ) -> list[FoundPerson]:
        """People one of whose names begins so, regardless of case, by that name, each once.

        `after`: the name and the entity's id.
        """

    async def held(self, entity_id: UUID) -> dict[str, int]:
        """How many rows of each table are about a person; tables without any are left out.

        Empty for one that is not known. Raises StateError for an agent's own.
        """

    async def count_learned(self, agent_id: UUID) -> dict[str, int]:
        """How many memories of each type but messages there are."""
