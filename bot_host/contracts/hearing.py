"""What the database knows of who hears whom. Each method is one whole transaction."""

from collections.abc import Sequence
from typing import Protocol

from bot_host.types.hearing import Hearing
from bot_host.types.ids import UUID
from bot_host.types.knowledge import Audience, Component, Relationship
from bot_host.types.memory import Memory


class Hearings(Protocol):
    """The rule of `bot_host.types.hearing`, as it is asked for."""

    async def narrow_rooms(self, world_id: UUID, channel_ids: Sequence[str]) -> int:
        """All of a world may read these channels and their threads, and no other room: those are closed.

        How many were. It opens none: rooms are opened one by one, by `Room.open`.
        """

    async def narrow_memory(self, memory_id: UUID, audience: Audience) -> bool:
        """From now on a memory is for these ears only. False: unknown, or for no wider ones anyway."""

    async def hearing_in(self, agent_id: UUID, room_id: UUID) -> Hearing:
        """Who hears what is said in a room of the agent; of one that is not known, nothing but itself."""

    async def heard_facts(
        self,
        agent_id: UUID,
        hearing: Hearing,
        *,
        entity_ids: Sequence[UUID] = (),
        room_id: UUID | None = None,
        count: int = 100,
    ) -> list[Memory]:
        """The newest facts that these persons told, and that were learned in this room, as far as they may
        be heard."""

    async def heard_relationships(
        self, agent_id: UUID, hearing: Hearing, entity_id: UUID, *, count: int = 100
    ) -> list[Relationship]:
        """An entity's relationships, in both directions, as far as they may be heard: by their audience and
        the room of their source. Those without a source are heard by the two in private, or by all."""

    async def heard_components(
        self, agent_id: UUID, hearing: Hearing, entity_ids: Sequence[UUID]
    ) -> list[Component]:
        """What is kept about these persons and may be heard: what was told in a room by whoever hears that
        room, by all of its world if it is open, and by whoever told it in private."""
