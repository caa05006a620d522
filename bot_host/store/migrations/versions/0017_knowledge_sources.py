"""Where an agent's knowledge comes from."""

import sqlalchemy as sa
from alembic import op

from bot_host.store.columns import Id, Key, Moment, Words

revision = "0017"
down_revision = "0016"

_T = "knowledge_sources"


def _to(column: str, table: str, on_delete: str = "CASCADE") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{table}.id"], name=f"fk_{_T}_{column}", ondelete=on_delete)


def upgrade() -> None:
    """One table."""
    op.create_table(
        _T,
        sa.Column("id", Id, nullable=False),
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("world_id", Id),
        sa.Column("parent_id", Id),
        sa.Column("kind", Key, nullable=False),
        sa.Column("location", Words, nullable=False),
        sa.Column("title", Words, nullable=False),
        sa.Column("origin", Key, nullable=False),
        sa.Column("text", Words, nullable=False),
        sa.Column("hash", Key, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("modified", Key, nullable=False),
        sa.Column("etag", Key, nullable=False),
        sa.Column("state", Key, nullable=False),
        sa.Column("remark", Words, nullable=False),
        sa.Column("fragments", sa.Integer(), nullable=False),
        sa.Column("document_id", Id),
        sa.Column("draft_id", Id),
        sa.Column("added_by", Words, nullable=False),
        sa.Column("added_at", Moment, nullable=False),
        sa.Column("read_at", Moment),
        sa.Column("checked_at", Moment),
        sa.Column("due_at", Moment),
        sa.Column("claimed_until", Moment),
        sa.Column("embedded", sa.Boolean(), nullable=False),
        _to("agent_id", "agents"),
        _to("world_id", "worlds"),
        _to("parent_id", _T),
        _to("document_id", "memories", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=f"pk_{_T}"),
    )
    for columns in (("agent_id", "location"), ("agent_id", "due_at"), ("world_id",), ("parent_id",)):
        op.create_index(f"ix_{_T}_{'_'.join(columns)}", _T, list(columns))
    op.create_index(f"ix_{_T}_document_id", _T, ["document_id"])
