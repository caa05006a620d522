"""People: those of a room, those of a name, and one of them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import and_, bindparam, or_, select

from bot_host.store import linking, memories, places
from bot_host.store.columns import InList
from bot_host.store.link_tables import person_links
from bot_host.store.people import OF_ENTITY, to_relationship
from bot_host.store.places import (
    ENTITY_FIELDS,
    ROOM_FIELDS,
    WORLD_FIELDS,
    name_key,
    to_entity,
    to_room,
    to_world,
)
from bot_host.store.schema import (
    agents,
    constant,
    entities,
    entity_names,
    memories_learned,
    participants,
    rooms,
    worlds,
)
from bot_host.store.schema import memories as memories_table
from bot_host.store.statement import Row, Statement, Unit
from bot_host.store.views.rooms import NO_ID
from bot_host.types.ids import UUID
from bot_host.types.places import ParticipantState
from bot_host.types.room_views import PersonRow, PersonView

_e, _m, _n, _p = entities.c, memories_table.c, entity_names.c, participants.c
_START: Final = (datetime.min.replace(year=1970, tzinfo=UTC), NO_ID)
_LAST_CHARACTER: Final = "\U0010ffff"
_entity: Final = tuple(_e[name] for name in ENTITY_FIELDS)
_linked: Any = (
    select(person_links.c.entity_id).where(person_links.c.entity_id == _e.id).correlate(entities).exists()
)

OF_ROOM: Final = Statement(
    "views.room_people",
    select(*_entity, _p.joined_at, _p.state, _linked.label("linked"))
    .join_from(participants, entities, _e.id == _p.entity_id)
    .where(
        _p.room_id == bindparam("room_id"),
        or_(
            _p.joined_at > bindparam("past"),
            and_(_p.joined_at == bindparam("past"), _p.entity_id > bindparam("past_id")),
        ),
    )
    .order_by(_p.joined_at, _p.entity_id)
    .limit(bindparam("count")),
)
_earlier = entity_names.alias("earlier")


def _named(*fits: Any, earlier: Any) -> Any:
    # Of several names that fit, the first by the alphabet stands for them all.
    other = select(_earlier.c.name).where(
        _earlier.c.entity_id == _n.entity_id, _earlier.c.name < _n.name, earlier
    )
    return (
        select(*_entity, _n.name, _linked.label("linked"))
        .join_from(entity_names, entities, _e.id == _n.entity_id)
        .where(
            _n.agent_id == bindparam("agent_id"),
            _n.name >= bindparam("past"),
            *fits,
            or_(_n.name > bindparam("past"), _n.entity_id > bindparam("past_id")),
            ~other.correlate(entity_names).exists(),
        )
        .order_by(_n.name, _n.entity_id)
        .limit(bindparam("count"))
    )


def _like(column: Any) -> Any:
    return column.like(bindparam("like"), escape="\\")


BY_NAME: Final = Statement(
    "views.people_by_name",
    _named(_n.name < bindparam("end"), earlier=_earlier.c.name >= bindparam("begins", type_=_n.name.type)),
    # Its order of characters may be any.
    postgresql=_named(_like(_n.name), earlier=_like(_earlier.c.name)),
)
AGENT: Final = Statement("views.agent_name", select(agents.c.name).where(agents.c.id == bindparam("id")))
ROOMS: Final = Statement(
    "views.rooms_of_person",
    select(_p.joined_at, *(rooms.c[name] for name in ROOM_FIELDS))
    .join_from(participants, rooms, rooms.c.id == _p.room_id)
    .where(_p.entity_id == bindparam("entity_id"))
    .order_by(_p.joined_at.desc(), _p.room_id)
    .limit(bindparam("count")),
)
WORLDS: Final = Statement(
    "views.worlds_by_id",
    select(*(worlds.c[name] for name in WORLD_FIELDS)).where(InList(worlds.c.id, "ids")),
)
FACTS: Final = Statement(
    "views.facts_of_person",
    select(*memories.FIELDS)
    .where(
        _m.agent_id == bindparam("agent_id"),
        _m.type == constant("fact"),
        memories_learned,
        _m.entity_id == bindparam("entity_id"),
    )
    .order_by(_m.created_at.desc(), _m.seq.desc())
    .limit(bindparam("count")),
)


def room_people(room_id: UUID, after: tuple[datetime, UUID] | None, count: int) -> Unit[list[PersonRow]]:
    """See RoomViews."""
    past, past_id = after or _START
    rows = yield OF_ROOM(room_id=room_id, past=past, past_id=past_id, count=count)
    return [
        PersonRow(
            entity=to_entity(row[: len(ENTITY_FIELDS)]),
            joined_at=row[-3],
            state=ParticipantState(row[-2]) if row[-2] else None,
            linked=bool(row[-1]),
        )
        for row in rows
    ]


def people_by_name(
    agent_id: UUID, begins: str, after: tuple[str, UUID] | None, count: int
) -> Unit[list[PersonRow]]:
    """See RoomViews."""
    begins = name_key(begins)
    past, past_id = after or (begins, NO_ID)
    plain = begins.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rows = yield BY_NAME(
        agent_id=agent_id,
        begins=begins,
        end=begins + _LAST_CHARACTER,
        like=f"{plain}%",
        past=past,
        past_id=past_id,
        count=count,
    )
    return [
        PersonRow(
            entity=to_entity(row[: len(ENTITY_FIELDS)]),
            joined_at=None,
            state=None,
            linked=bool(row[-1]),
            name=row[-2],
        )
        for row in rows
    ]


def person_view(entity_id: UUID, count: int) -> Unit[PersonView | None]:
    """See RoomViews."""
    entity = yield from places.find_entity(entity_id)
    if entity is None:
        return None
    agent = yield AGENT(id=entity.agent_id)
    person = yield from linking.linked_person(entity.id)
    others = [each for each in person.entity_ids if each != entity.id]
    found = yield ROOMS(entity_id=entity.id, count=count)
    there = [(to_room(row[1:]), row[0]) for row in found]
    around = yield from _worlds_of([room.world_id for room, _ in there])
    facts = yield FACTS(agent_id=entity.agent_id, entity_id=entity.id, count=count)
    told = yield OF_ENTITY(entity_id=entity.id)
    contacts = [each for each in map(to_relationship, told) if each.agent_id == entity.agent_id][:count]
    named = {each for one in contacts for each in (one.source_entity_id, one.target_entity_id)}
    people = yield from places.get_entities(sorted({*others, *named}))
    return PersonView(
        entity=entity,
        agent_name=agent[0][0] if agent else "",
        linked=tuple(people[each] for each in others if each in people),
        rooms=tuple(there),
        worlds=around,
        facts=tuple(memories.to_memory(row) for row in facts),
        contacts=tuple(contacts),
        people={each: people[each] for each in sorted(named) if each in people},
    )


def _worlds_of(world_ids: Sequence[UUID | None]) -> Unit[dict[UUID, Any]]:
    ids = sorted({each for each in world_ids if each})
    rows: Sequence[Row] = (yield WORLDS(ids=ids)) if ids else ()
    return {row[0]: to_world(row) for row in rows}
