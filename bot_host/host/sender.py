"""From the rows to the platforms: each part is sent, in order per destination (steps 9 and 10)."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from bot_host.contracts.connector import Connector, PacedConnector
from bot_host.contracts.store import Store
from bot_host.host.accounts import Accounts
from bot_host.host.breaker import Breaker, Hold
from bot_host.host.changes import Change, find_change
from bot_host.host.closed import ClosedRooms, OnClosed
from bot_host.host.deliveries import Deliveries
from bot_host.host.doubts import UNKNOWN, Arrived, Doubts, LookLater, Unproven, is_unknown, key_of
from bot_host.host.drafts import Drafts
from bot_host.host.holds import Holds
from bot_host.host.lanes import AGAIN, IDLE, Lanes, Next
from bot_host.host.parts import marks_early
from bot_host.host.patience import Patience
from bot_host.kit.clock import utc_now
from bot_host.kit.logs import log_context
from bot_host.kit.retry import backoff
from bot_host.kit.tasks import Supervisor
from bot_host.types.errors import ConnectorError, RoomClosed, SendError, SendLater, SendRefused
from bot_host.types.outbound import account_of
from bot_host.types.turn import Move, NewOutbox, Operation, OutboxRow, OutboxState, Queued

log = logging.getLogger(__name__)

SENDERS: Final = 64
"""Destinations that are sent to at the same time."""
SEND_SECONDS: Final = 60.0
"""A platform that does not answer a send within this time may or may not have taken it."""


class Sender:
    """Sends what is committed, tries again what was put off, and records what became of it."""

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        *,
        tasks: Supervisor,
        mask: Callable[[str], str],
        on_closed: OnClosed = lambda _room, _closed: None,
    ) -> None:
        """`mask` blots secrets out of what is stored about failures (invariant I5)."""
        self._mask = mask
        self._store = store
        self._accounts = accounts
        self._tasks = tasks
        self._doubts = Doubts(store)
        self.closed = ClosedRooms(store, tasks=tasks, tell=on_closed)
        """Rooms that take nothing."""
        self._marked: dict[str, OutboxRow] = {}
        """By destination: the part that the transaction which made or found it has marked `sending`."""
        self._taken: dict[int, str] = {}
        """Parts that a platform took and whose record is not on disk yet."""
        self._due: dict[int, float] = {}
        """Loop time at which parts that this process has put off are tried again."""
        self._patience = Patience()
        self._deliveries = Deliveries(store)
        self.lanes: Lanes[str] = Lanes(
            "outbox", self._send_next, limit=SENDERS, refill=store.pending_destinations
        )
        """One for each destination."""
        self._breaker = Breaker(self.lanes.wake)
        self._holds = Holds(store, accounts, self._breaker, tasks=tasks)
        self.drafts = Drafts(store, tasks=tasks, wake=self.lanes.wake)
        """Answers in the making."""

    def free(self, rows: Sequence[NewOutbox]) -> frozenset[str]:
        """The destinations to which a part would go out at once, so that it can be marked with its commit."""
        return frozenset(
            row.destination
            for row in rows
            if self.lanes.is_free(row.destination) and marks_early(self._accounts.find(row.account))
        )

    def queued(self, rows: Sequence[NewOutbox], queued: Queued) -> None:
        """These parts have been committed, by whomever: they go out."""
        for part in queued.marked:
            self._marked[part.destination] = part
        for destination in dict.fromkeys(row.destination for row in rows):
            self.lanes.wake(destination)

    def wake(self, destinations: Sequence[str]) -> None:
        """There is something to send to these."""
        for destination in destinations:
            self.lanes.wake(destination)

    async def wait_sent(self, seqs: Sequence[int]) -> list[OutboxRow]:
        """Wait until each part is sent or has failed for good. Raises StateError when the host stops."""
        return await self._deliveries.wait(seqs)

    async def park(self, destination: str) -> None:
        """What is marked for a destination whose lane is paused does not go out next. Raises StoreError."""
        marked = self._marked.get(destination)
        if marked is not None:
            await self.put_back([marked])

    def moved(self, move: Move) -> None:
        """What waits for a room has been moved."""
        self.drafts.moved(move.agent_id, move.old_room.id)
        self.closed.moved(move.old_destination, move.destination, move.room.id)

    def hold_of(self, account: str) -> Hold | None:
        """What an account waits for before anything goes out by it."""
        return self._breaker.hold_of(account)

    async def account_opened(self, account: str) -> None:
        """An account has logged in: what waits for it can go out."""
        await self._holds.account_opened(account)
        for destination in await self._store.pending_destinations():
            if destination == account or destination.startswith(f"{account}/"):
                self.lanes.wake(destination)

    async def account_ended(self, account: str, seqs: Sequence[int]) -> None:
        """An account is over, and these parts have failed with it: whoever waits for them is told."""
        for part in [part for part in self._marked.values() if part.account == account]:
            del self._marked[part.destination]
        for row in await self._store.get_parts(seqs):
            self._due.pop(row.seq, None)
            self._patience.ended(row.seq)
            self._deliveries.ended(row)

    async def flush(self) -> None:
        """Wait until nothing more can be sent right now."""
        await self.lanes.idle()

    async def close(self, grace: float) -> None:
        """Stop sending; what is under way gets `grace` seconds. The rest stays in the store."""
        await self.lanes.close(grace)
        self._deliveries.close()

    async def put_back(self, marked: Sequence[OutboxRow] | None = None) -> None:
        """Parts that are marked `sending` and do not go out now are pending again. All of them by default.

        Nobody must take them for parts that a platform may have. Raises StoreError.
        """
        parts = list(self._marked.values()) if marked is None else marked
        if parts:
            await self._store.put_parts_back([part.seq for part in parts])
        for part in parts:
            self._marked.pop(part.destination, None)

    async def _send_next(self, destination: str) -> Next:
        row = self._marked.get(destination) or await self._store.next_part(destination)
        if row is None:
            return await self._show_draft(destination)
        wait = self._still_to_wait(row)
        if wait > 0:
            self._breaker.left(row.account, destination)
            self.drafts.held(destination, wait)
            return Next(after_s=wait)
        self._due.pop(row.seq, None)
        line = self._accounts.find(row.account)
        if line is None:
            await self.put_back([row] if row.marked else [])
            return IDLE  # account_opened wakes this destination again
        if row.seq in self._taken:
            return await self._record(row, self._taken[row.seq])
        wait = self._breaker.wait_s(row.account, destination) or _pace_s(line.connector, row)
        if wait > 0:
            await self.put_back([row] if row.marked else [])
            self.drafts.held(destination, wait)
            return Next(after_s=wait)
        fields = {"agent": line.agent_name, "room": row.target.room_id, "run": row.run_id}
        with log_context(**{name: value for name, value in fields.items() if value}):
            change = await find_change(self._store, line.connector, row, shown=self.drafts.shows(row))
            # What changes something that is there may be done again.
            found = row if change is not None else await self._doubts.look(line.connector, row)
            if isinstance(found, OutboxRow):
                if self._marked.pop(destination, None) is None:
                    await self._store.mark_sending(row.seq)
                return await self._send(line.connector, found, change)
            return await self._settle(row, found)

    async def _show_draft(self, destination: str) -> Next:
        account = account_of(destination)
        then, queued = await self.drafts.work(
            destination, wait_s=lambda key: self._breaker.wait_s(key, destination)
        )
        self.queued((), queued or Queued(seqs=()))
        if not then.again:
            self._breaker.left(account, destination)
        return then

    def _still_to_wait(self, row: OutboxRow) -> float:
        """Seconds. The machine's clock may have been set back since the time was written down."""
        due = self._due.get(row.seq)
        if due is not None:
            return due - asyncio.get_running_loop().time()
        now = utc_now()
        if row.not_before is None or row.created_at > now:
            return 0.0
        return (row.not_before - now).total_seconds()

    async def _settle(self, row: OutboxRow, found: Arrived | LookLater | Unproven) -> Next:
        if isinstance(found, Arrived):
            return await self._record(row, found.platform_message_id)
        if isinstance(found, LookLater):
            return await self._later(row, found.error, unknown=True)
        return await self._give_up(row)

    async def _give_up(self, row: OutboxRow, why: str = "") -> Next:
        log.error("message to %s: %s%s; it is not sent again", row.destination, why, UNKNOWN)
        await self._store.mark_given_up(row.seq, UNKNOWN)
        self._patience.ended(row.seq)
        self._deliveries.ended(replace(row, state=OutboxState.FAILED, error=UNKNOWN))
        return AGAIN

    async def _send(self, connector: Connector, row: OutboxRow, change: Change | None) -> Next:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                if change is not None:
                    sent = await change.make()
                else:
                    sent = await connector.send(row.payload, row.target, key=key_of(row))
        except SendRefused as error:
            self._breaker.answered(row.account)
            if isinstance(error, RoomClosed):
                return await self._close_room(row, error)
            if change is not None and row.operation is Operation.FINISH:
                log.warning("an answer cannot be finished where it stands: %s; sending it anew", error)
                await self._store.send_instead(row.seq)
                return AGAIN
            return await self._refused(row, str(error))
        except (TimeoutError, ConnectorError) as error:
            return await self._later(row, error, unknown=is_unknown(error, connector), platform=True)
        except Exception as error:
            # A connector's own fault must not stop the sending (I4), nor block its channel for ever.
            log.exception("connector %s failed to send", connector.platform)
            if self._patience.bug(row):
                return await self._refused(row, f"the connector fails on it: {type(error).__name__}")
            return await self._later(row, error, unknown=is_unknown(error, connector))
        # Remembered until it is on disk: were the record to fail, a second try must not send again. And
        # shielded: a stop must not cut between what the platform did and what we know of it.
        self._taken[row.seq] = sent.platform_message_id
        self._breaker.answered(row.account)
        return await asyncio.shield(self._tasks.spawn("record", self._record(row, sent.platform_message_id)))

    async def _record(self, row: OutboxRow, platform_message_id: str) -> Next:
        early = marks_early(self._accounts.find(row.account))
        following = await self._store.mark_sent(row.seq, platform_message_id, mark_next=early)
        self._taken.pop(row.seq, None)
        self._patience.ended(row.seq)
        await self.closed.taken(row.destination)
        self._deliveries.ended(replace(row, state=OutboxState.SENT, platform_message_id=platform_message_id))
        if following is None:
            self.drafts.passed(row.destination)
            return IDLE
        if following.marked:
            self._marked[row.destination] = following
        return AGAIN

    async def _close_room(self, row: OutboxRow, error: RoomClosed) -> Next:
        if not row.target.channel_id:
            # Of those who have no room yet, each is somebody else.
            return await self._refused(row, str(error))
        why = self._mask(str(error))
        for seq in await self.closed.close(row, why):
            self._patience.ended(seq)
            self._deliveries.ended(replace(row, seq=seq, state=OutboxState.FAILED, error=why))
        self._marked.pop(row.destination, None)
        return AGAIN

    async def _refused(self, row: OutboxRow, why: str) -> Next:
        why = self._mask(why)
        log.error("message to %s cannot be sent: %s", row.destination, why)
        for seq in await self._store.mark_failed(row.seq, why):
            self._patience.ended(seq)
            self._deliveries.ended(replace(row, seq=seq, state=OutboxState.FAILED, error=why))
        return AGAIN

    async def _later(
        self, row: OutboxRow, error: Exception, *, unknown: bool, platform: bool = False
    ) -> Next:
        """Put a part off. `platform`: it is not a fault of the connector's own."""
        why = self._mask(str(error) or type(error).__name__)
        wait = error.after_s if isinstance(error, SendLater) and error.after_s is not None else None
        if wait is None:
            wait = backoff(row.attempts + 1)
        over = self._patience.put_off(row)
        self._breaker.put_off(row, error, why, wait_s=wait, platform=platform)
        if over:
            why = f"{over}: {why}"
            return await (self._give_up(row, f"{why}; ") if unknown else self._refused(row, why))
        level = logging.WARNING if isinstance(error, SendError) else logging.ERROR
        said = "may have arrived or not" if unknown else "not sent"
        log.log(level, "message to %s %s: %s; trying again in %.1f s", row.destination, said, why, wait)
        self._due[row.seq] = asyncio.get_running_loop().time() + wait
        await self._doubts.put_off(row, utc_now() + timedelta(seconds=wait), why, unknown=unknown)
        return Next(after_s=wait)


def _pace_s(connector: Connector, row: OutboxRow) -> float:
    """Seconds that the platform's limits have a message wait."""
    if row.operation is not Operation.SEND or not isinstance(connector, PacedConnector):
        return 0.0
    return connector.pace_s(row.target)
