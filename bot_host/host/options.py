"""What callers give along with their messages, checked before anything is written."""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from bot_host.contracts.turn import TurnWishes
from bot_host.kit.names import did_you_mean
from bot_host.runtime.given import keys_of
from bot_host.types.errors import StateError

SINGLE_STEP: Final = 2
"""Rounds without multi-step: the model may ask for actions once, and then has to speak."""
ENTRY: Final = ("agent_id", "message", "options")
"""What an entry of `handle_messages` may have."""


def wishes_of(*, max_retries: Any, use_multi_step: Any, max_steps: Any) -> TurnWishes:
    """What a caller wants of a turn. Raises StateError that names the option."""
    steps = _whole("max_multi_step_iterations", max_steps, least=1)
    if use_multi_step is not None and not isinstance(use_multi_step, bool):
        raise StateError(f"use_multi_step: expected True or False, found {use_multi_step!r}")
    return TurnWishes(
        max_steps=SINGLE_STEP if use_multi_step is False else steps,
        max_retries=_whole("max_retries", max_retries, least=0) or 0,
    )


def seconds_of(timeout: Any) -> float | None:
    """A time-out. Raises StateError."""
    if timeout is None:
        return None
    number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
    if not number or not 0 < timeout < math.inf:
        raise StateError(f"timeout: expected seconds, more than 0, found {timeout!r}")
    return float(timeout)


def _whole(name: str, value: Any, *, least: int) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise StateError(f"{name}: expected a whole number, {least} or more, found {value!r}")
    return value


def entry_of(entry: Any, method: Callable[..., Any]) -> tuple[Any, Any, dict[str, Any]]:
    """Agent, message and options of an entry of `handle_messages`. Raises StateError.

    `method` has the options as its keyword arguments.
    """
    if not isinstance(entry, Mapping):
        raise StateError(f"expected a mapping with agent_id and message, found {type(entry).__name__}")
    given = keys_of(entry)
    _refuse_unknown("an entry", given, ENTRY)
    if given.get("agent_id") is None:
        raise StateError("the entry has no agent_id")
    options = given.get("options") or {}
    if not isinstance(options, Mapping):
        raise StateError(f"options: expected a mapping, found {type(options).__name__}")
    options = keys_of(options)
    parameters = inspect.signature(method).parameters.values()
    known = tuple(each.name for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY)
    _refuse_unknown("the options", options, known)
    return given["agent_id"], given.get("message"), options


def _refuse_unknown(what: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in given:
        if key not in known:
            raise StateError(
                f"{what}: unknown {key!r}{did_you_mean(key, known)}; known are {', '.join(known)}"
            )
