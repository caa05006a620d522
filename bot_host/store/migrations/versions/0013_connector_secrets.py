"""Tokens that platforms hand over while the host runs, encrypted."""

import sqlalchemy as sa
from alembic import op

from bot_host.store.columns import Json, Key, Moment, Words

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """One table."""
    op.create_table(
        "connector_secrets",
        sa.Column("platform", Key, nullable=False),
        sa.Column("app", Key, nullable=False),
        sa.Column("account", Key, nullable=False),
        sa.Column("value", Words, nullable=False),
        sa.Column("about", Json, nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("platform", "app", "account", name="pk_connector_secrets"),
    )
