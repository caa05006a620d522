"""Which files of the media folder are still to be sent."""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Text, cast, select

from bot_host.store.schema import outbox, outbox_open, steps
from bot_host.store.statement import Statement, Unit

_NAMED: Final = '%"file"%'

TO_SEND: Final = Statement(
    "media.to_send", select(outbox.c.payload).where(outbox_open, cast(outbox.c.payload, Text).like(_NAMED))
)
MADE: Final = Statement(
    "media.made",
    select(steps.c.data).where(steps.c.data.is_not(None), cast(steps.c.data, Text).like(_NAMED)),
)


def needed_files() -> Unit[set[str]]:
    """See Outbox.needed_files."""
    found: set[str] = set()
    for statement in (TO_SEND, MADE):
        for (value,) in (yield statement()):
            found.update(_files(value))
    return found


def _files(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("file"), str):
            yield value["file"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _files(each)
