"""Strangers who ask to be let in."""

import sqlalchemy as sa
from alembic import op

from bot_host.store.columns import Id, Json, Key, Moment, Words

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """One table."""
    op.create_table(
        "pairings",
        sa.Column("account", Key, nullable=False),
        sa.Column("user_id", Key, nullable=False),
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("entity_id", Id, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("target", Json, nullable=False),
        sa.Column("code", Key, nullable=False),
        sa.Column("state", Key, nullable=False),
        sa.Column("asked_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("decided_at", Moment),
        sa.Column("decided_by", Words, nullable=False),
        sa.Column("told_at", Moment),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_pairings_agent_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account", "user_id", name="pk_pairings"),
    )
    op.create_index("ix_pairings_agent_id", "pairings", ["agent_id"])
    op.create_index("ix_pairings_entity_id", "pairings", ["entity_id"])
    for name, where in (
        ("ix_pairings_open", "state = 'open'"),
        ("ix_pairings_untold", "state = 'approved' AND told_at IS NULL"),
    ):
        condition = sa.text(where)
        op.create_index(name, "pairings", ["account"], sqlite_where=condition, postgresql_where=condition)
