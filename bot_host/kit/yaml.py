"""Writing plain values as YAML, for files that people paste somewhere. There is nothing here to read it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

_PLAIN: Final = re.compile(r"[A-Za-z/_][A-Za-z0-9_/.,'():@ -]*")
"""Text that means itself without quotation marks."""
_WORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
"""These mean something else."""


def to_yaml(values: Mapping[str, Any]) -> str:
    """Mappings, sequences, text, whole numbers, booleans and None as a YAML document."""
    return "\n".join(_mapping(values, "")) + "\n"


def _mapping(values: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, value in values.items():
        yield from _entry(f"{indent}{_scalar(key)}:", value, indent + "  ")


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        yield head
        yield from _mapping(value, indent)
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        yield head
        for each in value:
            yield from _item(each, indent)
    else:
        yield f"{head} {_scalar(value)}"


def _item(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        lines = list(_mapping(value, indent + "  "))
        yield f"{indent}- {lines[0].lstrip()}"
        yield from lines[1:]
    else:
        yield from _entry(f"{indent}-", value, indent + "  ")


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _is_plain(value):
        return value
    # JSON is YAML; what is not printable there is escaped here.
    is_printable = not isinstance(value, str) or value.isprintable()
    return json.dumps(value, ensure_ascii=not is_printable)


def _is_plain(text: str) -> bool:
    return (
        _PLAIN.fullmatch(text) is not None
        and text.casefold() not in _WORDS
        and ": " not in text
        and not text.endswith((":", " "))
    )
