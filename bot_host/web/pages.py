"""Long lists, a page at a time: a cursor says after which row the next page begins."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, TypeVar

from fastapi import Query

from bot_host.web.errors import ApiError

T = TypeVar("T")

COUNT: Final = 50
MOST: Final = 200
CURSOR_LENGTH: Final = 1000

Count = Annotated[int, Query(ge=1, le=MOST, description="How many at the most.")]
After = Annotated[
    str, Query(max_length=CURSOR_LENGTH, description="`next` of the page before; empty: the first page.")
]


def page(
    rows: Sequence[T], count: int, *, place: Callable[[T], Sequence[Any]], show: Callable[[T], Any]
) -> dict[str, Any]:
    """`{"items": [...], "next": cursor or null}` of up to `count` + 1 rows: one more says that there is more.

    `place`: a row's own place in the order of the list, as JSON values; `read` gives it back.
    """
    shown = rows[:count]
    more = len(rows) > count
    return {
        "items": [show(row) for row in shown],
        "next": write(place(shown[-1])) if more and shown else None,
    }


def write(place: Sequence[Any]) -> str:
    """The cursor of a place."""
    data = json.dumps(list(place), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def read(cursor: str, *types: type) -> list[Any] | None:
    """The place that a cursor holds, its parts of these types; None for no cursor. Raises ApiError 400."""
    if not cursor:
        return None
    try:
        place = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        place = None
    good = isinstance(place, list) and len(place) == len(types)
    if not good or not all(type(part) is kind for part, kind in zip(place, types, strict=True)):
        raise ApiError(400, "after: this is no cursor of this list; take `next` of the page before")
    return list(place)
