"""Answers that are edited or taken back: outgoing parts that change what was sent before."""

import logging
from dataclasses import dataclass, replace

from bot_host.contracts.connector import Connector, EditingConnector
from bot_host.contracts.store import Store
from bot_host.host.doubts import key_of
from bot_host.host.reactions import react
from bot_host.types.errors import RoomClosed, SendRefused
from bot_host.types.outbound import Sent
from bot_host.types.turn import InboxEnd, Operation, OutboxRow, Outcome

log = logging.getLogger(__name__)

DELETED = "deleted"
KEPT = "answer kept: "
"""Before the reason why an edit did not lead to another answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A part that is put in place of another one, or takes one away. Doing it again does no harm."""

    connector: Connector
    row: OutboxRow
    platform_message_id: str
    """Empty: there is nothing to take away."""
    shown: bool = False
    """The platform shows just this already."""

    async def make(self) -> Sent:
        """Do it. Raises as `Connector.send`."""
        if self.row.operation is Operation.REACT:
            return await react(self.connector, self.row)
        place = self.platform_message_id
        if not place or self.shown:
            return Sent(platform_message_id=place)
        if not isinstance(self.connector, EditingConnector):
            raise SendRefused(f"{self.connector.platform} messages cannot be changed")
        if self.row.operation is Operation.DELETE:
            await self.connector.retract(self.row.target, place)
            return Sent(platform_message_id=place)
        try:
            await self.connector.edit(self.row.payload, self.row.target, place, key=key_of(self.row))
        except RoomClosed:
            raise
        except SendRefused:
            if self.row.operation is Operation.FINISH:
                # Half an answer must not stand beside the whole one.
                await self._clear(self.connector)
            raise
        return Sent(platform_message_id=place)

    async def _clear(self, connector: EditingConnector) -> None:
        try:
            await connector.retract(self.row.target, self.platform_message_id)
        except SendRefused as error:
            log.warning("a part of an answer stays as it was shown while it was written: %s", error)


async def find_change(
    store: Store, connector: Connector, row: OutboxRow, *, shown: bool = False
) -> Change | None:
    """What a part changes; None: it is sent. So is one whose predecessor never arrived."""
    if row.operation is Operation.REACT:
        return Change(connector=connector, row=row, platform_message_id="")
    if row.operation is Operation.SEND or row.memory_id is None:
        return None
    place = await store.find_place(row.memory_id, row.part, before=row.seq)
    if not place and row.operation is not Operation.DELETE:
        return None
    return Change(connector=connector, row=row, platform_message_id=place, shown=shown)


def keep_answer(end: InboxEnd) -> InboxEnd:
    """The end of a message that has an answer: whatever came of a turn after an edit, it is answered."""
    if end.outcome is Outcome.ANSWERED or end.reason == DELETED:
        return end
    return replace(end, outcome=Outcome.ANSWERED, reason=f"{KEPT}{end.reason}", kept=True)
