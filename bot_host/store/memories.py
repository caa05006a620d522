"""Memories: what was said and learned."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Select, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from bot_host.store import choices
from bot_host.store.columns import InList
from bot_host.store.schema import memories
from bot_host.store.statement import Row, Statement, Unit
from bot_host.types.content import Content
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory, MemoryType

_c = memories.c
_END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)
FIELDS: Final = (
    _c.id,
    _c.agent_id,
    _c.entity_id,
    _c.room_id,
    _c.world_id,
    _c.type,
    _c.content,
    _c.metadata,
    _c.revision,
    _c.created_at,
    _c.source_memory_id,
    _c.confidence,
    _c.audience,
    _c.unique,
)
_NAMES: Final = tuple(column.name for column in FIELDS)


def _select() -> Select[Any]:
    return select(*FIELDS)


INSERT: Final = Statement(
    "memories.insert",
    insert(memories)
    .values({column.name: bindparam(column.name) for column in FIELDS})
    .on_conflict_do_nothing(index_elements=[_c.id])
    .returning(_c.id),
)
FIND: Final = Statement("memories.find", _select().where(_c.id == bindparam("id")))
FIND_MANY: Final = Statement("memories.find_many", _select().where(InList(_c.id, "ids")))
NEWEST: Final = Statement(
    "memories.newest",
    _select()
    .where(
        _c.room_id == bindparam("room_id"),
        _c.type == bindparam("type"),
        _c.created_at <= bindparam("until"),
    )
    .order_by(_c.created_at.desc(), _c.seq.desc())
    .limit(bindparam("count")),
)
SPOKEN: Final = Statement(
    "memories.spoken",
    select(_c.id)
    .where(
        _c.entity_id == bindparam("agent_id"),
        _c.room_id == bindparam("room_id"),
        _c.agent_id == bindparam("agent_id"),
        _c.type == bindparam("type"),
    )
    .limit(1),
)
REVISIONS: Final = Statement("memories.revisions", select(_c.id, _c.revision).where(InList(_c.id, "ids")))
REVISE: Final = Statement(
    "memories.revise",
    update(memories)
    .where(_c.id == bindparam("memory_id"))
    .values(content=bindparam("new_content"), metadata=bindparam("new_metadata"), revision=_c.revision + 1),
)
DESCRIBE: Final = Statement(
    "memories.describe",
    update(memories)
    .where(_c.id == bindparam("memory_id"), _c.revision == bindparam("at_revision"))
    .values(content=bindparam("new_content")),
)
COUNT_KNOWN: Final = Statement(
    "memories.count_known", select(func.count()).select_from(memories).where(InList(_c.id, "ids"))
)
DELETE: Final = Statement("memories.delete", delete(memories).where(InList(_c.id, "ids")))


def to_memory(row: Row) -> Memory:
    """A row of `FIELDS` as a memory."""
    return Memory.model_validate(dict(zip(_NAMES, row, strict=True)))


def create_memory(memory: Memory) -> Unit[bool]:
    """See Store.create_memory."""
    rows = yield INSERT(
        id=memory.id,
        agent_id=memory.agent_id,
        entity_id=memory.entity_id,
        room_id=memory.room_id,
        world_id=memory.world_id,
        type=memory.type.value,
        content=memory.content.to_dict(),
        metadata=memory.metadata,
        revision=memory.revision,
        created_at=memory.created_at,
        source_memory_id=memory.source_memory_id,
        confidence=memory.confidence,
        audience=memory.audience.value if memory.audience else None,
        unique=memory.unique,
    )
    if rows and memory.content.choices is not None and memory.entity_id == memory.agent_id:
        yield from choices.add(memory)
    return bool(rows)


def find_memory(memory_id: UUID) -> Unit[Memory | None]:
    """See Store.find_memory."""
    rows = yield FIND(id=memory_id)
    return to_memory(rows[0]) if rows else None


def find_memories(memory_ids: Sequence[UUID]) -> Unit[dict[UUID, Memory]]:
    """Those that there are, by id."""
    if len(memory_ids) == 1:
        rows = yield FIND(id=memory_ids[0])
    else:
        rows = yield FIND_MANY(ids=memory_ids)
    return {memory.id: memory for memory in map(to_memory, rows)}


def note_readings(memory_id: UUID, revision: int, read: Content) -> Unit[bool]:
    """See Store.note_readings."""
    memory = yield from find_memory(memory_id)
    if memory is None or memory.revision != revision:
        return False
    content = memory.content.model_copy(update={"attachments": read.attachments, "quotes": read.quotes})
    yield DESCRIBE(memory_id=memory_id, at_revision=revision, new_content=content.to_dict())
    return True


def get_memories(room_id: UUID, type: MemoryType, count: int, until: datetime | None) -> Unit[list[Memory]]:
    """See Store.get_memories."""
    rows = yield NEWEST(room_id=room_id, type=type.value, count=max(0, count), until=until or _END_OF_TIME)
    return [to_memory(row) for row in reversed(rows)]


def has_spoken(agent_id: UUID, room_id: UUID) -> Unit[bool]:
    """See Store.has_spoken."""
    rows = yield SPOKEN(agent_id=agent_id, room_id=room_id, type=MemoryType.MESSAGE.value)
    return bool(rows)


def revisions_hold(expected: dict[UUID, int]) -> Unit[bool]:
    """Whether each memory is there with the revision given."""
    if not expected:
        return True
    rows = yield REVISIONS(ids=list(expected))
    found = {row[0]: row[1] for row in rows}
    return all(found.get(memory_id.lower()) == revision for memory_id, revision in expected.items())


def delete_memories(memory_ids: Sequence[UUID]) -> Unit[int]:
    """Delete memories and what was derived from them; how many of these there were."""
    # Counted first: one that goes with another of the list is not the statement's own.
    rows = yield COUNT_KNOWN(ids=memory_ids)
    yield DELETE(ids=memory_ids)
    count: int = rows[0][0]
    return count
