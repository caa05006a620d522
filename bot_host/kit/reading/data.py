"""CSV and JSON as blocks."""

import csv
import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final

from bot_host.kit.reading.blocks import Block, table

_DELIMITERS: Final = ",;\t|"
_LOOKED_AT: Final = 4096
FIELD: Final = 1_000_000
"""Characters of one cell; more is no table any more."""


def csv_blocks(lines: Iterator[str]) -> Iterator[Block]:
    """A table. Raises csv.Error for what is none."""
    csv.field_size_limit(FIELD)
    first, size = list[str](), 0
    for line in lines:
        first.append(line)
        size += len(line)
        if size >= _LOOKED_AT:
            break
    try:
        dialect: Any = csv.Sniffer().sniff("".join(first)[:_LOOKED_AT], _DELIMITERS)
    except csv.Error:
        dialect = csv.excel
    yield from table(csv.reader(chain(first, lines), dialect))


def json_blocks(text: str) -> Iterator[Block]:
    """A block for each item at the top. JSON Lines too. Raises ValueError, RecursionError."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        if "Extra data" not in error.msg:
            raise
        value = [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(value, list):
        items: Iterable[tuple[str, Any]] = (("", each) for each in value)
    elif isinstance(value, dict):
        items = value.items()
    else:
        items = (("", value),)
    for key, item in items:
        lines = "\n".join(_lines(str(key), item))
        if lines.strip():
            yield Block(text=lines)


def _lines(path: str, value: Any) -> Iterator[str]:
    """`a.b: value` for each value in it."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _lines(f"{path}.{key}" if path else str(key), item)
    elif isinstance(value, list):
        if value and all(not isinstance(each, dict | list) for each in value):
            yield _line(path, ", ".join(map(_word, value)))
        else:
            for number, item in enumerate(value, 1):
                yield from _lines(f"{path}.{number}" if path else str(number), item)
    else:
        yield _line(path, _word(value))


def _line(path: str, said: str) -> str:
    return f"{path}: {said}" if path else said


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
