"""Summaries of rooms, and the triggers that let none outlive its messages."""

import sqlalchemy as sa
from alembic import op

from bot_host.store.columns import Id, Key, Moment, Words

revision = "0020"
down_revision = "0019"

_FORGET = (
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
_SQLITE = (
    "CREATE TRIGGER summaries_deleted AFTER DELETE ON memories WHEN old.type = 'message' "
    f"BEGIN {_FORGET} END",
    "CREATE TRIGGER summaries_edited AFTER UPDATE OF content ON memories "
    f"WHEN old.type = 'message' AND old.content <> new.content BEGIN {_FORGET} END",
)
_POSTGRESQL = (
    "CREATE FUNCTION summaries_deleted() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN {_FORGET} RETURN NULL; END $$",
    "CREATE TRIGGER summaries_deleted AFTER DELETE ON memories FOR EACH ROW "
    "WHEN (old.type = 'message') EXECUTE FUNCTION summaries_deleted()",
    "CREATE FUNCTION summaries_edited() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN {_FORGET} RETURN NULL; END $$",
    "CREATE TRIGGER summaries_edited AFTER UPDATE OF content ON memories FOR EACH ROW "
    "WHEN (old.type = 'message' AND old.content <> new.content) EXECUTE FUNCTION summaries_edited()",
)


def upgrade() -> None:
    """One table, its indexes, two triggers."""
    op.create_table(
        "summaries",
        sa.Column("id", Id, nullable=False),
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("room_id", Id, nullable=False),
        sa.Column("parent_id", Id),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("state", Key, nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("first_at", Moment, nullable=False),
        sa.Column("last_at", Moment, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("text", Words, nullable=False),
        sa.Column("model", Key, nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name="fk_summaries_agent_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_summaries_room_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_summaries"),
    )
    op.create_index("ix_summaries_room_id_level_last_seq", "summaries", ["room_id", "level", "last_seq"])
    for name, columns, condition in (
        ("ix_summaries_top", ["room_id", "first_seq"], "parent_id IS NULL"),
        ("ix_summaries_below", ["parent_id"], "parent_id IS NOT NULL"),
        ("ix_summaries_stale", ["agent_id"], "state = 'stale'"),
    ):
        where = sa.text(condition)
        op.create_index(name, "summaries", columns, sqlite_where=where, postgresql_where=where)
    for statement in _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE:
        op.execute(statement)
