"""A database with rows in every table that there is, new ones included, and all that it holds."""

from array import array
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    UniqueConstraint,
    insert,
    select,
)
from sqlalchemy.types import TypeDecorator

from bot_host.contracts.tables import Schema
from bot_host.store import Database
from bot_host.store.columns import Id, Json, Moment, Real
from bot_host.store.loose import loose
from bot_host.store.plugin_catalogue import metadata
from bot_host.store.statement import Rows, Unit
from bot_host.types.columns import EntityId, MemoryId, OnErase
from bot_host.types.ids import new_id
from tests.store.samples import NOON

ROWS = 3

PLUGIN = MetaData()
shelves = Table(
    "plugin_books_shelves",
    PLUGIN,
    Column("id", Id, primary_key=True),
    Column("place", String(40), nullable=False, server_default="hall"),
    Column("open", Boolean, nullable=False, server_default="1"),
    Column("made_at", Moment, index=True),
    UniqueConstraint("place", "made_at", name="uq_books_place"),
)
books = Table(
    "plugin_books_books",
    PLUGIN,
    Column("id", Integer, primary_key=True),
    Column("shelf", ForeignKey(shelves.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("reader", EntityId, nullable=False),
    Column("told_in", MemoryId(OnErase.CLEAR)),
    Column("about", Json, nullable=False),
    Column("title", Text, nullable=False),
    Column("weight", Float),
    Column("price", Numeric(10, 2)),
    Column("cover", LargeBinary),
)
SCHEMA = Schema(tables=PLUGIN)
TABLES = [*metadata.sorted_tables, shelves, books]

GIVEN: dict[str, dict[str, Any]] = {"memories": {"type": "fact", "audience": "agent"}}
"""So that they are found by a search, which knows what a memory is."""


async def fill(store: Database) -> None:
    """Three rows for each table; `None` in the second wherever it may be."""
    await store.migrate_schema("books", SCHEMA)
    for table in TABLES:
        if table.name == "plugin_schemas":
            continue
        for number in _order(table):
            row = await _row(store, table, number)
            await run(store, loose(insert(table), **row))


def _order(table: Table) -> list[int]:
    # A row that points at a later one of its own table.
    return [1, 0, 2] if table.name == "memories" else list(range(ROWS))


async def _row(store: Database, table: Table, number: int) -> dict[str, Any]:
    row = {}
    for column in table.c:
        if (column.primary_key and column.autoincrement is True) or column is books.c.id:
            if table.name == "memories" and number < 2:
                row[column.name] = number + 11
            continue
        if column.name in GIVEN.get(table.name, {}):
            row[column.name] = GIVEN[table.name][column.name]
        elif column.nullable and number == 1:
            row[column.name] = None
        elif column.foreign_keys:
            row[column.name] = await _parent(store, table, column, number)
        else:
            row[column.name] = _value(column, number)
    return row


async def _parent(store: Database, table: Table, column: Column[Any], number: int) -> Any:
    [key] = column.foreign_keys
    parent = key.column
    rows = await run(store, loose(select(parent).order_by(parent)))
    if parent.table is table:
        return rows[0][0] if rows else None
    return rows[number % len(rows)][0]


def _value(column: Column[Any], number: int) -> Any:
    kind: Any = column.type
    if isinstance(kind, Id):
        return new_id()
    if isinstance(kind, Moment):
        return NOON + timedelta(microseconds=number, days=number)
    if isinstance(kind, Json):
        text = f"Tea in München, no {number}; 東京 🫖 \\u0041"
        return {"text": text, "b": [1, 1.0, 1e20, 0.1, -0.0, True, None], "a": {"ü": 2**53 + number}}
    if isinstance(kind, Boolean):
        return number % 2 == 0
    if isinstance(kind, Integer):
        return number + 2_000_000_000
    if isinstance(kind, Real | Float | Numeric):
        return (0.25, 3.0, 1e-7)[number] if isinstance(kind, Real | Float) else number
    if isinstance(kind.impl_instance if isinstance(kind, TypeDecorator) else kind, LargeBinary):
        return array("f", [number, 0.5, -1e30]).tobytes()
    return (
        f"{column.name} é {number} 'x'\n"[: kind.length or 100]
        if isinstance(kind, String)
        else f"w {number} 🫖"
    )


async def run(store: Database, call: Any) -> Rows:
    """One statement."""

    def unit() -> Unit[Rows]:
        return (yield call)

    return await store._driver.write(unit)


async def contents(store: Database) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables, as Python values, sorted."""
    held = {}
    for table in TABLES:
        # Whoever carried the tables over has the plugin look at them again.
        columns = [column for column in table.c if column.name != "fingerprint"]
        rows = await run(store, loose(select(*columns)))
        named = [dict(zip([column.name for column in columns], row, strict=True)) for row in rows]
        held[table.name] = sorted(named, key=repr)
    return held
