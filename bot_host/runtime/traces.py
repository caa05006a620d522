"""What a run saw: the providers' words and the prompts, as they were sent, of the newest runs.

Kept in memory alone, for a day at the most: prompts are long, repeat what the database has, and hold what
many people said, so that on disk they would have to be found again whenever somebody is erased. Off until
somebody wants to see them (`Traces.keep`).
"""

import json
import time
import zlib
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
"""Of an agent's traces, packed; about a tenth of what was sent."""
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
class _Packed:
    data: bytes
    sources: frozenset[UUID]
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
        self._packed: OrderedDict[UUID, _Packed] = OrderedDict()
        self._bytes = 0

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
        text = json.dumps(trace.told(), ensure_ascii=False, default=str)
        data = zlib.compress(text.encode("utf-8", "replace"), 1)
        self._packed[run.id] = _Packed(data, frozenset(trace.sources), time.monotonic())
        self._bytes += len(data)
        while self._packed and (len(self._packed) > self.keep or self._bytes > BYTES or self._is_old()):
            self._drop(next(iter(self._packed)))

    def _is_old(self) -> bool:
        return next(iter(self._packed.values())).at < time.monotonic() - KEPT_S

    def _drop(self, run_id: UUID) -> None:
        gone = self._packed.pop(run_id, None)
        self._bytes -= len(gone.data) if gone is not None else 0

    def under_way(self, message_id: UUID) -> Trace | None:
        """The run that is answering a message now."""
        return next((each for each in self._open.values() if message_id in each.message_ids), None)

    def open_run(self, run_id: UUID) -> Trace | None:
        """A run that goes on."""
        return self._open.get(run_id)

    def sources(self, run_id: UUID) -> frozenset[UUID] | None:
        """Whose words may be in what is kept of a run; None: nothing is kept of it."""
        packed = self._packed.get(run_id)
        if packed is None or packed.at < time.monotonic() - KEPT_S:
            self._drop(run_id)
            return None
        return packed.sources

    def read(self, run_id: UUID) -> dict[str, Any] | None:
        """What is kept of a run, as `Trace.told`."""
        packed = self._packed.get(run_id)
        told: dict[str, Any] | None = json.loads(zlib.decompress(packed.data)) if packed is not None else None
        return told

    def forget(self, run_id: UUID) -> None:
        """Keep nothing of a run any more."""
        self._drop(run_id)

    def clear(self) -> None:
        """Keep nothing of any: somebody's data were erased, and may be in them."""
        self._packed.clear()
        self._bytes = 0
        for trace in self._open.values():
            trace.run.trace = None
        self._open.clear()
