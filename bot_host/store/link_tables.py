"""The tables of linked accounts. A change needs a migration, as in `schema`."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, Integer, Table

from bot_host.store.columns import Id, Key, Moment
from bot_host.store.schema import metadata


def _to(table: str) -> ForeignKey:
    return ForeignKey(f"{table}.id", ondelete="CASCADE")


# Entities with the same person are one. Nothing else points at a person.
person_links: Final = Table(
    "person_links",
    metadata,
    Column("entity_id", Id, _to("entities"), primary_key=True),
    Column("agent_id", Id, _to("agents"), nullable=False),
    Column("person_id", Id, nullable=False),
    Column("linked_at", Moment, nullable=False),
    Index(None, "person_id"),
    Index(None, "agent_id"),
)

# Of each entity the one code that it was given last, as a hash, and what it has tried.
link_codes: Final = Table(
    "link_codes",
    metadata,
    Column("entity_id", Id, _to("entities"), primary_key=True),
    Column("agent_id", Id, _to("agents"), nullable=False),
    Column("room_id", Id, _to("rooms")),
    Column("code", Key, nullable=False),
    Column("expires_at", Moment),
    # The message that entered it.
    Column("used_by_memory_id", Id),
    Column("since", Moment, nullable=False),
    Column("made", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Index(None, "agent_id", "code"),
    Index(None, "room_id"),
)
