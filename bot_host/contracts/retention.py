"""What the database does about rows that have become old. Each method is one whole transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot_host.types.retention import SweptRows


class Retentions(Protocol):
    """Rows go a few at a time, so that nobody waits for it."""

    def sweeps(self) -> Sequence[str]:
        """The keys of `[retention]` by which rows are deleted, in the order that is good."""

    async def sweep(
        self, key: str, before: datetime, *, limit: int, after: str = "", keep_facts: bool = False
    ) -> SweptRows:
        """Delete up to `limit` rows of a kind that are older than `before`, with what was derived from them.

        Nothing goes that is open, under way, or needed by something that stays. `after`: what the step before
        gave. `keep_facts`: what was learned from a message stays without it.
        """

    async def sweep_plugin_rows(self, now: datetime, *, limit: int) -> dict[str, int]:
        """The same for plugins' tables that say how long they keep rows (`kept_days`); how many, by table."""
