"""Plugins' tables: checked, described, made and extended.

What they hold of people is written down in our own table `plugin_schemas`, so that a person is erased from
them also when the plugin is not there any more.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import JSON, Column, Table, bindparam, column, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable
from sqlalchemy.sql.ddl import ExecutableDDLElement
from sqlalchemy.types import Boolean

from bot_host.contracts.tables import Schema, table_prefix
from bot_host.kit.clock import utc_now
from bot_host.store import plugin_kept
from bot_host.store.columns import Id, Json, Key, Moment
from bot_host.store.loose import Ddl, loose
from bot_host.store.plugin_catalogue import metadata, plugin_schemas
from bot_host.store.statement import Call, Statement, Unit
from bot_host.types.columns import EntityId, MemoryId, OnErase, RoomId
from bot_host.types.errors import PluginError

Described = dict[str, Any]
"""A table: `{"columns": {name: {"kind", "type", "on_erase"?, "key"?}}}`."""

_KINDS: Final[tuple[tuple[type, str], ...]] = (
    (EntityId, "entity"),
    (RoomId, "room"),
    (MemoryId, "memory"),
    (Id, "id"),
    (Json, "json"),
    (JSON, "json"),
    (Moment, "moment"),
)
REFERENCES: Final = ("entity", "room", "memory")

_s = plugin_schemas.c
FIND: Final = Statement(
    "plugin_schemas.find",
    select(_s.steps, _s.fingerprint, _s.tables).where(_s.plugin == bindparam("plugin")),
)
ALL: Final = Statement("plugin_schemas.all", select(_s.plugin, _s.tables))
_insert = insert(plugin_schemas).values({each.name: bindparam(each.name) for each in plugin_schemas.c})
PUT: Final = Statement(
    "plugin_schemas.put",
    _insert.on_conflict_do_update(
        index_elements=[_s.plugin],
        set_={name: _insert.excluded[name] for name in ("steps", "fingerprint", "tables", "updated_at")},
    ),
)


def _columns_of() -> Statement:
    """Name of each column there is, and whether a row cannot go without a value for it."""
    info = func.pragma_table_info(bindparam("table", type_=Key)).table_valued(
        "name", column("notnull", Boolean()), "dflt_value", "pk"
    )
    must = info.c.notnull & info.c.dflt_value.is_(None) & (info.c.pk == 0)
    there = Table(
        "columns",
        type(metadata)(),
        *(Column(name, Key) for name in ("table_schema", "table_name", "column_name", "is_nullable")),
        *(Column(name, Key) for name in ("column_default", "is_identity")),
        schema="information_schema",
    ).c
    return Statement(
        "plugin_schemas.columns",
        select(info.c.name, must.label("must")),
        postgresql=select(
            there.column_name,
            (
                (there.is_nullable == "NO") & there.column_default.is_(None) & (there.is_identity == "NO")
            ).label("must"),
        ).where(
            there.table_schema == func.current_schema(),
            there.table_name == bindparam("table", type_=Key),
        ),
    )


COLUMNS: Final = _columns_of()


# -- describing -----------------------------------------------------------------------------------------


def describe(schema: Schema) -> dict[str, Described]:
    """What is to be known of a plugin's tables without the plugin, parents before children."""
    return {
        table.name: {
            "columns": {each.name: _describe(each) for each in table.c},
            **plugin_kept.described(table),
        }
        for table in schema.tables.sorted_tables
    }


def _describe(column: Column[Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "kind": next((kind for known, kind in _KINDS if isinstance(column.type, known)), "other"),
        "type": str(column.type),
        "nullable": bool(column.nullable),
    }
    if isinstance(column.type, EntityId | RoomId | MemoryId):
        told["on_erase"] = str(column.type.on_erase)
    if column.primary_key:
        told["key"] = True
    return told


def fingerprint(schema: Schema) -> str:
    """Changes with whatever changes in the database."""
    told: list[Any] = [describe(schema), len(schema.migrations)]
    for table in schema.tables.sorted_tables:
        told.append(str(CreateTable(table)))
        told.extend(sorted(str(CreateIndex(index)) for index in table.indexes))
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


def check(plugin: str, schema: Schema) -> None:
    """Raises PluginError for tables that cannot live beside ours."""
    for fault in _faults(plugin, schema):
        raise PluginError(f"{plugin}: {fault}")


def _faults(plugin: str, schema: Schema) -> Iterator[str]:
    prefix = table_prefix(plugin)
    for table in schema.tables.tables.values():
        if table.schema is not None or not table.name.startswith(prefix) or table.name == prefix:
            yield f"the table {table.fullname} must have a name that begins with {prefix}"
        if not table.primary_key.columns:
            yield f"the table {table.name} needs a primary key"
        for key in table.foreign_key_constraints:
            if key.referred_table.metadata is not schema.tables:
                yield f"{table.name} may refer to tables of its schema only; use EntityId, RoomId, MemoryId"
            if (key.ondelete or "").upper() not in ("CASCADE", "SET NULL"):
                yield (
                    f'the foreign key of {table.name} to {key.referred_table.name} needs ondelete="CASCADE" '
                    'or "SET NULL": rows go when a person is erased'
                )
        yield from plugin_kept.faults(table)
        for each in table.c:
            if getattr(each.type, "on_erase", None) is OnErase.CLEAR and not each.nullable:
                yield f"{table.name}.{each.name} is to be cleared, so it must be nullable"


# -- making and extending -------------------------------------------------------------------------------


def is_settled(plugin: str, schema: Schema) -> Unit[bool]:
    """Whether the tables are there just so."""
    rows = yield FIND(plugin=plugin)
    return bool(rows) and rows[0][:2] == (len(schema.migrations), fingerprint(schema))


def migrate(plugin: str, schema: Schema) -> Unit[bool]:
    """See SchemaStore.migrate_schema."""
    if (yield from is_settled(plugin, schema)):
        return False
    wanted = describe(schema)
    yield from _refuse_others(plugin, wanted)
    rows = yield FIND(plugin=plugin)
    steps, _, known = rows[0] if rows else (None, "", {})
    if steps is not None:
        if steps > len(schema.migrations):
            raise PluginError(
                f"{plugin}: its tables were written by a newer version of it ({steps} migrations, this one "
                f"has {len(schema.migrations)}): install that version again"
            )
        for given in schema.migrations[steps:]:
            yield _call(given)
        if steps == len(schema.migrations):
            _refuse_changes(plugin, known, wanted)
    for table in schema.tables.sorted_tables:
        yield from _settle(plugin, table)
    # Tables that are not wanted any more stay, and with them what is known of people in them.
    for name, told in known.items():
        if name not in wanted and (yield COLUMNS(table=name)):
            wanted[name] = told
    yield PUT(
        plugin=plugin,
        steps=len(schema.migrations),
        fingerprint=fingerprint(schema),
        tables=wanted,
        updated_at=utc_now(),
    )
    return True


def _call(given: Any) -> Call:
    if isinstance(given, str | ExecutableDDLElement):
        return Call(Ddl(given), {})
    return loose(given)


def _refuse_others(plugin: str, wanted: Mapping[str, Described]) -> Unit[None]:
    for other, tables in (yield ALL()):
        both = [] if other == plugin else sorted(tables.keys() & wanted.keys())
        if both:
            raise PluginError(f"{plugin}: the table {both[0]} belongs to the plugin {other}")


def _refuse_changes(plugin: str, known: Mapping[str, Described], wanted: Mapping[str, Described]) -> None:
    for name, told in wanted.items():
        before = known.get(name, {"columns": {}})["columns"]
        for key, now in told["columns"].items():
            was = before.get(key)
            if was is not None and any(was[what] != now[what] for what in ("type", "nullable")):
                raise PluginError(
                    f"{plugin}: {name}.{key} is another kind of column than before: give the schema a "
                    "migration that changes it"
                )


def _settle(plugin: str, table: Table) -> Unit[None]:
    """Make a table, or add what it lacks."""
    rows = yield COLUMNS(table=table.name)
    there = {name: bool(must) for name, must in rows}
    if not there:
        yield Call(Ddl(CreateTable(table)), {})
    else:
        for name, must in there.items():
            if must and name not in table.c:
                raise PluginError(
                    f"{plugin}: {table.name} has a column {name} that needs a value and that the plugin does "
                    "not know any more: give the schema a migration that drops it"
                )
        for column in table.c:
            if column.name not in there:
                yield Call(_AddColumn(plugin, column), {})
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        yield Call(Ddl(CreateIndex(index, if_not_exists=True)), {})


class _AddColumn(Ddl):
    def __init__(self, plugin: str, column: Column[Any]) -> None:
        missing = not column.nullable and column.server_default is None
        if missing or column.primary_key or column.foreign_keys or column.unique:
            raise PluginError(
                f"{plugin}: the column {column.table.name}.{column.name} cannot be added to rows that are "
                "there: make it nullable or give it a server_default, without a key; or give the schema a "
                "migration"
            )
        super().__init__("")
        self._column = column

    def text(self, dialect: Any) -> str:
        """Adding a column is no construct of SQLAlchemy's."""
        table = dialect.identifier_preparer.format_table(self._column.table)
        return f"ALTER TABLE {table} ADD COLUMN {CreateColumn(self._column).compile(dialect=dialect)}"
