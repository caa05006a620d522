"""What a run saw: the providers' words and the prompts, as they were sent, of the newest runs.

Kept in memory alone, for a day at the most: prompts are long, repeat what the database has, and hold what
many people said, so that on disk they would have to be found again whenever somebody is erased. Off until
somebody wants to see them (`Traces.keep`).
"""

import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bot_host.runtime.runs import Run, current_run_of
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.models import ChatMessage, ModelType, TextRequest, TextResult
from bot_host.types.places import Entity

BYTES: Final = 8_000_000
"""Of an agent's traces, about: a turn has 5 to 60 kB. They are not packed, as that took four times as long
(0.1 to 1.8 ms a turn instead of 0.04 to 0.4)."""
KEPT_S: Final = 24 * 3600.0
MOST_CALLS: Final = 40
"""Model calls whose prompts are kept of one run."""
MOST_SOURCES: Final = 2000
_DEPTH: Final = 6


@dataclass(slots=True, kw_only=True)
class Call:
    """A text model was asked."""

    at_ms: float
    type: str
    messages: Sequence[ChatMessage]
    tools: tuple[str, ...]
    settings: dict[str, Any]
    """Temperature and the like, where they are given."""
    ms: float | None = None
    model: str = ""
    text: str = ""
    """The answer."""
    tool_calls: list[dict[str, str]] = field(default_factory=list)
    error: str = ""

    def end(self, answer: Any, *, at_ms: float) -> None:
        """It has answered."""
        self.ms = round(at_ms - self.at_ms, 1)
        if isinstance(answer, TextResult):
            self.model, self.text = answer.model, answer.text
            self.tool_calls = [{"name": call.name, "arguments": call.arguments} for call in answer.tool_calls]


@dataclass(slots=True, kw_only=True)
class Provided:
    """What a provider gave."""

    name: str
    ms: float
    text: str = ""
    error: str = ""
    """Why it was left out."""


class Trace:
    """What one run sees, while it goes on."""

    def __init__(self, run: Run, message_ids: Iterable[UUID] = ()) -> None:
        self.run = run
        self.message_ids = tuple(message_ids)
        self.providers: list[Provided] = []
        self.calls: list[Call] = []
        self.sources: set[UUID] = set(self.message_ids)
        """Memories and entities whose words may be in it: without one of them it is not shown any more."""

    def ask(self, type: ModelType, request: TextRequest) -> Call | None:
        """A text model is asked. None: enough was noted."""
        if len(self.calls) >= MOST_CALLS:
            return None
        settings = {name: getattr(request, name) for name in ("max_tokens", "temperature", "top_p", "stop")}
        call = Call(
            at_ms=self.run.elapsed_ms(),
            type=str(type),
            messages=request.messages,
            tools=tuple(tool.name for tool in request.tools),
            settings={name: value for name, value in settings.items() if value},
        )
        self.calls.append(call)
        return call

    def note_sources(self, value: Any, depth: int = _DEPTH) -> None:
        """Note the memories and entities in what a provider gave, or in what is said before."""
        if len(self.sources) >= MOST_SOURCES or depth == 0:
            return
        if isinstance(value, Memory):
            self.sources |= {value.id, value.entity_id} - {self.run.agent_id}
        elif isinstance(value, Entity):
            self.sources |= {value.id} - {self.run.agent_id}
        elif isinstance(value, Mapping):
            self.note_sources(list(value.values()), depth - 1)
        elif isinstance(value, list | tuple | set | frozenset):
            for each in value:
                self.note_sources(each, depth - 1)

    def size(self) -> int:
        """Characters, about."""
        texts = {id(message): message.content for call in self.calls for message in call.messages}
        answers = sum(len(call.text) for call in self.calls)
        return sum(map(len, texts.values())) + sum(len(each.text) for each in self.providers) + answers

    def told(self) -> dict[str, Any]:
        """As JSON values. Texts that stand in several prompts are in it once."""
        texts: dict[str, int] = {}

        def place(text: str) -> int:
            return texts.setdefault(text, len(texts))

        calls = [
            {
                "at_ms": call.at_ms,
                "ms": call.ms,
                "type": call.type,
                "model": call.model,
                "tools": list(call.tools),
                "settings": call.settings,
                "messages": [_told(message, place(message.content)) for message in call.messages],
                "text": call.text,
                "tool_calls": call.tool_calls,
                "error": call.error,
            }
            for call in self.calls
        ]
        providers = [
            {"name": each.name, "ms": each.ms, "text": each.text, "error": each.error}
            for each in self.providers
        ]
        return {"providers": providers, "calls": calls, "texts": list(texts)}


def _told(message: ChatMessage, text: int) -> dict[str, Any]:
    told: dict[str, Any] = {"role": message.role, "text": text}
    if message.name:
        told["name"] = message.name
    if message.tool_calls:
        told["tool_calls"] = [{"name": call.name, "arguments": call.arguments} for call in message.tool_calls]
    return told


@dataclass(frozen=True, slots=True)
class _Over:
    trace: Trace
    size: int
    at: float


def note_sources(agent_id: UUID, value: Any) -> None:
    """Note memories and entities for the run of this task, if it is followed."""
    run = current_run_of(agent_id)
    if run is not None and run.trace is not None:
        run.trace.note_sources(value)


class Traces:
    """An agent's traces: of the runs under way, and of the newest that are over."""

    def __init__(self) -> None:
        self.keep = 0
        """How many of those that are over; 0: none are made at all."""
        self._open: dict[UUID, Trace] = {}
        self._over: OrderedDict[UUID, _Over] = OrderedDict()
        self._size = 0

    def begin(self, run: Run, message_ids: Iterable[UUID]) -> None:
        """Follow a run, if anybody wants to know."""
        if self.keep:
            run.trace = self._open[run.id] = Trace(run, message_ids)

    def end(self, run: Run, *, keep: bool = True) -> None:
        """The run is over. `keep=False`: it is begun again, or nothing of it may be left."""
        trace = self._open.pop(run.id, None)
        run.trace = None
        if trace is None or not keep or not (trace.calls or trace.providers):
            return
        over = _Over(trace, trace.size(), time.monotonic())
        self._over[run.id] = over
        self._size += over.size
        while self._over and (len(self._over) > self.keep or self._size > BYTES or self._is_old()):
            self.forget(next(iter(self._over)))

    def _is_old(self) -> bool:
        return next(iter(self._over.values())).at < time.monotonic() - KEPT_S

    def under_way(self, message_id: UUID) -> Trace | None:
        """The run that is answering a message now."""
        return next((each for each in self._open.values() if message_id in each.message_ids), None)

    def open_run(self, run_id: UUID) -> Trace | None:
        """A run that goes on."""
        return self._open.get(run_id)

    def find(self, run_id: UUID) -> Trace | None:
        """What is kept of a run that is over. Before it is shown, see that its `sources` are all there."""
        over = self._over.get(run_id)
        if over is not None and over.at < time.monotonic() - KEPT_S:
            self.forget(run_id)
            return None
        return over.trace if over is not None else None

    def forget(self, run_id: UUID) -> None:
        """Keep nothing of a run any more."""
        gone = self._over.pop(run_id, None)
        self._size -= gone.size if gone is not None else 0

    def clear(self) -> None:
        """Keep nothing of any: somebody's data were erased, and may be in them."""
        self._over.clear()
        self._size = 0
        for trace in self._open.values():
            trace.run.trace = None
        self._open.clear()
