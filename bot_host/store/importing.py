"""Rows from elsewhere, put in as they are; what is known stays as it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from bot_host.store import embeddings, memories, people, places
from bot_host.store.columns import InList
from bot_host.store.places import ENTITY_FIELDS, ROOM_FIELDS, WORLD_FIELDS
from bot_host.store.schema import components, participants, relationships
from bot_host.store.statement import Call, Statement, Unit
from bot_host.types.ids import UUID
from bot_host.types.knowledge import Component, Relationship
from bot_host.types.memory import Memory
from bot_host.types.places import Entity, Participant, Room, World

Importable: TypeAlias = World | Room | Entity | Participant | Memory | Component | Relationship

_LATER: Final = 0
"""The priority of imported memories among those that wait for their vector: behind what is said now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A row from elsewhere."""

    row: Importable
    created_at: datetime
    embed: bool = False
    """Of a memory: whether it is to get a vector, when the agent has time for it."""


_p = participants.c
JOIN: Final = Statement(
    "importing.join",
    insert(participants)
    .values({column.name: bindparam(column.name) for column in _p})
    .on_conflict_do_nothing(index_elements=[_p.room_id, _p.entity_id])
    .returning(_p.entity_id),
)
_r = relationships.c
RELATE: Final = Statement(
    "importing.relate",
    insert(relationships)
    .values({column.name: bindparam(column.name) for column in _r})
    # By its id or by its pair.
    .on_conflict_do_nothing()
    .returning(_r.id),
)
FIND_COMPONENTS: Final = Statement(
    "importing.components", select(components.c.id).where(InList(components.c.id, "ids"))
)


def _relation(row: Relationship, created_at: datetime) -> Call:
    values: dict[str, Any] = {name: getattr(row, name) for name in (column.name for column in _r)}
    return RELATE(
        **values | {"tags": list(row.tags), "audience": row.audience.value, "created_at": created_at}
    )


def _place(row: World | Room, created_at: datetime) -> Call:
    if isinstance(row, World):
        return places.INSERT_WORLD(
            **{name: getattr(row, name) for name in WORLD_FIELDS}, created_at=created_at
        )
    values = {name: getattr(row, name) for name in ROOM_FIELDS}
    return places.INSERT_ROOM(**values | {"type": row.type.value}, created_at=created_at)


def _entity(row: Entity, created_at: datetime) -> Unit[bool]:
    names = places.merge_names((), row.names)
    values = {name: getattr(row, name) for name in ENTITY_FIELDS}
    made = yield places.INSERT_ENTITY(**values | {"names": names}, created_at=created_at)
    if made:
        yield from places.index_names(row.agent_id, row.id, names)
    return bool(made)


def _participant(row: Participant, created_at: datetime) -> Call:
    return JOIN(
        entity_id=row.entity_id,
        room_id=row.room_id,
        agent_id=row.agent_id,
        state=row.state.value if row.state else None,
        joined_at=row.joined_at or created_at,
    )


def _put(given: Imported) -> Unit[bool]:
    row = given.row
    match row:
        case World() | Room():
            return bool((yield _place(row, given.created_at)))
        case Entity():
            return (yield from _entity(row, given.created_at))
        case Participant():
            return bool((yield _participant(row, given.created_at)))
        case Relationship():
            return bool((yield _relation(row, given.created_at)))
        case Component():
            return (yield from people.create_component(row))
        case Memory():
            new = yield from memories.create_memory(row)
            if new and given.embed:
                yield from embeddings.queue_embedding(row.id, _LATER)
            return new


def put(rows: Sequence[Imported]) -> Unit[list[bool]]:
    """Put rows in, in their order; which of them are new."""
    new: list[bool] = []
    for row in rows:
        is_new = yield from _put(row)
        new += [is_new]
    return new


def _find(row: World | Room | Entity | Participant | Relationship) -> Call:
    match row:
        case World():
            return places.FIND_WORLD(id=row.id)
        case Room():
            return places.FIND_ROOM(id=row.id)
        case Entity():
            return places.FIND_ENTITY(id=row.id)
        case Participant():
            return places.FIND_PARTICIPANT(room_id=row.room_id, entity_id=row.entity_id)
        case Relationship():
            return people.FIND_TOLD(
                agent_id=row.agent_id,
                source_entity_id=row.source_entity_id,
                target_entity_id=row.target_entity_id,
            )


def are_new(rows: Sequence[Imported]) -> Unit[list[bool]]:
    """Which of them `put` would put in now."""
    known: set[UUID] = set()
    if ids := [given.row.id for given in rows if isinstance(given.row, Memory)]:
        known |= {row[0] for row in (yield memories.REVISIONS(ids=ids))}
    if ids := [given.row.id for given in rows if isinstance(given.row, Component)]:
        known |= {row[0] for row in (yield FIND_COMPONENTS(ids=ids))}
    new = []
    for given in rows:
        row = given.row
        if isinstance(row, Memory | Component):
            new.append(row.id.lower() not in known)
        else:
            new.append(not (yield _find(row)))
    return new
