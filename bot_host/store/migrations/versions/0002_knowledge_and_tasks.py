"""Knowledge, work by the clock, search, and inbox rows that outlive their rooms and people."""

import json

import sqlalchemy as sa
from alembic import op

from bot_host.store.columns import Id, Json, Key, Moment, Real, Words

revision = "0002"
down_revision = "0001"

_FULL_TEXT = (
    "CREATE VIEW memory_texts AS SELECT seq, json_extract(content, '$.text') AS text FROM memories",
    "CREATE VIRTUAL TABLE memory_words USING fts5(text, content = 'memory_texts', content_rowid = 'seq', "
    "tokenize = 'unicode61 remove_diacritics 2')",
    "CREATE TRIGGER memory_words_insert AFTER INSERT ON memories BEGIN "
    "INSERT INTO memory_words (rowid, text) VALUES (new.seq, json_extract(new.content, '$.text')); END",
    "CREATE TRIGGER memory_words_delete AFTER DELETE ON memories BEGIN "
    "INSERT INTO memory_words (memory_words, rowid, text) "
    "VALUES ('delete', old.seq, json_extract(old.content, '$.text')); END",
    "CREATE TRIGGER memory_words_update AFTER UPDATE OF content ON memories BEGIN "
    "INSERT INTO memory_words (memory_words, rowid, text) "
    "VALUES ('delete', old.seq, json_extract(old.content, '$.text')); "
    "INSERT INTO memory_words (rowid, text) VALUES (new.seq, json_extract(new.content, '$.text')); END",
)


def upgrade() -> None:
    """Extend what is there, keeping its rows; make what is new."""
    _inbox()
    _memories()
    _relationships()
    _tasks()
    _names()
    _embeddings()
    _records()
    if op.get_bind().dialect.name == "sqlite":
        for statement in _FULL_TEXT:
            op.execute(statement)
        op.execute("INSERT INTO memory_words (memory_words) VALUES ('rebuild')")


def _inbox() -> None:
    with op.batch_alter_table("inbox", table_kwargs={"sqlite_autoincrement": True}) as inbox:
        for column, table in (("room_id", "rooms"), ("entity_id", "entities")):
            inbox.alter_column(column, existing_type=Id, nullable=True)
            inbox.drop_constraint(f"fk_inbox_{column}", type_="foreignkey")
            inbox.create_foreign_key(f"fk_inbox_{column}", table, [column], ["id"], ondelete="SET NULL")
        inbox.alter_column("memory_id", existing_type=Id, nullable=True)


def _memories() -> None:
    op.add_column("memories", sa.Column("source_memory_id", Id))
    op.add_column("memories", sa.Column("confidence", Real()))
    op.add_column("memories", sa.Column("audience", Key))
    op.add_column("memories", sa.Column("unique", sa.Boolean()))
    op.execute(sa.text('UPDATE memories SET "unique" = :yes').bindparams(yes=True))
    with op.batch_alter_table("memories", table_kwargs={"sqlite_autoincrement": True}) as memories:
        memories.alter_column("unique", existing_type=sa.Boolean(), nullable=False)
        memories.create_foreign_key(
            "fk_memories_source_memory_id", "memories", ["source_memory_id"], ["id"], ondelete="CASCADE"
        )
    derived, learned = sa.text("source_memory_id IS NOT NULL"), sa.text("type != 'message'")
    op.create_index(
        "ix_memories_derived",
        "memories",
        ["source_memory_id"],
        sqlite_where=derived,
        postgresql_where=derived,
    )
    op.create_index(
        "ix_memories_learned",
        "memories",
        ["agent_id", "type", "entity_id", "created_at"],
        sqlite_where=learned,
        postgresql_where=learned,
    )


def _relationships() -> None:
    op.add_column("relationships", sa.Column("source_memory_id", Id))
    op.add_column("relationships", sa.Column("confidence", Real()))
    op.add_column("relationships", sa.Column("audience", Key))
    op.add_column("relationships", sa.Column("updated_at", Moment))
    op.execute("UPDATE relationships SET confidence = 1.0, audience = 'room', updated_at = created_at")
    with op.batch_alter_table("relationships") as relationships:
        relationships.alter_column("confidence", existing_type=Real(), nullable=False)
        relationships.alter_column("audience", existing_type=Key, nullable=False)
        relationships.alter_column("updated_at", existing_type=Moment, nullable=False)
        relationships.create_foreign_key(
            "fk_relationships_source_memory_id", "memories", ["source_memory_id"], ["id"], ondelete="CASCADE"
        )
    op.create_index("ix_relationships_source_memory_id", "relationships", ["source_memory_id"])


def _tasks() -> None:
    texts = {"state": "active", "cron": "", "time_zone": "UTC", "misfire": "once", "last_error": ""}
    kinds = {name: Words if name == "last_error" else Key for name in texts}
    for column in (
        sa.Column("state", Key),
        sa.Column("due_at", Moment),
        sa.Column("every_s", Real()),
        sa.Column("cron", Key),
        sa.Column("time_zone", Key),
        sa.Column("misfire", Key),
        sa.Column("failures", sa.Integer()),
        sa.Column("last_error", Words),
        sa.Column("last_run_at", Moment),
    ):
        op.add_column("tasks", column)
    op.execute("UPDATE tasks SET failures = 0, " + ", ".join(f"{key} = '{texts[key]}'" for key in texts))
    with op.batch_alter_table("tasks") as tasks:
        for name, kind in kinds.items():
            tasks.alter_column(name, existing_type=kind, nullable=False)
        tasks.alter_column("failures", existing_type=sa.Integer(), nullable=False)
    op.create_index("ix_tasks_world_id", "tasks", ["world_id"])
    active = sa.text("state = 'active'")
    op.create_index(
        "ix_tasks_active", "tasks", ["agent_id", "due_at"], sqlite_where=active, postgresql_where=active
    )
    op.create_table(
        "task_occurrences",
        sa.Column("task_id", Id, nullable=False),
        sa.Column("due_at", Moment, nullable=False),
        sa.Column("state", Key, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("claimed_at", Moment, nullable=False),
        sa.Column("lease_until", Moment, nullable=False),
        sa.Column("error", Words, nullable=False),
        sa.Column("ended_at", Moment),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name="fk_task_occurrences_task_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("task_id", "due_at", name="pk_task_occurrences"),
    )
    claimed = sa.text("state = 'claimed'")
    op.create_index(
        "ix_task_occurrences_claimed",
        "task_occurrences",
        ["lease_until"],
        sqlite_where=claimed,
        postgresql_where=claimed,
    )


def _names() -> None:
    op.drop_index("ix_rooms_agent_id", "rooms")
    op.create_index("ix_rooms_agent_id_channel_id", "rooms", ["agent_id", "channel_id"])
    entity_names = op.create_table(
        "entity_names",
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("entity_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name="fk_entity_names_agent_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["entities.id"], name="fk_entity_names_entity_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("agent_id", "name", "entity_id", name="pk_entity_names"),
    )
    op.create_index("ix_entity_names_entity_id", "entity_names", ["entity_id"])
    bind = op.get_bind()
    for entity_id, agent_id, names in bind.execute(sa.text("SELECT id, agent_id, names FROM entities")).all():
        known = json.loads(names) if isinstance(names, str) else names
        rows = [
            {"agent_id": str(agent_id), "entity_id": str(entity_id), "name": name}
            for name in dict.fromkeys(name.casefold() for name in known)
        ]
        if rows:
            bind.execute(entity_names.insert(), rows)


def _embeddings() -> None:
    op.create_table(
        "embeddings",
        sa.Column("memory_id", Id, nullable=False),
        sa.Column("model", Key, nullable=False),
        sa.Column("dimensions", sa.Integer(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["memory_id"], ["memories.id"], name="fk_embeddings_memory_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("memory_id", name="pk_embeddings"),
    )
    op.create_table(
        "embedding_jobs",
        sa.Column("memory_id", Id, nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", Words, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["memory_id"], ["memories.id"], name="fk_embedding_jobs_memory_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("memory_id", name="pk_embedding_jobs"),
    )
    waiting = sa.text("attempts < 3")
    op.create_index(
        "ix_embedding_jobs_open",
        "embedding_jobs",
        ["priority", "created_at"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )


def _records() -> None:
    op.create_table(
        "logs",
        sa.Column("id", Id, nullable=False),
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("entity_id", Id),
        sa.Column("room_id", Id),
        sa.Column("type", Key, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_logs_agent_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name="fk_logs_entity_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_logs_room_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_logs"),
    )
    op.create_index("ix_logs_agent_id_created_at", "logs", ["agent_id", "created_at"])
    op.create_index("ix_logs_entity_id_created_at", "logs", ["entity_id", "created_at"])
    op.create_index("ix_logs_room_id_created_at", "logs", ["room_id", "created_at"])
    op.create_table(
        "audit",
        sa.Column("id", Id, nullable=False),
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("actor", Words, nullable=False),
        sa.Column("action", Words, nullable=False),
        sa.Column("subject", Words, nullable=False),
        sa.Column("details", Json, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_audit_agent_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_agent_id_at", "audit", ["agent_id", "at"])
