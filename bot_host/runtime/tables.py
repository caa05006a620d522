"""An agent's way to the tables of its plugins."""

import logging
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from bot_host.contracts.plugin import Plugin
from bot_host.contracts.store import Store
from bot_host.contracts.tables import Change, Query, Schema, T, TableRow, Tables, Work
from bot_host.runtime.base import AgentBase
from bot_host.types.errors import StateError

log = logging.getLogger(__name__)


class OwnTables:
    """`contracts.tables.Tables` of one plugin."""

    def __init__(self, store: Store, schema: Schema) -> None:
        self._store = store
        self._schema = schema

    async def fetch(self, query: Query, /, **values: Any) -> list[TableRow]:
        """See Tables."""
        return await self._store.fetch_rows(self._schema, query, values)

    async def fetch_one(self, query: Query, /, **values: Any) -> TableRow | None:
        """See Tables."""
        rows = await self.fetch(query, **values)
        return rows[0] if rows else None

    async def execute(self, change: Change, /, **values: Any) -> list[TableRow]:
        """See Tables."""

        def once() -> Work[list[TableRow]]:
            return (yield change, values)

        return await self.transact(once)

    async def transact(self, work: Callable[[], Work[T]]) -> T:
        """See Tables."""
        return await self._store.transact_rows(self._schema, work)


class TableMethods(AgentBase):
    """The agent's methods for tables of plugins."""

    def __init__(self) -> None:
        self.skip_migrations = False
        """The tables of its plugins are there as they are to be: somebody else made them."""
        self._schemas: dict[str, Schema] = {}

    @property
    @abstractmethod
    def given_plugins(self) -> Sequence[Plugin]:
        """The plugins that it has or will have once started."""

    async def run_migrations(self) -> None:
        """Make or extend the tables of its plugins, now (elizaos.md 2.15-07). Raises PluginError, StoreError.

        Starting does the same, unless `skip_migrations` is set.
        """
        for plugin in self.given_plugins:
            await self.bring_tables(plugin, migrate=True)

    async def bring_tables(self, plugin: Plugin, *, migrate: bool | None = None) -> None:
        """A plugin is being loaded: from now on `tables` knows its tables."""
        if plugin.schema is None:
            return
        wanted = not self.skip_migrations if migrate is None else migrate
        if wanted and await self.store.migrate_schema(plugin.name, plugin.schema):
            log.info("the tables of plugin %s are made or brought up to date", plugin.name)
        self._schemas[plugin.name] = plugin.schema

    def tables(self, plugin: str) -> Tables:
        """The tables that a plugin of this name brought. Raises StateError: none."""
        schema = self._schemas.get(plugin)
        if schema is None:
            raise StateError(f"the plugin {plugin} has brought no tables here").about(
                agent=self.character.name
            )
        return OwnTables(self.store, schema)

    def forget_tables(self) -> None:
        """The agent has stopped; the tables stay in the database."""
        self._schemas.clear()
