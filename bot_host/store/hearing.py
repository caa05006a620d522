"""The rule of `bot_host.types.hearing` as conditions: filtered before it is ranked."""

from typing import Any, Final

from sqlalchemy import Boolean, and_, bindparam, or_, select
from sqlalchemy.sql.elements import ColumnElement

from bot_host.store.columns import InList
from bot_host.store.schema import constant, memories, rooms
from bot_host.types.hearing import Hearing
from bot_host.types.knowledge import Audience
from bot_host.types.memory import MemoryType

_m, _r = memories.c, rooms.c
_open = select(_r.id).where(_r.id == _m.room_id, _r.open.is_(True)).correlate(memories).exists()
_private = bindparam("hearing_private", type_=Boolean())

HEARD: Final[ColumnElement[bool]] = or_(
    _m.audience == constant(Audience.AGENT.value),
    and_(_m.type == constant(MemoryType.FACT.value), InList(_m.entity_id, "hearing_persons")),
    and_(
        InList(_m.room_id, "hearing_rooms"),
        or_(_m.audience.is_(None), _m.audience != constant(Audience.ENTITY.value), _private),
    ),
    and_(
        or_(_m.audience.is_(None), _m.audience == constant(Audience.WORLD.value)),
        _m.world_id == bindparam("hearing_world", type_=_m.world_id.type),
        _open,
    ),
)
"""Whether a memory may be heard, with the values of `values`."""


def values(hearing: Hearing) -> dict[str, Any]:
    """What goes with `HEARD`."""
    return {
        "hearing_rooms": list(hearing.room_ids),
        "hearing_world": hearing.world_id,
        "hearing_persons": list(hearing.persons),
        "hearing_private": hearing.private,
    }
