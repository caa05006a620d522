"""The way of one turn, top to bottom."""

import asyncio
import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot_host.contracts.connector import TextStream
from bot_host.contracts.plugin import State
from bot_host.contracts.turn import Turn, TurnInput, TurnOutbox
from bot_host.pipeline.compose import compose
from bot_host.pipeline.evaluate import evaluate
from bot_host.pipeline.gate import Decision, decide
from bot_host.pipeline.respond import Reply, respond
from bot_host.runtime.agent import AgentRuntime
from bot_host.runtime.runs import Run, use_run
from bot_host.types.content import Content
from bot_host.types.errors import BotHostError, ModelError
from bot_host.types.ids import UUID, new_id
from bot_host.types.memory import Memory
from bot_host.types.outbound import Target
from bot_host.types.turn import InboxEnd, InboxRow, Outcome, RunRecord

log = logging.getLogger(__name__)

FAILURE_LINE: Final = (
    "Sorry, something went wrong on my side and I can't answer right now. Please try again in a little while."
)
"""Told to whoever turned to the agent; a character's `templates.failureMessage` says it its own way."""


class TurnEnd(StrEnum):
    """What became of a turn."""

    DONE = "done"
    STALE = "stale"
    """A message was edited meanwhile and nothing was written: begin again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    row: InboxRow
    memory: Memory
    decision: Decision


async def handle_turn(agent: AgentRuntime, turn: Turn, given: TurnInput, outbox: TurnOutbox) -> TurnEnd:
    """Gate, compose, respond, commit, evaluate. Failures end in a recorded outcome, not in an exception.

    Raises StoreError when the end could not be written (nothing is lost: the rows stay), and passes
    cancellation on.
    """
    run = Run(run_id=turn.run_id, agent_id=agent.agent_id, room_id=given.room.id)
    with use_run(run):
        with run.step("gate"):
            judged = [
                _Judged(row=row, memory=memory, decision=await decide(agent, memory, given))
                for row, memory in zip(turn.rows, given.messages, strict=True)
            ]
        answering = [each for each in judged if each.decision.respond]
        if not answering:
            return await _end(outbox, turn, judged, run.record("ignored"))
        try:
            async with asyncio.timeout(agent.options.turn_timeout), outbox.typing(answering[-1].row.target):
                thought = await _think(agent, given, outbox, run, answering)
        except TimeoutError:
            error: BotHostError = ModelError(f"the turn took longer than {agent.options.turn_timeout:g} s")
        except ModelError as failure:
            error = failure
        else:
            return await _finish(agent, turn, outbox, run, judged, thought)
        log.error("no answer: %s", error)
        return await _fail(agent, turn, outbox, judged, run.record("failed", error=str(error)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Thought:
    """What a turn came to, before anything of it is written."""

    reply: Reply
    state: State
    memory_id: UUID
    stream: TextStream | None
    revisions: dict[UUID, int]


async def _think(
    agent: AgentRuntime, given: TurnInput, outbox: TurnOutbox, run: Run, answering: list[_Judged]
) -> _Thought:
    newest = answering[-1]
    memories = [each.memory for each in answering]
    with run.step("compose"):
        state, prompt = await compose(agent, given, answering=memories)
    memory_id = new_id()
    stream = outbox.open_stream(newest.row.target, memory_id=memory_id)
    try:
        reply = await respond(agent, run, message=newest.memory, state=state, prompt=prompt, stream=stream)
    except BaseException:
        if stream is not None:
            await stream.abandon()
        raise
    return _Thought(
        reply=reply,
        state=state,
        memory_id=memory_id,
        stream=stream,
        revisions={memory.id: memory.revision for memory in memories},
    )


async def _finish(
    agent: AgentRuntime,
    turn: Turn,
    outbox: TurnOutbox,
    run: Run,
    judged: list[_Judged],
    thought: _Thought,
) -> TurnEnd:
    newest = [each for each in judged if each.decision.respond][-1]
    replies: tuple[tuple[Memory, Target], ...] = ()
    if not thought.reply.silent:
        memory = _memory(agent, newest, thought.reply, thought.memory_id)
        replies = ((memory, newest.row.target),)
    end = await _end(
        outbox,
        turn,
        judged,
        run.record("completed"),
        replies=replies,
        revisions=thought.revisions,
        silent=thought.reply.silent,
    )
    if end is TurnEnd.STALE:
        if thought.stream is not None:
            await thought.stream.abandon()
        return end
    await _look_back(agent, newest.memory, thought.state)
    return end


async def _look_back(agent: AgentRuntime, message: Memory, state: State) -> None:
    await evaluate(agent, message, state, responded=True)
    agent.forget_state(message.id)


def _memory(agent: AgentRuntime, answered: _Judged, reply: Reply, memory_id: UUID) -> Memory:
    return Memory(
        id=memory_id,
        agent_id=agent.agent_id,
        entity_id=agent.agent_id,
        room_id=answered.memory.room_id,
        world_id=answered.memory.world_id,
        content=Content(
            text=reply.text,
            actions=reply.actions or ["REPLY"],
            in_reply_to=answered.memory.id,
            source=answered.memory.content.source,
            channel_type=answered.memory.content.channel_type,
        ),
    )


async def _end(
    outbox: TurnOutbox,
    turn: Turn,
    judged: list[_Judged],
    run: RunRecord,
    *,
    replies: tuple[tuple[Memory, Target], ...] = (),
    revisions: dict[UUID, int] | None = None,
    silent: bool = False,
) -> TurnEnd:
    ends = []
    for each in judged:
        if not each.decision.respond:
            outcome, reason = Outcome.IGNORED, each.decision.reason
        elif silent:
            outcome, reason = Outcome.IGNORED, "the model chose silence"
        else:
            outcome, reason = Outcome.ANSWERED, each.decision.reason
        ends.append(InboxEnd(seq=each.row.seq, outcome=outcome, reason=reason))
    written = await outbox.commit(turn, ends=tuple(ends), run=run, replies=replies, revisions=revisions or {})
    return TurnEnd.DONE if written else TurnEnd.STALE


async def _fail(
    agent: AgentRuntime, turn: Turn, outbox: TurnOutbox, judged: list[_Judged], run: RunRecord
) -> TurnEnd:
    """Each row gets its outcome; whoever turned to the agent gets one honest line."""
    ends = tuple(
        InboxEnd(seq=each.row.seq, outcome=Outcome.FAILED, reason=run.error)
        if each.decision.respond
        else InboxEnd(seq=each.row.seq, outcome=Outcome.IGNORED, reason=each.decision.reason)
        for each in judged
    )
    addressed = [each for each in judged if each.decision.addressed]
    replies: tuple[tuple[Memory, Target], ...] = ()
    if addressed:
        line = Reply(text=agent.character.templates.get("failureMessage", FAILURE_LINE))
        replies = ((_memory(agent, addressed[-1], line, new_id()), addressed[-1].row.target),)
    await outbox.commit(turn, ends=ends, run=run, replies=replies, revisions={})
    return TurnEnd.DONE
