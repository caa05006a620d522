"""Rooms that all of their world may read, and that are so no more: threads go with their channel."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, not_, or_, update

from bot_host.store.columns import InList, JsonText
from bot_host.store.schema import rooms
from bot_host.store.statement import Statement, Unit
from bot_host.types.ids import UUID
from bot_host.types.places import PARENT_ID, Room

_r = rooms.c
_parent = JsonText(_r.metadata, PARENT_ID)
_open_here = (_r.world_id == bindparam("of_world", type_=_r.world_id.type), _r.open.is_(True))

CLOSE: Final = Statement(
    "rooms.close",
    update(rooms)
    .where(
        *_open_here,
        or_(InList(_r.channel_id, "channels"), InList(_parent, "channels")),
    )
    .values(open=False),
)
NARROW: Final = Statement(
    "rooms.narrow",
    update(rooms)
    .where(
        *_open_here,
        not_(InList(_r.channel_id, "channels")),
        or_(_parent.is_(None), not_(InList(_parent, "channels"))),
    )
    .values(open=False)
    .returning(_r.id),
)


def close_with_threads(room: Room, before: str) -> Unit[None]:
    """A room is not open any more: neither is its channel, nor its threads.

    `before`: the channel as it was known: on some platforms it gets another id with that.
    """
    if room.world_id is not None:
        channels = [channel for channel in dict.fromkeys((room.channel_id, before)) if channel]
        yield CLOSE(of_world=room.world_id, channels=channels)


def narrow_rooms(world_id: UUID, channel_ids: Sequence[str]) -> Unit[int]:
    """See Hearings.narrow_rooms."""
    return len((yield NARROW(of_world=world_id, channels=list(channel_ids))))
