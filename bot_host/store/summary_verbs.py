"""The store's verbs of summaries, each as one unit of work on a driver."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from bot_host.store import runs
from bot_host.store import summaries as rows
from bot_host.store.driver import Driver
from bot_host.types.ids import UUID
from bot_host.types.summary import Numbered, RoomSummary, Summary
from bot_host.types.turn import RunRecord


class SummaryVerbs:
    """`bot_host.contracts.summaries.Summaries`; see there for what each verb does."""

    _driver: Driver

    async def room_summary(
        self,
        room_id: UUID,
        *,
        shown: Sequence[UUID] = (),
        begins_at: datetime | None = None,
        until: datetime | None = None,
    ) -> RoomSummary:
        """See Summaries."""
        return await self._driver.read(partial(rows.room_summary, room_id, shown, begins_at, until))

    async def messages_to_fold(
        self, room_id: UUID, *, begins_at: datetime | None, count: int, horizon: int
    ) -> tuple[list[Numbered], int]:
        """See Summaries."""
        return await self._driver.search(partial(rows.messages_to_fold, room_id, begins_at, count, horizon))

    async def messages_of_summary(self, summary: Summary) -> list[Numbered]:
        """See Summaries."""
        return await self._driver.search(partial(rows.messages_of_summary, summary))

    async def put_summary(self, summary: Summary, prints: Sequence[str]) -> bool:
        """See Summaries."""
        return await self._driver.write(partial(rows.put_summary, summary, prints))

    async def merge_summaries(self, summary: Summary, below: Sequence[Summary]) -> bool:
        """See Summaries."""
        return await self._driver.write(partial(rows.merge_summaries, summary, below))

    async def drop_summaries(self, room_id: UUID, ids: Sequence[UUID]) -> None:
        """See Summaries."""
        await self._driver.write(partial(rows.drop_summaries, room_id, ids))

    async def add_run(self, run: RunRecord) -> None:
        """See Summaries."""
        await self._driver.write(partial(runs.add_run, run))

    async def rooms_to_summarize_anew(self, agent_id: UUID) -> list[UUID]:
        """See Summaries."""
        return await self._driver.read(partial(rows.rooms_to_summarize_anew, agent_id))
