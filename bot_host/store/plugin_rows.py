"""Plugins at work on their own tables: their statements, checked, as units of work."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import CompoundSelect, Select
from sqlalchemy.sql import visitors
from sqlalchemy.sql.dml import Delete, Insert, Update
from sqlalchemy.sql.selectable import TableClause

from bot_host.contracts.tables import Query, Schema, T, TableRow, TableStatement, Work
from bot_host.store.loose import loose
from bot_host.store.statement import Call, Rows, Unit
from bot_host.types.errors import BotHostError, StateError


class RaisedInWork(BotHostError):
    """Carries what a plugin's own code raised past the database, which has rolled back."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def fetch(schema: Schema, query: Query, values: Mapping[str, Any]) -> Unit[list[TableRow]]:
    """See SchemaStore.fetch_rows."""
    rows = yield _call(schema, query, values)
    return _named(query, rows)


def transact(schema: Schema, make: Callable[[], Work[T]]) -> Unit[T]:
    """See SchemaStore.transact_rows."""
    work = make()
    rows: list[TableRow] | None = None
    try:
        while True:
            try:
                # A generator that has not begun takes None only.
                given = next(work) if rows is None else work.send(rows)
            except StopIteration as end:
                value: T = end.value
                return value
            except Exception as error:
                raise RaisedInWork(error) from error
            statement, values = given if isinstance(given, tuple) else (given, {})
            rows = _named(statement, (yield _call(schema, statement, values)))
    finally:
        work.close()


def _call(schema: Schema, statement: TableStatement, values: Mapping[str, Any]) -> Call:
    if not isinstance(statement, Select | CompoundSelect | Insert | Update | Delete):
        raise StateError(
            f"a plugin's statement is SQLAlchemy's select, insert, update or delete, not {statement!r:.80}"
        )
    own = schema.tables.tables.values()
    for part in visitors.iterate(statement):
        if isinstance(part, TableClause) and not any(part is table for table in own):
            raise StateError(f"a plugin's statement uses its own tables only, and not {part.name}")
    return loose(statement, **values)


def _named(statement: TableStatement, rows: Rows) -> list[TableRow]:
    names = [str(name) for name in statement.exported_columns.keys()]  # noqa: SIM118 - no dict
    return [dict(zip(names, row, strict=True)) for row in rows]
