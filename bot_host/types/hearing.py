"""Who hears what is said in a turn, and so what may be recalled there."""

from dataclasses import dataclass

from bot_host.types.ids import UUID
from bot_host.types.knowledge import Audience
from bot_host.types.memory import Memory, MemoryType


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """Those who read an answer: a memory may go into it only if all of them may know it.

    The same rule stands as SQL in `store/hearing.py`; a property test holds the two equal.
    """

    room_ids: tuple[UUID, ...]
    """Rooms whose own memories may be heard: the turn's; in a private chat also the person's other private
    chats with the agent, as far as they linked those accounts."""
    world_id: UUID | None = None
    """The world of the room; None in a private chat: its world is everybody's private chats."""
    persons: tuple[UUID, ...] = ()
    """In a private chat the entity ids of the one person in it, linked ones included; elsewhere none."""

    @property
    def private(self) -> bool:
        """Whether one person alone hears it."""
        return bool(self.persons)

    def hears(self, memory: Memory, *, room_open: bool) -> bool:
        """Whether `memory` may be heard. `room_open`: whether its own room is open at present."""
        audience = memory.audience
        if audience is Audience.AGENT:
            return True
        if memory.type is MemoryType.FACT and memory.entity_id in self.persons:
            return True
        if memory.room_id in self.room_ids:
            return audience is not Audience.ENTITY or self.private
        if audience is not None and audience is not Audience.WORLD:
            return False
        return room_open and self.world_id is not None and memory.world_id == self.world_id
