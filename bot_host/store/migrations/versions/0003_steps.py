"""The tool calls of turns, and which turn an inbound message belongs to."""

import sqlalchemy as sa
from alembic import op

from bot_host.store.columns import Id, Json, Key, Moment, Words

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add a column and a table; nothing that is there changes."""
    op.add_column("inbox", sa.Column("turn_id", Id))
    stepped = sa.text("turn_id IS NOT NULL")
    op.create_index("ix_inbox_turn_id", "inbox", ["turn_id"], sqlite_where=stepped, postgresql_where=stepped)
    op.create_table(
        "steps",
        sa.Column("turn_id", Id, nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("call", sa.Integer(), nullable=False),
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("room_id", Id, nullable=False),
        sa.Column("call_id", Key, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("arguments", Words, nullable=False),
        sa.Column("text", Words, nullable=False),
        sa.Column("answering", Json, nullable=False),
        sa.Column("state", Key, nullable=False),
        sa.Column("result", Json, nullable=False),
        sa.Column("data", Json),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("ended_at", Moment),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_steps_agent_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_steps_room_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("turn_id", "edition", "round", "call", name="pk_steps"),
    )
    op.create_index("ix_steps_room_id", "steps", ["room_id"])
    op.create_index("ix_steps_created_at", "steps", ["created_at"])
