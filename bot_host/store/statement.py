"""Statements, and units of work made of them.

A unit is a generator that yields calls of statements and gets their rows back; it is one whole transaction
and knows no driver. It may be run again from the start when its transaction did not come through, so it
changes nothing outside.
"""

from collections.abc import Callable, Generator
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from sqlalchemy import Dialect, Select
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.types import TypeEngine

T = TypeVar("T")
Row: TypeAlias = tuple[Any, ...]
Rows: TypeAlias = list[Row]


class Call(NamedTuple):
    """A statement with its values, as a unit yields it."""

    statement: "Statement"
    values: dict[str, Any]


Unit: TypeAlias = Generator[Call, Rows, T]
MakeUnit: TypeAlias = Callable[[], Unit[T]]

STATEMENTS: Final[dict[str, "Statement"]] = {}
"""Every statement there is, by name: the tests look at each one's plan."""


class Statement:
    """One statement, written in SQLAlchemy Core once, compiled once per dialect."""

    def __init__(self, name: str, core: Select[Any] | UpdateBase) -> None:
        assert name not in STATEMENTS, name
        STATEMENTS[name] = self
        self.name = name
        self.core = core

    def __repr__(self) -> str:
        return f"Statement({self.name})"

    def __call__(self, **values: Any) -> Call:
        """The statement with values for its parameters."""
        return Call(self, values)


class Prepared:
    """A statement as one driver runs it: its text, and how values and rows are turned."""

    __slots__ = ("_results", "_slots", "returns_rows", "sql")

    def __init__(self, statement: Statement, dialect: Dialect) -> None:
        compiled = statement.core.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)
        self.sql = compiled.string
        self._slots = tuple(self._slot(compiled, name) for name in compiled.positiontup or ())
        types = _result_types(statement.core)
        self.returns_rows = bool(types)
        turns = [
            (i, kind.dialect_impl(dialect).result_processor(dialect, None)) for i, kind in enumerate(types)
        ]
        self._results = tuple((i, turn) for i, turn in turns if turn is not None)

    @staticmethod
    def _slot(compiled: SQLCompiler, name: str) -> tuple[str, Callable[[Any], Any] | None, Any]:
        bind = compiled.binds[name]
        turn = bind.type.dialect_impl(compiled.dialect).bind_processor(compiled.dialect)
        if bind.required:
            return name, turn, None
        constant = compiled.params[name]
        return "", None, turn(constant) if turn else constant

    def bind(self, values: dict[str, Any]) -> list[Any]:
        """The values in the order of the statement's parameters, in the driver's terms."""
        bound = []
        for name, turn, constant in self._slots:
            if not name:
                bound.append(constant)
            elif turn is None:
                bound.append(values[name])
            else:
                bound.append(turn(values[name]))
        return bound

    def read(self, rows: Rows) -> Rows:
        """The driver's rows in Python's terms."""
        if not self._results:
            return rows
        read = []
        for row in rows:
            cells = list(row)
            for i, turn in self._results:
                cells[i] = turn(cells[i])
            read.append(tuple(cells))
        return read


def _result_types(core: Select[Any] | UpdateBase) -> list[TypeEngine[Any]]:
    if isinstance(core, Select):
        return [column.type for column in core.selected_columns]
    return [described["type"] for described in core.returning_column_descriptions]


class Preparer:
    """Compiles each statement once for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._known: dict[Statement, Prepared] = {}

    def __call__(self, statement: Statement) -> Prepared:
        prepared = self._known.get(statement)
        if prepared is None:
            prepared = self._known[statement] = Prepared(statement, self._dialect)
        return prepared
