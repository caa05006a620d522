"""The tables. One definition for SQLite and PostgreSQL; a change here needs a migration beside it.

The name of the newest migration stands in `HEAD`; a test holds tables and migrations equal.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    and_,
    literal_column,
    text,
)
from sqlalchemy.sql.elements import ColumnElement

from bot_host.store.columns import Id, Json, Key, Moment, Real, Seq, Vector, Words

HEAD: Final = "0023"

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def constant(text: str) -> ColumnElement[str]:
    """A state's name written into the statement itself: partial indexes serve only such."""
    assert text.isidentifier()
    return literal_column(f"'{text}'", Key)


def _to(table: str, *, on_delete: str = "CASCADE") -> ForeignKey:
    return ForeignKey(f"{table}.id", ondelete=on_delete)


def _agent() -> Column[Any]:
    return Column("agent_id", Id, _to("agents"), nullable=False)


agents: Final = Table(
    "agents",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Words, nullable=False),
    Column("character", Json, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    # A fingerprint of the character as it was given, and what was changed since (`store/agents.py`).
    Column("given", Key, nullable=False, server_default=""),
    Column("edits", Json, nullable=False, server_default=text("'{}'")),
)

worlds: Final = Table(
    "worlds",
    metadata,
    Column("id", Id, primary_key=True),
    _agent(),
    Column("name", Words, nullable=False),
    Column("platform", Key, nullable=False),
    Column("platform_id", Key, nullable=False),
    Column("metadata", Json, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index(None, "agent_id"),
)

rooms: Final = Table(
    "rooms",
    metadata,
    Column("id", Id, primary_key=True),
    _agent(),
    Column("world_id", Id, _to("worlds")),
    Column("name", Words, nullable=False),
    Column("source", Key, nullable=False),
    Column("type", Key, nullable=False),
    Column("channel_id", Key, nullable=False),
    Column("thread_id", Key, nullable=False),
    Column("metadata", Json, nullable=False),
    Column("created_at", Moment, nullable=False),
    # Whether all of its world may read it; NULL: not known, and so not.
    Column("open", Boolean),
    Index(None, "agent_id", "channel_id"),
    Index(None, "world_id"),
)

entities: Final = Table(
    "entities",
    metadata,
    Column("id", Id, primary_key=True),
    _agent(),
    Column("names", Json, nullable=False),
    Column("metadata", Json, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index(None, "agent_id"),
)

# Each name that an entity goes by, without case: no index serves a look into a JSON list.
entity_names: Final = Table(
    "entity_names",
    metadata,
    _agent(),
    Column("name", Words, nullable=False),
    Column("entity_id", Id, _to("entities"), nullable=False),
    PrimaryKeyConstraint("agent_id", "name", "entity_id"),
    Index(None, "entity_id"),
)

participants: Final = Table(
    "participants",
    metadata,
    Column("room_id", Id, _to("rooms"), nullable=False),
    Column("entity_id", Id, _to("entities"), nullable=False),
    _agent(),
    Column("state", Key),
    Column("joined_at", Moment, nullable=False),
    PrimaryKeyConstraint("room_id", "entity_id"),
    Index(None, "entity_id"),
)

components: Final = Table(
    "components",
    metadata,
    Column("id", Id, primary_key=True),
    _agent(),
    Column("entity_id", Id, _to("entities"), nullable=False),
    Column("room_id", Id, _to("rooms")),
    Column("world_id", Id, _to("worlds")),
    Column("source_entity_id", Id, _to("entities", on_delete="SET NULL")),
    Column("type", Key, nullable=False),
    Column("data", Json, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index(None, "entity_id", "type"),
    Index(None, "source_entity_id"),
    Index(None, "room_id"),
)

# `seq` is the order of arrival. A memory's world is a note for searches: losing the world keeps the memory.
# What was derived from a memory goes with it, so that nothing outlives the message that it was learned from.
memories: Final = Table(
    "memories",
    metadata,
    Column("seq", Seq, primary_key=True, autoincrement=True),
    Column("id", Id, nullable=False),
    _agent(),
    Column("entity_id", Id, _to("entities"), nullable=False),
    Column("room_id", Id, _to("rooms"), nullable=False),
    Column("world_id", Id, _to("worlds", on_delete="SET NULL")),
    Column("type", Key, nullable=False),
    Column("content", Json, nullable=False),
    Column("metadata", Json, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("source_memory_id", Id, _to("memories")),
    Column("confidence", Real),
    Column("audience", Key),
    Column("unique", Boolean, nullable=False),
    UniqueConstraint("id"),
    Index(None, "room_id", "type", "created_at", "seq"),
    Index(None, "entity_id", "room_id", "type"),
    sqlite_autoincrement=True,
)
memories_derived: Final = memories.c.source_memory_id.is_not(None)
Index(
    "ix_memories_derived",
    memories.c.source_memory_id,
    sqlite_where=memories_derived,
    postgresql_where=memories_derived,
)
memories_learned: Final = memories.c.type != constant("message")
"""Facts, documents and the like, looked for beyond one room; see `inbox_open`. Messages pay nothing."""
Index(
    "ix_memories_learned",
    memories.c.agent_id,
    memories.c.type,
    memories.c.entity_id,
    memories.c.created_at,
    sqlite_where=memories_learned,
    postgresql_where=memories_learned,
)

# A memory may have a vector of each of several models. `seq` is the memory's: searches go through many.
embeddings: Final = Table(
    "embeddings",
    metadata,
    Column("memory_id", Id, _to("memories"), nullable=False),
    Column("seq", Seq, nullable=False),
    Column("model", Key, nullable=False),
    Column("dimensions", Integer, nullable=False),
    Column("vector", Vector(), nullable=False),
    Column("created_at", Moment, nullable=False),
    PrimaryKeyConstraint("memory_id", "model"),
    Index(None, "model", "seq"),
)

# How long an agent's vectors of a model are: all the same, or none could be compared with another.
embedding_models: Final = Table(
    "embedding_models",
    metadata,
    _agent(),
    Column("model", Key, nullable=False),
    Column("dimensions", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    PrimaryKeyConstraint("agent_id", "model"),
)

EMBEDDING_ATTEMPTS: Final = 3
"""Failed attempts after which a memory is not tried again by itself."""
embedding_jobs: Final = Table(
    "embedding_jobs",
    metadata,
    Column("memory_id", Id, _to("memories"), primary_key=True),
    Column("priority", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Words, nullable=False),
    Column("created_at", Moment, nullable=False),
)
embedding_jobs_open: Final = embedding_jobs.c.attempts < literal_column(str(EMBEDDING_ATTEMPTS), Integer)
"""Not given up; see `inbox_open`."""
Index(
    "ix_embedding_jobs_open",
    embedding_jobs.c.priority,
    embedding_jobs.c.created_at,
    sqlite_where=embedding_jobs_open,
    postgresql_where=embedding_jobs_open,
)

relationships: Final = Table(
    "relationships",
    metadata,
    Column("id", Id, primary_key=True),
    _agent(),
    Column("source_entity_id", Id, _to("entities"), nullable=False),
    Column("target_entity_id", Id, _to("entities"), nullable=False),
    Column("tags", Json, nullable=False),
    Column("metadata", Json, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("source_memory_id", Id, _to("memories")),
    Column("confidence", Real, nullable=False),
    Column("audience", Key, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Index(None, "source_entity_id"),
    Index(None, "target_entity_id"),
    Index(None, "source_memory_id"),
)
# What was learned from a message is a row of its own, for the ears of its room, and goes with the message.
relationships_told: Final = relationships.c.source_memory_id.is_(None)
relationships_learned: Final = relationships.c.source_memory_id.is_not(None)
_pair = (relationships.c.agent_id, relationships.c.source_entity_id, relationships.c.target_entity_id)
Index(
    "ix_relationships_told",
    *_pair,
    unique=True,
    sqlite_where=relationships_told,
    postgresql_where=relationships_told,
)
Index(
    "ix_relationships_learned",
    *_pair,
    relationships.c.source_memory_id,
    unique=True,
    sqlite_where=relationships_learned,
    postgresql_where=relationships_learned,
)

tasks: Final = Table(
    "tasks",
    metadata,
    Column("id", Id, primary_key=True),
    _agent(),
    Column("name", Words, nullable=False),
    Column("description", Words, nullable=False),
    Column("room_id", Id, _to("rooms")),
    Column("world_id", Id, _to("worlds")),
    Column("entity_id", Id, _to("entities")),
    Column("tags", Json, nullable=False),
    Column("metadata", Json, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("state", Key, nullable=False),
    Column("due_at", Moment),
    Column("every_s", Real),
    Column("cron", Key, nullable=False),
    Column("time_zone", Key, nullable=False),
    Column("misfire", Key, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("last_error", Words, nullable=False),
    Column("last_run_at", Moment),
    Index(None, "agent_id", "name"),
    Index(None, "room_id"),
    Index(None, "world_id"),
    Index(None, "entity_id"),
)
tasks_active: Final = tasks.c.state == constant("active")
"""What the clock looks at; see `inbox_open`."""
Index(
    "ix_tasks_active",
    tasks.c.agent_id,
    tasks.c.due_at,
    sqlite_where=tasks_active,
    postgresql_where=tasks_active,
)

task_occurrences: Final = Table(
    "task_occurrences",
    metadata,
    Column("task_id", Id, _to("tasks"), nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("state", Key, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("claimed_at", Moment, nullable=False),
    Column("lease_until", Moment, nullable=False),
    Column("error", Words, nullable=False),
    Column("ended_at", Moment),
    PrimaryKeyConstraint("task_id", "due_at"),
)
occurrence_claimed: Final = task_occurrences.c.state == constant("claimed")
"""Under way, or its process died; see `inbox_open`."""
Index(
    "ix_task_occurrences_claimed",
    task_occurrences.c.lease_until,
    sqlite_where=occurrence_claimed,
    postgresql_where=occurrence_claimed,
)

logs: Final = Table(
    "logs",
    metadata,
    Column("id", Id, primary_key=True),
    _agent(),
    Column("entity_id", Id, _to("entities")),
    Column("room_id", Id, _to("rooms")),
    Column("type", Key, nullable=False),
    Column("body", Json, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index(None, "agent_id", "created_at"),
    Index(None, "entity_id", "created_at"),
    Index(None, "room_id", "created_at"),
)

audit: Final = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    _agent(),
    Column("actor", Words, nullable=False),
    Column("action", Words, nullable=False),
    Column("subject", Words, nullable=False),
    Column("details", Json, nullable=False),
    Column("at", Moment, nullable=False),
    Index(None, "agent_id", "at"),
)

cache: Final = Table(
    "cache",
    metadata,
    _agent(),
    Column("key", Words, nullable=False),
    Column("value", Json),
    Column("updated_at", Moment, nullable=False),
    PrimaryKeyConstraint("agent_id", "key"),
)

runs: Final = Table(
    "runs",
    metadata,
    Column("id", Id, primary_key=True),
    _agent(),
    Column("room_id", Id, _to("rooms"), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment, nullable=False),
    Column("status", Key, nullable=False),
    Column("model_calls", Json, nullable=False),
    Column("steps", Json, nullable=False),
    Column("error", Words, nullable=False),
    Index(None, "room_id", "started_at"),
)

# What an agent's turns have used, by UTC day: limits ask for it at every message.
usage: Final = Table(
    "usage",
    metadata,
    _agent(),
    Column("day", Key, nullable=False),
    Column("turns", Integer, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("cost", Real, nullable=False),
    PrimaryKeyConstraint("agent_id", "day"),
)

# The inbox outlives its messages, rooms and people: what was deleted must still be known as a duplicate.
# Rows without a room are done; deleting a room ends its rows first.
inbox: Final = Table(
    "inbox",
    metadata,
    Column("seq", Seq, primary_key=True, autoincrement=True),
    _agent(),
    Column("account", Key, nullable=False),
    Column("event_key", Key, nullable=False),
    Column("message_id", Key, nullable=False),
    Column("room_id", Id, _to("rooms", on_delete="SET NULL")),
    Column("entity_id", Id, _to("entities", on_delete="SET NULL")),
    Column("memory_id", Id),
    Column("target", Json, nullable=False),
    Column("state", Key, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("outcome", Key),
    Column("reason", Words, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("sent_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("run_id", Id),
    Column("turn_id", Id),
    # The memory that answers it; and when an edit gave it another turn.
    Column("reply_id", Id),
    Column("reopened_at", Moment),
    # Of what comes in pieces: until then more of it may come, and no turn takes it.
    Column("settles_at", Moment),
    UniqueConstraint("account", "event_key"),
    Index(None, "room_id", "received_at"),
    Index(None, "entity_id", "received_at"),
    sqlite_autoincrement=True,
)
inbox_stepped: Final = inbox.c.turn_id.is_not(None)
"""Its turn has steps. Few rows have, so that the index costs the others nothing."""
Index(
    "ix_inbox_turn_id",
    inbox.c.turn_id,
    sqlite_where=inbox_stepped,
    postgresql_where=inbox_stepped,
)
inbox_open: Final = inbox.c.state != constant("done")
"""Not done. Written just so in each statement that looks for open rows: the index serves no other form."""
Index(
    "ix_inbox_open",
    inbox.c.agent_id,
    inbox.c.room_id,
    inbox.c.seq,
    sqlite_where=inbox_open,
    postgresql_where=inbox_open,
)

inbox_failed: Final = inbox.c.outcome == constant("failed")
"""Messages that could not be answered; see `inbox_open`."""
Index(
    "ix_inbox_failed",
    inbox.c.received_at,
    sqlite_where=inbox_failed,
    postgresql_where=inbox_failed,
)

# What came in pieces has one row in the inbox: this is the key by which further pieces find it, and the keys
# of those that were joined to it.
pieces: Final = Table(
    "pieces",
    metadata,
    Column("account", Key, nullable=False),
    Column("event_key", Key, nullable=False),
    Column("seq", Seq, ForeignKey("inbox.seq", ondelete="CASCADE"), nullable=False),
    Column("message_id", Key, nullable=False),
    PrimaryKeyConstraint("account", "event_key"),
    Index(None, "seq"),
)

# The model's tool calls. A turn has an id of its own from its first step on (`inbox.turn_id`): runs are
# made anew with each try, and rows join and leave it.
steps: Final = Table(
    "steps",
    metadata,
    Column("turn_id", Id, nullable=False),
    Column("edition", Integer, nullable=False),
    Column("round", Integer, nullable=False),
    Column("call", Integer, nullable=False),
    _agent(),
    Column("room_id", Id, _to("rooms"), nullable=False),
    Column("call_id", Key, nullable=False),
    Column("name", Words, nullable=False),
    Column("arguments", Words, nullable=False),
    Column("text", Words, nullable=False),
    Column("answering", Json, nullable=False),
    Column("state", Key, nullable=False),
    Column("result", Json, nullable=False),
    Column("data", Json),
    Column("created_at", Moment, nullable=False),
    Column("ended_at", Moment),
    PrimaryKeyConstraint("turn_id", "edition", "round", "call"),
    Index(None, "room_id"),
    Index(None, "created_at"),
)

# Parts keep their memory's id even when the memory is gone: idempotency keys are made of it.
outbox: Final = Table(
    "outbox",
    metadata,
    Column("seq", Seq, primary_key=True, autoincrement=True),
    _agent(),
    Column("account", Key, nullable=False),
    Column("destination", Key, nullable=False),
    Column("target", Json, nullable=False),
    Column("payload", Json, nullable=False),
    Column("part", Integer, nullable=False),
    Column("parts", Integer, nullable=False),
    Column("memory_id", Id),
    Column("run_id", Id),
    Column("message", Id, nullable=False),
    Column("state", Key, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", Moment),
    Column("error", Words, nullable=False),
    Column("platform_message_id", Key, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("sent_at", Moment),
    Column("operation", Key, nullable=False, server_default="send"),
    Column("revision", Integer, nullable=False, server_default=text("0")),
    Index(None, "message"),
    sqlite_autoincrement=True,
)
outbox_revised: Final = outbox.c.revision > literal_column("0", Integer)
"""Parts of an answer's later revisions, each of which is a message of its own; see `inbox_open`."""
Index(
    "ix_outbox_revised",
    outbox.c.memory_id,
    sqlite_where=outbox_revised,
    postgresql_where=outbox_revised,
)
outbox_open: Final = outbox.c.state.in_([constant("pending"), constant("sending")])
"""Still to be sent; see `inbox_open`."""
Index(
    "ix_outbox_open",
    outbox.c.destination,
    outbox.c.seq,
    sqlite_where=outbox_open,
    postgresql_where=outbox_open,
)

# Answers that are shown while they are written. The one that is committed takes their place.
drafts: Final = Table(
    "drafts",
    metadata,
    Column("memory_id", Id, primary_key=True),
    _agent(),
    Column("room_id", Id, _to("rooms"), nullable=False),
    Column("asked", Seq, nullable=False),
    Column("destination", Key, nullable=False),
    Index(None, "agent_id", "room_id"),
    Index(None, "room_id"),
)

# Where nothing that is sent is taken. The next message from there, or one that is taken, ends that.
closed_rooms: Final = Table(
    "closed_rooms",
    metadata,
    Column("destination", Key, primary_key=True),
    Column("account", Key, nullable=False),
    _agent(),
    Column("room_id", Id, _to("rooms")),
    Column("reason", Words, nullable=False),
    Column("closed_at", Moment, nullable=False),
    Index(None, "agent_id"),
    Index(None, "room_id"),
)

# Strangers who asked to be let in. The entity need not be there: it is made when they are approved of.
pairings: Final = Table(
    "pairings",
    metadata,
    Column("account", Key, nullable=False),
    Column("user_id", Key, nullable=False),
    _agent(),
    Column("entity_id", Id, nullable=False),
    Column("name", Words, nullable=False),
    Column("target", Json, nullable=False),
    Column("code", Key, nullable=False),
    Column("state", Key, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("decided_at", Moment),
    Column("decided_by", Words, nullable=False),
    Column("told_at", Moment),
    PrimaryKeyConstraint("account", "user_id"),
    Index(None, "agent_id"),
    Index(None, "entity_id"),
)
pairing_open: Final = pairings.c.state == constant("open")
"""Has a code; see `inbox_open`."""
Index("ix_pairings_open", pairings.c.account, sqlite_where=pairing_open, postgresql_where=pairing_open)
pairing_untold: Final = and_(pairings.c.state == constant("approved"), pairings.c.told_at.is_(None))
"""Approved of, and does not know; see `inbox_open`."""
Index("ix_pairings_untold", pairings.c.account, sqlite_where=pairing_untold, postgresql_where=pairing_untold)

# What messages of ours offer to choose from; what just that is stands in the message. A row goes with its
# message, with whoever may choose, and a month after it has ended.
choices: Final = Table(
    "choices",
    metadata,
    Column("key", Key, primary_key=True),
    _agent(),
    Column("room_id", Id, _to("rooms"), nullable=False),
    Column("memory_id", Id, _to("memories"), nullable=False),
    Column("entity_id", Id, _to("entities")),
    Column("expires_at", Moment, nullable=False),
    Column("used_at", Moment),
    # The message that chose.
    Column("used_by_memory_id", Id),
    Index(None, "room_id", "expires_at"),
    Index(None, "memory_id"),
    Index(None, "entity_id"),
    Index(None, "expires_at"),
)

# Where knowledge comes from. The document that counts and the one that is being written are memories; the
# draft's id is no reference, since its row may be written in a later transaction than its memory.
knowledge_sources: Final = Table(
    "knowledge_sources",
    metadata,
    Column("id", Id, primary_key=True),
    _agent(),
    Column("world_id", Id, _to("worlds")),
    Column("parent_id", Id, _to("knowledge_sources")),
    Column("kind", Key, nullable=False),
    Column("location", Words, nullable=False),
    Column("title", Words, nullable=False),
    Column("origin", Key, nullable=False),
    Column("text", Words, nullable=False),
    Column("hash", Key, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("modified", Key, nullable=False),
    Column("etag", Key, nullable=False),
    Column("state", Key, nullable=False),
    Column("remark", Words, nullable=False),
    Column("fragments", Integer, nullable=False),
    Column("document_id", Id, _to("memories", on_delete="SET NULL")),
    Column("draft_id", Id),
    Column("added_by", Words, nullable=False),
    Column("added_at", Moment, nullable=False),
    Column("read_at", Moment),
    Column("checked_at", Moment),
    Column("due_at", Moment),
    Column("claimed_until", Moment),
    Column("embedded", Boolean, nullable=False),
    Index(None, "agent_id", "location"),
    Index(None, "agent_id", "due_at"),
    Index(None, "world_id"),
    Index(None, "parent_id"),
    Index(None, "document_id"),
)

# Tokens that platforms hand over while the host runs, encrypted (`store/secret_box.py`). A row stays when the
# account is over, without its value, and says why. It holds nothing about people.
connector_secrets: Final = Table(
    "connector_secrets",
    metadata,
    Column("platform", Key, nullable=False),
    Column("app", Key, nullable=False),
    Column("account", Key, nullable=False),
    Column("value", Words, nullable=False),
    Column("about", Json, nullable=False),
    Column("updated_at", Moment, nullable=False),
    PrimaryKeyConstraint("platform", "app", "account"),
)

marks: Final = Table(
    "marks",
    metadata,
    Column("account", Key, nullable=False),
    Column("name", Key, nullable=False),
    Column("value", BigInteger, nullable=False),
    PrimaryKeyConstraint("account", "name"),
)
