"""What is asked of a model, brought into the class of its kind; and what it answered, checked."""

import math
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Final

from bot_host.contracts.plugin import Agent
from bot_host.kit.names import did_you_mean
from bot_host.types.errors import ModelError, StateError
from bot_host.types.models import REQUESTS, TEXT_TYPES, ChatMessage, ModelType, TextRequest, TextResult

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_OTHER_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "count": ("n",),
    "text": ("prompt",),
    "image_url": ("url",),
    "on_chunk": ("on_stream_chunk",),
    "max_tokens": ("max_output_tokens",),
}
"""elizaOS's names of the same keys."""
_PASSED_OVER: Final = frozenset({"runtime", "model_type", "user", "stream", "dimensions"})
"""Keys of elizaOS that mean nothing here; `stream = false` leaves `on_chunk` out."""


def as_type(type: ModelType | str) -> ModelType:
    """A type of models by its value or name, regardless of case. Raises StateError with the nearest one."""
    if isinstance(type, ModelType):
        return type
    asked = str(type).upper()
    if asked in ModelType.__members__:
        return ModelType[asked]
    try:
        return ModelType(asked)
    except ValueError:
        hint = did_you_mean(asked, ModelType.__members__)
        raise StateError(f"{type!r:.60} is no type of model{hint}") from None


def as_request(type: ModelType, params: Any) -> Any:
    """`params` as the request class of `type`.

    A mapping may have elizaOS's spellings; a bare value is the first field. Raises StateError for keys that
    the kind does not know.
    """
    wanted = REQUESTS[type]
    if isinstance(params, wanted):
        return params
    if type in TEXT_TYPES:
        return _text(type, {"prompt": params} if isinstance(params, str) else params)
    if not isinstance(params, Mapping):
        first = fields(wanted)[0].name
        return wanted(**{first: "" if params is None else params})
    return _build(type, wanted, _snake(params))


def _text(type: ModelType, params: Any) -> TextRequest:
    if not isinstance(params, Mapping):
        raise StateError(f"{type}: expected a TextRequest, a mapping or a text, found {params!r:.60}")
    given = _snake(params)
    messages = [
        each if isinstance(each, ChatMessage) else ChatMessage(**dict(each))
        for each in given.pop("messages", ())
    ]
    system, prompt = given.pop("system", None), given.pop("prompt", None)
    if system:
        messages.insert(0, ChatMessage(role="system", content=str(system)))
    if prompt is not None:
        messages.append(ChatMessage(role="user", content=str(prompt)))
    if not messages:
        raise StateError(f"{type}: expected a prompt, or messages")
    if given.get("stream") is False:
        given["on_chunk"] = None
    stop = given.pop("stop_sequences", None) or given.get("stop")
    if stop is not None:
        given["stop"] = (stop,) if isinstance(stop, str) else tuple(stop)
    request: TextRequest = _build(type, TextRequest, {**given, "messages": tuple(messages)})
    return request


def _snake(params: Mapping[str, Any]) -> dict[str, Any]:
    return {_CAMEL.sub("_", str(key)).lower(): value for key, value in params.items()}


def _build(type: ModelType, wanted: Any, given: dict[str, Any]) -> Any:
    known = [field.name for field in fields(wanted)]
    for ours in known:
        for theirs in _OTHER_NAMES.get(ours, ()):
            if theirs in given and theirs not in known:
                given.setdefault(ours, given.pop(theirs))
    for key in [key for key in given if key in _PASSED_OVER and key not in known]:
        del given[key]
    unknown = [key for key in given if key not in known]
    if unknown:
        raise StateError(f"{type} takes no {unknown[0]}{did_you_mean(unknown[0], known)}")
    try:
        return wanted(**given)
    except TypeError as error:
        raise StateError(f"{type}: {error}") from None


# Per-character model settings (elizaos.md 2.10-05).

_PARAMS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "max_tokens": ("MAX_TOKENS", ("MODEL_MAX_TOKEN", "MODEL_MAX_TOKENS")),
    "temperature": ("TEMPERATURE", ("MODEL_TEMPERATURE",)),
    "top_p": ("TOP_P", ()),
    "top_k": ("TOP_K", ()),
    "min_p": ("MIN_P", ()),
    "seed": ("SEED", ()),
    "repetition_penalty": ("REPETITION_PENALTY", ()),
    "frequency_penalty": ("FREQUENCY_PENALTY", ("MODEL_FREQ_PENALTY",)),
    "presence_penalty": ("PRESENCE_PENALTY", ("MODEL_PRESENCE_PENALTY",)),
}
_WHOLE: Final = frozenset({"max_tokens", "top_k", "seed"})


def settings_for(agent: Agent, type: ModelType) -> dict[str, float | int]:
    """What the agent's settings say for calls of `type`, by field of the request.

    `<TYPE>_<PARAM>`, then `DEFAULT_<PARAM>`, then elizaOS's older names; what is not a number is passed
    over. The reasoning types go by both of their names. 0 is a value (elizaOS drops it: 2.10-06).
    """
    if not any(field.name in _PARAMS for field in fields(REQUESTS[type])):
        return {}
    found: dict[str, float | int] = {}
    for name, (word, older) in _PARAMS.items():
        for key in (f"{type.value}_{word}", f"{type.name}_{word}", f"DEFAULT_{word}", *older):
            number = _number(agent.get_setting(key))
            if number is not None:
                found[name] = int(number) if name in _WHOLE else number
                break
    return found


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def with_settings(request: Any, settings: Mapping[str, float | int]) -> Any:
    """The request, with settings where the caller said nothing."""
    if not settings:
        return request
    known = {field.name for field in fields(request)}
    missing = {k: v for k, v in settings.items() if k in known and getattr(request, k) is None}
    return replace(request, **missing) if missing else request


def checked(type: ModelType, provider: str, answer: Any) -> Any:
    """An answer of the right kind. Raises ModelError for another one."""
    if type in TEXT_TYPES:
        if isinstance(answer, str):
            return TextResult(text=answer)
        if isinstance(answer, TextResult):
            return answer
    elif type is ModelType.TEXT_EMBEDDING:
        return _vector(provider, answer)
    elif type is ModelType.TEXT_EMBEDDING_BATCH:
        if isinstance(answer, list | tuple):
            return [_vector(provider, each) for each in answer]
    elif type in (ModelType.OBJECT_SMALL, ModelType.OBJECT_LARGE):
        if isinstance(answer, dict):
            return answer
    elif answer is not None:
        return answer
    raise ModelError(f"{provider}: answered {type} with something else: {answer!r:.60}")


def _vector(provider: str, answer: Any) -> list[float]:
    """A vector that has a direction. Raises ModelError."""
    values = list(answer) if isinstance(answer, list | tuple) else []
    if not values or not all(isinstance(x, int | float) for x in values):
        raise ModelError(f"{provider}: answered with no embedding: {answer!r:.60}")
    if not all(map(math.isfinite, values)):
        raise ModelError(
            f"{provider}: answered with an embedding of {len(values)} that has no finite numbers"
        )
    if not any(values):
        raise ModelError(f"{provider}: answered with an embedding of {len(values)} zeros")
    return [float(x) for x in values]
