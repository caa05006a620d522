"""What is known of the tables that plugins bring."""

import sqlalchemy as sa
from alembic import op

from bot_host.store.columns import Json, Key, Moment

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """A table more."""
    op.create_table(
        "plugin_schemas",
        sa.Column("plugin", Key, nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("fingerprint", Key, nullable=False),
        sa.Column("tables", Json, nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("plugin", name="pk_plugin_schemas"),
    )
