"""The one door out: rows first, then the platforms (steps 8 to 10)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, TypeVar

from bot_host.contracts.connector import (
    Connector,
    StreamingConnector,
    TextStream,
    TurnListener,
)
from bot_host.contracts.store import Store
from bot_host.contracts.turn import Turn
from bot_host.host.accounts import LOCAL, Accounts, Line, answers_callers
from bot_host.host.breaker import Breaker
from bot_host.host.callers import Callers
from bot_host.host.changes import Change, find_change, keep_answer
from bot_host.host.closed import ClosedRooms, OnClosed
from bot_host.host.doubts import UNKNOWN, Arrived, Doubts, LookLater, Unproven, is_unknown, key_of
from bot_host.host.drafts import Drafts
from bot_host.host.erasing import erase, erased_ends, wait_told
from bot_host.host.files import Outgoing
from bot_host.host.holds import Holds
from bot_host.host.lanes import AGAIN, IDLE, Lanes, Next
from bot_host.host.parts import marks_early, parts_of
from bot_host.host.patience import Patience
from bot_host.host.reactions import failure_reactions
from bot_host.host.signs import keep_typing, signs_of, typing_done
from bot_host.kit.clock import utc_now
from bot_host.kit.logs import log_context
from bot_host.kit.retry import backoff
from bot_host.kit.tasks import Supervisor
from bot_host.types.errors import (
    ConnectorError,
    RoomClosed,
    SendError,
    SendLater,
    SendRefused,
    StateError,
)
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.outbound import Target, account_of, destination_of
from bot_host.types.turn import (
    InboxEnd,
    InboxRow,
    NewOutbox,
    Operation,
    OutboxRow,
    OutboxState,
    Queued,
    RunRecord,
    TurnCommit,
)

log = logging.getLogger(__name__)
T = TypeVar("T")

SENDERS: Final = 64
"""Destinations that are sent to at the same time."""
SEND_SECONDS: Final = 60.0
"""A platform that does not answer a send within this time may or may not have taken it."""


class HostOutbox:
    """Commits turns and proactive messages, and sends their parts: in order per destination."""

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        *,
        tasks: Supervisor,
        callers: Callers,
        mask: Callable[[str], str],
        on_closed: OnClosed = lambda _room, _closed: None,
        files: Outgoing | None = None,
    ) -> None:
        """`mask` blots secrets out of what is stored about failures (invariant I5)."""
        self._mask = mask
        self._files = files
        self._store = store
        self._accounts = accounts
        self._tasks = tasks
        self._callers = callers
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
        self._deliveries: dict[int, set[asyncio.Future[OutboxRow]]] = {}
        self._lanes: Lanes[str] = Lanes(
            "outbox", self._send_next, limit=SENDERS, refill=store.pending_destinations
        )
        self._breaker = Breaker(self._lanes.wake)
        self._holds = Holds(store, accounts, self._breaker, tasks=tasks)
        self.drafts = Drafts(store, tasks=tasks, wake=self._lanes.wake)
        """Answers in the making."""

    @property
    def lanes(self) -> Lanes[str]:
        """One for each destination, for whoever wants to know how they are."""
        return self._lanes

    # -- speaking, for the pipeline ---------------------------------------------------------------------

    @asynccontextmanager
    async def typing(self, target: Target) -> AsyncIterator[None]:
        """Shows the typing indicator while inside, and ends it on every exit."""
        line = self._accounts.find(target.account)
        if line is None or line.connector.typing_interval_s <= 0:
            yield
            return
        shown = self._tasks.spawn("typing", keep_typing(line.connector, target))
        try:
            yield
        finally:
            shown.cancel()
            await asyncio.wait([shown])
            self._tasks.spawn("typing done", typing_done(line.connector, target))

    def open_stream(
        self, asked: InboxRow, *, memory_id: UUID, answering: tuple[UUID, ...] = ()
    ) -> TextStream | None:
        """A way to show the reply while it is written, where the platform or the caller has one."""
        if answers_callers(asked.target.account):
            return self._callers.open_stream(answering, memory_id)
        line = self._accounts.find(asked.target.account)
        if line is None:
            return None
        if isinstance(line.connector, StreamingConnector):
            return line.connector.open_stream(line.voiced(asked.target), memory_id=memory_id)
        return self.drafts.open(line, asked, memory_id=memory_id)

    def shown_id(self, asked: InboxRow) -> UUID | None:
        """The id of the reply to this message, where some of it is shown, or about to be; it must keep it."""
        return self.drafts.shown_id(asked)

    def find_shown(self, agent_id: UUID, room_id: UUID) -> int | None:
        """The message (`InboxRow.seq`) whose answer is shown in a room and not finished."""
        return self.drafts.find(agent_id, room_id)

    async def withdraw(self, agent_id: UUID, room_id: UUID) -> None:
        """Take that back: no turn will finish it. Raises StoreError."""
        await self.drafts.withdraw(agent_id, room_id)

    async def say(self, memory: Memory, target: Target, *, answering: tuple[UUID, ...] = ()) -> None:
        """Commit something that is said before the turn ends; it goes out at once. Raises StoreError."""
        if target.account.startswith(LOCAL):
            await self._store.create_memory(memory)
        else:
            line = self._accounts.get(target.account)
            await self.drafts.make_room(destination_of(line.account.key, target))
            await self.enqueue(line, memory, target, remember=True)
        await self._callers.say(answering, memory)

    async def farewell(self, memory: Memory, target: Target, *, entity_id: UUID) -> None:
        """Say a last word, wait until it has gone out, then erase a person. Raises StoreError."""
        if target.account.startswith(LOCAL):
            await self._callers.say((memory.content.in_reply_to or "",), memory)
        else:
            line = self._accounts.get(target.account)
            await wait_told(self, await self.enqueue(line, memory, target, remember=True))
        await self.finish(erase(self._store, entity_id))

    def erased(self, turn: Turn, run: RunRecord) -> None:
        """The turn's rows have ended with the erasure of their sender: whoever waits for them is told."""
        self._tell_over(turn, erased_ends(turn), run)

    async def finish(self, writing: Coroutine[Any, Any, T]) -> T:
        """Do a short piece of writing to its end, also when the turn is cancelled meanwhile."""
        return await asyncio.shield(self._tasks.spawn("writing", writing))

    async def commit(
        self,
        turn: Turn,
        *,
        ends: tuple[InboxEnd, ...],
        run: RunRecord,
        replies: tuple[tuple[Memory, Target], ...] = (),
        revisions: dict[UUID, int],
        chosen: str = "",
    ) -> bool:
        """Write the turn's end in one transaction; then its replies go out. False: stale, nothing written.

        Once begun it is finished, also when the turn is cancelled meanwhile: half of it would be a reply
        that is stored and never sent.
        """
        work = self._commit(turn, ends=ends, run=run, replies=replies, revisions=revisions, chosen=chosen)
        return await asyncio.shield(self._tasks.spawn("commit", work))

    async def _commit(
        self,
        turn: Turn,
        *,
        ends: tuple[InboxEnd, ...],
        run: RunRecord,
        replies: tuple[tuple[Memory, Target], ...],
        revisions: dict[UUID, int],
        chosen: str,
    ) -> bool:
        rows = signs_of(turn, self._accounts, answered=[target for _, target in replies], chosen=chosen)
        replies = tuple([(await self._prepared(memory, target), target) for memory, target in replies])
        for memory, target in replies:
            if target.account and not target.account.startswith(LOCAL):
                line = self._accounts.get(target.account)
                rows.extend(parts_of(line, memory, target, run_id=run.id))
        if not replies:
            rows.extend(failure_reactions(self._accounts, turn, ends, run_id=run.id))
        memories = tuple(memory for memory, _ in replies)
        revised = next((memory for memory in memories if memory.id == turn.revises), None)
        ends = tuple(replace(end, reason=self._mask(end.reason)) for end in ends)
        if turn.revises is not None:
            ends = tuple(map(keep_answer, ends))
        run = replace(run, error=self._mask(run.error))
        async with self.drafts.ending(turn.rows) as draft:
            commit = TurnCommit(
                ends=ends,
                run=run,
                memories=tuple(memory for memory in memories if memory is not revised),
                revised=revised,
                outbox=tuple(rows),
                revisions=revisions,
                draft=draft.memory_id if draft else None,
                send_now=self.free(rows),
            )
            queued = await self._store.commit_turn(commit)
            if queued is None:
                return False
            self.drafts.ended(turn.rows, draft)
        self.queued(rows, queued)
        if draft is not None:
            self._lanes.wake(draft.destination)
        self._tell_over(turn, ends, run, memories)
        return True

    def _tell_over(
        self, turn: Turn, ends: Sequence[InboxEnd], run: RunRecord, memories: tuple[Memory, ...] = ()
    ) -> None:
        self._callers.turn_ended(turn, ends, run, memories)
        for row in turn.rows:
            asked_on = self._accounts.find(row.account)
            if asked_on is not None and isinstance(asked_on.connector, TurnListener):
                asked_on.connector.turn_over(row.target)

    async def _prepared(self, memory: Memory, target: Target) -> Memory:
        """The message with its files as its line sends them."""
        line = self._accounts.find(target.account)
        return memory if line is None or self._files is None else await self._files.prepare(line, memory)

    def free(self, rows: Sequence[NewOutbox]) -> frozenset[str]:
        """The destinations to which a part would go out at once, so that it can be marked with its commit."""
        return frozenset(
            row.destination
            for row in rows
            if self._lanes.is_free(row.destination) and marks_early(self._accounts.find(row.account))
        )

    def queued(self, rows: Sequence[NewOutbox], queued: Queued) -> None:
        """These parts have been committed, by whomever: they go out."""
        for part in queued.marked:
            self._marked[part.destination] = part
        for destination in dict.fromkeys(row.destination for row in rows):
            self._lanes.wake(destination)

    def wake(self, destinations: Sequence[str]) -> None:
        """There is something to send to these."""
        for destination in destinations:
            self._lanes.wake(destination)

    # -- speaking without being asked -------------------------------------------------------------------

    async def enqueue(self, line: Line, memory: Memory, target: Target, *, remember: bool) -> list[int]:
        """Commit a proactive message; it goes out right after. The numbers of its parts.

        `remember` stores the memory too: its room must be known.
        """
        if self._files is not None:
            memory = await self._files.prepare(line, memory)
        rows = parts_of(line, memory, target, run_id=None)
        work = self._enqueue(rows, memory if remember else None)
        # Shielded: a caller that goes away must not leave a message that is stored and never sent.
        return await asyncio.shield(self._tasks.spawn("enqueue", work))

    async def _enqueue(self, rows: Sequence[NewOutbox], memory: Memory | None) -> list[int]:
        queued = await self._store.enqueue(rows, memory, self.free(rows))
        self.queued(rows, queued)
        return list(queued.seqs)

    async def wait_sent(self, seqs: Sequence[int]) -> list[OutboxRow]:
        """Wait until each part is sent or has failed for good. Raises StateError when the host stops."""
        loop = asyncio.get_running_loop()
        mine: dict[int, asyncio.Future[OutboxRow]] = {seq: loop.create_future() for seq in seqs}
        for seq, future in mine.items():
            self._deliveries.setdefault(seq, set()).add(future)
        try:
            for row in await self._store.get_parts(seqs):
                if row.state in (OutboxState.SENT, OutboxState.FAILED) and not mine[row.seq].done():
                    mine[row.seq].set_result(row)
            return list(await asyncio.gather(*mine.values()))
        finally:
            for seq, future in mine.items():
                future.cancel()
                waiting = self._deliveries.get(seq, set())
                waiting.discard(future)
                if not waiting:
                    self._deliveries.pop(seq, None)

    # -- sending ----------------------------------------------------------------------------------------

    async def account_opened(self, account: str) -> None:
        """An account has logged in: what waits for it can go out."""
        await self._holds.account_opened(account)
        for destination in await self._store.pending_destinations():
            if destination == account or destination.startswith(f"{account}/"):
                self._lanes.wake(destination)

    async def flush(self) -> None:
        """Wait until nothing more can be sent right now."""
        await self._lanes.idle()

    async def close(self, grace: float) -> None:
        """Stop sending; what is under way gets `grace` seconds. The rest stays in the store."""
        await self._lanes.close(grace)
        for futures in self._deliveries.values():
            for future in futures:
                if not future.done():
                    future.set_exception(StateError("the host stopped; it goes out at the next start"))

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
        wait = self._breaker.wait_s(row.account, destination)
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
        self._tell(replace(row, state=OutboxState.FAILED, error=UNKNOWN))
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
        self._tell(replace(row, state=OutboxState.SENT, platform_message_id=platform_message_id))
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
            self._tell(replace(row, seq=seq, state=OutboxState.FAILED, error=why))
        self._marked.pop(row.destination, None)
        return AGAIN

    async def _refused(self, row: OutboxRow, why: str) -> Next:
        why = self._mask(why)
        log.error("message to %s cannot be sent: %s", row.destination, why)
        for seq in await self._store.mark_failed(row.seq, why):
            self._patience.ended(seq)
            if seq in self._deliveries:
                self._tell(replace(row, seq=seq, state=OutboxState.FAILED, error=why))
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

    def _tell(self, row: OutboxRow) -> None:
        for future in self._deliveries.get(row.seq, ()):
            if not future.done():
                future.set_result(row)
