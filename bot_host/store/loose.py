"""Statements that others wrote, compiled as they come: plugins' own, and those about their tables."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from sqlalchemy import CompoundSelect, Dialect, Select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import Column
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.ddl import ExecutableDDLElement
from sqlalchemy.sql.dml import Insert, UpdateBase
from sqlalchemy.types import TypeEngine

from bot_host.store.statement import Call, Prepared, Statement
from bot_host.types.errors import StateError

Given: TypeAlias = Select[Any] | CompoundSelect[Any] | UpdateBase

KEPT: Final = 256
"""Compiled statements that are kept; the one that was used longest ago goes first."""


class _Ready(Prepared):
    """Compiled, with its values."""

    __slots__ = ("_values",)

    def __init__(self, sql: str, values: list[Any], types: list[TypeEngine[Any]], dialect: Dialect) -> None:
        self.sql = sql
        self._values = values
        self._take_types(types, dialect)

    def bind(self, values: dict[str, Any]) -> list[Any]:
        """What it was made with."""
        return self._values


class Loose(Statement):
    """One execution of a statement that is known by nothing but itself. Its parameters have their values."""

    lasting = False

    def __init__(self, core: Given, values: Mapping[str, Any]) -> None:
        self.name = "loose"
        self._given = core
        self._values = dict(values)

    def prepare(self, dialect: Dialect) -> Prepared:
        """Compile, or take what was compiled before. Raises StateError."""
        try:
            compiled = _compiled(self._given, tuple(sorted(self._values)), dialect)
            return self._ready(compiled, dialect)
        except SQLAlchemyError as error:
            # Its own words may show values, and come with a link.
            raise StateError(
                f"the statement cannot be written in SQL: {str(error).splitlines()[0]}"
            ) from error

    def _ready(self, compiled: SQLCompiler, dialect: Dialect) -> Prepared:
        unknown = self._values.keys() - compiled.binds.keys()
        if unknown:
            raise StateError(f"the statement has no parameter {', '.join(sorted(unknown))}")
        values = {**compiled.params, **_defaults(compiled), **self._values}
        missing = [
            name for name, bind in compiled.binds.items() if bind.required and name not in self._values
        ]
        if missing:
            raise StateError(f"the statement needs a value for {', '.join(sorted(missing))}")
        state = compiled.construct_expanded_state(values, escape_names=False)
        parents = {name: parent for parent, names in state.parameter_expansion.items() for name in names}
        bound = []
        for name in state.positiontup or ():
            kind = compiled.binds[parents.get(name, name)].type.dialect_impl(dialect)
            turn = kind.bind_processor(dialect)
            value = state.parameters[name]
            bound.append(turn(value) if turn else value)
        types = [column.type for column in self._given.exported_columns]
        return _Ready(state.statement, bound, types, dialect)


class Ddl(Statement):
    """A statement that changes tables; or one that somebody wrote in SQL."""

    lasting = False

    def __init__(self, given: ExecutableDDLElement | str) -> None:
        self.name = "ddl"
        self._given = given

    def text(self, dialect: Dialect) -> str:
        """It in SQL."""
        return self._given if isinstance(self._given, str) else str(self._given.compile(dialect=dialect))

    def prepare(self, dialect: Dialect) -> Prepared:
        """Ready to be run."""
        return _Ready(self.text(dialect), [], [], dialect)


def loose(core: Given, /, **values: Any) -> Call:
    """A statement with values, for a unit of work to yield."""
    return Call(Loose(core, values), {})


_known: OrderedDict[tuple[Given, tuple[str, ...], str], SQLCompiler] = OrderedDict()
_lock = threading.Lock()


def _compiled(core: Given, keys: tuple[str, ...], dialect: Dialect) -> SQLCompiler:
    # Which columns an INSERT without values has follows from the values that come.
    keys = keys if isinstance(core, Insert) else ()
    key = (core, keys, dialect.name)
    # Units run on several threads.
    with _lock:
        if key in _known:
            _known.move_to_end(key)
            return _known[key]
    given = core.inline() if isinstance(core, Insert) and not core.exported_columns else core
    made = given.compile(dialect=dialect, column_keys=list(keys) or None)
    assert isinstance(made, SQLCompiler)
    with _lock:
        _known[key] = made
        while len(_known) > KEPT:
            _known.popitem(last=False)
    return made


def _defaults(compiled: SQLCompiler) -> dict[str, Any]:
    """Values of columns that have a default in Python, for the parameters that were made for them."""
    columns: list[tuple[Column[Any], Any]] = [(column, column.default) for column in compiled.insert_prefetch]
    columns += [(column, column.onupdate) for column in compiled.update_prefetch]
    values = {}
    for column, default in columns:
        if default.is_scalar:
            values[column.key] = default.arg
        elif default.is_callable:
            # SQLAlchemy wraps it, so that each takes its context; there is none here.
            values[column.key] = default.arg(None)
        else:
            raise StateError(f"the default of {column.key} cannot be made here: give a value")
    return values
