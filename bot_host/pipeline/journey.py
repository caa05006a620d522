"""The way of one turn, top to bottom."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot_host.contracts.connector import TextStream
from bot_host.contracts.plugin import ActionResult, HandlerCallback, State
from bot_host.contracts.turn import Turn, TurnInput, TurnOutbox
from bot_host.kit.clean import clean_text, one_line
from bot_host.pipeline.citations import offered, with_sources
from bot_host.pipeline.commands import WORDLESS, Asked, carry_out, check
from bot_host.pipeline.compose import FAILURE, compose
from bot_host.pipeline.evaluate import evaluate, note_evaluation
from bot_host.pipeline.gate import DIRECT, Decision, decide_all, is_addressed
from bot_host.pipeline.media import has_unread, read_media
from bot_host.pipeline.past import note_length
from bot_host.pipeline.prompt import Prompt
from bot_host.pipeline.respond import Limits, Reply, respond
from bot_host.pipeline.results import CHOICES
from bot_host.pipeline.steps import Answered, Gone, Stale, Steps, read_steps
from bot_host.runtime.agent import AgentRuntime
from bot_host.runtime.choices import bound
from bot_host.runtime.runs import Run, tell_begun, tell_ended, use_run
from bot_host.runtime.voice import next_message_id
from bot_host.types.content import Content
from bot_host.types.errors import BotHostError, StoreError
from bot_host.types.events import EventType
from bot_host.types.ids import UUID, create_unique_uuid, new_id
from bot_host.types.knowledge import Audience
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.outbound import LANE, Target, for_eyes
from bot_host.types.turn import InboxEnd, InboxRow, Outcome, RunRecord

log = logging.getLogger(__name__)

SILENT: Final = "the model chose silence"
FAILURE_LINE: Final = (
    "Sorry, something went wrong on my side and I can't answer right now. Please try again in a little while."
)
"""Told to whoever turned to the agent; a character's `templates.failureMessage` says it its own way."""
FAILURE_AFTER_ACTION: Final = (
    "Sorry, something went wrong on my side before I could answer. Some of what you asked for may be done "
    "already: please check before you ask again."
)
"""The same, when an action has run: `templates.failureAfterActionMessage`."""


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


@dataclass(slots=True)
class _Thought:
    """What a turn came to so far; nothing of it is written."""

    steps: Steps
    asked: Asked | None = None
    """The command or choice that its message is."""
    judged: Sequence[_Judged] = ()
    reply: Reply | None = None
    state: State | None = None
    prompt: Prompt | None = None
    memory_id: UUID = ""
    stream: TextStream | None = None
    """Shown, and not yet followed by a committed reply."""
    timed_out: bool = False
    said: int = 0
    """Messages before the turn's end."""

    @property
    def answering(self) -> list[_Judged]:
        return [each for each in self.judged if each.decision.respond]


async def handle_turn(agent: AgentRuntime, turn: Turn, given: TurnInput, outbox: TurnOutbox) -> TurnEnd:
    """Gate, compose, respond, commit, evaluate. Failures end in a recorded outcome, not in an exception.

    Raises StoreError when something could not be read or written (nothing is lost: the rows stay), and
    passes cancellation on.
    """
    run = Run(run_id=turn.run_id, agent_id=agent.agent_id, room_id=given.room.id)
    thought = _Thought(steps=await read_steps(agent, turn, given.messages, outbox))
    status, error = "interrupted", ""
    with use_run(run):
        agent.traces.begin(run, (message.id for message in given.messages))
        try:
            await tell_begun(agent, run, given.messages, agent.begun)
            error = await _think(agent, turn, given, outbox, run, thought)
            if not error:
                status = "completed" if thought.answering else "ignored"
                record = run.record(status)
                try:
                    end = await _finish(agent, turn, given, outbox, record, thought)
                except BotHostError:
                    raise
                except Exception:
                    log.exception("the reply could not be handed to its platform")
                    error = "the reply could not be encoded"
                else:
                    status = "stale" if end is TurnEnd.STALE else status
                    await note_evaluation(agent, run, record, entity_id=given.messages[-1].entity_id)
                    return end
            status = "timeout" if thought.timed_out else "failed"
            return await _fail(agent, turn, given, outbox, run.record(status, error=error), thought)
        except Stale:
            status = "stale"
            return TurnEnd.STALE
        except Gone:
            status = "completed"
            agent.traces.clear()
            outbox.erased(turn, run.record(status))
            return TurnEnd.DONE
        except BotHostError as failure:
            status, error = "failed", str(failure)
            raise
        finally:
            if thought.prompt is not None:
                # With the answer in the room: it counts with what was said.
                note_length(agent, given.room, thought.prompt)
            agent.traces.end(run, keep=status not in ("stale", "interrupted"))
            if thought.stream is not None:
                await thought.stream.abandon()
            await tell_ended(agent, run, status, message_id=given.messages[-1].id, error=error)


async def give_up(agent: AgentRuntime, turn: Turn, given: TurnInput, outbox: TurnOutbox, *, why: str) -> None:
    """End messages that no turn could finish; whoever turned to the agent with one is told."""
    run = Run(run_id=turn.run_id, agent_id=agent.agent_id, room_id=given.room.id)
    thought = _Thought(steps=await read_steps(agent, turn, given.messages, outbox))
    await _fail(agent, turn, given, outbox, run.record("failed", error=why), thought)


async def _think(
    agent: AgentRuntime, turn: Turn, given: TurnInput, outbox: TurnOutbox, run: Run, thought: _Thought
) -> str:
    """Steps 5 to 7, within the turn's time. Why they failed; empty when they did not."""
    limit = asyncio.timeout(agent.options.turn_timeout)
    try:
        async with limit:
            with run.step("gate"):
                decisions, given = await _decide(agent, given, thought)
                thought.judged = [
                    _Judged(row=row, memory=memory, decision=decision)
                    for row, memory, decision in zip(turn.rows, given.messages, decisions, strict=True)
                ]
            if thought.answering:
                async with outbox.typing(thought.answering[-1].row.target):
                    work = _respond if thought.asked is None or thought.asked.command is None else _obey
                    await work(agent, turn, given, outbox, run, thought)
    except (StoreError, Stale, Gone):
        raise
    except BotHostError as error:
        log.error("no answer: %s", error)
        return str(error)
    except Exception as error:
        # A plugin's bug ends this turn, not the room (invariant I4).
        if isinstance(error, TimeoutError) and limit.expired():
            thought.timed_out = True
            run.on_time_out(agent.options.turn_timeout)
            log.error("no answer: the turn took longer than %g s", agent.options.turn_timeout)
            return f"the turn took longer than {agent.options.turn_timeout:g} s"
        log.exception("no answer: a fault in the turn")
        return f"a fault in the turn: {type(error).__name__}"
    return ""


async def _decide(
    agent: AgentRuntime, given: TurnInput, thought: _Thought
) -> tuple[list[Decision], TurnInput]:
    """A decision for each message, and the turn's input as it is answered."""
    if given.use is None:
        return await decide_all(agent, given, thought.steps.decisions), given
    thought.asked = await check(agent, given)
    return [thought.asked.decision], thought.asked.given


async def _obey(
    agent: AgentRuntime, turn: Turn, given: TurnInput, outbox: TurnOutbox, run: Run, thought: _Thought
) -> None:
    """Instead of compose and respond: a command."""
    assert thought.asked is not None
    asked = thought.answering[-1]
    thought.memory_id = turn.revises or new_id()

    async def farewell(content: Content, also: Sequence[UUID]) -> None:
        said = create_unique_uuid(agent.agent_id, f"farewell:{asked.memory.id}")
        last = _memory(agent, asked, Reply(text=clean_text(content.text), private=True), said)
        chosen = thought.asked.label if thought.asked is not None else ""
        persons = (*also, asked.memory.entity_id)
        await outbox.farewell(last, asked.row.target, entity_ids=persons, chosen=chosen)

    thought.reply = await carry_out(
        agent,
        run,
        thought.asked,
        answered=Answered(row=asked.row, memory=asked.memory, reason=asked.decision.reason),
        steps=thought.steps,
        say=_say(agent, outbox, thought, asked, answering=(asked.memory.id,)),
        farewell=farewell,
    )


def _say(
    agent: AgentRuntime,
    outbox: TurnOutbox,
    thought: _Thought,
    newest: _Judged,
    *,
    answering: tuple[UUID, ...],
) -> HandlerCallback:
    """The way to say something before the turn's end."""

    async def say(content: Content) -> list[Memory]:
        if not content.text.strip() and not content.attachments:
            return []
        words = Reply(text=clean_text(content.text), actions=content.actions)
        if content.choices is not None:
            words.results = [("", ActionResult(data={CHOICES: content.choices}))]
        said = _memory(agent, newest, words, next_message_id(agent.agent_id))
        said.content.attachments = list(content.attachments)
        await outbox.say(said, newest.row.target, answering=answering)
        thought.said += 1
        await _tell_sent(agent, ((said, newest.row.target),))
        return [said]

    return say


async def _respond(
    agent: AgentRuntime, turn: Turn, given: TurnInput, outbox: TurnOutbox, run: Run, thought: _Thought
) -> None:
    newest = thought.answering[-1]
    attached = [(each.row, each.memory) for each in thought.answering]
    if has_unread(given, attached):
        with run.step("media") as notes:
            notes["files"] = await read_media(agent, given, attached)
    with run.step("compose"):
        memories = [each.memory for each in thought.answering]
        thought.state, prompt = await compose(agent, given, answering=memories)
        thought.prompt = prompt
    answering = tuple(memory.id for memory in memories)
    thought.memory_id = turn.revises or outbox.shown_id(newest.row) or new_id()
    # An answer that is there is changed at once, not written over; and a command's has a way of its own.
    if turn.revises is None and LANE not in newest.row.target.extra:
        thought.stream = outbox.open_stream(newest.row, memory_id=thought.memory_id, answering=answering)

    thought.reply = await respond(
        agent,
        run,
        answered=[
            Answered(row=each.row, memory=each.memory, reason=each.decision.reason)
            for each in thought.answering
        ],
        state=thought.state,
        prompt=prompt,
        stream=thought.stream,
        limits=Limits(
            steps=given.wishes.max_steps or agent.options.max_steps, retries=given.wishes.max_retries
        ),
        steps=thought.steps,
        callback=_say(agent, outbox, thought, newest, answering=answering),
    )
    thought.reply.text = with_sources(thought.reply.text, offered(thought.state, thought.reply.results))


async def _finish(
    agent: AgentRuntime,
    turn: Turn,
    given: TurnInput,
    outbox: TurnOutbox,
    run: RunRecord,
    thought: _Thought,
) -> TurnEnd:
    """Steps 8 and 11."""
    reply = thought.reply
    replies = _notices(agent, turn, thought)
    reply_id = None
    if reply is not None and (reply.text or reply.attachments):
        newest = thought.answering[-1]
        reply_id = turn.revises or outbox.shown_id(newest.row) or thought.memory_id
        target = for_eyes(newest.row.target) if reply.private else newest.row.target
        replies = (*replies, (_memory(agent, newest, reply, reply_id), target))
    ends = tuple(_end(each, silent=_silence(thought), reply_id=reply_id) for each in thought.judged)
    written = await outbox.commit(
        turn,
        ends=ends,
        run=run,
        replies=replies,
        revisions={each.memory.id: each.memory.revision for each in thought.answering},
        chosen=thought.asked.label if thought.asked is not None and thought.answering else "",
    )
    if not written:
        return TurnEnd.STALE
    _log_end(given, ends, run)
    if replies:
        thought.stream = None  # the reply that is on its way ends it
    await _tell_sent(agent, replies, again=turn.revises is not None)
    if thought.state is not None:
        message = thought.answering[-1].memory
        await evaluate(agent, message, thought.state, responded=True)
        agent.forget_state(message.id)
    return TurnEnd.DONE


def _notices(agent: AgentRuntime, turn: Turn, thought: _Thought) -> tuple[tuple[Memory, Target], ...]:
    """Lines to those whose messages are not answered. Who has an answer, and edits, is told nothing."""
    if turn.revises is not None:
        return ()
    return tuple(
        _notice(agent, each) for each in thought.judged if each.decision.line and not each.decision.respond
    )


def _notice(agent: AgentRuntime, each: _Judged, *, memory_id: UUID = "") -> tuple[Memory, Target]:
    """A line to somebody whose message is not answered; prompts leave it out, as models imitate such."""
    said = _memory(agent, each, Reply(text=each.decision.line), memory_id or new_id())
    # Why something was not done is nobody else's business.
    target = for_eyes(each.row.target)
    return said.model_copy(update={"metadata": {**said.metadata, FAILURE: True}}), target


def _silence(thought: _Thought) -> str:
    """Why nothing was said; empty: something was."""
    reply = thought.reply
    if reply is None or reply.text or thought.said:
        return ""
    if thought.asked is not None and thought.asked.command is not None:
        return WORDLESS
    return SILENT if reply.silent else ""


def _end(each: _Judged, *, silent: str = "", reply_id: UUID | None = None) -> InboxEnd:
    if not each.decision.respond:
        return InboxEnd(seq=each.row.seq, outcome=each.decision.outcome, reason=each.decision.reason)
    if silent:
        return InboxEnd(seq=each.row.seq, outcome=Outcome.IGNORED, reason=silent)
    return InboxEnd(
        seq=each.row.seq, outcome=Outcome.ANSWERED, reason=each.decision.reason, reply_id=reply_id
    )


async def _fail(
    agent: AgentRuntime,
    turn: Turn,
    given: TurnInput,
    outbox: TurnOutbox,
    run: RunRecord,
    thought: _Thought,
) -> TurnEnd:
    """Each row gets its outcome; whoever turned to the agent gets one honest line."""
    ignored = {each.row.seq: each for each in thought.judged if not each.decision.respond}
    ends = []
    addressed: tuple[InboxRow, Memory] | None = None
    for row, memory in zip(turn.rows, given.messages, strict=True):
        if row.seq in ignored:
            ends.append(_end(ignored[row.seq]))
            continue
        ends.append(InboxEnd(seq=row.seq, outcome=Outcome.FAILED, reason=run.error))
        if is_addressed(memory, given.room):
            addressed = row, memory
    replies = _notices(agent, turn, thought)
    line = _failure_line(agent, acted=thought.steps.acted) if turn.revises is None else ""
    if addressed is not None and line.strip():
        row, memory = addressed
        decision = Decision(respond=False, reason="", line=line)
        # Of one id for each message: should an edit of it fail as well, nobody is told a second time.
        told = create_unique_uuid(agent.agent_id, f"failed:{memory.id}")
        judged = _Judged(row=row, memory=memory, decision=decision)
        replies = (*replies, _notice(agent, judged, memory_id=told))
    try:
        await outbox.commit(turn, ends=tuple(ends), run=run, replies=replies, revisions={})
    except BotHostError:
        raise
    except Exception:
        # Not even the line can be encoded: the outcome is recorded all the same.
        log.exception("whoever asked could not be told")
        replies = ()
        await outbox.commit(turn, ends=tuple(ends), run=run, replies=replies, revisions={})
    _log_end(given, tuple(ends), run)
    await _tell_sent(agent, replies)
    return TurnEnd.DONE


def _failure_line(agent: AgentRuntime, *, acted: bool) -> str:
    """Empty where the character wants to say nothing."""
    key = "failureAfterActionMessage" if acted else "failureMessage"
    return agent.character.templates.get(key, FAILURE_AFTER_ACTION if acted else FAILURE_LINE)


async def _tell_sent(
    agent: AgentRuntime, replies: tuple[tuple[Memory, Target], ...], *, again: bool = False
) -> None:
    for memory, _ in replies:
        payload = {"message": memory, "source": "pipeline", "again": again}
        await agent.emit_event(EventType.MESSAGE_SENT, payload)


def _log_end(given: TurnInput, ends: tuple[InboxEnd, ...], run: RunRecord) -> None:
    room = given.room
    log.info(
        "%s, %s: %s, %s, %d ms",
        room.source or "local",
        "direct" if room.type in DIRECT else one_line(room.name, 60) or room.channel_id or room.id,
        ends[-1].outcome,
        ends[-1].reason or "no reason",
        (run.ended_at - run.started_at).total_seconds() * 1000,
    )


def _memory(agent: AgentRuntime, answered: _Judged, reply: Reply, memory_id: UUID) -> Memory:
    asked = answered.memory
    content = Content(
        text=reply.text,
        actions=reply.actions or ["REPLY"],
        attachments=reply.attachments,
        in_reply_to=asked.id,
        source=asked.content.source,
        channel_type=asked.content.channel_type,
        choices=reply.choices,
    )
    # What only one person sees is no part of what was said in the room: no prompt, search or summary has it.
    private = reply.private or asked.type is MemoryType.CUSTOM
    return Memory(
        id=memory_id,
        agent_id=agent.agent_id,
        entity_id=agent.agent_id,
        room_id=asked.room_id,
        world_id=asked.world_id,
        type=MemoryType.CUSTOM if private else MemoryType.MESSAGE,
        audience=Audience.ENTITY if private else None,
        content=bound(
            agent.store, content, memory_id=memory_id, room_id=asked.room_id, owner=asked.entity_id
        ),
    )
