"""The run under way: what it did, which models it asked. Each task of a turn sees its own."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from bot_host.contracts.plugin import Agent
from bot_host.kit.clock import utc_now
from bot_host.types.events import EventType
from bot_host.types.ids import UUID, new_id
from bot_host.types.memory import Memory
from bot_host.types.turn import RunRecord

if TYPE_CHECKING:
    from bot_host.runtime.traces import Trace

MAX_ENTRIES: Final = 200
"""Model calls and steps kept of one run: a run is bounded by its step limit, this only guards the row."""

MAX_BEGUN: Final = 1024
"""Messages of turns that are remembered as begun. Begun again they are within minutes, if at all."""

_current: ContextVar["Run | None"] = ContextVar("current_run", default=None)


class Run:
    """One turn's execution while it goes on."""

    def __init__(self, *, run_id: UUID, agent_id: UUID, room_id: UUID) -> None:
        self.id = run_id
        self.agent_id = agent_id
        self.room_id = room_id
        self.started_at: datetime = utc_now()
        self.is_turn = False
        """A turn of its room is at work for it: the room's next message comes after it."""
        self.on_time_out: Callable[[float], None] = lambda _turn_s: None
        """Called when the turn ran out of time: whoever held it up last is told."""
        self.trace: Trace | None = None
        """What it sees, where somebody wants to know (`runtime.traces`)."""
        self._begun = time.monotonic()
        self._faults: list[str] = []
        self._model_calls: list[dict[str, Any]] = []
        self._steps: list[dict[str, Any]] = []

    @property
    def has_calls(self) -> bool:
        """Whether a model was asked for it."""
        return bool(self._model_calls)

    def elapsed_ms(self) -> float:
        """Since it began."""
        return round((time.monotonic() - self._begun) * 1000, 1)

    def note_fault(self, fault: str) -> None:
        """Something was left out of the step that goes on; it stands with it (invariant I4)."""
        self._faults.append(fault)

    def add_model_call(self, call: dict[str, Any]) -> None:
        """Note one model call (see RunRecord.model_calls)."""
        if len(self._model_calls) < MAX_ENTRIES:
            self._model_calls.append(call)

    @contextmanager
    def step(self, name: str) -> Iterator[dict[str, Any]]:
        """Time a step; what is put into the dict that it yields is kept with it."""
        notes: dict[str, Any] = {}
        begun = time.monotonic()
        at = self.elapsed_ms()
        try:
            yield notes
        finally:
            if self._faults:
                notes["left_out"], self._faults = [*notes.get("left_out", ()), *self._faults], []
            if len(self._steps) < MAX_ENTRIES:
                ms = round((time.monotonic() - begun) * 1000, 2)
                self._steps.append({"name": name, "at": at, "ms": ms, **notes})

    def record(self, status: str, *, error: str = "") -> RunRecord:
        """The run as a row, ended now."""
        return RunRecord(
            id=self.id,
            agent_id=self.agent_id,
            room_id=self.room_id,
            started_at=self.started_at,
            ended_at=utc_now(),
            status=status,
            model_calls=tuple(self._model_calls),
            steps=tuple(self._steps),
            error=error,
        )


@contextmanager
def use_run(run: Run) -> Iterator[Run]:
    """Make `run`, of a turn, the current one for this task and its children."""
    token = _current.set(run)
    run.is_turn = True
    try:
        yield run
    finally:
        # Tasks that the turn has left behind still have it, and hold up nobody.
        run.is_turn = False
        _current.reset(token)


def current_run() -> Run | None:
    """The run that this task works for."""
    return _current.get()


def current_run_of(agent_id: UUID) -> Run | None:
    """The run that this task works for, when it is one of this agent (agents may call each other)."""
    run = _current.get()
    return run if run is not None and run.agent_id == agent_id else None


def current_turn() -> tuple[UUID, UUID] | None:
    """Agent and room of the turn that this task works for, as long as it goes on."""
    run = _current.get()
    return (run.agent_id, run.room_id) if run is not None and run.is_turn else None


def begin_run(agent_id: UUID, room_id: UUID | None, run_id: UUID | None = None) -> Run:
    """Make a new run the current one for this task and those that it starts, until `leave_run`."""
    run = Run(run_id=run_id or new_id(), agent_id=agent_id, room_id=room_id or agent_id)
    _current.set(run)
    return run


def leave_run(agent_id: UUID) -> Run | None:
    """The current run is over for this task; it, or None where there was none of this agent."""
    run = current_run_of(agent_id)
    if run is not None:
        _current.set(None)
    return run


class Begun:
    """The latest messages that a turn was begun with, to tell those with which it is begun again."""

    def __init__(self) -> None:
        self._ids: OrderedDict[UUID, None] = OrderedDict()

    def before(self, message_id: UUID) -> bool:
        """Whether it was noted before; now it is."""
        if message_id in self._ids:
            return True
        self._ids[message_id] = None
        if len(self._ids) > MAX_BEGUN:
            self._ids.popitem(last=False)
        return False


async def tell_started(
    agent: Agent, run: Run, message_id: UUID | None = None, *, again: bool = False
) -> None:
    """Emit RUN_STARTED. Costs nothing when nobody listens."""
    await agent.emit_event(EventType.RUN_STARTED, _told(run, message_id, status="started", again=again))


async def tell_begun(agent: Agent, run: Run, messages: Sequence[Memory], begun: Begun) -> None:
    """Emit RUN_STARTED, and MESSAGE_RECEIVED of each message; `again` where it is not the first time."""
    again = [begun.before(message.id) for message in messages]
    await tell_started(agent, run, messages[-1].id, again=again[-1])
    for message, known in zip(messages, again, strict=True):
        told = {"message": message, "source": "pipeline", "again": known}
        await agent.emit_event(EventType.MESSAGE_RECEIVED, told)


async def tell_ended(
    agent: Agent, run: Run, status: str, *, message_id: UUID | None = None, error: str = ""
) -> None:
    """Emit RUN_ENDED with the status that `Run.record` got, or RUN_TIMEOUT for `timeout`."""
    name = EventType.RUN_TIMEOUT if status == "timeout" else EventType.RUN_ENDED
    await agent.emit_event(name, _told(run, message_id, status=status, error=error))


def _told(run: Run, message_id: UUID | None, **more: str | bool) -> dict[str, Any]:
    return {
        "run_id": run.id,
        "room_id": run.room_id,
        "message_id": message_id,
        "started_at": run.started_at,
        **more,
    }
