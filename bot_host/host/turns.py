"""From pending rows to a finished turn: what a room's lane does (step 4)."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from bot_host.contracts.store import Store
from bot_host.contracts.turn import Turn, TurnInput, TurnOutbox, TurnWishes
from bot_host.host.accounts import Accounts
from bot_host.host.files import Downloads
from bot_host.host.lanes import AGAIN, IDLE, Next
from bot_host.kit.logs import log_context
from bot_host.kit.media_folder import MediaFolder
from bot_host.kit.retry import backoff
from bot_host.pipeline import (
    STOP_WORD,
    TurnEnd,
    ends_turn,
    find_use,
    give_up,
    handle_turn,
    history_wanted,
)
from bot_host.runtime import AgentRuntime
from bot_host.runtime.runs import Run
from bot_host.types.commands import ChoiceUse, CommandUse
from bot_host.types.content import ChannelType
from bot_host.types.errors import StateError, StoreError
from bot_host.types.ids import UUID, new_id
from bot_host.types.memory import Memory
from bot_host.types.places import Room
from bot_host.types.turn import InboxEnd, InboxRow, Outcome, TakenTurn

log = logging.getLogger(__name__)

STOPPED: Final = "stopped"
"""The reason of a turn that somebody ended by a button."""

MAX_ATTEMPTS: Final = 5
"""Turns that a message may bring down (with the process, or by a bug) before it is given up as failed."""
SUSPECT_FROM: Final = 3
"""From this attempt on a message gets turns of its own: it must not take its neighbours along."""
TOGETHER: Final = 20
"""Messages that one turn answers together at the most."""
STORE_SECONDS: Final = 2.0
"""Before the next look when the database refused."""

RoomKey = tuple[UUID, UUID]
"""Agent and room."""


class TurnWorker:
    """Takes a room's pending rows and sees them through the pipeline."""

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        outbox: TurnOutbox,
        find_agent: Callable[[UUID], AgentRuntime | None],
        *,
        wishes: Callable[[Sequence[UUID]], TurnWishes] = lambda _: TurnWishes(),
        folder: MediaFolder | None = None,
    ) -> None:
        """`wishes`: what library callers want of the turn for these messages. `folder`: their files."""
        self._files = Downloads(accounts=accounts, folder=folder)
        self._wishes = wishes
        self._store = store
        self._accounts = accounts
        self._outbox = outbox
        self._find_agent = find_agent
        self._stranded: dict[RoomKey, list[int]] = {}
        """Rows that could not be put back yet, for want of the database."""
        self._answering: dict[RoomKey, tuple[Memory, ...]] = {}
        """What each turn under way answers."""
        self._stopped: dict[RoomKey, str] = {}
        """Turns that are being cancelled because somebody wanted it, and the reason that they end with."""
        self._absent: set[str] = set()
        """Accounts whose waiting messages have been mentioned in the log."""

    async def work(self, key: RoomKey) -> Next:
        """One turn of a room. Rows that could not be finished stay in the inbox."""
        agent = self._find_agent(key[0])
        if agent is None or not agent.started:
            return IDLE  # the host wakes an agent's rooms when it starts
        return await self.work_for(agent, key)

    async def work_for(self, agent: AgentRuntime, key: RoomKey) -> Next:
        """One turn of a room of this agent."""
        if key in self._stranded and not await self._put_back(key, self._stranded.pop(key), blameless=True):
            return Next(after_s=STORE_SECONDS)
        together = 1 if agent.options.busy_mode == "each" else TOGETHER
        quiet_s = 0.0 if together == 1 else agent.options.debounce_ms / 1000
        taken = await self._store.take_turn(*key, together, partial(history_wanted, agent), quiet_s=quiet_s)
        if taken.wait_s > 0:
            return Next(after_s=taken.wait_s)
        await self._withdraw_others(key, taken.rows)
        try:
            uses = await self._uses(agent, taken)
        except StoreError as error:
            log.error("the turn could not be read: %s", error)
            await self._put_back(key, [row.seq for row in taken.rows], blameless=True)
            return Next(after_s=STORE_SECONDS)
        rows = await self._sort_out(key, taken.rows, uses, latest=agent.options.busy_mode == "latest")
        if not rows:
            # An account that logged in while its rows were on their way back found nothing to wake.
            return AGAIN if any(self._accounts.can_answer(row.account) for row in taken.rows) else IDLE
        # What comes from now on wakes the room by itself.
        done = AGAIN if taken.more or len(rows) < len(taken.rows) else IDLE
        run_id = new_id()
        with log_context(agent=agent.character.name, room=key[1], run=run_id):
            blameless = True
            try:
                ended = await self._turn(key, agent, rows, taken, run_id, uses.get(rows[0].memory_id))
                return done if ended else AGAIN
            except StoreError as error:
                log.error("the turn could not be read or written: %s", error)
            except Exception:
                # A fault in one turn must not end its room's lane (invariant I4).
                log.exception("the turn failed")
                blameless = False
            except asyncio.CancelledError:
                if not await self._end_stopped(key, rows, run_id):
                    await self._put_back(key, [row.seq for row in rows], blameless=True)
                raise
            finally:
                self._answering.pop(key, None)
                self._stopped.pop(key, None)
            await self._put_back(key, [row.seq for row in rows], blameless=blameless)
            return Next(after_s=STORE_SECONDS if blameless else backoff(rows[0].attempts))

    async def _withdraw_others(self, key: RoomKey, rows: Sequence[InboxRow]) -> None:
        """An answer that is shown and has no question any more is taken back."""
        asked = self._outbox.find_shown(*key)
        if asked is None or any(row.seq == asked for row in rows):
            return
        try:
            await self._outbox.withdraw(*key)
        except StoreError as error:
            log.warning("an answer that is not coming is still shown in part: %s", error)

    async def _uses(self, agent: AgentRuntime, taken: TakenTurn) -> dict[UUID, CommandUse | ChoiceUse]:
        """Which of the messages are commands, or choose something."""
        found = {}
        for memory_id, memory in taken.memories.items():
            if (use := await find_use(agent, memory)) is not None:
                found[memory_id] = use
        return found

    async def _sort_out(
        self,
        key: RoomKey,
        rows: Sequence[InboxRow],
        uses: Mapping[UUID, CommandUse | ChoiceUse],
        *,
        latest: bool,
    ) -> list[InboxRow]:
        """The rows of this turn; the others go back.

        Not those of an account that is not logged in (yet): their answer would have no way out. And of
        rows that have brought turns down before, one at a time. Each answer that is to be revised has a turn
        of its own, and so has each command and choice.
        """
        ready = [row for row in rows if self._accounts.can_answer(row.account)]
        for account in {row.account for row in rows} - {row.account for row in ready} - self._absent:
            self._absent.add(account)
            log.info("messages for %s wait until it is connected", account)
        if any(row.attempts >= SUSPECT_FROM for row in ready) and ready[0].reply_id is None:
            ready = ready[:1]
        # Those whose answer is to be revised share one, and go first, as they are older.
        ready = [row for row in ready if row.reply_id == ready[0].reply_id]
        asked = self._outbox.find_shown(*key)
        if not latest and any(row.seq == asked for row in ready):
            # The answer that is shown stands above what came later: it is finished before that is answered.
            ready = [row for row in ready if asked is not None and row.seq <= asked]
        alone = next((place for place, row in enumerate(ready) if row.memory_id in uses), len(ready))
        ready = ready[: max(alone, 1)]
        chosen = {row.seq for row in ready}
        back = [row.seq for row in rows if row.seq not in chosen]
        if back:
            await self._put_back(key, back, blameless=True)
        return ready

    async def _turn(
        self,
        key: RoomKey,
        agent: AgentRuntime,
        rows: Sequence[InboxRow],
        taken: TakenTurn,
        run_id: UUID,
        use: CommandUse | ChoiceUse | None,
    ) -> bool:
        """False when the rows went back and have to be looked at again."""
        gone = [row for row in rows if row.memory_id not in taken.memories]
        if gone:
            await self._end_deleted(agent, gone)
        found = tuple(row for row in rows if row.memory_id in taken.memories)
        if not found:
            return True
        turn = Turn(rows=found, run_id=run_id)
        given = replace(self._given(agent, turn, taken), use=use)
        if turn.rows[0].attempts > MAX_ATTEMPTS:
            why = f"given up after {MAX_ATTEMPTS} attempts"
            log.error("message %s: %s", turn.rows[0].message_id, why)
            await give_up(agent, turn, given, self._outbox, why=why)
            return True
        self._answering[key] = given.messages
        if await handle_turn(agent, turn, given, self._outbox) is TurnEnd.STALE:
            log.info("a message was edited while its answer was written; beginning again")
            await self._put_back(key, [row.seq for row in turn.rows], blameless=True)
            return False
        return True

    def moved(self, key: RoomKey) -> None:
        """A room has other ids now, and its rows have been put back."""
        self._stranded.pop(key, None)

    def newer(self, key: RoomKey, room: Room, message: Memory) -> bool:
        """A message has come in. True when the turn under way in its room has to be interrupted for it."""
        answering = self._answering.get(key)
        agent = self._find_agent(key[0]) if answering else None
        if answering is None or agent is None:
            return False
        why = ends_turn(agent, message, room, answering)
        if why == STOP_WORD:
            self._stopped[key] = STOP_WORD
        return bool(why)

    def stop(self, key: RoomKey) -> bool:
        """Somebody wants the turn under way in a room to end. True when there is one, to be interrupted."""
        if key in self._answering:
            self._stopped[key] = STOPPED
        return key in self._answering

    async def _end_stopped(self, key: RoomKey, rows: Sequence[InboxRow], run_id: UUID) -> bool:
        """End the rows of a turn that somebody stopped. False: nobody did."""
        why = self._stopped.pop(key, "")
        if not why:
            return False
        run = Run(run_id=run_id, agent_id=key[0], room_id=key[1])
        try:
            await self._outbox.commit(
                Turn(rows=tuple(rows), run_id=run_id),
                ends=tuple(InboxEnd(seq=row.seq, outcome=Outcome.SUPERSEDED, reason=why) for row in rows),
                run=run.record("stopped"),
                revisions={},
            )
        except StateError:
            return False  # it had ended by itself
        log.info("the turn was stopped: %s", why)
        return True

    async def _end_deleted(self, agent: AgentRuntime, rows: Sequence[InboxRow]) -> None:
        run = Run(run_id=new_id(), agent_id=agent.agent_id, room_id=rows[0].room_id)
        await self._outbox.commit(
            Turn(rows=tuple(rows), run_id=run.id),
            ends=tuple(InboxEnd(seq=row.seq, outcome=Outcome.IGNORED, reason="deleted") for row in rows),
            run=run.record("ignored"),
            revisions={},
        )

    def _given(self, agent: AgentRuntime, turn: Turn, taken: TakenTurn) -> TurnInput:
        last = turn.last
        messages = tuple(taken.memories[row.memory_id] for row in turn.rows)
        line = self._accounts.find(last.account)
        here = taken.room.setting("mention_only") if taken.room is not None else None
        usual = line.config.mention_only if line is not None else False
        return TurnInput(
            room=taken.room or Room(id=last.room_id, agent_id=agent.agent_id, type=ChannelType.DM),
            world=taken.world,
            messages=messages,
            people=taken.people,
            mention_only=here if isinstance(here, bool) else usual,
            bots_limit=line.config.bots_limit if line is not None else 20,
            own_state=taken.own_state,
            # Read up to the newest of the rows that were taken: too little for one that stands far before it.
            history=taken.history if last.seq == taken.rows[-1].seq else None,
            wishes=self._wishes([memory.id for memory in messages]),
            files=self._files,
        )

    async def _put_back(self, key: RoomKey, seqs: Sequence[int], *, blameless: bool) -> bool:
        try:
            await self._store.put_back(seqs, blameless=blameless)
        except StoreError as error:
            log.error("%d messages could not be put back yet: %s", len(seqs), error)
            self._stranded.setdefault(key, []).extend(seqs)
            return False
        return True
