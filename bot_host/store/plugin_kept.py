"""How long plugins' tables keep their rows, as each table says itself.

`Table(…, info={"kept_days": 30, "kept_by": "made_at"})`: rows go 30 days after the moment in that column.
`info={"kept": "why"}`: they stay until the plugin deletes them or whom they concern is erased.
"""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Table

from bot_host.contracts.tables import Schema
from bot_host.types.columns import Moment

DAYS: Final = "kept_days"
BY: Final = "kept_by"
WHY: Final = "kept"


def described(table: Table) -> dict[str, Any]:
    """What is written down of it, to be known without the plugin."""
    return {DAYS: table.info[DAYS], BY: table.info[BY]} if DAYS in table.info else {}


def faults(table: Table) -> Iterator[str]:
    """What is wrong with what a table says."""
    if DAYS not in table.info:
        return
    days, by = table.info[DAYS], str(table.info.get(BY))
    if not isinstance(days, int) or isinstance(days, bool) or days < 1:
        yield f"{table.name}: kept_days must be a whole number of days above 0, not {days!r}"
    if by not in table.c or not isinstance(table.c[by].type, Moment):
        yield f"{table.name}: kept_by must name a column of the type Moment, not {by!r}"


def retention_gaps(schema: Schema) -> list[str]:
    """Tables that do not say how long they keep their rows: put `kept_days` with `kept_by`, or `kept`, into
    the table's `info`."""
    return [
        table.name
        for table in schema.tables.sorted_tables
        if not (str(table.info.get(WHY, "")).strip() or DAYS in table.info)
    ]
