"""The table of characters as they were. A change needs a migration, as in `schema`."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Integer, PrimaryKeyConstraint, Table

from bot_host.store.columns import Id, Json, Key, Moment, Words
from bot_host.store.schema import metadata

# Numbered from 1 for each agent. The newest is the character as it is; see `characters.KEPT`.
character_versions: Final = Table(
    "character_versions",
    metadata,
    Column("agent_id", Id, ForeignKey("agents.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("character", Json, nullable=False),
    # What differs from the one before.
    Column("changed", Json, nullable=False),
    Column("author", Key, nullable=False),
    Column("note", Words, nullable=False),
    Column("made_at", Moment, nullable=False),
    PrimaryKeyConstraint("agent_id", "number"),
)
