"""The one table of ours about tables that are not ours. Whoever makes the schema imports it from here."""

from typing import Final

from sqlalchemy import Column, Integer, Table

from bot_host.store import character_tables as character_tables
from bot_host.store import link_tables as link_tables
from bot_host.store import spending_tables as spending_tables
from bot_host.store.columns import Json, Key, Moment
from bot_host.store.schema import metadata as metadata

# What the plugins' own tables are, and what of people is in them (`store/plugin_schemas.py`).
plugin_schemas: Final = Table(
    "plugin_schemas",
    metadata,
    Column("plugin", Key, primary_key=True),
    Column("steps", Integer, nullable=False),
    Column("fingerprint", Key, nullable=False),
    Column("tables", Json, nullable=False),
    Column("updated_at", Moment, nullable=False),
)
