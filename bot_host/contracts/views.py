"""What the database shows to those who run the host. Each method is one whole transaction that only reads.

Lists go by pages of up to `count` rows: `after` is the place of the last row of the page before, None for the
first page.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot_host.types.ids import UUID
from bot_host.types.views import Conversation, Ending


class Views(Protocol):
    """What people look at."""

    async def endings(self, room_id: UUID, memory_ids: Sequence[UUID], *, since: datetime) -> list[Ending]:
        """What became of these messages of a room, all of which came in at `since` or later."""

    async def conversations(
        self, world_id: UUID, *, after: tuple[datetime, UUID] | None, count: int
    ) -> list[Conversation]:
        """The rooms of a world in which something was said, newest first; `after`: `last_at` and room id."""
