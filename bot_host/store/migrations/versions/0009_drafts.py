"""Answers that are shown while they are written."""

import sqlalchemy as sa
from alembic import op

from bot_host.store.columns import Id, Key, Seq

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """A table more."""
    op.create_table(
        "drafts",
        sa.Column("memory_id", Id, nullable=False),
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("room_id", Id, nullable=False),
        sa.Column("asked", Seq, nullable=False),
        sa.Column("destination", Key, nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_drafts_agent_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_drafts_room_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("memory_id", name="pk_drafts"),
    )
    op.create_index("ix_drafts_agent_id_room_id", "drafts", ["agent_id", "room_id"])
    op.create_index("ix_drafts_room_id", "drafts", ["room_id"])
