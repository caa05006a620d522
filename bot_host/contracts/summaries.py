"""Summaries of rooms in the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot_host.types.ids import UUID
from bot_host.types.summary import Numbered, RoomSummary, Summary
from bot_host.types.turn import RunRecord


class Summaries(Protocol):
    """Stretches of rooms' messages in short.

    An edit or deletion of a message empties the segment that it stands in (`stale`) and removes the
    summaries above it, in its own transaction, by triggers: nothing outlives its source.
    """

    async def room_summary(
        self,
        room_id: UUID,
        *,
        shown: Sequence[UUID] = (),
        begins_at: datetime | None = None,
        until: datetime | None = None,
    ) -> RoomSummary:
        """What may be told of a room in short. `shown`: messages of which to say whether they are in it.

        Summaries of anything said up to `begins_at` are left out; `until`: messages that were said later do
        not count as `between`.
        """

    async def messages_to_fold(
        self, room_id: UUID, *, begins_at: datetime | None, count: int, horizon: int
    ) -> tuple[list[Numbered], int]:
        """The oldest `count` messages of a room after its summaries, and how many there are in all.

        At most `horizon`, the newest; older ones are passed over.
        """

    async def messages_of_summary(self, summary: Summary) -> list[Numbered]:
        """The messages that a segment is of, as they read now, in order of arrival."""

    async def put_summary(self, summary: Summary, prints: Sequence[str]) -> bool:
        """Write a segment, or put it in place of the one of its id.

        False, and nothing written: its messages do not have these fingerprints (`Numbered.print`) any more,
        or another segment is there by now. Messages before it that are in none are noted as `skipped`.
        """

    async def merge_summaries(self, summary: Summary, below: Sequence[Summary]) -> bool:
        """Write a summary of summaries. False: one of them has changed meanwhile."""

    async def drop_summaries(self, room_id: UUID, ids: Sequence[UUID]) -> None:
        """Remove summaries of a room; those above them, too."""

    async def add_run(self, run: RunRecord) -> None:
        """Record a run that is no turn's; what it used counts for the day."""

    async def rooms_to_summarize_anew(self, agent_id: UUID) -> list[UUID]:
        """Rooms of which a segment is stale."""
