"""Relationships of different rooms stand apart; what one person alone saw is for them alone."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

PAIR = ["agent_id", "source_entity_id", "target_entity_id"]


def upgrade() -> None:
    """One row a pair and message, where there was one a pair: what there is stays as it is.

    Of messages that one person alone saw, only what came in or went out: plugins have rows of this type too.
    """
    for theirs in ("SELECT memory_id FROM inbox", "SELECT message FROM outbox"):
        op.execute(
            "UPDATE memories SET audience = 'entity' "
            f"WHERE type = 'custom' AND audience IS NULL AND id IN ({theirs})"
        )
    with op.batch_alter_table("relationships") as relationships:
        relationships.drop_constraint(
            "uq_relationships_agent_id_source_entity_id_target_entity_id", type_="unique"
        )
    for name, columns, where in (
        ("told", PAIR, "source_memory_id IS NULL"),
        ("learned", [*PAIR, "source_memory_id"], "source_memory_id IS NOT NULL"),
    ):
        op.create_index(
            f"ix_relationships_{name}",
            "relationships",
            columns,
            unique=True,
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )
