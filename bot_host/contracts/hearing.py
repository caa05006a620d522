"""What the database knows of who hears whom. Each method is one whole transaction."""

from collections.abc import Sequence
from typing import Protocol

from bot_host.types.hearing import Hearing
from bot_host.types.ids import UUID


class Hearings(Protocol):
    """The rule of `bot_host.types.hearing`, as it is asked for."""

    async def narrow_rooms(self, world_id: UUID, channel_ids: Sequence[str]) -> int:
        """All of a world may read these channels and their threads, and no other room: those are closed.

        How many were. It opens none: rooms are opened one by one, by `Room.open`.
        """

    async def private_rooms(self, entity_ids: Sequence[UUID]) -> list[UUID]:
        """Rooms in which one of these persons is alone with the agent: private by their type, and nobody
        else was ever in them."""

    async def hearing_in(self, agent_id: UUID, room_id: UUID) -> Hearing:
        """Who hears what is said in a room of the agent; of one that is not known, nothing but itself."""
