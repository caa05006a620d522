"""The first schema."""

import sqlalchemy as sa
from alembic import op

from bot_host.store.columns import Id, Json, Key, Moment, Seq, Words

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables."""
    _places()
    _knowledge()
    _duties()
    _messages()


def _places() -> None:
    op.create_table(
        "agents",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("character", Json, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_agents"),
    )
    op.create_table(
        "worlds",
        sa.Column("id", Id, nullable=False),
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("platform", Key, nullable=False),
        sa.Column("platform_id", Key, nullable=False),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_worlds_agent_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_worlds"),
    )
    op.create_index("ix_worlds_agent_id", "worlds", ["agent_id"])
    op.create_table(
        "rooms",
        sa.Column("id", Id, nullable=False),
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("world_id", Id),
        sa.Column("name", Words, nullable=False),
        sa.Column("source", Key, nullable=False),
        sa.Column("type", Key, nullable=False),
        sa.Column("channel_id", Key, nullable=False),
        sa.Column("thread_id", Key, nullable=False),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_rooms_agent_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["world_id"], ["worlds.id"], name="fk_rooms_world_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_rooms"),
    )
    op.create_index("ix_rooms_agent_id", "rooms", ["agent_id"])
    op.create_index("ix_rooms_world_id", "rooms", ["world_id"])
    op.create_table(
        "entities",
        sa.Column("id", Id, nullable=False),
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("names", Json, nullable=False),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_entities_agent_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_entities"),
    )
    op.create_index("ix_entities_agent_id", "entities", ["agent_id"])
    op.create_table(
        "participants",
        sa.Column("room_id", Id, nullable=False),
        sa.Column("entity_id", Id, nullable=False),
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("state", Key),
        sa.Column("joined_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["room_id"], ["rooms.id"], name="fk_participants_room_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["entities.id"], name="fk_participants_entity_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name="fk_participants_agent_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("room_id", "entity_id", name="pk_participants"),
    )
    op.create_index("ix_participants_entity_id", "participants", ["entity_id"])


def _knowledge() -> None:
    op.create_table(
        "components",
        sa.Column("id", Id, nullable=False),
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("entity_id", Id, nullable=False),
        sa.Column("room_id", Id),
        sa.Column("world_id", Id),
        sa.Column("source_entity_id", Id),
        sa.Column("type", Key, nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name="fk_components_agent_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["entities.id"], name="fk_components_entity_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_components_room_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["world_id"], ["worlds.id"], name="fk_components_world_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["source_entity_id"], ["entities.id"], name="fk_components_source_entity_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_components"),
    )
    op.create_index("ix_components_entity_id_type", "components", ["entity_id", "type"])
    op.create_index("ix_components_room_id", "components", ["room_id"])
    op.create_index("ix_components_source_entity_id", "components", ["source_entity_id"])
    op.create_table(
        "memories",
        sa.Column("seq", Seq, autoincrement=True, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("entity_id", Id, nullable=False),
        sa.Column("room_id", Id, nullable=False),
        sa.Column("world_id", Id),
        sa.Column("type", Key, nullable=False),
        sa.Column("content", Json, nullable=False),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.UniqueConstraint("id", name="uq_memories_id"),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_memories_agent_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["entities.id"], name="fk_memories_entity_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_memories_room_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["world_id"], ["worlds.id"], name="fk_memories_world_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("seq", name="pk_memories"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_memories_entity_id_room_id_type", "memories", ["entity_id", "room_id", "type"])
    op.create_index(
        "ix_memories_room_id_type_created_at_seq", "memories", ["room_id", "type", "created_at", "seq"]
    )
    op.create_table(
        "relationships",
        sa.Column("id", Id, nullable=False),
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("source_entity_id", Id, nullable=False),
        sa.Column("target_entity_id", Id, nullable=False),
        sa.Column("tags", Json, nullable=False),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.UniqueConstraint(
            "agent_id",
            "source_entity_id",
            "target_entity_id",
            name="uq_relationships_agent_id_source_entity_id_target_entity_id",
        ),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name="fk_relationships_agent_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["source_entity_id"],
            ["entities.id"],
            name="fk_relationships_source_entity_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["target_entity_id"],
            ["entities.id"],
            name="fk_relationships_target_entity_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_relationships"),
    )
    op.create_index("ix_relationships_source_entity_id", "relationships", ["source_entity_id"])
    op.create_index("ix_relationships_target_entity_id", "relationships", ["target_entity_id"])


def _duties() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", Id, nullable=False),
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("description", Words, nullable=False),
        sa.Column("room_id", Id),
        sa.Column("world_id", Id),
        sa.Column("entity_id", Id),
        sa.Column("tags", Json, nullable=False),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_tasks_agent_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_tasks_room_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["world_id"], ["worlds.id"], name="fk_tasks_world_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["entities.id"], name="fk_tasks_entity_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
    )
    op.create_index("ix_tasks_agent_id_name", "tasks", ["agent_id", "name"])
    op.create_index("ix_tasks_entity_id", "tasks", ["entity_id"])
    op.create_index("ix_tasks_room_id", "tasks", ["room_id"])
    op.create_table(
        "cache",
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("key", Words, nullable=False),
        sa.Column("value", Json),
        sa.Column("updated_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_cache_agent_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("agent_id", "key", name="pk_cache"),
    )
    op.create_table(
        "runs",
        sa.Column("id", Id, nullable=False),
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("room_id", Id, nullable=False),
        sa.Column("started_at", Moment, nullable=False),
        sa.Column("ended_at", Moment, nullable=False),
        sa.Column("status", Key, nullable=False),
        sa.Column("model_calls", Json, nullable=False),
        sa.Column("steps", Json, nullable=False),
        sa.Column("error", Words, nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_runs_agent_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_runs_room_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_index("ix_runs_room_id_started_at", "runs", ["room_id", "started_at"])
    op.create_table(
        "marks",
        sa.Column("account", Key, nullable=False),
        sa.Column("name", Key, nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "name", name="pk_marks"),
    )


def _messages() -> None:
    op.create_table(
        "inbox",
        sa.Column("seq", Seq, autoincrement=True, nullable=False),
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("account", Key, nullable=False),
        sa.Column("event_key", Key, nullable=False),
        sa.Column("message_id", Key, nullable=False),
        sa.Column("room_id", Id, nullable=False),
        sa.Column("entity_id", Id, nullable=False),
        sa.Column("memory_id", Id, nullable=False),
        sa.Column("target", Json, nullable=False),
        sa.Column("state", Key, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("outcome", Key),
        sa.Column("reason", Words, nullable=False),
        sa.Column("received_at", Moment, nullable=False),
        sa.Column("sent_at", Moment, nullable=False),
        sa.Column("finished_at", Moment),
        sa.Column("run_id", Id),
        sa.UniqueConstraint("account", "event_key", name="uq_inbox_account_event_key"),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_inbox_agent_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_inbox_room_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["entities.id"], name="fk_inbox_entity_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("seq", name="pk_inbox"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_inbox_entity_id", "inbox", ["entity_id"])
    op.create_index(
        "ix_inbox_open",
        "inbox",
        ["agent_id", "room_id", "seq"],
        sqlite_where=sa.text("state != 'done'"),
        postgresql_where=sa.text("state != 'done'"),
    )
    op.create_index("ix_inbox_room_id", "inbox", ["room_id"])
    op.create_table(
        "outbox",
        sa.Column("seq", Seq, autoincrement=True, nullable=False),
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("account", Key, nullable=False),
        sa.Column("destination", Key, nullable=False),
        sa.Column("target", Json, nullable=False),
        sa.Column("payload", Json, nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("memory_id", Id),
        sa.Column("run_id", Id),
        sa.Column("message", Id, nullable=False),
        sa.Column("state", Key, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", Moment),
        sa.Column("error", Words, nullable=False),
        sa.Column("platform_message_id", Key, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("sent_at", Moment),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_outbox_agent_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("seq", name="pk_outbox"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_message", "outbox", ["message"])
    op.create_index(
        "ix_outbox_open",
        "outbox",
        ["destination", "seq"],
        sqlite_where=sa.text("state IN ('pending', 'sending')"),
        postgresql_where=sa.text("state IN ('pending', 'sending')"),
    )
