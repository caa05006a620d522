"""Rooms that take nothing any more; answers that are edited and taken back."""

import sqlalchemy as sa
from alembic import op

from bot_host.store.columns import Id, Key, Moment, Words

revision = "0007"
down_revision = "0006"

_REOPENED = (
    "CREATE TRIGGER tallies_reopened AFTER UPDATE OF state ON inbox "
    "WHEN new.state <> 'done' AND old.state = 'done' BEGIN UPDATE tallies SET count = count - 1 "
    "WHERE account = old.account AND kind = 'message' AND ending = coalesce(old.outcome, 'none') "
    "AND reason = CASE old.outcome WHEN 'ignored' THEN old.reason ELSE '' END; END"
)


def upgrade() -> None:
    """A table, some columns, and a trigger more."""
    op.create_table(
        "closed_rooms",
        sa.Column("destination", Key, nullable=False),
        sa.Column("account", Key, nullable=False),
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("room_id", Id),
        sa.Column("reason", Words, nullable=False),
        sa.Column("closed_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name="fk_closed_rooms_agent_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["room_id"], ["rooms.id"], name="fk_closed_rooms_room_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("destination", name="pk_closed_rooms"),
    )
    op.create_index("ix_closed_rooms_agent_id", "closed_rooms", ["agent_id"])
    op.create_index("ix_closed_rooms_room_id", "closed_rooms", ["room_id"])
    op.add_column("inbox", sa.Column("reply_id", Id))
    op.add_column("inbox", sa.Column("reopened_at", Moment))
    op.add_column("outbox", sa.Column("operation", Key, nullable=False, server_default="send"))
    op.add_column("outbox", sa.Column("revision", sa.Integer(), nullable=False, server_default=sa.text("0")))
    revised = sa.text("revision > 0")
    op.create_index(
        "ix_outbox_revised", "outbox", ["memory_id"], sqlite_where=revised, postgresql_where=revised
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute(_REOPENED)
