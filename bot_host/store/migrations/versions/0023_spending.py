"""What the models cost, added up by day and by minute; and failed messages found by their time."""

import sqlalchemy as sa
from alembic import op

from bot_host.store.columns import Id, Key, Real

revision = "0023"
down_revision = "0022"


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def upgrade() -> None:
    """Two tables, which fill from now on, and an index."""
    op.create_table(
        "spending",
        sa.Column("day", Key, nullable=False),
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("room_id", Id, nullable=False),
        sa.Column("entity_id", Id, nullable=False),
        sa.Column("provider", Key, nullable=False),
        sa.Column("model", Key, nullable=False),
        _count("calls"),
        _count("failed"),
        _count("unpriced"),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=False),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost", Real, nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_spending_agent_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint(
            "day", "agent_id", "room_id", "entity_id", "provider", "model", name="pk_spending"
        ),
    )
    op.create_table(
        "pulse",
        _count("minute"),
        sa.Column("agent_id", Id, nullable=False),
        *map(_count, ("answered", "ignored", "superseded", "failed", "calls", "failed_calls", "unpriced")),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost", Real, nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_pulse_agent_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("minute", "agent_id", name="pk_pulse"),
    )
    where = sa.text("outcome = 'failed'")
    op.create_index("ix_inbox_failed", "inbox", ["received_at"], sqlite_where=where, postgresql_where=where)
