"""Characters as they were."""

import sqlalchemy as sa
from alembic import op

from bot_host.store.columns import Id, Json, Key, Moment, Words

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """One table. It fills from the next start on."""
    op.create_table(
        "character_versions",
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("character", Json, nullable=False),
        sa.Column("changed", Json, nullable=False),
        sa.Column("author", Key, nullable=False),
        sa.Column("note", Words, nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name="fk_character_versions_agent_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("agent_id", "number", name="pk_character_versions"),
    )
