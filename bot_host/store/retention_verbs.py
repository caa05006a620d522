"""The store's verbs of retention."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from bot_host.store import plugin_retention, retention
from bot_host.store.driver import Driver
from bot_host.types.retention import SweptRows


class RetentionVerbs:
    """`bot_host.contracts.retention.Retentions`; see there for what each verb does."""

    _driver: Driver

    def sweeps(self) -> Sequence[str]:
        """See Retentions."""
        return retention.KEYS

    async def sweep(
        self, key: str, before: datetime, *, limit: int, after: str = "", keep_facts: bool = False
    ) -> SweptRows:
        """See Retentions."""
        keys = await self._driver.search(partial(retention.find, key, before, limit, after))
        going = retention.with_erased(key, keys, after)
        count = 0
        if going:
            count = await self._driver.write(
                partial(retention.delete_old, key, before, going, keep_facts=keep_facts)
            )
        return SweptRows(count=count, after=str(keys[-1]) if len(keys) == limit else "")

    async def sweep_plugin_rows(self, now: datetime, *, limit: int) -> dict[str, int]:
        """See Retentions."""
        return await self._driver.write(partial(plugin_retention.sweep, now, limit))
