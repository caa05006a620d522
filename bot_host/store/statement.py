"""Statements, and units of work made of them.

A unit is a generator that yields calls of statements and gets their rows back; it is one whole transaction
and knows no driver. It may be run again from the start when its transaction did not come through, so it
changes nothing outside.
"""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import combinations
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

Core: TypeAlias = Select[*tuple[Any, ...]] | UpdateBase

STATEMENTS: Final[dict[str, "Statement"]] = {}
"""Every statement there is, by name: the tests look at each one's plan."""
FAMILIES: Final[dict[str, "Family"]] = {}
"""Every family of statements, for the same reason."""


class Statement:
    """One statement, written in SQLAlchemy Core once, compiled once per dialect.

    `postgresql` is its form there, where one form cannot serve both; the same columns, in the same order.
    """

    lasting = True
    """Made once, so that its compiled form may be kept for good."""

    def __init__(self, name: str, core: Core, *, postgresql: Core | None = None) -> None:
        assert name not in STATEMENTS, name
        STATEMENTS[name] = self
        self.name = name
        self._core = core
        self._postgresql = postgresql

    def core(self, dialect: Dialect) -> Core:
        """Its form in one dialect."""
        return self._core if self._postgresql is None or dialect.name == "sqlite" else self._postgresql

    def prepare(self, dialect: Dialect) -> "Prepared":
        """Its form for the drivers of one dialect."""
        return Prepared(self, dialect)

    def __repr__(self) -> str:
        return f"Statement({self.name})"

    def __call__(self, **values: Any) -> Call:
        """The statement with values for its parameters."""
        return Call(self, values)


class Family:
    """A query with optional filters: a statement for each set of filters, so that each has its own plan."""

    def __init__(
        self, name: str, optional: tuple[str, ...], build: Callable[[str, frozenset[str]], Statement]
    ) -> None:
        assert name not in FAMILIES, name
        FAMILIES[name] = self
        self._name = name
        self._optional = optional
        self._build = build
        self._made: dict[frozenset[str], Statement] = {}
        self._lock = threading.Lock()

    def __call__(self, **values: Any) -> Call:
        """The statement for those optional values that are not None."""
        return Call(
            self._statement(frozenset(key for key in self._optional if values[key] is not None)), values
        )

    def _statement(self, given: frozenset[str]) -> Statement:
        made = self._made.get(given)
        if made is None:
            # Units run on several threads.
            with self._lock:
                made = self._made.get(given)
                if made is None:
                    name = f"{self._name}({', '.join(sorted(given))})"
                    made = self._made[given] = self._build(name, given)
        return made

    def members(self) -> Iterator[Statement]:
        """All statements that there can be."""
        for count in range(len(self._optional) + 1):
            for given in combinations(self._optional, count):
                yield self._statement(frozenset(given))


class Prepared:
    """A statement as one driver runs it: its text, and how values and rows are turned."""

    __slots__ = ("_results", "_slots", "returns_rows", "sql")

    def __init__(self, statement: Statement, dialect: Dialect) -> None:
        core = statement.core(dialect)
        compiled = core.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)
        self.sql = compiled.string
        self._slots = tuple(self._slot(compiled, name) for name in compiled.positiontup or ())
        self._take_types(_result_types(core), dialect)

    def _take_types(self, types: Sequence[TypeEngine[Any]], dialect: Dialect) -> None:
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
        if not self._results or not rows:
            return rows
        columns: list[Iterable[Any]] = list(zip(*rows, strict=True))
        for i, turn in self._results:
            columns[i] = map(turn, columns[i])
        return list(zip(*columns, strict=True))


def _result_types(core: Core) -> list[TypeEngine[Any]]:
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
            prepared = statement.prepare(self._dialect)
            if statement.lasting:
                self._known[statement] = prepared
        return prepared
