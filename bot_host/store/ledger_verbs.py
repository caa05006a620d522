"""The store's verbs of the ledger, each as one unit of work on a driver."""

from collections.abc import Sequence
from functools import partial

from bot_host.store import heard, ledger, runs, story, verify
from bot_host.store.driver import Driver
from bot_host.types.ids import UUID
from bot_host.types.inbound import Mark, Skipped
from bot_host.types.ledger import (
    AccountNote,
    Audited,
    EventKind,
    Figures,
    Heard,
    Part,
    Received,
    SkippedMessage,
    Story,
)
from bot_host.types.turn import RunRecord


class LedgerVerbs:
    """`bot_host.contracts.ledger.Ledger`; see there for what each verb does."""

    _driver: Driver

    async def count_skipped(self, account: str, skipped: Sequence[Skipped]) -> None:
        """See Ledger."""
        await self._driver.write(partial(ledger.count_skipped, account, skipped))

    async def count_failed(self, account: str, kind: EventKind, reason: str) -> None:
        """See Ledger."""
        await self._driver.write(partial(ledger.count_failed, account, kind, reason))

    async def count_applied(self, account: str, kind: EventKind, mark: Mark | None) -> None:
        """See Ledger."""
        await self._driver.write(partial(ledger.count_applied, account, kind, mark))

    async def note_account(self, note: AccountNote) -> None:
        """See Ledger."""
        await self._driver.write(partial(ledger.note_account, note))

    async def amend_run(self, run: RunRecord, new_calls: int, *, entity_id: UUID | None = None) -> None:
        """See Ledger."""
        await self._driver.write(partial(runs.amend_run, run, new_calls, entity_id))

    async def find_received(self, message_id: str) -> list[Received]:
        """See Ledger."""
        return await self._driver.search(partial(story.find_received, message_id))

    async def find_received_by_id(self, id: UUID) -> list[Received]:
        """See Ledger."""
        return await self._driver.search(partial(story.find_received_by_id, id))

    async def get_received(self, seq: int) -> Received | None:
        """See Ledger."""
        return await self._driver.search(partial(story.get_received, seq))

    async def last_received(self) -> Received | None:
        """See Ledger."""
        return await self._driver.search(story.last_received)

    async def last_received_from(self, entity_id: UUID, room_id: UUID, *, before: UUID) -> Received | None:
        """See Ledger."""
        return await self._driver.search(partial(story.last_received_from, entity_id, room_id, before))

    async def find_skipped(self, message_id: str) -> list[SkippedMessage]:
        """See Ledger."""
        return await self._driver.search(partial(story.find_skipped, message_id))

    async def last_skipped(self) -> SkippedMessage | None:
        """See Ledger."""
        return await self._driver.search(story.last_skipped)

    async def find_parts(self, platform_message_id: str) -> list[Part]:
        """See Ledger."""
        return await self._driver.search(partial(story.find_parts, platform_message_id))

    async def get_part(self, seq: int) -> Part | None:
        """See Ledger."""
        return await self._driver.search(partial(story.get_part, seq))

    async def tell_story(self, seq: int) -> Story | None:
        """See Ledger."""
        return await self._driver.search(partial(story.tell_story, seq))

    async def tell_said(self, seq: int) -> Story | None:
        """See Ledger."""
        return await self._driver.search(partial(story.tell_said, seq))

    async def figures(self) -> Figures:
        """See Ledger."""
        return await self._driver.read(ledger.figures)

    async def heard(self, account: str) -> Heard:
        """See Ledger."""
        return await self._driver.search(partial(heard.heard, account))

    async def audit_rows(self, *, host_runs: bool) -> Audited:
        """See Ledger."""
        return await self._driver.search(partial(verify.audit_rows, host_runs=host_runs))
