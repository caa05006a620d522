"""What agents use a day, and messages of a person or a room by time."""

import sqlalchemy as sa
from alembic import op

from bot_host.store.columns import Id, Key, Real

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table and wider indexes."""
    op.create_table(
        "usage",
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("day", Key, nullable=False),
        sa.Column("turns", sa.Integer(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost", Real(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_usage_agent_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("agent_id", "day", name="pk_usage"),
    )
    for column in ("room_id", "entity_id"):
        op.drop_index(f"ix_inbox_{column}", "inbox")
        op.create_index(f"ix_inbox_{column}_received_at", "inbox", [column, "received_at"])
