"""Who is alone with an agent, and what may be heard where."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, select

from bot_host.store import places
from bot_host.store.columns import InList
from bot_host.store.schema import constant, participants, rooms
from bot_host.store.statement import Statement, Unit
from bot_host.types.content import ChannelType
from bot_host.types.hearing import Hearing
from bot_host.types.ids import UUID
from bot_host.types.places import OUTSIDERS

PRIVATE: Final = (ChannelType.DM, ChannelType.VOICE_DM, ChannelType.SELF, ChannelType.API)
MOST_ROOMS: Final = 200
"""Private rooms of one person that are looked into, the newest: each browser session may be one."""

_p, _r = participants.c, rooms.c
_other = participants.alias("other")
_others = (
    select(_other.c.entity_id)
    .where(
        _other.c.room_id == _p.room_id,
        _other.c.entity_id != _p.entity_id,
        _other.c.entity_id != _r.agent_id,
    )
    .correlate(participants, rooms)
    .exists()
)
PRIVATE_ROOMS: Final = Statement(
    "hearing.private_rooms",
    select(_r.id)
    .join_from(participants, rooms, _r.id == _p.room_id)
    .where(
        InList(_p.entity_id, "entity_ids"),
        _p.entity_id != _r.agent_id,
        _r.type.in_([constant(kind.value) for kind in PRIVATE]),
        ~_others,
    )
    .order_by(_r.created_at.desc(), _r.id)
    .limit(MOST_ROOMS),
)
ALONE: Final = Statement(
    "hearing.alone",
    select(_p.entity_id)
    .where(_p.room_id == bindparam("room_id"), _p.entity_id != bindparam("agent_id"))
    .limit(2),
)


def private_rooms(entity_ids: Sequence[UUID]) -> Unit[list[UUID]]:
    """See Hearings.private_rooms."""
    return [row[0] for row in (yield PRIVATE_ROOMS(entity_ids=list(entity_ids)))]


def hearing_in(agent_id: UUID, room_id: UUID) -> Unit[Hearing]:
    """See Hearings.hearing_in."""
    room = yield from places.find_room(room_id)
    if room is None or room.agent_id != agent_id.lower():
        return Hearing(room_ids=(room_id,))
    if room.type not in PRIVATE:
        outsiders = bool(room.metadata.get(OUTSIDERS))
        return Hearing(room_ids=(room.id,), world_id=None if outsiders else room.world_id)
    people = yield ALONE(room_id=room.id, agent_id=agent_id)
    if len(people) != 1:
        # Nobody, or several: a room of the API may be anything.
        return Hearing(room_ids=(room.id,))
    persons = (people[0][0],)
    others = yield from private_rooms(persons)
    return Hearing(room_ids=tuple(dict.fromkeys((room.id, *others))), persons=persons)
