"""What the rows of a table come to, however a database keeps them: to tell whether two tables hold the same.

The sum of all rows' hashes, so that the order in which rows come does not count: each database sorts text in
its own way.
"""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Final

from bot_host.store.statement import Row

_SIZE: Final = 16
_MODULUS: Final = 1 << (8 * _SIZE)
_MAYBE_REAL: Final = re.compile(r"\d[.eE]")
_dump: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


class Digest:
    """Of the rows that were added, in any order."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, rows: Iterable[Row]) -> None:
        """Count these rows in."""
        for row in rows:
            told = "".join([f"{len(part)}:{part}" for part in map(_told, row)])
            hashed = blake2b(told.encode("utf-8", "surrogatepass"), digest_size=_SIZE).digest()
            self._sum += int.from_bytes(hashed, "big")
            self.rows += 1

    @property
    def text(self) -> str:
        """In hexadecimal."""
        return f"{self._sum % _MODULUS:0{2 * _SIZE}x}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Digest) and (self.rows, self.text) == (other.rows, other.text)

    __hash__ = None  # type: ignore[assignment]


def _told(value: Any) -> str:
    """A value as text, the same for what both databases mean by it."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return f"s{value}"
    if isinstance(value, bool | int):
        return f"n{int(value)}"
    if isinstance(value, float):
        return f"n{int(value)}" if value.is_integer() else f"n{value!r}"
    if isinstance(value, dict | list):
        return f"j{_json(value)}"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"b{bytes(value).hex()}"
    if isinstance(value, datetime):
        return f"t{(value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()}"
    if isinstance(value, Decimal):
        return f"n{int(value)}" if value == value.to_integral_value() else f"n{value.normalize()}"
    return f"o{value}"


def _json(value: Any) -> str:
    text = _dump(value)
    # PostgreSQL keeps 1e2 as 100.
    return _dump(json.loads(text, parse_float=_number)) if _MAYBE_REAL.search(text) else text


def _number(text: str) -> int | float:
    value = float(text)
    return int(value) if value.is_integer() else value
