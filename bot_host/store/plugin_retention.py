"""Deleting rows of plugins' tables that are older than their table says (`plugin_kept`)."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select

from bot_host.store.loose import loose
from bot_host.store.plugin_people import known_tables
from bot_host.store.statement import Unit


def sweep(now: datetime, limit: int) -> Unit[dict[str, int]]:
    """See Retentions.sweep_plugin_rows."""
    swept = {}
    for known in (yield from known_tables()):
        if known.kept_days is None or not known.keys:
            continue
        column = known.table.c[known.kept_by]
        old = column < now - timedelta(days=known.kept_days)
        rows = yield loose(select(*known.keys).where(old).limit(limit))
        for row in rows:
            same = [key == value for key, value in zip(known.keys, row, strict=True)]
            yield loose(delete(known.table).where(*same, old))
        if rows:
            swept[known.table.name] = len(rows)
    return swept
