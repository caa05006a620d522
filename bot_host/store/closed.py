"""Destinations that refuse whatever is sent there."""

from typing import Final

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from bot_host.store.places import FIND_ROOM
from bot_host.store.schema import closed_rooms, outbox, outbox_open
from bot_host.store.statement import Statement, Unit
from bot_host.types.outbound import ClosedRoom

_c = closed_rooms.c
_NAMES: Final = tuple(column.name for column in _c)
_put = insert(closed_rooms).values({name: bindparam(name) for name in _NAMES})
_here = _c.destination == bindparam("destination")

PUT: Final = Statement(
    "closed_rooms.put",
    _put.on_conflict_do_update(
        index_elements=[_c.destination],
        set_={name: _put.excluded[name] for name in ("room_id", "reason")},
    ),
)
FAIL_ALL: Final = Statement(
    "outbox.fail_all",
    update(outbox)
    .where(outbox.c.destination == bindparam("of_destination"), outbox_open)
    .values(state="failed", error=bindparam("why", type_=outbox.c.error.type))
    .returning(outbox.c.seq),
)
OPEN: Final = Statement("closed_rooms.open", delete(closed_rooms).where(_here).returning(_c.destination))
ALL: Final = Statement("closed_rooms.all", select(*_c).order_by(_c.closed_at, _c.destination))


def close_room(closed: ClosedRoom) -> Unit[list[int]]:
    """See Outbox.close_room."""
    values = {name: getattr(closed, name) for name in _NAMES}
    if closed.room_id is not None and not (yield FIND_ROOM(id=closed.room_id)):
        values["room_id"] = None
    yield PUT(**values)
    rows = yield FAIL_ALL(of_destination=closed.destination, why=closed.reason)
    return sorted(seq for (seq,) in rows)


def open_room(destination: str) -> Unit[bool]:
    """See Outbox.open_room."""
    return bool((yield OPEN(destination=destination)))


def closed_rooms_all() -> Unit[list[ClosedRoom]]:
    """See Outbox.closed_rooms."""
    rows = yield ALL()
    return [ClosedRoom(**dict(zip(_NAMES, row, strict=True))) for row in rows]
