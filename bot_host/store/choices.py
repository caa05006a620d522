"""What messages of ours offer to choose from: found, and used once."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import and_, bindparam, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from bot_host.kit.clock import utc_now
from bot_host.store.schema import choices, memories
from bot_host.store.statement import Row, Statement, Unit
from bot_host.types.choices import OpenChoice
from bot_host.types.content import Content
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory

KEPT: Final = timedelta(days=30)
"""After their end, so that a late click is told that it is late."""
AT_MOST: Final = 20
"""Open ones of a room that are looked at."""

_c = choices.c
_NAMES: Final = ("key", "agent_id", "room_id", "memory_id", "entity_id", "expires_at")
_FIELDS: Final = (*(_c[name] for name in _NAMES), _c.used_at, _c.used_by_memory_id, memories.c.content)
_found = select(*_FIELDS).join_from(choices, memories, memories.c.id == _c.memory_id)

INSERT: Final = Statement(
    "choices.insert",
    insert(choices)
    .values({name: bindparam(name) for name in _NAMES})
    .on_conflict_do_nothing(index_elements=[_c.key]),
)
SWEEP: Final = Statement("choices.sweep", delete(choices).where(_c.expires_at < bindparam("before")))
FIND: Final = Statement("choices.find", _found.where(_c.key == bindparam("key")))
OPEN: Final = Statement(
    "choices.open",
    _found.where(_c.room_id == bindparam("room_id"), _c.expires_at > bindparam("now"), _c.used_at.is_(None))
    .order_by(_c.expires_at.desc())
    .limit(AT_MOST),
)
USE: Final = Statement(
    "choices.use",
    update(choices)
    .where(
        _c.key == bindparam("of_key"),
        or_(
            and_(_c.used_at.is_(None), _c.expires_at > bindparam("now", type_=_c.expires_at.type)),
            _c.used_by_memory_id == bindparam("by", type_=_c.used_by_memory_id.type),
        ),
    )
    .values(
        used_at=bindparam("at", type_=_c.used_at.type),
        used_by_memory_id=bindparam("by", type_=_c.used_by_memory_id.type),
    )
    .returning(_c.key),
)


def add(memory: Memory) -> Unit[None]:
    """Note what a message of ours offers, if it does."""
    offered = memory.content.choices
    if offered is None or not offered.key or offered.expires_at is None:
        return
    yield SWEEP(before=utc_now() - KEPT)
    yield INSERT(
        key=offered.key,
        agent_id=memory.agent_id,
        room_id=memory.room_id,
        memory_id=memory.id,
        entity_id=offered.owner,
        expires_at=offered.expires_at,
    )


def _to_choice(row: Row) -> OpenChoice | None:
    offered = Content.model_validate(row[-1]).choices
    if offered is None:
        return None
    values = dict(zip((*_NAMES, "used_at", "used_by"), row[:-1], strict=True))
    return OpenChoice(**values, choices=offered)


def find_choice(key: str) -> Unit[OpenChoice | None]:
    """See Choosing.find_choice."""
    rows = yield FIND(key=key)
    return _to_choice(rows[0]) if rows else None


def open_choices(room_id: UUID, now: datetime) -> Unit[list[OpenChoice]]:
    """See Choosing.open_choices."""
    rows = yield OPEN(room_id=room_id, now=now)
    return [found for row in rows if (found := _to_choice(row)) is not None]


def use_choice(key: str, memory_id: UUID) -> Unit[bool]:
    """See Choosing.use_choice."""
    now = utc_now()
    return bool((yield USE(of_key=key, by=memory_id, now=now, at=now)))
