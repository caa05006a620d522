"""What waits for somebody: strangers at the door, and rooms that take nothing."""

from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import bindparam, select

from bot_host.store.driver import Driver
from bot_host.store.pairing import to_pairing
from bot_host.store.schema import closed_rooms, pairing_open, pairings, rooms
from bot_host.store.statement import Statement, Unit
from bot_host.types.outbound import ClosedRoom
from bot_host.types.pairing import Pairing
from bot_host.types.views import ClosedPlace

_c = closed_rooms.c
_CLOSED: Final = (_c.destination, _c.account, _c.agent_id, _c.room_id, _c.reason, _c.closed_at)
CLOSED: Final = Statement(
    "views.closed_rooms",
    select(*_CLOSED, rooms.c.name)
    .join_from(closed_rooms, rooms, rooms.c.id == _c.room_id, isouter=True)
    .order_by(_c.closed_at.desc(), _c.destination)
    .limit(bindparam("count")),
)
WAITING: Final = Statement(
    "views.waiting_pairings",
    select(*pairings.c)
    .where(pairing_open, pairings.c.expires_at > bindparam("now"))
    .order_by(pairings.c.asked_at)
    .limit(bindparam("count")),
)


def closed_places(count: int) -> Unit[list[ClosedPlace]]:
    """See Views."""
    rows = yield CLOSED(count=count)
    names = [column.name for column in _CLOSED]
    return [
        ClosedPlace(closed=ClosedRoom(**dict(zip(names, row[:-1], strict=True))), name=row[-1] or "")
        for row in rows
    ]


def waiting_pairings(now: datetime, count: int) -> Unit[list[Pairing]]:
    """See Views."""
    rows = yield WAITING(now=now, count=count)
    return [to_pairing(row) for row in rows]


class AttentionViews:
    """See Views."""

    _driver: Driver

    async def closed_places(self, *, count: int) -> list[ClosedPlace]:
        """See Views."""
        return await self._driver.read(partial(closed_places, count))

    async def waiting_pairings(self, now: datetime, *, count: int) -> list[Pairing]:
        """See Views."""
        return await self._driver.read(partial(waiting_pairings, now, count))
