"""Which tables a database holds, in a form that both kinds can make: ours, and those that plugins made.

Plugins' tables are described by the database itself: a plugin that is not installed any more keeps its rows.
What their columns hold is told by `plugin_schemas`; keys, defaults and indexes are read from the catalogue.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    CHAR,
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    UniqueConstraint,
    Uuid,
    inspect,
    text,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.types import NullType, TypeEngine

from bot_host.store.columns import Id, Json, Moment
from bot_host.store.upgrade import metadata as metadata
from bot_host.types.errors import StoreError

OURS: Final[Sequence[Table]] = tuple(metadata.sorted_tables)
"""Parents before children."""
_KINDS: Final[Mapping[str, type[TypeEngine[Any]]]] = {
    "entity": Id,
    "room": Id,
    "memory": Id,
    "id": Id,
    "json": Json,
    "moment": Moment,
}
_PORTABLE: Final = (
    Boolean,
    SmallInteger,
    BigInteger,
    Integer,
    Float,
    Numeric,
    DateTime,
    Date,
    Time,
    Interval,
    LargeBinary,
    Uuid,
    JSON,
    CHAR,
    Text,
    String,
)
_CAST: Final = re.compile(r"^(\(?'(?:[^']|'')*'\)?|[-\d.]+)::[\w \[\]()]+$")
_LITERAL: Final = re.compile(r"^('(?:[^']|'')*'|-?\d+(\.\d+)?|true|false|NULL|CURRENT_TIMESTAMP)$", re.I)


def plugin_tables(connection: Connection, described: Mapping[str, Mapping[str, Any]]) -> list[Table]:
    """The tables of these names that are there, parents before children. Raises StoreError.

    `described`: what `plugin_schemas` tells of each.
    """
    made = MetaData()
    found = inspect(connection)
    there = sorted(set(found.get_table_names()) & described.keys())
    for name in there:
        columns = described[name].get("columns", {})
        unique = found.get_unique_constraints(name)
        Table(
            name,
            made,
            *(_column(name, each, columns.get(each["name"], {})) for each in found.get_columns(name)),
            PrimaryKeyConstraint(*found.get_pk_constraint(name)["constrained_columns"]),
            *(UniqueConstraint(*each["column_names"], name=each["name"]) for each in unique),
            *(
                ForeignKeyConstraint(
                    key["constrained_columns"],
                    [f"{key['referred_table']}.{column}" for column in key["referred_columns"]],
                    ondelete=key["options"].get("ondelete"),
                )
                for key in found.get_foreign_keys(name)
                if key["referred_table"] in there
            ),
        )
        made_by_constraint = {each["name"] for each in unique}
        for index in found.get_indexes(name):
            _index(made.tables[name], index, made_by_constraint)
    return list(made.sorted_tables)


def _column(table: str, found: Mapping[str, Any], told: Mapping[str, Any]) -> Column[Any]:
    kind = _KINDS.get(told.get("kind", ""))
    given = kind() if kind is not None else _type(table, found)
    default = found.get("default")
    serial = isinstance(default, str) and default.startswith("nextval(")
    return Column(
        found["name"],
        given,
        nullable=found["nullable"],
        server_default=None if serial or default is None else _default(str(default), given),
    )


def _type(table: str, found: Mapping[str, Any]) -> TypeEngine[Any]:
    given: TypeEngine[Any] = found["type"]
    # What SQLAlchemy makes of a Uuid on SQLite.
    if isinstance(given, CHAR) and given.length == 32:
        return Uuid()
    for portable in _PORTABLE:
        if isinstance(given, portable):
            if isinstance(given, String):
                return (
                    type(given)(given.length) if type(given) in (CHAR, Text, String) else String(given.length)
                )
            if isinstance(given, Numeric) and not isinstance(given, Float):
                return Numeric(given.precision, given.scale)
            if isinstance(given, DateTime):
                return DateTime(timezone=given.timezone)
            if isinstance(given, JSON):
                return Json()
            return portable()
    raise StoreError(
        f"the plugin's table {table} has a column {found['name']} of a kind that not both databases know "
        f"({given!r}): it cannot be carried over"
    )


def _default(told: str, given: TypeEngine[Any]) -> Any:
    """A default that both databases understand; none where it is not plain."""
    if cast := _CAST.match(told):
        told = cast[1].strip("()")
    if isinstance(given, Boolean):
        told = {"0": "false", "1": "true", "'0'": "false", "'1'": "true"}.get(told, told)
    return text(told.replace(":", r"\:")) if _LITERAL.match(told) else None


def _index(table: Table, found: Mapping[str, Any], made_by_constraint: set[Any]) -> None:
    names = found.get("column_names", [])
    options = found.get("dialect_options", {})
    # Those of expressions or with conditions are made by the plugin, when it starts (`plugin_schemas`).
    plain = all(names) and not any(key.endswith("_where") for key in options)
    if plain and found["name"] not in made_by_constraint and not found.get("duplicates_constraint"):
        Index(found["name"], *(table.c[name] for name in names), unique=bool(found["unique"]))


def making(tables: Sequence[Table], dialect: Dialect) -> list[str]:
    """The statements that make these tables."""
    statements = []
    for table in tables:
        statements.append(str(CreateTable(table).compile(dialect=dialect)))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        statements.extend(str(CreateIndex(index).compile(dialect=dialect)) for index in indexes)
    return statements


def bare(name: str, columns: Sequence[str]) -> Table:
    """A table as it lies in a SQLite file, values untouched: to compare two files of any version."""
    return Table(name, MetaData(), *(Column(column, NullType()) for column in columns))


def numbered(table: Table) -> str:
    """The column whose numbers the database gives; empty: there is none."""
    keys = list(table.primary_key.columns)
    return (
        keys[0].name
        if len(keys) == 1 and isinstance(keys[0].type, Integer) and not keys[0].foreign_keys
        else ""
    )


SQLITE: Final = sqlite.dialect()
