"""What the database can tell of its own doings: for `why`, `status` and `verify`."""

from collections.abc import Sequence
from typing import Protocol

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


class Ledger(Protocol):
    """Each method is one whole transaction; those that only read work beside a running host."""

    # -- writing ----------------------------------------------------------------------------------------

    async def count_skipped(self, account: str, skipped: Sequence[Skipped]) -> None:
        """Count events that were not for the agent, move their marks, remember the messages among them.

        Messages are remembered by their keys alone, the newest 10,000; the agent's own are not.
        """

    async def count_failed(self, account: str, kind: EventKind, reason: str) -> None:
        """Count an event that could not be taken in."""

    async def count_applied(self, account: str, kind: EventKind, mark: Mark | None) -> None:
        """Count an event that changes nothing in the store, and move its mark."""

    async def note_account(self, note: AccountNote) -> None:
        """How an account is now. A note without an error keeps the last one."""

    async def amend_run(self, run: RunRecord, new_calls: int, *, entity_id: UUID | None = None) -> None:
        """Put later steps and model calls on a committed run; the last `new_calls` of them count as used.

        `entity_id`: whose message the run is about.

        No-op for a run that is not there any more, or was erased.
        """

    # -- one message ------------------------------------------------------------------------------------

    async def find_received(self, message_id: str) -> list[Received]:
        """Inbox rows by a platform's message id, the newest first, up to 50: ids may repeat between chats."""

    async def find_received_by_id(self, id: UUID) -> list[Received]:
        """Inbox rows by the id of their memory, of an answer's memory, or of their run, oldest first."""

    async def get_received(self, seq: int) -> Received | None:
        """One inbox row."""

    async def last_received(self) -> Received | None:
        """The newest inbox row."""

    async def last_received_from(self, entity_id: UUID, room_id: UUID, *, before: UUID) -> Received | None:
        """A person's newest message in a room that came before the message of memory `before` and is no
        command and no choice."""

    async def find_skipped(self, message_id: str) -> list[SkippedMessage]:
        """Messages that were not let in, by platform message id or event key, the newest first."""

    async def last_skipped(self) -> SkippedMessage | None:
        """The newest message that was not let in."""

    async def find_parts(self, platform_message_id: str) -> list[Part]:
        """Outgoing parts by the id that a platform gave them, up to 50, or by their memory's id."""

    async def get_part(self, seq: int) -> Part | None:
        """One outgoing part."""

    async def tell_story(self, seq: int) -> Story | None:
        """All about the message of an inbox row."""

    async def tell_said(self, seq: int) -> Story | None:
        """All about the message of an outbox row; of an answer, that of the message that it answers."""

    # -- all of them ------------------------------------------------------------------------------------

    async def figures(self) -> Figures:
        """How much came in and how it ended, what waits, how accounts are. Costs no walk through the rows."""

    async def heard(self, account: str) -> Heard:
        """What an account has received, by its newest 10,000 messages."""

    async def audit_rows(self, *, host_runs: bool) -> Audited:
        """Walk through all rows and look for those that break a promise. Takes seconds where there are many.

        `host_runs`: rows under way belong to somebody.
        """
