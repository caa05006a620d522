"""What callers give, in elizaOS's ways too: plain mappings, words for enums, UUID objects; checked."""

import dataclasses
import inspect
import uuid
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import wraps
from typing import Any, Final, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from bot_host.kit.names import did_you_mean
from bot_host.types.content import Content
from bot_host.types.errors import StateError
from bot_host.types.ids import as_id
from bot_host.types.memory import Memory
from bot_host.types.places import Room, World

T = TypeVar("T")
C = TypeVar("C", bound=type)
E = TypeVar("E", bound=StrEnum)

_OTHER_NAMES: Final[Mapping[type, Mapping[str, str]]] = {
    World: {"server_id": "platform_id", "message_server_id": "platform_id"},
    Room: {"server_id": "", "message_server_id": ""},
}
"""elizaOS's names of fields that are called otherwise here; empty: another row says it."""
_adapters: dict[Any, TypeAdapter[Any]] = {}


def takes_ids(kind: C) -> C:
    """A class whose own coroutine methods take UUID objects wherever they take ids, in lists too."""
    for name, method in list(vars(kind).items()):
        if inspect.iscoroutinefunction(method) and not name.startswith("_"):
            setattr(kind, name, _taking_ids(method))
    return kind


def _taking_ids(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    async def taking(*args: Any, **kwargs: Any) -> Any:
        plain = {key: plain_ids(value) for key, value in kwargs.items()}
        return await method(*map(plain_ids, args), **plain)

    return taking


def plain_ids(value: Any) -> Any:
    """UUID objects as text: one, or those of a list or tuple."""
    if isinstance(value, uuid.UUID):
        return as_id(value)
    if isinstance(value, list | tuple) and any(isinstance(each, uuid.UUID) for each in value):
        return type(value)(plain_ids(each) for each in value)
    return value


def keys_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping with its keys in snake_case: `roomId` and `room_id` are the same."""
    return {_snake(key): plain_ids(value) for key, value in given.items()}


def made(kind: type[T], given: T | Mapping[str, Any], **fixed: Any) -> T:
    """A row from what was given: one of its kind, or a mapping with its fields. `fixed` count before it.

    Raises StateError that names the field.
    """
    name = kind.__name__.lower()
    if isinstance(given, kind):
        values = {key: getattr(given, key) for key in _fields(kind)}
    elif isinstance(given, Mapping):
        values = _known(kind, name, keys_of(given))
    else:
        raise StateError(f"expected a {kind.__name__} or a mapping, found {type(given).__name__}")
    values |= fixed
    try:
        row: T = _adapter(kind).validate_python({key: plain_ids(value) for key, value in values.items()})
    except ValidationError as error:
        raise StateError(f"the {name}'s {_first(error)}") from None
    return row


def _known(kind: type[Any], name: str, values: dict[str, Any]) -> dict[str, Any]:
    known, other = _fields(kind), _OTHER_NAMES.get(kind, {})
    checked: dict[str, Any] = {}
    for key, value in values.items():
        key = other.get(key, key)
        if key and key not in known:
            raise StateError(f"a {name} has no {key!r}{did_you_mean(key, known)}; it has {', '.join(known)}")
        # Nothing is what a field has by itself: JSON of other languages writes it out.
        if key and value is not None:
            checked[key] = value
    return checked


def changed(kind: type[T], row: T, changes: Mapping[str, Any]) -> T:
    """A row with the fields that a mapping names; None is a value there. Raises StateError."""
    name = kind.__name__.lower()
    for key in (given := keys_of(changes)):
        if key not in _fields(kind):
            known = _fields(kind)
            raise StateError(f"a {name} has no {key!r}{did_you_mean(key, known)}; it has {', '.join(known)}")
    return made(kind, row, **given)


def made_memory(given: Memory | Mapping[str, Any], **fixed: Any) -> Memory:
    """A memory from one, or from a mapping with its fields. Raises StateError that names the field."""
    return made(Memory, given, **fixed) if not isinstance(given, Memory) else given.model_copy(update=fixed)


def made_content(given: Content | Mapping[str, Any] | str) -> Content:
    """Content from one, a mapping, or its text alone. Raises StateError that names the field."""
    if isinstance(given, Content):
        return given
    try:
        return Content.model_validate({"text": given} if isinstance(given, str) else given)
    except ValidationError as error:
        raise StateError(f"the content's {_first(error)}") from None


def word(kind: type[E], given: Any, what: str) -> E:
    """A word of an enum, in upper or lower case. Raises StateError that names what there is."""
    if isinstance(given, kind):
        return given
    words = {each.value.casefold(): each for each in kind}
    found = words.get(str(given).casefold())
    if found is None:
        raise StateError(f"{what}: found {str(given)[:60]!r}, expected one of {', '.join(kind)}")
    return found


def _adapter(kind: Any) -> TypeAdapter[Any]:
    adapter = _adapters.get(kind)
    if adapter is None:
        adapter = _adapters[kind] = TypeAdapter(kind)
    return adapter


def _fields(kind: Any) -> tuple[str, ...]:
    if issubclass(kind, BaseModel):
        return tuple(kind.model_fields)
    return tuple(field.name for field in dataclasses.fields(kind))


def _first(error: ValidationError) -> str:
    """Its first fault, without the value: that may be anything."""
    fault: ErrorDetails = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"


def _snake(key: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in str(key)).lstrip("_")
