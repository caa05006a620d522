"""The tool calls of a turn as rows: written before they run, and not run again when the turn is (I1).

A turn that was cut off goes on in its edition: the rounds that are on disk are not asked of the model again,
and calls that ended are not run again. One that had begun and not ended is run again only where that is
harmless; otherwise the model is told that nobody knows. A change of the message begins a new edition: the
model is asked anew and shown what was done, and a call that asks for just the same once more is not run.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from weakref import WeakKeyDictionary

from bot_host.contracts.plugin import Action, ActionResult
from bot_host.contracts.turn import Turn, TurnOutbox
from bot_host.kit.clock import utc_now
from bot_host.pipeline.compose import shorten
from bot_host.pipeline.gate import Decision
from bot_host.pipeline.results import as_answer, as_json, data_as_json, echo, from_row, same_arguments
from bot_host.runtime import actions as running
from bot_host.runtime.agent import AgentRuntime
from bot_host.runtime.process import ActionTurn
from bot_host.runtime.voice import Voice, use_voice
from bot_host.types.errors import StoreError
from bot_host.types.ids import UUID, new_id
from bot_host.types.memory import Memory
from bot_host.types.models import ChatMessage, ToolCall
from bot_host.types.turn import InboxRow, StepRow, StepState

SILENCE: Final = "IGNORE"
"""The action by which the model says nothing."""
TOLD: Final = 20
"""Earlier calls that the model is shown."""
TOLD_CHARACTERS: Final = 1000
"""Of each one's result."""

UNKNOWN: Final = (
    "it is not known whether {name} was done: the work was interrupted while it ran. It was not run again. "
    "Say so, and let the person check."
)
CUT_OFF: Final = (
    "I was interrupted in the middle of {name} and do not know whether it was done. I have not done it "
    "again: please check."
)
BEFORE: Final = "Done already, before this message was changed or its turn interrupted; it stays done. {said}"
SPARED: Final = "Not run again: just this was done before. {said}"

_unrecorded: WeakKeyDictionary[AgentRuntime, dict["StepKey", StepRow]] = WeakKeyDictionary()
"""Ended calls that the database would not take. The turn goes back then, and finds them here."""

StepKey = tuple[UUID, int, int, int]


class Stale(Exception):
    """A message was edited or deleted meanwhile: nothing more is begun for what it said."""


class Gone(Exception):
    """The sender was erased with this very message: nothing is left of the turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A message that the turn answers, and why."""

    row: InboxRow
    memory: Memory
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What the model answered: its words and its calls."""

    text: str
    calls: tuple[ToolCall, ...]


class Steps:
    """The calls of one turn."""

    def __init__(
        self,
        agent: AgentRuntime,
        outbox: TurnOutbox,
        turn_id: UUID,
        edition: int,
        rows: Sequence[StepRow] = (),
        earlier: Sequence[StepRow] = (),
        *,
        actions: Sequence[Action] | None = None,
    ) -> None:
        """`rows` are those of the edition that goes on, `earlier` what was done for the messages before.

        `actions`: those that the turn may run; None: what the agent's plugins brought.
        """
        self._agent = agent
        self._actions = agent.actions if actions is None else actions
        self._outbox = outbox
        self._turn_id = turn_id
        self._edition = edition
        self._rows = {(row.round, row.call): row for row in rows}
        self._earlier = [row for row in earlier if _had_effect(row)]
        self._sparable: list[StepRow] = []
        """What was done, as far as no call of this edition has been spared for it."""
        self._begun: set[tuple[int, int]] = set()
        """Calls that are `running` because this turn is about to run them."""
        self._answered: Sequence[Answered] = ()
        self.said = 0
        """Messages that calls have said to the room."""

    @property
    def decisions(self) -> Mapping[UUID, Decision]:
        """Of the messages that the edition answers: they passed the gate, and actions may move that."""
        answering = _answering(self._rows.values())
        return {key: Decision(respond=True, reason=reason) for key, (_, reason) in answering.items()}

    @property
    def acted(self) -> bool:
        """Something was done, or may have been, that asking again would do twice."""
        rows = (*self._earlier, *self._rows.values())
        return any(_had_effect(row) and not self._is_idempotent(row.name) for row in rows)

    def answer(self, answered: Sequence[Answered]) -> None:
        """What the turn answers, newest last: before anything is asked or run.

        An edition that answered more than that (one of its messages is superseded) does not go on.
        """
        self._answered = answered
        rows = list(self._rows.values())
        if not _answering(rows).keys() <= self._revisions.keys():
            self._earlier.extend(filter(_had_effect, rows))
            self._rows = {}
            self._edition += 1
        self._sparable = [row for row in self._earlier if not self._is_idempotent(row.name)]
        for row in self._rows.values():
            if row.state is StepState.SPARED:
                self._spare(row.name, row.arguments)

    @property
    def _revisions(self) -> dict[UUID, int]:
        return {each.memory.id: each.memory.revision for each in self._answered}

    def canonical(self, asked: str) -> str:
        """The registered name of an action, or `asked` itself."""
        return running.canonical(self._actions, asked)

    def told(self) -> list[ChatMessage]:
        """What was done in earlier editions, as the model's own calls with their results."""
        shown = [row for row in self._earlier if self.canonical(row.name) != SILENCE]
        shown = shown[-TOLD:]
        if not shown:
            return []
        calls = [ToolCall(id=f"earlier_{n}", name=r.name, arguments=r.arguments) for n, r in enumerate(shown)]
        results = [
            ChatMessage(role="tool", content=_before(row), tool_call_id=call.id)
            for row, call in zip(shown, calls, strict=True)
        ]
        return [ChatMessage(role="assistant", content="", tool_calls=tuple(map(echo, calls))), *results]

    def find_round(self, number: int) -> Round | None:
        """A round that is on disk; None when the model has to be asked."""
        rows = [self._rows[key] for key in sorted(self._rows) if key[0] == number]
        if not rows:
            return None
        calls = tuple(ToolCall(id=row.call_id, name=row.name, arguments=row.arguments) for row in rows)
        return Round(text=rows[0].text, calls=calls)

    async def begin(self, number: int, answer: Round) -> None:
        """Write a round down before its first call runs. Raises Stale, StoreError."""
        answering = {each.memory.id: (each.memory.revision, each.reason) for each in self._answered}
        rows: list[StepRow] = []
        for index, call in enumerate(answer.calls):
            row = StepRow(
                turn_id=self._turn_id,
                agent_id=self._agent.agent_id,
                edition=self._edition,
                round=number,
                call=index,
                call_id=call.id,
                name=call.name,
                arguments=call.arguments,
                text=answer.text if index == 0 else "",
                answering=answering if index == 0 else {},
            )
            done = self._spare(call.name, call.arguments)
            if done is not None:
                row = _ended(row, StepState.SPARED, _spared(done))
            elif not self._begun:
                row = replace(row, state=StepState.RUNNING)
                self._begun.add((number, index))
            rows.append(row)
        seqs = [each.row.seq for each in self._answered]
        room_id = self._answered[-1].memory.room_id
        written = await self._agent.store.add_steps(
            rows, room_id=room_id, seqs=seqs, revisions=self._revisions
        )
        if not written:
            raise Stale
        self._rows.update({(row.round, row.call): row for row in rows})

    async def run(self, number: int, index: int, acting: ActionTurn) -> tuple[ActionResult, bool]:
        """A call's result, and whether it is one from before. Raises Stale, StoreError."""
        row = self._rows[number, index]
        call = ToolCall(id=row.call_id, name=row.name, arguments=row.arguments)
        messages = self._messages_of(number)
        if row.state is StepState.PLANNED:
            await self._start(row)
        elif self._was_cut_off(row) and not running.may_repeat(
            self._agent, self._actions, row.name, messages
        ):
            unknown = ActionResult(success=False, error=UNKNOWN.format(name=row.name))
            row = await self._end(row, StepState.UNKNOWN, unknown)
        if row.state not in (StepState.PLANNED, StepState.RUNNING):
            self.said += bool(row.result.get("said"))
            result = from_row(row)
            acting.take_over(self.canonical(row.name), result)
            return result, True
        self._begun.discard((number, index))
        before = self.said

        async def record(result: ActionResult) -> None:
            await self._end(row, StepState.DONE, result, said=self.said > before)

        key = f"{self._turn_id}:{self._edition}:{number}:{index}"
        with use_voice(Voice(self._agent.agent_id, key)):
            return await acting.run(call, message=messages[-1], ended=record), False

    async def carry_out(
        self, number: int, index: int, do: Callable[[], Awaitable[ActionResult]]
    ) -> tuple[ActionResult, bool]:
        """As `run`, for what is no action and not idempotent; what `do` raises leaves the call failed."""
        row = self._rows[number, index]
        if row.state is StepState.PLANNED:
            await self._start(row)
            row = self._rows[number, index]
        elif self._was_cut_off(row):
            unknown = ActionResult(success=False, text=CUT_OFF.format(name=row.name), error="unknown")
            row = await self._end(row, StepState.UNKNOWN, unknown)
        if row.state is not StepState.RUNNING:
            return from_row(row), True
        self._begun.discard((number, index))
        with use_voice(Voice(self._agent.agent_id, f"{self._turn_id}:{self._edition}:{number}:{index}")):
            try:
                result = await do()
            except Gone:
                raise
            except Exception as error:
                failed = ActionResult(success=False, error=type(error).__name__)
                await self._end(row, StepState.DONE, failed)
                raise
        await self._end(row, StepState.DONE, result)
        return result, False

    def _was_cut_off(self, row: StepRow) -> bool:
        return row.state is StepState.RUNNING and (row.round, row.call) not in self._begun

    def _messages_of(self, number: int) -> list[Memory]:
        """What the round answered, newest last. Others may have joined the turn since."""
        answering = self._rows[number, 0].answering
        return [each.memory for each in self._answered if each.memory.id in answering]

    async def _start(self, row: StepRow) -> None:
        begun = replace(row, state=StepState.RUNNING)
        written = await self._agent.store.change_step(begun, was=StepState.PLANNED, revisions=self._revisions)
        if not written:
            raise Stale
        self._rows[row.round, row.call] = begun

    async def _end(
        self, row: StepRow, state: StepState, result: ActionResult, *, said: bool = False
    ) -> StepRow:
        ended = _ended(row, state, result, said=said)
        self._rows[row.round, row.call] = ended
        await self._outbox.finish(_record(self._agent, ended))
        return ended

    def _is_idempotent(self, name: str) -> bool:
        action = running.find_action(self._actions, name)
        return action is not None and action.idempotent

    def _spare(self, name: str, arguments: str) -> StepRow | None:
        """What was done that a call asks for once more. It counts for one call."""
        asked = self.canonical(name)
        for row in self._sparable:
            known = self.canonical(row.name)
            if known == asked and row.arguments and same_arguments(row.arguments, arguments):
                self._sparable.remove(row)
                return row
        return None


async def read_steps(
    agent: AgentRuntime, turn: Turn, messages: Sequence[Memory], outbox: TurnOutbox
) -> Steps:
    """What was begun for a turn's messages; nothing is read where nothing was. Raises StoreError."""
    actions = agent.actions_for(messages[-1])
    turn_ids = list(dict.fromkeys(row.turn_id for row in turn.rows if row.turn_id))
    if not turn_ids:
        return Steps(agent, outbox, new_id(), 0, actions=actions)
    editions: dict[tuple[UUID, int], list[StepRow]] = {}
    for turn_id in turn_ids:
        for row in await agent.store.get_steps(turn_id):
            row = await _as_known(agent, row)
            editions.setdefault((turn_id, row.edition), []).append(row)
    mine = turn_ids[0]
    last = max((edition for turn_id, edition in editions if turn_id == mine), default=-1)
    now = {memory.id: memory.revision for memory in messages}
    going_on = editions.get((mine, last), [])
    read = {key: revision for key, (revision, _) in _answering(going_on).items()}
    if not read or any(now.get(key) != revision for key, revision in read.items()):
        going_on, last = [], last + 1
    else:
        del editions[mine, last]
    earlier = [row for rows in editions.values() if _concerns(rows, now) for row in rows]
    return Steps(agent, outbox, mine, last, going_on, earlier, actions=actions)


def _concerns(rows: Sequence[StepRow], now: Mapping[UUID, int]) -> bool:
    """Whether an edition answered one of these messages. Where that was blotted out, it may have."""
    answering = _answering(rows)
    return not answering or any(key in now for key in answering)


def _answering(rows: Iterable[StepRow]) -> dict[UUID, tuple[int, str]]:
    answering: dict[UUID, tuple[int, str]] = {}
    for row in rows:
        answering.update(row.answering)
    return answering


def _had_effect(row: StepRow) -> bool:
    """It was done, or may have been."""
    done = row.state is StepState.DONE and bool(row.result.get("success", not row.result))
    return done or row.state in (StepState.RUNNING, StepState.UNKNOWN)


def _ended(row: StepRow, state: StepState, result: ActionResult, *, said: bool = False) -> StepRow:
    return replace(
        row,
        state=state,
        result=as_json(result, said=said),
        data=data_as_json(row.name, result) if state is StepState.DONE else {},
        ended_at=utc_now(),
    )


def _said(row: StepRow) -> str:
    if row.state is not StepState.DONE:
        return "error: " + UNKNOWN.format(name=row.name)
    return shorten(as_answer(from_row(row)) if row.result else "done", TOLD_CHARACTERS)


def _before(row: StepRow) -> str:
    return BEFORE.format(said=_said(row)) if row.state is StepState.DONE else _said(row)


def _spared(done: StepRow) -> ActionResult:
    if done.state is StepState.DONE:
        return ActionResult(text=SPARED.format(said=_said(done)))
    return ActionResult(success=False, error=UNKNOWN.format(name=done.name))


async def _record(agent: AgentRuntime, row: StepRow) -> None:
    try:
        await agent.store.change_step(row, was=StepState.RUNNING, revisions={})
    except StoreError:
        _unrecorded.setdefault(agent, {})[_key(row)] = row
        raise


async def _as_known(agent: AgentRuntime, row: StepRow) -> StepRow:
    """The row, with the end that the database would not take earlier."""
    ended = _unrecorded.get(agent, {}).pop(_key(row), None)
    if ended is None:
        return row
    await _record(agent, ended)
    return ended


def _key(row: StepRow) -> StepKey:
    return row.turn_id, row.edition, row.round, row.call
