"""From pending rows to a finished turn: what a room's lane does (step 4)."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from bot_host.contracts.store import Store
from bot_host.contracts.turn import Turn, TurnInput, TurnOutbox
from bot_host.host.accounts import Accounts
from bot_host.host.lanes import AGAIN, IDLE, Next
from bot_host.kit.logs import log_context
from bot_host.kit.retry import backoff
from bot_host.pipeline import TurnEnd, handle_turn
from bot_host.runtime import AgentRuntime
from bot_host.runtime.runs import Run
from bot_host.types.content import ChannelType
from bot_host.types.errors import StoreError
from bot_host.types.ids import UUID, new_id
from bot_host.types.memory import Memory
from bot_host.types.places import Room
from bot_host.types.turn import InboxEnd, InboxRow, Outcome

log = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 5
"""Turns begun for one message, over restarts, before it is given up as failed."""
TOGETHER: Final = 20
"""Messages that one turn answers together at the most."""


class TurnWorker:
    """Takes a room's pending rows and sees them through the pipeline."""

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        outbox: TurnOutbox,
        find_agent: Callable[[UUID], AgentRuntime | None],
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._outbox = outbox
        self._find_agent = find_agent

    async def work(self, key: tuple[UUID, UUID]) -> Next:
        """One turn of a room. Rows that could not be finished stay in the inbox."""
        agent_id, room_id = key
        agent = self._find_agent(agent_id)
        if agent is None or not agent.started:
            return IDLE  # the host wakes an agent's rooms when it starts
        together = 1 if agent.options.busy_mode == "each" else TOGETHER
        rows = await self._store.take_turn(agent_id, room_id, together)
        if not rows:
            return IDLE
        run_id = new_id()
        with log_context(agent=agent.character.name, room=room_id, run=run_id):
            try:
                return await self._turn(agent, rows, run_id)
            except asyncio.CancelledError:
                await self._put_back(rows)
                raise
            except StoreError as error:
                log.error("the turn could not be written: %s", error)
            except Exception:
                log.exception("the turn failed")
            await self._put_back(rows)
            return Next(after_s=backoff(rows[0].attempts))

    async def _turn(self, agent: AgentRuntime, rows: Sequence[InboxRow], run_id: UUID) -> Next:
        worn = [row for row in rows if row.attempts > MAX_ATTEMPTS]
        rows = [row for row in rows if row.attempts <= MAX_ATTEMPTS]
        await self._give_up(agent, worn, run_id, Outcome.FAILED, f"given up after {MAX_ATTEMPTS} attempts")
        found: list[tuple[InboxRow, Memory]] = []
        gone: list[InboxRow] = []
        for row in rows:
            memory = await self._store.find_memory(row.memory_id)
            if memory is None:
                gone.append(row)
            else:
                found.append((row, memory))
        await self._give_up(agent, gone, run_id, Outcome.IGNORED, "deleted")
        if not found:
            return AGAIN
        turn = Turn(rows=tuple(row for row, _ in found), run_id=new_id() if worn or gone else run_id)
        given = await self._read(agent, turn.last, tuple(memory for _, memory in found))
        if await handle_turn(agent, turn, given, self._outbox) is TurnEnd.STALE:
            log.info("a message was edited while its answer was written; beginning again")
            await self._put_back(turn.rows)
        return AGAIN

    async def _give_up(
        self, agent: AgentRuntime, rows: Sequence[InboxRow], run_id: UUID, outcome: Outcome, why: str
    ) -> None:
        if not rows:
            return
        run = Run(
            run_id=run_id if outcome is Outcome.FAILED else new_id(),
            agent_id=agent.agent_id,
            room_id=rows[0].room_id,
        )
        failed = outcome is Outcome.FAILED
        if failed:
            log.error("%d messages %s", len(rows), why)
        await self._outbox.commit(
            Turn(rows=tuple(rows), run_id=run.id),
            ends=tuple(InboxEnd(seq=row.seq, outcome=outcome, reason=why) for row in rows),
            run=run.record("failed" if failed else "ignored", error=why if failed else ""),
            revisions={},
        )

    async def _read(self, agent: AgentRuntime, last: InboxRow, messages: tuple[Memory, ...]) -> TurnInput:
        room = await self._store.find_room(last.room_id)
        if room is None:
            room = Room(id=last.room_id, agent_id=agent.agent_id, type=ChannelType.DM)
        line = self._accounts.find(last.account)
        return TurnInput(
            room=room,
            messages=messages,
            people=await self._store.get_entities(list({memory.entity_id for memory in messages})),
            mention_only=line.config.mention_only if line is not None else False,
        )

    async def _put_back(self, rows: Sequence[InboxRow]) -> None:
        try:
            await self._store.put_back([row.seq for row in rows])
        except StoreError as error:
            # They are `running` in the store and come back at the next start.
            log.error("%d messages wait for the next start: %s", len(rows), error)
