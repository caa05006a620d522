"""Worlds, rooms and people, for those who run the host."""

from datetime import datetime
from typing import Protocol

from bot_host.types.ids import UUID
from bot_host.types.room_views import PersonRow, PersonView, RoomRow, RoomState, Talk, WorldRow


class RoomViews(Protocol):
    """See `bot_host.contracts.views`."""

    async def world_rows(
        self,
        *,
        agent_id: UUID | None = None,
        platform: str | None = None,
        text: str | None = None,
        after: tuple[str, UUID] | None,
        count: int,
    ) -> list[WorldRow]:
        """Worlds by name; `text`: what stands in their name. `after`: a name and an id."""

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
        """Rooms, those first in which something was said last.

        `text`: what stands in the name of the room or of its world, or is its id or that of its channel.
        `after`: `RoomRow.at` and a room's id.
        """

    async def room_state(self, room_id: UUID) -> RoomState | None:
        """How a room stands."""

    async def room_talk(self, room_id: UUID, *, after: tuple[datetime, int] | None, count: int) -> Talk:
        """What was said in a room, and to single people there, newest first. `after`: a time and a number.

        With what came in there meanwhile and was deleted since.
        """

    async def room_people(
        self, room_id: UUID, *, after: tuple[datetime, UUID] | None, count: int
    ) -> list[PersonRow]:
        """Who is in a room, by when they became known there. `after`: that time, and an entity's id."""

    async def people_by_name(
        self, agent_id: UUID, *, begins: str, after: tuple[str, UUID] | None, count: int
    ) -> list[PersonRow]:
        """Whom an agent knows by a name that begins so, by name. `after`: `PersonRow.name`, entity's id."""

    async def person_view(self, entity_id: UUID, *, count: int) -> PersonView | None:
        """Somebody, with up to `count` of their rooms, facts and contacts."""
