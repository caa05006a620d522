"""Tables of a plugin's own, beside ours in the same database (elizaos.md 2.4-07 `schema`, 7.6)."""

import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

from sqlalchemy import CompoundSelect, MetaData, Select
from sqlalchemy.sql.ddl import ExecutableDDLElement
from sqlalchemy.sql.dml import Delete, Insert, Update

T = TypeVar("T")

Query: TypeAlias = Select[Any] | CompoundSelect[Any]
Change: TypeAlias = Insert | Update | Delete
"""`returning(…)` is how a change tells what it did."""
TableStatement: TypeAlias = Query | Change
TableRow: TypeAlias = dict[str, Any]
"""Values by the names of the columns."""
Work: TypeAlias = Generator[TableStatement | tuple[TableStatement, Mapping[str, Any]], list[TableRow], T]
"""Statements, alone or with values for their parameters, one after the other; each gives its rows back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The tables that a plugin brings. All agents of one database share them.

    Their names begin with `table_prefix(plugin)`; each has a primary key. When an agent starts, missing
    tables, columns and indexes are made; nothing is ever dropped or changed by itself.
    """

    tables: MetaData
    migrations: tuple[str | ExecutableDDLElement | Change, ...] = ()
    """What cannot be done by adding: statements that run once each, in order, on databases that had the
    tables before the statement was written here. New databases are made of `tables` at once. Never change or
    take out one that was published."""


def table_prefix(plugin: str) -> str:
    """What the names of a plugin's tables begin with: `plugin_dice_` for `dice`."""
    return f"plugin_{re.sub(r'[^a-z0-9]+', '_', plugin.lower()).strip('_')}_"


class Tables(Protocol):
    """A plugin's tables in use. Statements are SQLAlchemy Core, and use these tables only.

    A statement that is kept (in a module, say) and gets its values here is compiled once. Raises StoreError
    where the database refuses, StateError for a statement that is none of this plugin's.
    """

    async def fetch(self, query: Query, /, **values: Any) -> list[TableRow]:
        """The rows. May take its time: it holds up neither messages nor other writes."""

    async def fetch_one(self, query: Query, /, **values: Any) -> TableRow | None:
        """The first row."""

    async def execute(self, change: Change, /, **values: Any) -> list[TableRow]:
        """One change, committed when it returns; the rows of its `returning`."""

    async def transact(self, work: Callable[[], Work[T]]) -> T:
        """Several statements in one transaction: all of them, or none when something is raised.

        `work` is a generator function without arguments (`functools.partial` makes one); what it returns
        comes back. It runs on the database's thread, alone among the writers, and maybe again from the start:
        so it waits for nothing and changes nothing but rows.
        """


class SchemaStore(Protocol):
    """What the database does about plugins' tables."""

    async def migrate_schema(self, plugin: str, schema: Schema) -> bool:
        """Make or extend a plugin's tables, in one transaction; whether there was something to do.

        Raises PluginError for what cannot be done by adding, or was written by a newer version of the plugin.
        """

    async def fetch_rows(self, schema: Schema, query: Query, values: Mapping[str, Any]) -> list[TableRow]:
        """See `Tables.fetch`."""

    async def transact_rows(self, schema: Schema, work: Callable[[], Work[T]]) -> T:
        """See `Tables.transact`."""
