"""A person's data in plugins' tables: what is exported, and what becomes of it when they are erased.

Rows that name the person, a private room of theirs or a memory of theirs go, or lose the value, as the
column's type says (`OnErase`). In JSON values of other rows, what names the person is taken out.
"""

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    Column,
    Enum,
    MetaData,
    String,
    Table,
    Text,
    and_,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine

from bot_host.contracts.tables import Schema
from bot_host.store.columns import Id, InList, Json, Moment
from bot_host.store.loose import loose
from bot_host.store.persons import Person, prune
from bot_host.store.plugin_schemas import ALL, REFERENCES
from bot_host.store.statement import Unit
from bot_host.types.columns import EntityId, MemoryId, OnErase, RoomId
from bot_host.types.ids import UUID

_TYPES: Final[Mapping[str, type[TypeEngine[Any]]]] = {
    **dict.fromkeys((*REFERENCES, "id"), Id),
    "json": Json,
    "moment": Moment,
}


class KnownTable:
    """A table as it was written down."""

    def __init__(self, name: str, told: Mapping[str, Any]) -> None:
        self._columns: Mapping[str, Mapping[str, Any]] = told["columns"]
        self.table = Table(
            name,
            MetaData(),
            *(Column(key, _TYPES.get(each["kind"], NullType)) for key, each in self._columns.items()),
        )
        self.kept_days: int | None = told.get("kept_days")
        self.kept_by = str(told.get("kept_by", ""))
        self.keys = [self.table.c[key] for key, each in self._columns.items() if each.get("key")]

    def of_kind(self, *kinds: str) -> list[Column[Any]]:
        return [self.table.c[key] for key, each in self._columns.items() if each["kind"] in kinds]

    def theirs(self, person: Person, on_erase: OnErase | None = None) -> ColumnElement[bool] | None:
        """Rows that name them in a column of this kind, or of any; None without such a column."""
        found = [
            self.condition(column, person)
            for column in self.of_kind(*REFERENCES)
            if on_erase is None or self._columns[column.name]["on_erase"] == on_erase
        ]
        return or_(*found) if found else None

    def to_clear(self) -> list[Column[Any]]:
        references = self.of_kind(*REFERENCES)
        return [each for each in references if self._columns[each.name]["on_erase"] == OnErase.CLEAR]

    def condition(self, column: Column[Any], person: Person) -> ColumnElement[bool]:
        match self._columns[column.name]["kind"]:
            case "entity":
                return column == person.entity.id
            case "room":
                return InList(column, "room_ids", person.room_ids)
            case _:
                return InList(column, "memory_ids", person.memory_ids)


def erase(person: Person) -> Unit[dict[str, int]]:
    """How many rows of each table went or were changed."""
    receipt = {}
    for known in (yield from known_tables()):
        count = 0
        theirs = known.theirs(person)
        if theirs is not None:
            count = (yield loose(select(func.count()).select_from(known.table).where(theirs)))[0][0]
        going = known.theirs(person, OnErase.DELETE)
        if going is not None:
            yield loose(delete(known.table).where(going))
        for column in known.to_clear():
            cleared = update(known.table).where(known.condition(column, person))
            yield loose(cleared.values({column.name: None}))
        count += yield from _prune(known, person)
        receipt[known.table.name] = count
    return receipt


def move_room(old: UUID, new: UUID) -> Unit[None]:
    """Rows that name a room name the new one. Where that is a key, what the new one has already counts."""
    for known in (yield from known_tables()):
        for column in known.of_kind("room"):
            moving = column == literal(old, Id())
            if column in known.keys:
                there = known.table.alias("there")
                same = [there.c[key.name] == key for key in known.keys if key is not column]
                taken = select(literal(1)).where(there.c[column.name] == literal(new, Id()), *same)
                moving = and_(moving, ~taken.correlate(known.table).exists())
            yield loose(update(known.table).where(moving).values({column.name: literal(new, Id())}))


def export(person: Person) -> Unit[dict[str, list[dict[str, Any]]]]:
    """Their rows by table. Rows of others that name them in a JSON value are not shown."""
    exported = {}
    for known in (yield from known_tables()):
        theirs = known.theirs(person)
        if theirs is not None:
            rows = yield loose(select(*known.table.c).where(theirs))
            names = known.table.c.keys()
            exported[known.table.name] = [
                {name: _plain(value) for name, value in zip(names, row, strict=True)} for row in rows
            ]
    return exported


def erase_gaps(schema: Schema) -> list[str]:
    """Columns that may hold words about people in rows that no erasure would find."""
    gaps = []
    for table in schema.tables.sorted_tables:
        types = [column.type for column in table.c]
        if any(isinstance(t, EntityId | RoomId | MemoryId) and t.on_erase is OnErase.DELETE for t in types):
            continue
        gaps += [
            f"{table.name}.{column.name}"
            for column in table.c
            if _holds_words(column.type) and "about_nobody" not in column.info
        ]
    return gaps


def _holds_words(kind: TypeEngine[Any]) -> bool:
    """Not JSON: there, what names the person is taken out."""
    if isinstance(kind, Id | Json | Enum):
        return False
    return isinstance(kind.impl_instance if isinstance(kind, TypeDecorator) else kind, String)


def known_tables() -> Unit[list[KnownTable]]:
    """All tables of plugins, children before their parents."""
    rows = yield ALL()
    # Children go before their parents.
    return [KnownTable(name, told) for _, tables in rows for name, told in reversed(tables.items())]


def _prune(known: KnownTable, person: Person) -> Unit[int]:
    """Take the person's id out of JSON values; how many rows changed."""
    named = frozenset({person.entity.id})
    changed: set[tuple[Any, ...]] = set()
    for column in known.of_kind("json") if known.keys else ():
        like = cast(column, Text).like(f"%{person.entity.id}%")
        rows = yield loose(select(*known.keys, column).where(like))
        for *key, value in rows:
            pruned = prune(value, named)
            if pruned != value:
                where = [each == part for each, part in zip(known.keys, key, strict=True)]
                yield loose(update(known.table).where(*where).values({column.name: literal(pruned, Json())}))
                changed.add(tuple(key))
    return len(changed)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value if value is None or isinstance(value, str | int | float | bool | list | dict) else str(value)
