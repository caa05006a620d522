"""Memories beyond the message path: lists, counts, changes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.sql.elements import ColumnElement

from bot_host.store import embeddings, memories
from bot_host.store.columns import InList
from bot_host.store.memories import FIELDS, to_memory
from bot_host.store.schema import memories as table
from bot_host.store.schema import memories_learned
from bot_host.store.statement import Family, Statement, Unit
from bot_host.types.content import Content
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory, MemoryType

SCOPE: Final = ("type", "learned_type", "room_id", "world_id", "entity_id")
"""Filters that lists and searches share. `learned_type` is any type but messages: it has its own index."""

_c = table.c


def scope(given: frozenset[str]) -> list[ColumnElement[bool]]:
    """The conditions of `SCOPE`, and that it is the agent's own: no agent sees another's memories."""
    named = ("type", "room_id", "world_id", "entity_id")
    conditions = [_c.agent_id == bindparam("agent_id")]
    conditions += [_c[name] == bindparam(name) for name in named if name in given]
    if "learned_type" in given:
        conditions += [_c.type == bindparam("learned_type", type_=_c.type.type), memories_learned]
    return conditions


def scope_values(
    agent_id: UUID,
    type: MemoryType | None,
    room_id: UUID | None,
    world_id: UUID | None,
    entity_id: UUID | None,
) -> dict[str, Any]:
    """The values that go with `scope`."""
    kind = type.value if type else None
    # Within a room, the room's own index is the better one.
    learned = kind is not None and type is not MemoryType.MESSAGE and room_id is None
    return {
        "agent_id": agent_id,
        "type": None if learned else kind,
        "learned_type": kind if learned else None,
        "room_id": room_id,
        "world_id": world_id,
        "entity_id": entity_id,
    }


def _list(name: str, given: frozenset[str]) -> Statement:
    conditions = scope(given)
    if "room_ids" in given:
        conditions.append(InList(_c.room_id, "room_ids"))
    if "start" in given:
        conditions.append(_c.created_at >= bindparam("start"))
    if "end" in given:
        conditions.append(_c.created_at <= bindparam("end"))
    if "unique" in given:
        conditions.append(_c.unique.is_(True))
    query = select(*FIELDS).where(*conditions).order_by(_c.created_at.desc(), _c.seq.desc())
    return Statement(name, query.limit(bindparam("count")).offset(bindparam("skip")))


LIST: Final = Family("memories.list", (*SCOPE, "room_ids", "start", "end", "unique"), _list)
UPDATE: Final = Statement(
    "memories.update",
    update(table)
    .where(_c.id == bindparam("memory_id"))
    .values(
        content=bindparam("new_content"),
        metadata=bindparam("new_metadata"),
        confidence=bindparam("new_confidence", type_=_c.confidence.type),
    ),
)


def _of_room(name: str, given: frozenset[str]) -> list[ColumnElement[bool]]:
    conditions = [_c.room_id == bindparam("room_id")]
    return conditions + [
        _c[column] == bindparam(column) for column in ("type", "agent_id") if column in given
    ]


COUNT: Final = Family(
    "memories.count",
    ("type", "agent_id"),
    lambda name, given: Statement(
        name, select(func.count()).select_from(table).where(*_of_room(name, given))
    ),
)
DELETE_ALL: Final = Family(
    "memories.delete_all",
    ("type", "agent_id"),
    lambda name, given: Statement(name, delete(table).where(*_of_room(name, given))),
)


def list_memories(
    scope_of: Mapping[str, Any],
    room_ids: Sequence[UUID] | None,
    start: datetime | None,
    end: datetime | None,
    unique: bool,
    count: int,
    offset: int,
) -> Unit[list[Memory]]:
    """See Memories.list_memories."""
    rows = yield LIST(
        **scope_of,
        room_ids=room_ids,
        start=start,
        end=end,
        unique=unique or None,
        count=max(0, count),
        skip=max(0, offset),
    )
    return [to_memory(row) for row in rows]


def get_memories_by_ids(ids: Sequence[UUID]) -> Unit[list[Memory]]:
    """See Memories.get_memories_by_ids."""
    found = yield from memories.find_memories(list(ids))
    asked = dict.fromkeys(memory_id.lower() for memory_id in ids)
    return [found[memory_id] for memory_id in asked if memory_id in found]


def update_memory(
    memory_id: UUID,
    content: Content | None,
    metadata: Mapping[str, Any] | None,
    confidence: float | None,
) -> Unit[bool]:
    """See Memories.update_memory."""
    memory = yield from memories.find_memory(memory_id)
    if memory is None:
        return False
    yield UPDATE(
        memory_id=memory_id,
        new_content=(memory.content if content is None else content).to_dict(),
        new_metadata=memory.metadata if metadata is None else dict(metadata),
        new_confidence=memory.confidence if confidence is None else confidence,
    )
    if content is not None and content.text != memory.content.text:
        yield from embeddings.forget(memory_id)
    return True


def delete_all_memories(room_id: UUID, type: MemoryType | None, agent_id: UUID | None) -> Unit[int]:
    """See Memories.delete_all_memories."""
    count = yield from count_memories(room_id, type, agent_id)
    yield DELETE_ALL(room_id=room_id, type=type.value if type else None, agent_id=agent_id)
    return count


def count_memories(room_id: UUID, type: MemoryType | None, agent_id: UUID | None) -> Unit[int]:
    """See Memories.count_memories."""
    rows = yield COUNT(room_id=room_id, type=type.value if type else None, agent_id=agent_id)
    count: int = rows[0][0]
    return count
