"""Worlds, rooms and people as one unit of work each."""

from datetime import datetime
from functools import partial

from bot_host.store.driver import Driver
from bot_host.store.views import people, room, rooms
from bot_host.types.ids import UUID
from bot_host.types.room_views import PersonRow, PersonView, RoomRow, RoomState, Talk, WorldRow


class RoomVerbs:
    """`bot_host.contracts.room_views.RoomViews`; see there for what each verb does."""

    _driver: Driver

    async def world_rows(
        self,
        *,
        agent_id: UUID | None = None,
        platform: str | None = None,
        text: str | None = None,
        after: tuple[str, UUID] | None,
        count: int,
    ) -> list[WorldRow]:
        """See RoomViews."""
        return await self._driver.search(partial(rooms.world_rows, agent_id, platform, text, after, count))

    async def room_rows(
        self,
        *,
        agent_id: UUID | None = None,
        platform: str | None = None,
        world_id: UUID | None = None,
        text: str | None = None,
        after: tuple[datetime, UUID] | None,
        count: int,
    ) -> list[RoomRow]:
        """See RoomViews. It looks at all rooms, so it keeps no message waiting."""
        return await self._driver.search(
            partial(rooms.room_rows, agent_id, platform, world_id, text, after, count)
        )

    async def room_state(self, room_id: UUID) -> RoomState | None:
        """See RoomViews."""
        return await self._driver.read(partial(room.room_state, room_id))

    async def room_talk(self, room_id: UUID, *, after: tuple[datetime, int] | None, count: int) -> Talk:
        """See RoomViews."""
        return await self._driver.read(partial(room.room_talk, room_id, after, count))

    async def room_people(
        self, room_id: UUID, *, after: tuple[datetime, UUID] | None, count: int
    ) -> list[PersonRow]:
        """See RoomViews."""
        return await self._driver.read(partial(people.room_people, room_id, after, count))

    async def people_by_name(
        self, agent_id: UUID, *, begins: str, after: tuple[str, UUID] | None, count: int
    ) -> list[PersonRow]:
        """See RoomViews."""
        return await self._driver.search(partial(people.people_by_name, agent_id, begins, after, count))

    async def person_view(self, entity_id: UUID, *, count: int) -> PersonView | None:
        """See RoomViews."""
        return await self._driver.read(partial(people.person_view, entity_id, count))
