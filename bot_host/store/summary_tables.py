"""The table of summaries, and the triggers that let none outlive what it was made of.

A summary holds the words of many messages, so that no foreign key can take it away with one of them. The
triggers do, whichever statement edits or deletes the message: a segment (level 0) loses its text, what was
made of it goes. A change needs a migration, as in `schema`.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table

from bot_host.store.columns import Id, Key, Moment, Words
from bot_host.store.schema import constant, metadata

summaries: Final = Table(
    "summaries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("agent_id", Id, ForeignKey("agents.id", ondelete="CASCADE"), nullable=False),
    Column("room_id", Id, ForeignKey("rooms.id", ondelete="CASCADE"), nullable=False),
    # The summary of the level above, which tells of this one's messages, too.
    Column("parent_id", Id),
    Column("level", Integer, nullable=False),
    Column("state", Key, nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("first_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("count", Integer, nullable=False),
    Column("text", Words, nullable=False),
    Column("model", Key, nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("made_at", Moment, nullable=False),
    Index(None, "room_id", "level", "last_seq"),
)
summaries_top: Final = summaries.c.parent_id.is_(None)
"""Those that are read: few in each room, however long it is."""
Index(
    "ix_summaries_top",
    summaries.c.room_id,
    summaries.c.first_seq,
    sqlite_where=summaries_top,
    postgresql_where=summaries_top,
)
Index(
    "ix_summaries_below",
    summaries.c.parent_id,
    sqlite_where=summaries.c.parent_id.is_not(None),
    postgresql_where=summaries.c.parent_id.is_not(None),
)
summaries_stale: Final = summaries.c.state == constant("stale")
"""To be made anew; see `schema.inbox_open`."""
Index(
    "ix_summaries_stale",
    summaries.c.agent_id,
    sqlite_where=summaries_stale,
    postgresql_where=summaries_stale,
)

FORGET: Final = (
    "UPDATE summaries SET parent_id = NULL WHERE parent_id IN (SELECT above.id FROM summaries AS above "
    "WHERE above.room_id = old.room_id AND above.level > 0 AND above.first_seq <= old.seq "
    "AND above.last_seq >= old.seq);"
    "DELETE FROM summaries WHERE room_id = old.room_id AND level > 0 AND first_seq <= old.seq "
    "AND last_seq >= old.seq;"
    "UPDATE summaries SET state = 'stale', text = '', tokens = 0, revision = revision + 1 "
    "WHERE id = (SELECT its.id FROM summaries AS its WHERE its.room_id = old.room_id AND its.level = 0 "
    "AND its.last_seq >= old.seq ORDER BY its.last_seq LIMIT 1) "
    "AND first_seq <= old.seq AND state = 'ready';"
)
TRIGGERS: Final = (
    f"CREATE TRIGGER summaries_deleted AFTER DELETE ON memories WHEN old.type = 'message' BEGIN {FORGET} END",
    "CREATE TRIGGER summaries_edited AFTER UPDATE OF content ON memories "
    f"WHEN old.type = 'message' AND old.content <> new.content BEGIN {FORGET} END",
)
"""SQLite's; PostgreSQL's are made of `FORGET` in `postgres_schema`."""
