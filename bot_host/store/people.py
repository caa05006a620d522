"""What is known of entities: names, components, relationships."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from bot_host.kit.clock import utc_now
from bot_host.store import places
from bot_host.store.places import ENTITY_FIELDS, to_entity
from bot_host.store.schema import (
    components,
    entities,
    entity_names,
    participants,
    relationships,
    relationships_learned,
    relationships_told,
)
from bot_host.store.statement import Family, Row, Statement, Unit
from bot_host.types.ids import UUID
from bot_host.types.knowledge import Audience, Component, Relationship
from bot_host.types.places import Entity

_e, _c, _r = entities.c, components.c, relationships.c
_ENTITY: Final = tuple(_e[name] for name in ENTITY_FIELDS)
COMPONENT_FIELDS: Final = (
    "id",
    "agent_id",
    "entity_id",
    "type",
    "data",
    "room_id",
    "world_id",
    "source_entity_id",
)
_RELATIONSHIP: Final = tuple(column.name for column in _r)

OF_ROOM: Final = Statement(
    "entities.of_room",
    select(*_ENTITY)
    .join_from(participants, entities, _e.id == participants.c.entity_id)
    .where(participants.c.room_id == bindparam("room_id"))
    .order_by(participants.c.joined_at, participants.c.entity_id),
)
BY_NAME: Final = Statement(
    "entities.by_name",
    select(*_ENTITY)
    .join_from(entity_names, entities, _e.id == entity_names.c.entity_id)
    .where(entity_names.c.agent_id == bindparam("agent_id"), entity_names.c.name == bindparam("name"))
    .order_by(_e.created_at, _e.id),
)
ADDCOMPONENT_FIELDS: Final = Statement(
    "components.add",
    insert(components)
    .values({column.name: bindparam(column.name) for column in _c})
    .on_conflict_do_nothing(index_elements=[_c.id])
    .returning(_c.id),
)
UPDATECOMPONENT_FIELDS: Final = Statement(
    "components.update",
    update(components)
    .where(_c.id == bindparam("component_id"), _c.agent_id == bindparam("of_agent"))
    .values(data=bindparam("new_data", type_=_c.data.type))
    .returning(_c.id),
)
DELETECOMPONENT_FIELDS: Final = Statement(
    "components.delete",
    delete(components).where(_c.id == bindparam("id"), _c.agent_id == bindparam("agent_id")).returning(_c.id),
)


def _components(name: str, given: frozenset[str]) -> Statement:
    named = ("type", "world_id", "source_entity_id")
    conditions = [_c.entity_id == bindparam("entity_id")]
    conditions += [_c[column] == bindparam(column) for column in named if column in given]
    query = select(*(_c[column] for column in (*COMPONENT_FIELDS, "created_at"))).where(*conditions)
    return Statement(name, query.order_by(_c.created_at.desc(), _c.id))


COMPONENTS: Final = Family("components.get", ("type", "world_id", "source_entity_id"), _components)
_put = insert(relationships).values({name: bindparam(name) for name in _RELATIONSHIP})
_pair = (_r.agent_id, _r.source_entity_id, _r.target_entity_id)
_changed = {
    name: _put.excluded[name] for name in ("tags", "metadata", "confidence", "audience", "updated_at")
}
PUT: Final = Statement(
    "relationships.put",
    _put.on_conflict_do_update(index_elements=_pair, index_where=relationships_told, set_=_changed),
)
PUT_LEARNED: Final = Statement(
    "relationships.put_learned",
    _put.on_conflict_do_update(
        index_elements=[*_pair, _r.source_memory_id], index_where=relationships_learned, set_=_changed
    ),
)
_of_pair = tuple(column == bindparam(column.name) for column in _pair)
FIND: Final = Statement(
    "relationships.find",
    select(*_r)
    .where(*_of_pair)
    # What code told counts before what was learned.
    .order_by(_r.source_memory_id.is_not(None), _r.updated_at.desc(), _r.id)
    .limit(1),
)
FIND_TOLD: Final = Statement("relationships.find_told", select(*_r).where(*_of_pair, relationships_told))
FIND_LEARNED: Final = Statement(
    "relationships.find_learned",
    select(*_r).where(*_of_pair, _r.source_memory_id == bindparam("source_memory_id")),
)
OF_ENTITY: Final = Statement(
    "relationships.of_entity",
    select(*_r)
    .where(or_(_r.source_entity_id == bindparam("entity_id"), _r.target_entity_id == bindparam("entity_id")))
    .order_by(_r.updated_at.desc(), _r.id),
)


def to_component(row: Row) -> Component:
    """A row of `COMPONENT_FIELDS` and `created_at`."""
    return Component(**dict(zip((*COMPONENT_FIELDS, "created_at"), row, strict=True)))


def to_relationship(row: Row) -> Relationship:
    """A row of all columns."""
    values = dict(zip(_RELATIONSHIP, row, strict=True))
    return Relationship(**{**values, "tags": tuple(values["tags"]), "audience": Audience(values["audience"])})


def create_entities(new: Sequence[Entity]) -> Unit[int]:
    """See People.create_entities."""
    made = 0
    for entity in new:
        made += yield from places.insert_entity(entity)
    return made


def update_entity(entity: Entity) -> Unit[bool]:
    """See People.update_entity."""
    names = places.merge_names((), entity.names)
    rows = yield places.UPDATE_ENTITY(id_=entity.id, names_=names, metadata_=entity.metadata)
    if rows:
        yield from places.index_names(entity.agent_id, entity.id, names)
    return bool(rows)


def get_entities_for_room(room_id: UUID) -> Unit[list[Entity]]:
    """See People.get_entities_for_room."""
    rows = yield OF_ROOM(room_id=room_id)
    return [to_entity(row) for row in rows]


def find_entities_by_name(agent_id: UUID, name: str) -> Unit[list[Entity]]:
    """See People.find_entities_by_name. The one known longest comes first."""
    rows = yield BY_NAME(agent_id=agent_id, name=places.name_key(name))
    return [to_entity(row) for row in rows]


def create_component(component: Component) -> Unit[bool]:
    """See People.create_component."""
    values = {name: getattr(component, name) for name in (*COMPONENT_FIELDS, "created_at")}
    return bool((yield ADDCOMPONENT_FIELDS(**values)))


def update_component(agent_id: UUID, component_id: UUID, data: Mapping[str, Any]) -> Unit[bool]:
    """See People.update_component."""
    rows = yield UPDATECOMPONENT_FIELDS(of_agent=agent_id, component_id=component_id, new_data=dict(data))
    return bool(rows)


def delete_component(agent_id: UUID, component_id: UUID) -> Unit[bool]:
    """See People.delete_component."""
    return bool((yield DELETECOMPONENT_FIELDS(id=component_id, agent_id=agent_id)))


def get_components(
    agent_id: UUID, entity_id: UUID, type: str | None, world_id: UUID | None, source_entity_id: UUID | None
) -> Unit[list[Component]]:
    """See People.get_components. The agent is compared here, as in `get_relationships`."""
    rows = yield COMPONENTS(
        entity_id=entity_id, type=type, world_id=world_id, source_entity_id=source_entity_id
    )
    return [one for one in map(to_component, rows) if one.agent_id == agent_id.lower()]


def put_relationship(told: Relationship) -> Unit[Relationship]:
    """See People.put_relationship. The newest confidence and audience hold."""
    known = yield from _same(told)
    put = PUT if told.source_memory_id is None else PUT_LEARNED
    yield put(
        id=told.id,
        agent_id=told.agent_id,
        source_entity_id=told.source_entity_id,
        target_entity_id=told.target_entity_id,
        tags=list(dict.fromkeys((*(known.tags if known else ()), *told.tags))),
        metadata={**(known.metadata if known else {}), **told.metadata},
        source_memory_id=told.source_memory_id,
        confidence=told.confidence,
        audience=told.audience.value,
        created_at=told.created_at,
        updated_at=utc_now() if known else told.updated_at,
    )
    now = yield from _same(told)
    assert now is not None
    return now


def _same(told: Relationship) -> Unit[Relationship | None]:
    """The one that it is merged into: between the same two, and from the same message."""
    pair = {name: getattr(told, name) for name in ("agent_id", "source_entity_id", "target_entity_id")}
    if told.source_memory_id is None:
        rows = yield FIND_TOLD(**pair)
    else:
        rows = yield FIND_LEARNED(**pair, source_memory_id=told.source_memory_id)
    return to_relationship(rows[0]) if rows else None


def find_relationship(
    agent_id: UUID, source_entity_id: UUID, target_entity_id: UUID
) -> Unit[Relationship | None]:
    """See People.find_relationship."""
    rows = yield FIND(agent_id=agent_id, source_entity_id=source_entity_id, target_entity_id=target_entity_id)
    return to_relationship(rows[0]) if rows else None


def get_relationships(agent_id: UUID, entity_id: UUID, tags: Sequence[str]) -> Unit[list[Relationship]]:
    """See People.get_relationships."""
    rows = yield OF_ENTITY(entity_id=entity_id)
    wanted = set(tags)
    found = map(to_relationship, rows)
    # The agent is compared here: in the statement it would draw SQLite away from the better indexes.
    return [one for one in found if one.agent_id == agent_id.lower() and wanted <= set(one.tags)]
