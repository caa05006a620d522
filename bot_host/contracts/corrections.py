"""What people put right of what an agent has learned. Each method is one whole transaction."""

from collections.abc import Sequence
from typing import Protocol

from bot_host.types.ids import UUID
from bot_host.types.knowledge import Audience, Relationship


class Corrections(Protocol):
    """For those who run the host: unlike the agent they may also widen who hears of something."""

    async def correct_memory(
        self,
        memory_id: UUID,
        *,
        text: str | None = None,
        audience: Audience | None = None,
        confidence: float | None = None,
    ) -> bool:
        """Replace what is given; False when there is no such memory. A changed text loses its embedding."""

    async def correct_relationship(
        self,
        relationship_id: UUID,
        *,
        tags: Sequence[str] | None = None,
        audience: Audience | None = None,
        confidence: float | None = None,
    ) -> Relationship | None:
        """Replace what is given; as it is now, None when there is no such relationship."""

    async def delete_relationship(self, relationship_id: UUID) -> bool:
        """Delete it; False when there is none."""

    async def renew_summaries(self, room_id: UUID) -> int:
        """Have all segments of a room made anew, and drop what was made of them; how many segments."""
