"""Deletes what has become old, once a day, a few rows at a time (`[retention]`)."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from bot_host.contracts.store import Store
from bot_host.kit.clock import utc_now
from bot_host.types.errors import StoreError
from bot_host.types.inbound import Mark
from bot_host.types.retention import RETENTION_MARKS, SWEPT_AT, Retention

log = logging.getLogger(__name__)

DAY_S: Final = 86400.0
BATCH: Final = 200
"""Rows of one transaction."""
PAUSE_S: Final = 0.05
"""Between two of them, so that messages go first."""
START_S: Final = 600.0
"""After a start, where the last time is long past: a host that is off at night sweeps, too."""
LONG_AGO: Final = timedelta(hours=36)
AGAIN_S: Final = 3600.0
"""After a database that did not answer."""
INBOX_DAYS: Final = 7
"""Keys of messages stay so long whatever is set: platforms deliver again for a day at the most, and history
is read back after a failure."""


async def keep_swept(stores: Callable[[], Sequence[Store]], retention: Retention) -> None:
    """Sweep all stores once a day, as long as the host runs."""
    while True:
        try:
            await asyncio.sleep(await wait_s(stores(), retention, utc_now()))
            for store in stores():
                told = await sweep(store, retention, utc_now())
                if told:
                    rows = ", ".join(f"{count} {name}" for name, count in told.items())
                    log.info("old rows were deleted, as [retention] says: %s", rows)
        except StoreError as error:
            log.warning("old rows could not be deleted: %s", error)
            await asyncio.sleep(AGAIN_S)


async def wait_s(stores: Sequence[Store], retention: Retention, now: datetime) -> float:
    """Seconds until the next time. Raises StoreError."""
    last = [await store.find_mark(RETENTION_MARKS, SWEPT_AT) for store in stores]
    long_ago = (now - LONG_AGO).timestamp()
    if any(at is None or at < long_ago for at in last):
        return START_S
    due = now.replace(hour=retention.hour, minute=0, second=0, microsecond=0)
    if due <= now:
        due += timedelta(days=1)
    return (due - now).total_seconds()


async def sweep(store: Store, retention: Retention, now: datetime) -> dict[str, int]:
    """Delete what is old; how many rows of each kind went. Raises StoreError."""
    told: dict[str, int] = {}
    for key in store.sweeps():
        days = retention.days(key)
        if days <= 0:
            continue
        before = now - timedelta(days=max(days, INBOX_DAYS) if key == "inbox" else days)
        # First: a walk through the rows must not take for lost what goes just now.
        await store.set_mark(RETENTION_MARKS, Mark(name=key, value=int(before.timestamp())))
        after = ""
        while True:
            swept = await store.sweep(key, before, limit=BATCH, after=after, keep_facts=retention.facts > 0)
            if swept.count:
                told[key] = told.get(key, 0) + swept.count
            after = swept.after
            if not after:
                break
            await asyncio.sleep(PAUSE_S)
    while swept_rows := await store.sweep_plugin_rows(now, limit=BATCH):
        for name, count in swept_rows.items():
            told[name] = told.get(name, 0) + count
        await asyncio.sleep(PAUSE_S)
    await store.set_mark(RETENTION_MARKS, Mark(name=SWEPT_AT, value=int(now.timestamp())))
    return told
