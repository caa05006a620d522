"""Worlds, rooms and participants beyond the message path."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from bot_host.kit.clock import utc_now
from bot_host.store import places, sources
from bot_host.store.columns import InList, JsonText
from bot_host.store.places import (
    PARTICIPANT_FIELDS,
    ROOM_FIELDS,
    WORLD_FIELDS,
    to_participant,
    to_room,
    to_world,
)
from bot_host.store.schema import inbox, inbox_open, outbox, outbox_open, participants, rooms, worlds
from bot_host.store.statement import Family, Statement, Unit
from bot_host.types.ids import UUID
from bot_host.types.places import Participant, Room, World
from bot_host.types.turn import Outcome

DELETED: Final = "room deleted"
"""The reason of messages whose room was deleted before their turn ended."""

_p, _r = participants.c, rooms.c
_ROOM: Final = tuple(_r[name] for name in ROOM_FIELDS)

WORLDS: Final = Statement(
    "worlds.of_agent",
    select(*(worlds.c[name] for name in WORLD_FIELDS))
    .where(worlds.c.agent_id == bindparam("agent_id"))
    .order_by(worlds.c.name, worlds.c.id),
)
REMOVE_WORLD: Final = Statement(
    "worlds.remove", delete(worlds).where(worlds.c.id == bindparam("id")).returning(worlds.c.id)
)
REMOVE_ROOMS: Final = Statement("rooms.remove", delete(rooms).where(InList(_r.id, "ids")).returning(_r.id))
_mine = _r.agent_id == bindparam("agent_id")
ROOMS: Final = Family(
    "rooms.of_agent",
    ("world_id",),
    lambda name, given: Statement(
        name,
        select(*_ROOM)
        .where(*([_mine, _r.world_id == bindparam("world_id")] if given else [_mine]))
        .order_by(_r.name, _r.id),
    ),
)
ROOM_IDS: Final = Statement("rooms.ids_of_world", select(_r.id).where(_r.world_id == bindparam("world_id")))
BY_CHANNEL: Final = Statement(
    "rooms.by_channel",
    select(*_ROOM)
    .where(
        _mine,
        _r.channel_id == bindparam("channel_id"),
        _r.thread_id == bindparam("thread_id"),
        _r.source == bindparam("source"),
    )
    .order_by(_r.created_at.desc())
    .limit(1),
)
_shared = (
    select(_p.room_id)
    .where(InList(_p.entity_id, "entity_ids"))
    .group_by(_p.room_id)
    .having(func.count() == bindparam("many"))
)
SHARED: Final = Statement("rooms.shared", select(*_ROOM).where(_r.id.in_(_shared)).order_by(_r.name, _r.id))
JOIN: Final = Statement(
    "participants.add",
    insert(participants)
    .values({name: bindparam(name) for name in ("room_id", "entity_id", "agent_id", "joined_at")})
    .on_conflict_do_nothing(index_elements=[_p.room_id, _p.entity_id])
    .returning(_p.entity_id),
)
LEAVE: Final = Statement(
    "participants.remove",
    delete(participants)
    .where(_p.room_id == bindparam("room_id"), _p.entity_id == bindparam("entity_id"))
    .returning(_p.entity_id),
)
OF_ENTITY: Final = Statement(
    "participants.of_entity",
    select(*PARTICIPANT_FIELDS)
    .where(_p.entity_id == bindparam("entity_id"))
    .order_by(_p.joined_at.desc(), _p.room_id),
)
END_ROOMS: Final = Statement(
    "inbox.end_rooms",
    update(inbox)
    .where(InList(inbox.c.room_id, "room_ids"), inbox_open)
    .values(
        state="done",
        outcome=Outcome.IGNORED.value,
        reason=DELETED,
        finished_at=bindparam("now", type_=inbox.c.finished_at.type),
    ),
)
UNSEND_ROOMS: Final = Statement(
    "outbox.fail_rooms",
    update(outbox)
    .where(outbox_open, InList(JsonText(outbox.c.target, "room_id"), "room_ids"))
    .values(state="failed", error=DELETED),
)


def get_worlds(agent_id: UUID) -> Unit[list[World]]:
    """See Places.get_worlds."""
    rows = yield WORLDS(agent_id=agent_id)
    return [to_world(row) for row in rows]


def update_world(world: World) -> Unit[bool]:
    """See Places.update_world."""
    rows = yield places.UPDATE_WORLD(
        id_=world.id,
        name_=world.name,
        platform_=world.platform,
        platform_id_=world.platform_id,
        metadata_=world.metadata,
    )
    return bool(rows)


def remove_world(world_id: UUID) -> Unit[bool]:
    """See Places.remove_world."""
    yield from sources.remove_world(world_id)
    rows = yield ROOM_IDS(world_id=world_id)
    yield from delete_rooms([room_id for (room_id,) in rows])
    return bool((yield REMOVE_WORLD(id=world_id)))


def update_room(room: Room) -> Unit[bool]:
    """See Places.update_room."""
    rows = yield places.UPDATE_ROOM(
        id_=room.id,
        world_id_=room.world_id,
        name_=room.name,
        source_=room.source,
        type_=room.type.value,
        channel_id_=room.channel_id,
        thread_id_=room.thread_id,
        metadata_=room.metadata,
        open_=room.open,
    )
    return bool(rows)


def delete_room(room_id: UUID) -> Unit[bool]:
    """See Places.delete_room."""
    return bool((yield from delete_rooms([room_id])))


def delete_rooms(room_ids: Sequence[UUID]) -> Unit[int]:
    """Delete rooms with what is in them; inbox rows end, and stay as keys; nothing more is sent there."""
    yield END_ROOMS(room_ids=room_ids, now=utc_now())
    yield UNSEND_ROOMS(room_ids=room_ids)
    rows = yield REMOVE_ROOMS(ids=room_ids)
    return len(rows)


def get_rooms(agent_id: UUID, world_id: UUID | None) -> Unit[list[Room]]:
    """See Places.get_rooms."""
    rows = yield ROOMS(agent_id=agent_id, world_id=world_id)
    return [to_room(row) for row in rows]


def find_room_by_channel(agent_id: UUID, source: str, channel_id: str, thread_id: str) -> Unit[Room | None]:
    """See Places.find_room_by_channel."""
    rows = yield BY_CHANNEL(agent_id=agent_id, source=source, channel_id=channel_id, thread_id=thread_id)
    return to_room(rows[0]) if rows else None


def get_rooms_for_participants(entity_ids: Sequence[UUID]) -> Unit[list[Room]]:
    """See Places.get_rooms_for_participants. Nobody is in no room."""
    wanted = {entity_id.lower() for entity_id in entity_ids}
    rows = yield SHARED(entity_ids=sorted(wanted), many=len(wanted))
    return [to_room(row) for row in rows]


def add_participants(agent_id: UUID, room_id: UUID, entity_ids: Sequence[UUID]) -> Unit[int]:
    """See Places.add_participants."""
    new = 0
    for entity_id in entity_ids:
        rows = yield JOIN(room_id=room_id, entity_id=entity_id, agent_id=agent_id, joined_at=utc_now())
        new += len(rows)
    return new


def remove_participant(room_id: UUID, entity_id: UUID) -> Unit[bool]:
    """See Places.remove_participant."""
    return bool((yield LEAVE(room_id=room_id, entity_id=entity_id)))


def get_participants_for_entity(entity_id: UUID) -> Unit[list[Participant]]:
    """See Places.get_participants_for_entity."""
    rows = yield OF_ENTITY(entity_id=entity_id)
    return [to_participant(row) for row in rows]
