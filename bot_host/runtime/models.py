"""Asking models: by priority, with retries of what is safe, and the next provider when one fails."""

import asyncio
import logging
import random
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from bot_host.contracts.plugin import Agent, ModelHandler
from bot_host.kit.retry import backoff
from bot_host.runtime.objects import object_by_text
from bot_host.runtime.requests import as_request, as_type, checked, settings_for, with_settings
from bot_host.runtime.runs import current_run, current_run_of
from bot_host.types.errors import ModelError, StateError
from bot_host.types.events import EventType
from bot_host.types.models import TEXT_TYPES, ModelType, TextRequest, TextResult, Usage, noted_usage
from bot_host.types.windows import ModelWindow, WindowOf

log = logging.getLogger(__name__)

TRIES: Final = 3
"""Requests to one provider for one call; only failures that may pass by themselves are tried again."""
LONGEST_WAIT: Final = 30.0
"""Seconds that a provider may ask us to wait, or take to fail; after more it is not tried again."""
BREAK_AFTER: Final = 5
"""Failed calls in a row after which a provider is left out, as long as there is another one.

When all of them were outages (`ModelError.outage`), it is not asked even if it is the only one: whoever waits
is told at once, and a server that comes back up is not run over.
"""
BREAK_SECONDS: Final = 30.0
"""After that one call tries it, once; when it succeeds, all do again."""
LAST_RESORT: Final = -100
"""A model of this priority or below is asked only where nobody else offers a kind, or its stand-ins.

It is no fail-over: the offline demonstration must not answer in place of a real model that is down.
"""

INSTEAD: Final[Mapping[ModelType, tuple[ModelType, ...]]] = {
    ModelType.TEXT_SMALL: (ModelType.TEXT_LARGE,),
    ModelType.TEXT_LARGE: (ModelType.TEXT_SMALL,),
    ModelType.TEXT_REASONING_SMALL: (ModelType.TEXT_LARGE, ModelType.TEXT_SMALL),
    ModelType.TEXT_REASONING_LARGE: (ModelType.TEXT_LARGE, ModelType.TEXT_SMALL),
    ModelType.TEXT_COMPLETION: (ModelType.TEXT_LARGE, ModelType.TEXT_SMALL),
    ModelType.OBJECT_SMALL: (ModelType.OBJECT_LARGE,),
    ModelType.OBJECT_LARGE: (ModelType.OBJECT_SMALL,),
}
"""Who is asked when nobody offers a kind at all. Objects then come from the text models, as JSON."""


@dataclass(slots=True)
class _Registered:
    handler: ModelHandler
    provider: str
    priority: int
    window: WindowOf | None = None
    failures: int = 0
    """Failed calls in a row."""
    outages: int = 0
    """The last so many of them were the provider's trouble as a whole."""
    open_until: float = 0.0

    def refuse(self) -> None:
        """Raises ModelError while it is down."""
        left = self.open_until - time.monotonic()
        if left > 0 and self.outages >= BREAK_AFTER:
            raise ModelError(
                f"{self.provider} has failed {self.failures} times in a row and was not asked; "
                f"the next try is in {left:.0f} s",
                retryable=True,
                after_s=left,
                outage=True,
            )

    def begin(self) -> int:
        """How often a call may try it. After a break only one, and only one call finds out."""
        if self.failures < BREAK_AFTER:
            return TRIES
        self._open()
        return 1

    def failed(self, error: ModelError) -> None:
        """A call has failed."""
        self.failures += 1
        self.outages = self.outages + 1 if error.outage else 0
        if self.failures >= BREAK_AFTER:
            self._open()

    def succeeded(self) -> None:
        """A call came through."""
        self.failures = self.outages = 0
        self.open_until = 0.0

    def _open(self) -> None:
        self.open_until = time.monotonic() + BREAK_SECONDS * random.uniform(0.75, 1.0)


class Models:
    """The models that an agent's plugins offered."""

    def __init__(self) -> None:
        self._by_type: dict[ModelType, list[_Registered]] = defaultdict(list)
        self._settings: dict[ModelType, Mapping[str, float | int]] = {}
        self.on_new: Callable[[], None] = lambda: None
        """Called when somebody offers a model."""

    def __getitem__(self, type: ModelType) -> list[tuple[int, str, ModelHandler]]:
        """(priority, provider, handler) of a type, first asked first."""
        return [(e.priority, e.provider, e.handler) for e in self._by_type.get(type, ())]

    def register(
        self,
        type: ModelType | str,
        handler: ModelHandler,
        *,
        provider: str,
        priority: int = 0,
        window: WindowOf | None = None,
    ) -> None:
        """Add a handler; equal priorities keep the order of registration (elizaos.md 2.10-01).

        Raises StateError for an unknown type.
        """
        entries = self._by_type[as_type(type)]
        entries.append(_Registered(handler, provider, priority, window))
        entries.sort(key=lambda entry: -entry.priority)
        self.on_new()

    def providers(self, type: ModelType | str) -> list[str]:
        """The names of the providers of a type, first asked first."""
        return [entry.provider for entry in self._by_type.get(as_type(type), [])]

    def get(self, type: ModelType | str) -> ModelHandler | None:
        """The handler that is asked first, without stand-ins."""
        entries = self._by_type.get(as_type(type))
        return entries[0].handler if entries else None

    def window(self, type: ModelType) -> ModelWindow:
        """How much fits into the model that is asked first."""
        entries = self._entries(type)
        told = entries[0].window if entries else None
        return told() if told is not None else ModelWindow()

    def clear(self) -> None:
        """Forget all models: the agent has stopped."""
        self._by_type.clear()
        self._settings.clear()

    def forget_settings(self) -> None:
        """The agent's settings have changed: read them again at the next call."""
        self._settings.clear()

    async def use(self, agent: Agent, type: ModelType | str, params: Any, provider: str | None = None) -> Any:
        """Ask for `type`; text types answer a TextRequest with a TextResult, anything else with a str.

        Raises ModelError of the last provider; StateError when nobody offers the type, when `provider` is
        named and does not (elizaOS then takes another one: 2.10-03), for an unknown type, or for params that
        the type does not take.
        """
        try:
            type = as_type(type)
            request = as_request(type, params)
            if type in (ModelType.OBJECT_SMALL, ModelType.OBJECT_LARGE) and not self._entries(type):
                return await object_by_text(agent, type, request, provider)
            entries = self._chosen(agent, type, provider)
            if type not in self._settings:
                self._settings[type] = settings_for(agent, type)
            request = with_settings(request, self._settings[type])
            answer = await self._traced(agent, type, entries, request)
        except (ModelError, StateError) as error:
            run = current_run()
            error.about(agent=agent.character.name)
            if run is not None:
                error.about(room=run.room_id, run=run.id)
            raise
        if isinstance(answer, TextResult) and not isinstance(params, TextRequest):
            return answer.text
        return answer

    async def _traced(self, agent: Agent, type: ModelType, entries: list[_Registered], request: Any) -> Any:
        """Ask, and note prompt and answer where somebody wants to know them."""
        run = current_run_of(agent.agent_id)
        trace = run.trace if run is not None and isinstance(request, TextRequest) else None
        call = trace.ask(type, request) if trace is not None else None
        if trace is None or call is None:
            return await self._ask_each(agent, type, entries, request)
        try:
            answer = await self._ask_each(agent, type, entries, request)
        except BaseException as error:
            call.error = str(error) or "cut off"
            raise
        call.end(answer, at_ms=trace.run.elapsed_ms())
        return answer

    def _entries(self, type: ModelType) -> list[_Registered]:
        """Who is asked for a type, in order; whoever stands in for it where nobody offers it."""
        kinds = [self._by_type.get(kind, []) for kind in (type, *INSTEAD.get(type, ()))]
        real = ([entry for entry in kind if entry.priority > LAST_RESORT] for kind in kinds)
        return next(filter(None, (*real, *kinds)), [])

    def _chosen(self, agent: Agent, type: ModelType, provider: str | None) -> list[_Registered]:
        if provider is not None:
            return self._of_provider(type, provider)
        entries = self._entries(type)
        if not entries:
            raise StateError(
                f"{agent.character.name} has no model of type {type}: add a plugin that brings one"
                + (', or set models.provider = "offline"' if type in TEXT_TYPES else "")
            )
        now = time.monotonic()
        return [entry for entry in entries if entry.open_until <= now] or entries

    def _of_provider(self, type: ModelType, provider: str) -> list[_Registered]:
        known: list[str] = []
        for kind in (type, *INSTEAD.get(type, ())):
            entries = self._by_type.get(kind, [])
            chosen = [entry for entry in entries if entry.provider == provider]
            if chosen:
                return chosen
            known += [entry.provider for entry in entries]
        who = ", ".join(dict.fromkeys(known)) or "nobody"
        raise StateError(f"{provider} offers no model of type {type}; those who do: {who}")

    async def _ask_each(self, agent: Agent, type: ModelType, entries: list[_Registered], request: Any) -> Any:
        shown = _Shown(request)
        for entry in entries:
            try:
                return await self._ask(agent, type, entry, shown)
            except ModelError as failure:
                if shown.begun or entry is entries[-1]:
                    raise
                log.warning("model provider %s failed, trying the next: %s", entry.provider, failure)
                await shown.take_back()
        raise AssertionError("the loop above returns or raises")

    async def _ask(self, agent: Agent, type: ModelType, entry: _Registered, shown: "_Shown") -> Any:
        entry.refuse()
        tries = entry.begin()
        for attempt in range(1, tries + 1):
            begun = time.monotonic()
            try:
                with noted_usage() as noted:
                    result = checked(type, entry.provider, await _call(agent, entry, shown.request))
            except ModelError as failure:
                _note(type, entry, begun, noted, error=str(failure))
                wait = max(backoff(attempt, base=0.5, cap=8.0), failure.after_s or 0.0)
                took = time.monotonic() - begun
                over = shown.begun or attempt == tries or max(wait, took) > LONGEST_WAIT
                if not failure.retryable or over:
                    if not failure.too_long:
                        entry.failed(failure)
                    raise
                log.info("model provider %s: %s; trying again in %.1f s", entry.provider, failure, wait)
                await asyncio.sleep(wait)
                await shown.take_back()
            except asyncio.CancelledError:
                _note(type, entry, begun, noted, error="cut off")
                _cut_off(entry, time.monotonic() - begun, shown=shown.heard)
                raise
            else:
                entry.succeeded()
                call = _note(type, entry, begun, noted, result=result)
                await agent.emit_event(EventType.MODEL_USED, call)
                return result
        raise AssertionError("the loop above returns or raises")


def _cut_off(entry: _Registered, waited_s: float, *, shown: bool) -> None:
    """A call was cancelled. Where its turn's time ran out, and it had most of that, it was silence.

    Whoever says stop or edits cuts calls off, too, and says nothing of the provider by that.
    """
    run = current_run()
    if run is None or shown:
        return

    def time_out(turn_s: float) -> None:
        if waited_s > turn_s / 2:
            log.warning("model provider %s did not answer within %.0f s", entry.provider, waited_s)
            entry.failed(ModelError(f"no answer within {waited_s:.0f} s", outage=True))

    run.on_time_out = time_out


class _Shown:
    """A request, and whether anything of its answer was shown.

    What the user has seen cannot be taken back, unless the request has `on_restart`: a stream that broke is
    neither begun again nor continued by another provider, whose chunks would mix with the first one's under
    one message.
    """

    def __init__(self, request: Any) -> None:
        self._begun = False
        self._on_restart = request.on_restart if isinstance(request, TextRequest) else None
        self._on_chunk = request.on_chunk if isinstance(request, TextRequest) else None
        self.request = request if self._on_chunk is None else replace(request, on_chunk=self._forward)

    @property
    def begun(self) -> bool:
        """Something was shown, and stays."""
        return self._begun and self._on_restart is None

    @property
    def heard(self) -> bool:
        """The model is writing."""
        return self._begun

    async def take_back(self) -> None:
        """The model is asked again: what was shown does not count."""
        if self._begun and self._on_restart is not None:
            self._begun = False
            await self._on_restart()

    async def _forward(self, chunk: str) -> None:
        assert self._on_chunk is not None
        self._begun = True
        await self._on_chunk(chunk)


async def _call(agent: Agent, entry: _Registered, request: Any) -> Any:
    try:
        return await entry.handler(agent, request)
    except ModelError:
        raise
    except Exception as error:
        log.exception("model provider %s has a fault", entry.provider)
        raise ModelError(f"{entry.provider}: {type(error).__name__}") from error


def _note(
    type: ModelType,
    entry: _Registered,
    begun: float,
    noted: Sequence[tuple[str, Usage]],
    *,
    result: Any = None,
    error: str = "",
) -> dict[str, Any]:
    """Put a call on the run; and the same as MODEL_USED tells it."""
    call: dict[str, Any] = {
        "type": str(type),
        "provider": entry.provider,
        "ms": round((time.monotonic() - begun) * 1000, 1),
    }
    told: dict[str, Any] = {"model_type": str(type), "provider": entry.provider}
    if isinstance(result, TextResult):
        noted = [*noted, (result.model, result.usage)]
    if noted:
        used = {
            "model": noted[-1][0],
            "prompt_tokens": sum(usage.prompt_tokens for _, usage in noted),
            "completion_tokens": sum(usage.completion_tokens for _, usage in noted),
            "cost": sum(usage.cost for _, usage in noted),
        }
        call.update(used)
        told.update(used)
    if error:
        call["error"] = error
    run = current_run()
    if run is not None:
        run.add_model_call(call)
    return told
