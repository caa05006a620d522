"""Messages that come in pieces."""

import sqlalchemy as sa
from alembic import op

from bot_host.store.columns import Key, Moment, Seq

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """A column and a table."""
    op.add_column("inbox", sa.Column("settles_at", Moment))
    op.create_table(
        "pieces",
        sa.Column("account", Key, nullable=False),
        sa.Column("event_key", Key, nullable=False),
        sa.Column("seq", Seq, nullable=False),
        sa.Column("message_id", Key, nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["inbox.seq"], name="fk_pieces_seq", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account", "event_key", name="pk_pieces"),
    )
    op.create_index("ix_pieces_seq", "pieces", ["seq"])
