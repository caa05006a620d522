"""Accounts of one person on several platforms, and the codes by which they are joined."""

import sqlalchemy as sa
from alembic import op

from bot_host.store.columns import Id, Key, Moment

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Two tables."""
    _create(
        "person_links",
        sa.Column("person_id", Id, nullable=False),
        sa.Column("linked_at", Moment, nullable=False),
    )
    op.create_index("ix_person_links_person_id", "person_links", ["person_id"])
    op.create_index("ix_person_links_agent_id", "person_links", ["agent_id"])
    _create(
        "link_codes",
        sa.Column("room_id", Id),
        sa.Column("code", Key, nullable=False),
        sa.Column("expires_at", Moment),
        sa.Column("used_by_memory_id", Id),
        sa.Column("since", Moment, nullable=False),
        sa.Column("made", sa.Integer, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_link_codes_room_id", ondelete="CASCADE"),
    )
    op.create_index("ix_link_codes_agent_id_code", "link_codes", ["agent_id", "code"])
    op.create_index("ix_link_codes_room_id", "link_codes", ["room_id"])


def _create(table: str, *more: sa.Column[object] | sa.Constraint) -> None:
    op.create_table(
        table,
        sa.Column("entity_id", Id, nullable=False),
        sa.Column("agent_id", Id, nullable=False),
        *more,
        sa.ForeignKeyConstraint(
            ["entity_id"], ["entities.id"], name=f"fk_{table}_entity_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=f"fk_{table}_agent_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("entity_id", name=f"pk_{table}"),
    )
