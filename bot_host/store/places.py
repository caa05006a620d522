"""Worlds, rooms, entities and participants: made when first seen, and kept up to date."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from bot_host.kit.clock import utc_now
from bot_host.store import openness
from bot_host.store.columns import InList
from bot_host.store.marks import set_mark
from bot_host.store.schema import entities, entity_names, participants, rooms, worlds
from bot_host.store.statement import Row, Statement, Unit
from bot_host.types.content import ChannelType
from bot_host.types.ids import UUID
from bot_host.types.inbound import Mark
from bot_host.types.places import Entity, Participant, ParticipantState, Room, World

NAMES_KEPT: Final = 16
"""Names of one entity, the newest first; a bound, as some people change theirs every day."""
NAME_INDEXED: Final = 500
"""Characters of a name by which somebody is found: an index of PostgreSQL takes 2,704 bytes a row."""

WORLD_FIELDS: Final = ("id", "agent_id", "name", "platform", "platform_id", "metadata")
ROOM_FIELDS: Final = (
    "id",
    "agent_id",
    "world_id",
    "name",
    "source",
    "type",
    "channel_id",
    "thread_id",
    "metadata",
    "open",
)
ENTITY_FIELDS: Final = ("id", "agent_id", "names", "metadata")


def _find(table: Any, fields: Sequence[str]) -> Any:
    return select(*(table.c[name] for name in fields)).where(table.c.id == bindparam("id"))


def _insert(table: Any, fields: Sequence[str]) -> Any:
    values: dict[str, Any] = {name: bindparam(name) for name in (*fields, "created_at")}
    made = insert(table).values(values).on_conflict_do_nothing(index_elements=[table.c.id])
    return made.returning(table.c.id)


def _update(table: Any, fields: Sequence[str]) -> Any:
    changing = [name for name in fields if name not in ("id", "agent_id")]
    return (
        update(table)
        .where(table.c.id == bindparam("id_"))
        .values({name: bindparam(f"{name}_", type_=table.c[name].type) for name in changing})
        .returning(table.c.id)
    )


FIND_WORLD: Final = Statement("worlds.find", _find(worlds, WORLD_FIELDS))
INSERT_WORLD: Final = Statement("worlds.insert", _insert(worlds, WORLD_FIELDS))
UPDATE_WORLD: Final = Statement("worlds.update", _update(worlds, WORLD_FIELDS))
FIND_ROOM: Final = Statement("rooms.find", _find(rooms, ROOM_FIELDS))
INSERT_ROOM: Final = Statement("rooms.insert", _insert(rooms, ROOM_FIELDS))
UPDATE_ROOM: Final = Statement("rooms.update", _update(rooms, ROOM_FIELDS))
FIND_ENTITY: Final = Statement("entities.find", _find(entities, ENTITY_FIELDS))
INSERT_ENTITY: Final = Statement("entities.insert", _insert(entities, ENTITY_FIELDS))
UPDATE_ENTITY: Final = Statement("entities.update", _update(entities, ENTITY_FIELDS))
GET_ENTITIES: Final = Statement(
    "entities.get", select(*(entities.c[name] for name in ENTITY_FIELDS)).where(InList(entities.c.id, "ids"))
)

_name = insert(entity_names).values({column.name: bindparam(column.name) for column in entity_names.c})
ADD_NAME: Final = Statement(
    "entity_names.add", _name.on_conflict_do_nothing(index_elements=list(entity_names.primary_key))
)
DROP_NAMES: Final = Statement(
    "entity_names.drop", delete(entity_names).where(entity_names.c.entity_id == bindparam("entity_id"))
)

_p = participants.c
PARTICIPANT_FIELDS: Final = (_p.entity_id, _p.room_id, _p.agent_id, _p.state, _p.joined_at)
_join = insert(participants).values({column.name: bindparam(column.name) for column in PARTICIPANT_FIELDS})
JOIN: Final = Statement(
    "participants.join", _join.on_conflict_do_nothing(index_elements=[_p.room_id, _p.entity_id])
)
SET_STATE: Final = Statement(
    "participants.set_state",
    _join.on_conflict_do_update(
        index_elements=[_p.room_id, _p.entity_id], set_={"state": _join.excluded.state}
    ),
)
FIND_PARTICIPANT: Final = Statement(
    "participants.find",
    select(_p.state).where(_p.room_id == bindparam("room_id"), _p.entity_id == bindparam("entity_id")),
)
GET_PARTICIPANTS: Final = Statement(
    "participants.get",
    select(*PARTICIPANT_FIELDS)
    .where(_p.room_id == bindparam("room_id"))
    .order_by(_p.joined_at, _p.entity_id),
)


def to_world(row: Row) -> World:
    return World(**dict(zip(WORLD_FIELDS, row, strict=True)))


def to_room(row: Row) -> Room:
    values = dict(zip(ROOM_FIELDS, row, strict=True))
    return Room(**{**values, "type": ChannelType(values["type"])})


def to_entity(row: Row) -> Entity:
    values = dict(zip(ENTITY_FIELDS, row, strict=True))
    return Entity(**{**values, "names": tuple(values["names"])})


def to_participant(row: Row) -> Participant:
    entity_id, room_id, agent_id, state, joined_at = row
    return Participant(
        entity_id=entity_id,
        room_id=room_id,
        agent_id=agent_id,
        state=ParticipantState(state) if state else None,
        joined_at=joined_at,
    )


def _says(value: Any) -> bool:
    return value is not None and value != "" and value != {} and value != []


def _merge(known: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """What is told over what is known; what an event leaves empty erases nothing (elizaos.md 2.12-03)."""
    return {**known, **{key: value for key, value in told.items() if _says(value)}}


def _merge_platforms(known: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """Like `_merge`, one level down: an entity's metadata has a sub-object a platform (3.3-03)."""
    merged = dict(known)
    for platform, values in told.items():
        old = known.get(platform)
        if isinstance(values, Mapping) and isinstance(old, Mapping):
            merged[platform] = _merge(old, values)
        elif _says(values):
            merged[platform] = values
    return merged


def merge_names(known: Iterable[str], told: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name for name in (*told, *known) if name))[:NAMES_KEPT]


def ensure_world(world: World) -> Unit[None]:
    """Make a world, or take over what is told and differs."""
    rows = yield FIND_WORLD(id=world.id)
    told = {
        "name": world.name,
        "platform": world.platform,
        "platform_id": world.platform_id,
        "metadata": world.metadata,
    }
    if not rows:
        yield INSERT_WORLD(id=world.id, agent_id=world.agent_id, **told, created_at=utc_now())
        return
    known = dict(zip(WORLD_FIELDS, rows[0], strict=True))
    yield from _update_if_new(UPDATE_WORLD, known, told)


def ensure_room(room: Room) -> Unit[None]:
    """Make a room, or take over what is told and differs, its type too (elizaos.md 2.12-06 never did)."""
    rows = yield FIND_ROOM(id=room.id)
    told = {
        "world_id": room.world_id,
        "name": room.name,
        "source": room.source,
        "type": room.type.value,
        "channel_id": room.channel_id,
        "thread_id": room.thread_id,
        "metadata": room.metadata,
        "open": room.open,
    }
    known = dict(zip(ROOM_FIELDS, rows[0], strict=True)) if rows else None
    if room.open is False and (known is None or known["open"] is not False):
        yield from openness.close_with_threads(room, known["channel_id"] if known else "")
    if known is None:
        yield INSERT_ROOM(id=room.id, agent_id=room.agent_id, **told, created_at=utc_now())
    else:
        yield from _update_if_new(UPDATE_ROOM, known, told)


def _update_if_new(statement: Statement, known: dict[str, Any], told: dict[str, Any]) -> Unit[None]:
    merged = _merge(known, told)
    merged["metadata"] = _merge(known["metadata"], told["metadata"])
    if merged != known:
        yield statement(**{f"{key}_": value for key, value in merged.items()})


def ensure_entity(entity: Entity) -> Unit[None]:
    """Make an entity, or put a new name first and take over new metadata."""
    rows = yield FIND_ENTITY(id=entity.id)
    if not rows:
        yield from insert_entity(entity)
        return
    _, agent_id, names, metadata = rows[0]
    new_names = merge_names(names, entity.names)
    new_metadata = _merge_platforms(metadata, entity.metadata)
    if new_names != names or new_metadata != metadata:
        yield UPDATE_ENTITY(id_=entity.id, names_=new_names, metadata_=new_metadata)
    if new_names != names:
        yield from index_names(agent_id, entity.id, new_names)


def insert_entity(entity: Entity) -> Unit[bool]:
    """Make an entity, unless its id is known."""
    names = merge_names((), entity.names)
    rows = yield INSERT_ENTITY(
        id=entity.id,
        agent_id=entity.agent_id,
        names=names,
        metadata=entity.metadata,
        created_at=utc_now(),
    )
    if rows:
        yield from index_names(entity.agent_id, entity.id, names)
    return bool(rows)


def name_key(name: str) -> str:
    """A name as it is looked for: without case."""
    return name.casefold()[:NAME_INDEXED]


def index_names(agent_id: UUID, entity_id: UUID, names: Iterable[str]) -> Unit[None]:
    """Let an entity be found by just these names."""
    yield DROP_NAMES(entity_id=entity_id)
    for name in dict.fromkeys(map(name_key, names)):
        yield ADD_NAME(agent_id=agent_id, entity_id=entity_id, name=name)


def ensure_participant(agent_id: UUID, room_id: UUID, entity_id: UUID) -> Unit[None]:
    """Put an entity into a room, unless it is there."""
    yield JOIN(entity_id=entity_id, room_id=room_id, agent_id=agent_id, state=None, joined_at=utc_now())


def is_participant(room_id: UUID, entity_id: UUID) -> Unit[bool]:
    """Whether an entity is in a room; then both exist."""
    return bool((yield FIND_PARTICIPANT(room_id=room_id, entity_id=entity_id)))


def apply_places(
    account: str, worlds: Sequence[World], rooms: Sequence[Room], people: Sequence[Entity], mark: Mark | None
) -> Unit[None]:
    """See Inbox.apply_places."""
    for world in worlds:
        yield from ensure_world(world)
    for room in rooms:
        yield from ensure_room(room)
    for person in people:
        yield from ensure_entity(person)
    yield from set_mark(account, mark)


def find_world(world_id: UUID) -> Unit[World | None]:
    """See Store.find_world."""
    rows = yield FIND_WORLD(id=world_id)
    return to_world(rows[0]) if rows else None


def find_room(room_id: UUID) -> Unit[Room | None]:
    """See Store.find_room."""
    rows = yield FIND_ROOM(id=room_id)
    return to_room(rows[0]) if rows else None


def find_entity(entity_id: UUID) -> Unit[Entity | None]:
    """See Store.find_entity."""
    rows = yield FIND_ENTITY(id=entity_id)
    return to_entity(rows[0]) if rows else None


def get_entities(entity_ids: Sequence[UUID]) -> Unit[dict[UUID, Entity]]:
    """See Store.get_entities."""
    if not entity_ids:
        return {}
    rows = yield GET_ENTITIES(ids=entity_ids)
    found = {entity.id: entity for entity in map(to_entity, rows)}
    return {asked: found[asked.lower()] for asked in entity_ids if asked.lower() in found}


def get_participants(room_id: UUID) -> Unit[list[Participant]]:
    """See Store.get_participants."""
    rows = yield GET_PARTICIPANTS(room_id=room_id)
    return [to_participant(row) for row in rows]


def get_participant_state(room_id: UUID, entity_id: UUID) -> Unit[ParticipantState | None]:
    """See Store.get_participant_state."""
    rows = yield FIND_PARTICIPANT(room_id=room_id, entity_id=entity_id)
    return ParticipantState(rows[0][0]) if rows and rows[0][0] else None


def set_participant_state(
    agent_id: UUID, room_id: UUID, entity_id: UUID, state: ParticipantState | None
) -> Unit[None]:
    """See Store.set_participant_state."""
    yield SET_STATE(
        entity_id=entity_id,
        room_id=room_id,
        agent_id=agent_id,
        state=state.value if state else None,
        joined_at=utc_now(),
    )
