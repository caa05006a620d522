"""The store's verbs of who hears what, each as one unit of work on a driver."""

from collections.abc import Sequence
from functools import partial

from bot_host.store import earshot, openness
from bot_host.store.driver import Driver
from bot_host.types.hearing import Hearing
from bot_host.types.ids import UUID
from bot_host.types.knowledge import Audience, Component, Relationship
from bot_host.types.memory import Memory


class HearingVerbs:
    """`bot_host.contracts.hearing.Hearings`; see there for what each verb does."""

    _driver: Driver

    async def narrow_rooms(self, world_id: UUID, channel_ids: Sequence[str]) -> int:
        """See Hearings."""
        return await self._driver.write(partial(openness.narrow_rooms, world_id, channel_ids))

    async def narrow_memory(self, memory_id: UUID, audience: Audience) -> bool:
        """See Hearings."""
        return await self._driver.write(partial(earshot.narrow_memory, memory_id, audience))

    async def hearing_in(self, agent_id: UUID, room_id: UUID) -> Hearing:
        """See Hearings."""
        return await self._driver.read(partial(earshot.hearing_in, agent_id, room_id))

    async def heard_facts(
        self,
        agent_id: UUID,
        hearing: Hearing,
        *,
        entity_ids: Sequence[UUID] = (),
        room_id: UUID | None = None,
        count: int = 100,
    ) -> list[Memory]:
        """See Hearings."""
        return await self._driver.read(
            partial(earshot.heard_facts, agent_id, hearing, entity_ids, room_id, count)
        )

    async def heard_relationships(
        self, agent_id: UUID, hearing: Hearing, entity_id: UUID, *, count: int = 100
    ) -> list[Relationship]:
        """See Hearings."""
        return await self._driver.read(
            partial(earshot.heard_relationships, agent_id, hearing, entity_id, count)
        )

    async def heard_components(
        self, agent_id: UUID, hearing: Hearing, entity_ids: Sequence[UUID]
    ) -> list[Component]:
        """See Hearings."""
        return await self._driver.read(partial(earshot.heard_components, agent_id, hearing, entity_ids))
