"""Putting the providers' pieces together (elizaos.md 2.6)."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from bot_host.contracts.plugin import Agent, Provider, ProviderResult, State
from bot_host.kit.names import did_you_mean
from bot_host.runtime.runs import current_run_of
from bot_host.runtime.traces import Provided
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory

log = logging.getLogger(__name__)

PROVIDER_SECONDS: Final = 10.0
"""A provider that takes longer is left out of this prompt."""
CACHED_STATES: Final = 256
"""States kept, one a message; elizaOS keeps all of them for ever (2.6-10)."""


class StateComposer:
    """Runs providers together and joins what they say, by position."""

    def __init__(self) -> None:
        self._cache: OrderedDict[UUID, State] = OrderedDict()
        self.cached: Mapping[UUID, State] = MappingProxyType(self._cache)
        """The states that are kept, by message, oldest first."""
        self.latest: State | None = None
        """The newest one, also when its turn is over."""

    async def compose(
        self,
        agent: Agent,
        providers: Sequence[Provider],
        message: Memory,
        *,
        include: Collection[str] | str = (),
        only: bool = False,
        skip_cache: bool = False,
        known: Mapping[str, Any] | None = None,
    ) -> State:
        """The state for one message.

        Providers that are neither dynamic nor private, and those named in `include` (one name will do); with
        `only`, just the named ones (none, when none is named; elizaOS: the default set, 2.6-03 [T]). Names
        are compared regardless of case; an unknown one is a warning. A provider that fails, is too slow or
        gives something else than a ProviderResult (a mapping with its keys will do, None says nothing) is
        left out and named in the log.

        Each call runs its providers, and `text` is theirs alone. What is cached is what they gave: `values`
        and `data` of earlier calls for this message are there for later ones, and for their providers.
        `skip_cache`: without these. `known` is data that the providers of this call need not read.
        """
        wanted = _names(providers, include)
        chosen = [
            provider
            for provider in providers
            if provider.name.casefold() in wanted or not (only or provider.dynamic or provider.private)
        ]
        chosen.sort(key=lambda provider: provider.position)
        cached = State() if skip_cache else self._cache.get(message.id, State())
        # Known now, and to this call alone: a later one must see what has changed meanwhile.
        told = replace(cached, data={**cached.data, **known}) if known else cached
        results = await asyncio.gather(*(_get(agent, provider, message, told) for provider in chosen))
        state = State(values=dict(cached.values), data=dict(cached.data))
        texts = []
        found = dict(state.data.get("providers", {}))
        for provider, result in zip(chosen, results, strict=True):
            if result is None:
                continue
            if result.text.strip():
                texts.append(result.text.strip())
            state.values.update(result.values)
            state.data.update(result.data)
            found[provider.name] = result
        state.text = "\n\n".join(texts)
        state.values["providers"] = state.text
        state.data["providers"] = found
        self._remember(message.id, state)
        return state

    def forget(self, message_id: UUID) -> None:
        """Drop what is cached for a message (it was edited, or its turn is over)."""
        self._cache.pop(message_id, None)

    def _remember(self, message_id: UUID, state: State) -> None:
        self.latest = state
        self._cache[message_id] = state
        self._cache.move_to_end(message_id)
        while len(self._cache) > CACHED_STATES:
            self._cache.popitem(last=False)


def _names(providers: Sequence[Provider], include: Collection[str] | str) -> set[str]:
    """The names in lower case; a bare text is one name, not its letters."""
    wanted = {include} if isinstance(include, str) else set(include)
    known = {provider.name.casefold(): provider.name for provider in providers}
    for name in wanted:
        if name.casefold() not in known:
            log.warning("there is no provider %s%s", name, did_you_mean(name, known.values()))
    return {name.casefold() for name in wanted}


async def _get(agent: Agent, provider: Provider, message: Memory, cached: State) -> ProviderResult | None:
    begun = time.monotonic()
    result, error = None, ""
    try:
        async with asyncio.timeout(PROVIDER_SECONDS):
            result = _result(await provider.get(agent, message, cached))
    except TimeoutError:
        log.warning("provider %s took more than %.0f s and was left out", provider.name, PROVIDER_SECONDS)
        error = f"took more than {PROVIDER_SECONDS:.0f} s"
    except Exception as fault:
        log.exception("provider %s failed and was left out", provider.name)
        error = f"failed: {type(fault).__name__}"
    _note(agent, provider, result, error, ms=(time.monotonic() - begun) * 1000)
    return result


def _note(agent: Agent, provider: Provider, result: ProviderResult | None, error: str, *, ms: float) -> None:
    run = current_run_of(agent.agent_id)
    if run is not None and error:
        run.note_fault(f"provider {provider.name} {error}")
    if run is None or run.trace is None:
        return
    text = result.text.strip() if result is not None else ""
    run.trace.providers.append(Provided(name=provider.name, ms=round(ms, 1), text=text, error=error))
    run.trace.note_sources(result.data if result is not None else {})


def _result(given: Any) -> ProviderResult:
    """What a provider gave, in our form. Raises TypeError for what has none of it."""
    if given is None:
        return ProviderResult()
    if isinstance(given, Mapping):
        given = ProviderResult(**{key: value for key, value in given.items() if value is not None})
    if not isinstance(given, ProviderResult):
        raise TypeError(f"expected a ProviderResult, found {type(given).__name__}")
    if not isinstance(given.text, str):
        raise TypeError(f"expected a str as text, found {type(given.text).__name__}")
    for name, part in (("values", given.values), ("data", given.data)):
        if not isinstance(part, Mapping):
            raise TypeError(f"expected a mapping as {name}, found {type(part).__name__}")
    return given
