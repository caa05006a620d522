"""Rooms that take nothing any more."""

import sqlalchemy as sa
from alembic import op

from bot_host.store.columns import Id, Key, Moment, Words

revision = "0008"
down_revision = "0004"


def upgrade() -> None:
    """A table more."""
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
