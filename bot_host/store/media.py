"""Which files of the media folder are named in rows: to be sent still, or a person's."""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Text, cast, select

from bot_host.store.persons import ROWS, find_person
from bot_host.store.schema import memories, outbox, outbox_open, steps
from bot_host.store.statement import Statement, Unit
from bot_host.types.ids import UUID

_NAMED: Final = '%"file"%'

TO_SEND: Final = Statement(
    "media.to_send", select(outbox.c.payload).where(outbox_open, cast(outbox.c.payload, Text).like(_NAMED))
)
MADE: Final = Statement(
    "media.made",
    select(steps.c.data).where(steps.c.data.is_not(None), cast(steps.c.data, Text).like(_NAMED)),
)
PERSONS: Final = tuple(
    Statement(
        f"persons.files_in_{table.name}",
        select(table.c[column]).where(ROWS[table], cast(table.c[column], Text).like(_NAMED)),
    )
    for table, column in ((memories, "content"), (outbox, "payload"), (steps, "data"))
)


def needed_files() -> Unit[set[str]]:
    """See Outbox.needed_files."""
    found: set[str] = set()
    for statement in (TO_SEND, MADE):
        for (value,) in (yield statement()):
            found.update(_files(value))
    return found


def entity_files(entity_id: UUID) -> Unit[set[str]]:
    """See Records.entity_files. Raises StateError for an agent's own."""
    person = yield from find_person(entity_id)
    found: set[str] = set()
    if person is None:
        return found
    for statement in PERSONS:
        for (value,) in (yield statement(**person.values())):
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
