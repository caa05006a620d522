"""Who is alone with an agent, and what of people may be heard where (`bot_host.types.hearing`)."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import and_, bindparam, or_, select, update

from bot_host.store import hearing as rule
from bot_host.store import linking, places
from bot_host.store.columns import InList
from bot_host.store.memories import FIELDS, to_memory
from bot_host.store.people import COMPONENT_FIELDS, to_component, to_relationship
from bot_host.store.schema import (
    components,
    constant,
    memories,
    memories_learned,
    participants,
    relationships,
    rooms,
)
from bot_host.store.statement import Statement, Unit
from bot_host.types.content import ChannelType
from bot_host.types.hearing import Hearing
from bot_host.types.ids import UUID
from bot_host.types.knowledge import Audience, Component, Relationship
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.places import OUTSIDERS

PRIVATE: Final = (ChannelType.DM, ChannelType.VOICE_DM, ChannelType.SELF, ChannelType.API)
_p, _r = participants.c, rooms.c
ALONE: Final = Statement(
    "hearing.alone",
    select(_p.entity_id)
    .where(_p.room_id == bindparam("room_id"), _p.entity_id != bindparam("agent_id"))
    .limit(2),
)
_m, _l, _c = memories.c, relationships.c, components.c
_fact = _m.type == bindparam("type", type_=_m.type.type)
OF_PEOPLE: Final = Statement(
    "hearing.facts_of_people",
    select(*FIELDS)
    .where(
        _m.agent_id == bindparam("agent_id"),
        _fact,
        memories_learned,
        InList(_m.entity_id, "entity_ids"),
        rule.HEARD,
    )
    .order_by(_m.created_at.desc(), _m.seq.desc())
    .limit(bindparam("count")),
)
OF_ROOM: Final = Statement(
    "hearing.facts_of_room",
    select(*FIELDS)
    .where(_m.room_id == bindparam("room_id"), _fact, rule.HEARD)
    .order_by(_m.created_at.desc(), _m.seq.desc())
    .limit(bindparam("count")),
)
_private = bindparam("hearing_private", type_=_r.open.type)
_open_world = (_r.open.is_(True), _r.world_id == bindparam("hearing_world", type_=_r.world_id.type))
LINKS: Final = Statement(
    "hearing.relationships",
    select(*_l)
    .outerjoin_from(relationships, memories, _m.id == _l.source_memory_id)
    .where(
        or_(_l.source_entity_id == bindparam("entity_id"), _l.target_entity_id == bindparam("entity_id")),
        or_(
            _l.audience == constant(Audience.AGENT.value),
            # Whoever says of themselves how they stand to others knows it; the other one may not.
            InList(_l.source_entity_id, "hearing_persons"),
            and_(_l.source_memory_id.is_(None), InList(_l.target_entity_id, "hearing_persons")),
            and_(
                InList(_m.room_id, "hearing_rooms"),
                or_(_l.audience != constant(Audience.ENTITY.value), _private),
            ),
            and_(
                _l.audience == constant(Audience.WORLD.value),
                select(_r.id).where(_r.id == _m.room_id, *_open_world).correlate(memories).exists(),
            ),
        ),
    )
    .order_by(_l.updated_at.desc(), _l.id)
    .limit(bindparam("count")),
)
ABOUT: Final = Statement(
    "hearing.components",
    select(*(_c[name] for name in (*COMPONENT_FIELDS, "created_at")))
    .where(
        InList(_c.entity_id, "entity_ids"),
        or_(
            # What code keeps about people without saying where is code's to tell.
            _c.room_id.is_(None),
            InList(_c.room_id, "hearing_rooms"),
            InList(_c.source_entity_id, "hearing_persons"),
            select(_r.id).where(_r.id == _c.room_id, *_open_world).correlate(components).exists(),
        ),
    )
    .order_by(_c.created_at.desc(), _c.id),
)


def heard_facts(
    agent_id: UUID, hearing: Hearing, entity_ids: Sequence[UUID], room_id: UUID | None, count: int
) -> Unit[list[Memory]]:
    """See Hearings.heard_facts."""
    about = {"type": MemoryType.FACT.value, "count": max(0, count), **rule.values(hearing)}
    rows = []
    if entity_ids:
        rows += yield OF_PEOPLE(**about, agent_id=agent_id, entity_ids=list(entity_ids))
    if room_id is not None:
        rows += yield OF_ROOM(**about, room_id=room_id)
    found = {fact.id: fact for fact in map(to_memory, rows) if fact.agent_id == agent_id.lower()}
    newest = sorted(found.values(), key=lambda fact: (fact.created_at, fact.id), reverse=True)
    return newest[: max(0, count)]


def heard_relationships(
    agent_id: UUID, hearing: Hearing, entity_id: UUID, count: int
) -> Unit[list[Relationship]]:
    """See Hearings.heard_relationships."""
    rows = yield LINKS(entity_id=entity_id, count=max(0, count), **rule.values(hearing))
    return [one for one in map(to_relationship, rows) if one.agent_id == agent_id.lower()]


def heard_components(agent_id: UUID, hearing: Hearing, entity_ids: Sequence[UUID]) -> Unit[list[Component]]:
    """See Hearings.heard_components."""
    rows = yield ABOUT(entity_ids=list(entity_ids), **rule.values(hearing))
    return [one for one in map(to_component, rows) if one.agent_id == agent_id.lower()]


NARROW: Final = Statement(
    "hearing.narrow",
    update(memories)
    .where(
        _m.id == bindparam("memory_id", type_=_m.id.type),
        or_(_m.audience.is_(None), InList(_m.audience, "wider")),
    )
    .values(audience=bindparam("narrowed", type_=_m.audience.type))
    .returning(_m.id),
)


def narrow_memory(memory_id: UUID, audience: Audience) -> Unit[bool]:
    """See Hearings.narrow_memory."""
    wider = [each.value for each in tuple(Audience)[tuple(Audience).index(audience) + 1 :]]
    rows = yield NARROW(memory_id=memory_id, narrowed=audience.value, wider=wider)
    return bool(rows)


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
    person = yield from linking.linked_person(people[0][0])
    return Hearing(room_ids=tuple(dict.fromkeys((room.id, *person.room_ids))), persons=person.entity_ids)
