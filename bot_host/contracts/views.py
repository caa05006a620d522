"""What the database shows to those who run the host. Each method is one whole transaction that only reads.

Lists go by pages of up to `count` rows: `after` is the place of the last row of the page before, None for the
first page.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot_host.contracts.memory_views import MemoryViews
from bot_host.contracts.room_views import RoomViews
from bot_host.types.agents import CharacterVersion, DayUse
from bot_host.types.costs import Beats, CostsBy, FailedMessage, Spent
from bot_host.types.ids import UUID
from bot_host.types.pairing import Pairing
from bot_host.types.runs import Looked, Place, Wanted
from bot_host.types.views import ClosedPlace, Conversation, Ending


class Views(MemoryViews, RoomViews, Protocol):
    """What people look at."""

    async def character_version(self, agent_id: UUID, number: int) -> CharacterVersion | None:
        """One version of an agent's character, with its values."""

    async def character_versions(
        self, agent_id: UUID, *, after: int | None, count: int
    ) -> list[CharacterVersion]:
        """An agent's versions without their values, newest first; `after`: a number."""

    async def day_use(self, agent_ids: Sequence[UUID], *, day: datetime) -> dict[UUID, DayUse]:
        """What these agents have used on the UTC day of a moment; one that used nothing is left out."""

    async def endings(self, room_id: UUID, memory_ids: Sequence[UUID], *, since: datetime) -> list[Ending]:
        """What became of these messages of a room, all of which came in at `since` or later."""

    async def conversations(
        self, world_id: UUID, *, after: tuple[datetime, UUID] | None, count: int
    ) -> list[Conversation]:
        """The rooms of a world in which something was said, newest first; `after`: `last_at` and room id."""

    async def list_inbound(self, wanted: Wanted, *, after: Place | None, count: int) -> Looked:
        """Inbound messages (`Inbound`), the newest first. `after` is `Looked.next` of the page before."""

    async def list_unasked(self, wanted: Wanted, *, after: Place | None, count: int) -> Looked:
        """Messages that nobody asked for (`Unasked`), the newest first; by agent, account, text, since."""

    async def list_skipped(self, wanted: Wanted, *, after: Place | None, count: int) -> Looked:
        """Messages that were not let in (`SkippedMessage`), the newest first; by account, reason, since."""

    async def row_of_run(self, run_id: UUID) -> int | None:
        """The newest inbox row that a run ended, by the run's room; None: not there (any more)."""

    async def costs(
        self, by: CostsBy, *, since: str, until: str, agent_id: UUID | None = None, count: int
    ) -> list[Spent]:
        """What models cost from one UTC day to another, both included; of one agent, or of all.

        Days in their order, everything else from the dearest on; the first `count`.
        """

    async def beats(self, since: datetime) -> Beats:
        """How messages ended and what models cost since then, at most two days ago."""

    async def failed_messages(self, since: datetime, *, count: int) -> list[FailedMessage]:
        """The newest messages since then that could not be answered."""

    async def closed_places(self, *, count: int) -> list[ClosedPlace]:
        """Where nothing that is sent is taken, the newest first."""

    async def waiting_pairings(self, now: datetime, *, count: int) -> list[Pairing]:
        """Strangers whose code is still good, in the order in which they asked."""
