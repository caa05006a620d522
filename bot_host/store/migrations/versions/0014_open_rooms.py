"""Rooms that all of their world may read."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """A column: nobody knows yet of the rooms that there are."""
    op.add_column("rooms", sa.Column("open", sa.Boolean()))
