"""The one door out: turns and proactive messages become rows, in one transaction (step 8)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from bot_host.contracts.connector import StreamingConnector, TextStream, TurnListener
from bot_host.contracts.store import Store
from bot_host.contracts.turn import Turn
from bot_host.host.accounts import LOCAL, Accounts, Line, answers_callers
from bot_host.host.callers import Callers
from bot_host.host.changes import keep_answer
from bot_host.host.erasing import erase_at_own_wish, erased_ends, wait_told
from bot_host.host.files import Outgoing
from bot_host.host.parts import parts_of
from bot_host.host.reactions import failure_reactions
from bot_host.host.sender import Sender
from bot_host.host.signs import keep_typing, sign_of_choice, signs_of, typing_done
from bot_host.kit.tasks import Supervisor
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.outbound import Target, destination_of
from bot_host.types.turn import InboxEnd, InboxRow, NewOutbox, RunRecord, TurnCommit

T = TypeVar("T")


class HostOutbox:
    """Commits turns and proactive messages, and has their parts sent."""

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        sender: Sender,
        *,
        tasks: Supervisor,
        callers: Callers,
        mask: Callable[[str], str],
        files: Outgoing | None = None,
    ) -> None:
        """`mask` blots secrets out of what is stored about failures (invariant I5)."""
        self._mask = mask
        self._files = files
        self._store = store
        self._accounts = accounts
        self._sender = sender
        self._drafts = sender.drafts
        self._tasks = tasks
        self._callers = callers

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
        # An answer that is shown already is finished where it stands.
        if isinstance(line.connector, StreamingConnector) and self._drafts.shown_id(asked) is None:
            stream = line.connector.open_stream(line.voiced(asked.target), memory_id=memory_id)
            if stream is not None:
                return stream
        return self._drafts.open(line, asked, memory_id=memory_id)

    def shown_id(self, asked: InboxRow) -> UUID | None:
        """The id of the reply to this message, where some of it is shown, or about to be; it must keep it."""
        return self._drafts.shown_id(asked)

    def find_shown(self, agent_id: UUID, room_id: UUID) -> int | None:
        """The message (`InboxRow.seq`) whose answer is shown in a room and not finished."""
        return self._drafts.find(agent_id, room_id)

    async def withdraw(self, agent_id: UUID, room_id: UUID) -> None:
        """Take that back: no turn will finish it. Raises StoreError."""
        await self._drafts.withdraw(agent_id, room_id)

    async def say(self, memory: Memory, target: Target, *, answering: tuple[UUID, ...] = ()) -> None:
        """Commit something that is said before the turn ends; it goes out at once. Raises StoreError."""
        if target.account.startswith(LOCAL):
            await self._store.create_memory(memory)
        else:
            line = self._accounts.get(target.account)
            await self._drafts.make_room(destination_of(line.account.key, target))
            await self.enqueue(line, memory, target, remember=True)
        await self._callers.say(answering, memory)

    async def farewell(
        self, memory: Memory, target: Target, *, entity_ids: Sequence[UUID], chosen: str = ""
    ) -> None:
        """Say a last word, wait until it has gone out, then erase a person. Raises StoreError."""
        if target.account.startswith(LOCAL):
            await self._callers.say((memory.content.in_reply_to or "",), memory)
        else:
            line = self._accounts.get(target.account)
            signs = sign_of_choice(line, target, agent_id=memory.agent_id, chosen=chosen)
            seqs = await self.finish(self._enqueue(signs, None)) if signs else []
            seqs += await self.enqueue(line, memory, target, remember=True)
            await wait_told(self._sender, seqs)
        folder = self._files.folder if self._files is not None else None
        await self.finish(erase_at_own_wish(self._store, entity_ids, folder=folder))

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
        async with self._drafts.ending(turn.rows) as draft:
            commit = TurnCommit(
                ends=ends,
                run=run,
                memories=tuple(memory for memory in memories if memory is not revised),
                revised=revised,
                outbox=tuple(rows),
                revisions=revisions,
                draft=draft.memory_id if draft else None,
                send_now=self._sender.free(rows),
            )
            queued = await self._store.commit_turn(commit)
            if queued is None:
                return False
            self._drafts.ended(turn.rows, draft)
        self._sender.queued(rows, queued)
        if draft is not None:
            self._sender.wake([draft.destination])
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
        queued = await self._store.enqueue(rows, memory, self._sender.free(rows))
        self._sender.queued(rows, queued)
        return list(queued.seqs)
