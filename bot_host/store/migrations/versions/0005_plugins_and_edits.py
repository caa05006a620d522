"""What is known of the tables that plugins bring, and what was changed of characters."""

import sqlalchemy as sa
from alembic import op

from bot_host.store.columns import Json, Key, Moment

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """A table more, and two columns."""
    op.add_column("agents", sa.Column("given", Key, nullable=False, server_default=""))
    op.add_column("agents", sa.Column("edits", Json, nullable=False, server_default=sa.text("'{}'")))
    op.create_table(
        "plugin_schemas",
        sa.Column("plugin", Key, nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("fingerprint", Key, nullable=False),
        sa.Column("tables", Json, nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("plugin", name="pk_plugin_schemas"),
    )
