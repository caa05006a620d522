"""Vectors of several models side by side."""

import sqlalchemy as sa
from alembic import op

from bot_host.store.columns import Id, Key, Moment, Seq, Vector, unpack

revision = "0015"
down_revision = "0014"

_KEPT = "memory_id, model, dimensions, vector, created_at"
_SEQ = "(SELECT m.seq FROM memories AS m WHERE m.id = embeddings_before.memory_id)"
_CHUNK = 500


def upgrade() -> None:
    """The table made anew with another key, and its rows; a table of the models that there are."""
    op.create_table(
        "embedding_models",
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("model", Key, nullable=False),
        sa.Column("dimensions", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name="fk_embedding_models_agent_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("agent_id", "model", name="pk_embedding_models"),
    )
    op.rename_table("embeddings", "embeddings_before")
    postgresql = op.get_bind().dialect.name == "postgresql"
    if postgresql:
        for name in ("pk_embeddings", "fk_embeddings_memory_id"):
            op.execute(f"ALTER TABLE embeddings_before DROP CONSTRAINT {name}")
    op.create_table(
        "embeddings",
        sa.Column("memory_id", Id, nullable=False),
        sa.Column("seq", Seq, nullable=False),
        sa.Column("model", Key, nullable=False),
        sa.Column("dimensions", sa.Integer(), nullable=False),
        sa.Column("vector", Vector(), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["memory_id"], ["memories.id"], name="fk_embeddings_memory_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("memory_id", "model", name="pk_embeddings"),
    )
    _disagreeing()
    if postgresql:
        _as_arrays()
    else:
        op.execute(
            f"INSERT INTO embeddings (seq, {_KEPT}) SELECT {_SEQ}, {_KEPT} FROM embeddings_before ORDER BY 1"
        )
    op.drop_table("embeddings_before")
    op.create_index("ix_embeddings_model_seq", "embeddings", ["model", "seq"])
    op.execute(
        "INSERT INTO embedding_models (agent_id, model, dimensions, created_at) "
        "SELECT m.agent_id, e.model, max(e.dimensions), min(e.created_at) "
        "FROM embeddings AS e JOIN memories AS m ON m.id = e.memory_id GROUP BY m.agent_id, e.model"
    )


def _disagreeing() -> None:
    """Of a model's vectors those stay that are as long as its newest: nothing finds the others any more."""
    others = (
        "SELECT e.memory_id FROM embeddings_before AS e JOIN memories AS m ON m.id = e.memory_id "
        "WHERE e.dimensions <> (SELECT n.dimensions FROM embeddings_before AS n "
        "JOIN memories AS o ON o.id = n.memory_id WHERE o.agent_id = m.agent_id AND n.model = e.model "
        "ORDER BY n.created_at DESC, o.seq DESC LIMIT 1)"
    )
    found = op.get_bind().execute(
        sa.text(
            "SELECT m.agent_id FROM embeddings_before AS e JOIN memories AS m ON m.id = e.memory_id "
            "GROUP BY m.agent_id, e.model HAVING min(e.dimensions) <> max(e.dimensions)"
        )
    )
    if found.first() is None:
        return
    op.execute(
        "INSERT INTO embedding_jobs (memory_id, priority, attempts, error, created_at) "
        "SELECT e.memory_id, 0, 0, '', e.created_at FROM embeddings_before AS e "
        f"WHERE e.memory_id IN ({others}) "
        "AND NOT EXISTS (SELECT 1 FROM embedding_jobs AS j WHERE j.memory_id = e.memory_id)"
    )
    op.execute(f"DELETE FROM embeddings_before WHERE memory_id IN ({others})")


def _as_arrays() -> None:
    bind = op.get_bind()
    after = "00000000-0000-0000-0000-000000000000"
    while True:
        rows = bind.execute(
            sa.text(
                f"SELECT CAST(memory_id AS text), {_SEQ}, model, dimensions, vector, created_at "
                "FROM embeddings_before WHERE memory_id > CAST(:after AS uuid) "
                "ORDER BY memory_id LIMIT :count"
            ),
            {"after": after, "count": _CHUNK},
        ).fetchall()
        if not rows:
            return
        bind.execute(
            sa.text(
                "INSERT INTO embeddings (memory_id, seq, model, dimensions, vector, created_at) VALUES "
                "(CAST(:memory_id AS uuid), :seq, :model, :dimensions, CAST(:vector AS real[]), :created_at)"
            ),
            [
                {
                    "memory_id": row[0],
                    "seq": row[1],
                    "model": row[2],
                    "dimensions": row[3],
                    "vector": unpack(bytes(row[4])).tolist(),
                    "created_at": row[5],
                }
                for row in rows
            ],
        )
        after = rows[-1][0]
