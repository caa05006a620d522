"""What is wrong with a character file, a line for each fault."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from pydantic import ValidationError
from pydantic.alias_generators import to_snake
from pydantic_core import ErrorDetails

from bot_host.kit.clean import one_line
from bot_host.kit.names import did_you_mean
from bot_host.types.character import NAME_LIMIT, Character, Style

_SHOWN = 40
_SECRET: Final = re.compile(
    r"secret|token|password|passwd|api_?key|private_?key|credential|mnemonic", re.IGNORECASE
)

_EXPECTED: Final = {
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "string_too_short": "at least one character",
    "string_too_long": f"at most {NAME_LIMIT} characters",
}
_OF_TEXTS: Final = frozenset({"topics", "adjectives", "postExamples", "post_examples", "plugins"})
_LINES: Final = frozenset({"bio", "all", "chat", "post"})


def describe(error: ValidationError, data: dict[str, Any], *, snake: bool) -> Iterator[str]:
    """Each fault: the key as the file writes it, what was expected, what was found. No secret is shown.

    `snake`: name the known keys in snake_case where the key does not tell, as TOML files write them.
    """
    for fault in error.errors(include_url=False):
        path = _in_file(fault["loc"], data)
        key = _dotted(path)
        if fault["type"] == "extra_forbidden":
            yield _unknown(key, path, snake=snake)
        elif fault["type"] == "missing":
            yield f"{key}: missing; expected {_expected(fault, path)}"
        else:
            found = _found(_value(path, data), secret=_is_secret(path))
            yield f"{key}: expected {_expected(fault, path)}, found {found}"


def _in_file(loc: Sequence[str | int], data: Any) -> list[str | int]:
    """The path with the keys as they stand in the file (pydantic gives its aliases)."""
    path: list[str | int] = []
    at = data
    for step in loc:
        if isinstance(step, str) and isinstance(at, dict) and step not in at:
            if to_snake(step) in at:
                step = to_snake(step)
            elif step == "name" and "user" in at:
                step = "user"
        path.append(step)
        at = _value([step], at)
    return path


def _value(path: Sequence[str | int], data: Any) -> Any:
    at = data
    for step in path:
        if isinstance(at, dict):
            at = at.get(str(step))
        elif isinstance(at, list) and isinstance(step, int) and step < len(at):
            at = at[step]
        elif not (isinstance(at, str) and step == 0):  # a text stands for a list of one
            return None
    return at


def _dotted(path: Sequence[str | int]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{one_line(step, _SHOWN)}" for step in path)
    return text.removeprefix(".")


def _unknown(key: str, path: Sequence[str | int], *, snake: bool) -> str:
    last = str(path[-1])
    if key == "extends":
        return "extends: not known any more; copy what is needed from the other file"
    model = Style if path[0] == "style" else Character
    known = list(model.model_fields)
    # What has an underscore or a capital tells by itself; a single word does not.
    if not (snake or "_" in last) or last != last.lower():
        known = [model.model_fields[name].alias or name for name in known]
    return f"{key}: unknown key{did_you_mean(last, known)}; known are {', '.join(known)}"


def expected_lines(key: str, value: Any) -> str:
    """What is wrong with a value that should have been text or a list of texts."""
    return f"{key}: expected text or a list of texts, found {_found(value, secret=False)}"


def _expected(fault: ErrorDetails, path: Sequence[str | int]) -> str:
    kind, last = fault["type"], path[-1] if path else ""
    if kind == "value_error":
        return fault["msg"].removeprefix("Value error, ").removeprefix("expected ")
    if kind == "missing":
        return "a table with the text" if last == "content" else "text"
    if kind == "list_type" and last in _OF_TEXTS:
        return "a list of texts"
    if kind == "list_type" and last in _LINES:
        return "text or a list of texts"
    if kind == "list_type" and to_snake(str(path[0])) == "message_examples":
        return "a list of conversations, each a list of {name, content}"
    return _EXPECTED.get(kind, fault["msg"])


def _is_secret(path: Sequence[str | int]) -> bool:
    return any(isinstance(step, str) and _SECRET.search(step) for step in path)


def _found(value: Any, *, secret: bool) -> str:
    if value is None:
        return "nothing (null)"
    if isinstance(value, dict):
        return f"a table with {len(value)} keys" if secret else f"a table ({_keys(value)})"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if secret:
        return f"{_kind(value)} ***"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        note = f" ({len(value)} characters)" if len(value) > _SHOWN else ""
        return f'text "{one_line(value, _SHOWN)}"{note}'
    return f"{_kind(value)} {one_line(str(value), _SHOWN)}"


def _keys(value: dict[str, Any]) -> str:
    return one_line(", ".join(value), _SHOWN) or "empty"


def _kind(value: Any) -> str:
    return (
        "text" if isinstance(value, str) else "a number" if not isinstance(value, bool) else "true or false"
    )
