"""What messages offer to choose from."""

import sqlalchemy as sa
from alembic import op

from bot_host.store.columns import Id, Key, Moment

revision = "0011"
down_revision = "0009"


def upgrade() -> None:
    """One table."""
    op.create_table(
        "choices",
        sa.Column("key", Key, nullable=False),
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("room_id", Id, nullable=False),
        sa.Column("memory_id", Id, nullable=False),
        sa.Column("entity_id", Id),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("used_at", Moment),
        sa.Column("used_by_memory_id", Id),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_choices_agent_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_choices_room_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["memory_id"], ["memories.id"], name="fk_choices_memory_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["entities.id"], name="fk_choices_entity_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", name="pk_choices"),
    )
    op.create_index("ix_choices_room_id_expires_at", "choices", ["room_id", "expires_at"])
    for name in ("memory_id", "entity_id", "expires_at"):
        op.create_index(f"ix_choices_{name}", "choices", [name])
