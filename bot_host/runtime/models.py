"""Asking models: by priority, with retries of what is safe, and the next provider when one fails."""

import asyncio
import logging
import time
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Final

from bot_host.contracts.plugin import Agent, ModelHandler
from bot_host.kit.retry import backoff
from bot_host.runtime.runs import current_run
from bot_host.types.errors import ModelError, StateError
from bot_host.types.models import ModelType, TextRequest, TextResult

log = logging.getLogger(__name__)

TRIES: Final = 3
"""Requests to one provider for one call; only failures that may pass by themselves are tried again."""
LONGEST_WAIT: Final = 30.0
"""Seconds that a provider may ask us to wait; whoever asks for more has failed."""
BREAK_AFTER: Final = 5
"""Failed calls in a row after which a provider is left out, as long as there is another one."""
BREAK_SECONDS: Final = 30.0


@dataclass(slots=True)
class _Registered:
    handler: ModelHandler
    provider: str
    priority: int
    failures: int = 0
    open_until: float = 0.0


class Models:
    """The models that an agent's plugins offered."""

    def __init__(self) -> None:
        self._by_type: dict[ModelType, list[_Registered]] = defaultdict(list)

    def register(self, type: ModelType, handler: ModelHandler, *, provider: str, priority: int = 0) -> None:
        """Add a handler; equal priorities keep the order of registration (elizaos.md 2.10-01)."""
        entries = self._by_type[type]
        entries.append(_Registered(handler, provider, priority))
        entries.sort(key=lambda entry: -entry.priority)

    def providers(self, type: ModelType) -> list[str]:
        """The names of the providers of a type, first asked first."""
        return [entry.provider for entry in self._by_type.get(type, [])]

    async def use(self, agent: Agent, type: ModelType, params: TextRequest) -> TextResult:
        """Ask for `type`. Raises ModelError of the last provider, StateError when there is none at all."""
        entries = self._by_type.get(type, [])
        if not entries:
            raise StateError(
                f"{agent.character.name} has no model of type {type}: add a plugin that brings one, "
                'or set models.provider = "offline"'
            )
        now = time.monotonic()
        usable = [entry for entry in entries if entry.open_until <= now] or entries
        error: ModelError | None = None
        for entry in usable:
            try:
                return await self._ask(agent, type, entry, params)
            except ModelError as failure:
                error = failure
                if entry is not usable[-1]:
                    log.warning("model provider %s failed, trying the next: %s", entry.provider, failure)
        assert error is not None
        raise error

    async def _ask(
        self, agent: Agent, type: ModelType, entry: _Registered, params: TextRequest
    ) -> TextResult:
        streamed = False
        on_chunk = params.on_chunk

        async def forward(chunk: str) -> None:
            nonlocal streamed
            streamed = True
            assert on_chunk is not None
            await on_chunk(chunk)

        request = params if on_chunk is None else replace(params, on_chunk=forward)
        for attempt in range(1, TRIES + 1):
            begun = time.monotonic()
            try:
                result = await entry.handler(agent, request)
            except ModelError as failure:
                self._note(type, entry, begun, error=str(failure))
                wait = max(backoff(attempt, base=0.5, cap=8.0), failure.after_s or 0.0)
                # What the user has seen cannot be taken back, so a stream that broke is not begun again.
                if not failure.retryable or streamed or attempt == TRIES or wait > LONGEST_WAIT:
                    self._failed(entry)
                    raise
                log.info("model provider %s: %s; trying again in %.1f s", entry.provider, failure, wait)
                await asyncio.sleep(wait)
            else:
                entry.failures = 0
                self._note(type, entry, begun, result=result)
                return result
        raise AssertionError("the loop above returns or raises")

    @staticmethod
    def _failed(entry: _Registered) -> None:
        entry.failures += 1
        if entry.failures >= BREAK_AFTER:
            entry.open_until = time.monotonic() + BREAK_SECONDS

    @staticmethod
    def _note(
        type: ModelType,
        entry: _Registered,
        begun: float,
        *,
        result: TextResult | None = None,
        error: str = "",
    ) -> None:
        run = current_run()
        if run is None:
            return
        call: dict[str, object] = {
            "type": str(type),
            "provider": entry.provider,
            "ms": round((time.monotonic() - begun) * 1000, 1),
        }
        if result is not None:
            call["model"] = result.model
            call["prompt_tokens"] = result.usage.prompt_tokens
            call["completion_tokens"] = result.usage.completion_tokens
            call["cost"] = result.usage.cost
        if error:
            call["error"] = error
        run.add_model_call(call)
