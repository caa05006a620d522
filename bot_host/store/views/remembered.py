"""What an agent remembers, as lists: facts, relationships, summaries, sources of knowledge, people."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import Integer, and_, bindparam, case, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from bot_host.store import corrections, persons, places
from bot_host.store.columns import InList, Moment
from bot_host.store.driver import Driver
from bot_host.store.memories import FIELDS, to_memory
from bot_host.store.people import to_relationship
from bot_host.store.places import ENTITY_FIELDS, ROOM_FIELDS, to_entity, to_room
from bot_host.store.schema import constant, entities, entity_names, memories_learned, rooms, worlds
from bot_host.store.schema import knowledge_sources as source_table
from bot_host.store.schema import memories as table
from bot_host.store.schema import relationships as link_table
from bot_host.store.statement import Family, Statement, Unit
from bot_host.store.summary_tables import summaries, summaries_top
from bot_host.types.ids import UUID
from bot_host.types.knowledge import Audience, Relationship
from bot_host.types.memory import MemoryType
from bot_host.types.memory_views import FoundPerson, Place, SourceCount, SummedRoom
from bot_host.types.sources import KnowledgeSource, SourceKind, SourceOrigin, SourceState
from bot_host.types.summary import Numbered, SummaryState

_END: Final = datetime.max.replace(tzinfo=UTC)
_LAST_ID: Final = "ffffffff-ffff-ffff-ffff-ffffffffffff"
_FIRST_ID: Final = "00000000-0000-0000-0000-000000000000"
_LAST_SEQ: Final = 2**63 - 1
_m, _r, _w, _l, _s = table.c, rooms.c, worlds.c, link_table.c, summaries.c
_k, _e, _n = source_table.c, entities.c, entity_names.c


def _earlier(moment: ColumnElement[Any], key: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Comes after the place (`before`, NAME) in a list whose newest is the first."""
    before = bindparam("before", type_=Moment())
    return or_(moment < before, and_(moment == before, key < bindparam(name, type_=key.type)))


def _facts(name: str, given: frozenset[str]) -> Statement:
    conditions = [_m.agent_id == bindparam("agent_id"), _m.type == bindparam("type")]
    if "room_id" in given:
        # The room's own index is the better one.
        conditions.append(_m.room_id == bindparam("room_id"))
    else:
        conditions.append(memories_learned)
    conditions += [_m[each] == bindparam(each) for each in ("entity_id", "audience") if each in given]
    # The page is found by what stands in the index; only its own rows are read as a whole.
    found = (
        select(_m.seq)
        .where(*conditions, _earlier(_m.created_at, _m.seq, "before_seq"))
        .order_by(_m.created_at.desc(), _m.seq.desc())
        .limit(bindparam("count"))
    )
    rows = select(_m.seq, *FIELDS).where(_m.seq.in_(found))
    return Statement(name, rows.order_by(_m.created_at.desc(), _m.seq.desc()))


FACTS: Final = Family("views.facts", ("entity_id", "room_id", "audience"), _facts)


def _relationships(name: str, given: frozenset[str]) -> Statement:
    person: ColumnElement[Any] = bindparam("entity_id")
    whose = (
        or_(_l.source_entity_id == person, _l.target_entity_id == person)
        if given
        else _l.agent_id == bindparam("agent_id")
    )
    return Statement(
        name,
        select(*_l)
        .where(whose, _earlier(_l.updated_at, _l.id, "before_id"))
        .order_by(_l.updated_at.desc(), _l.id.desc())
        .limit(bindparam("count")),
    )


RELATIONSHIPS: Final = Family("views.relationships", ("entity_id",), _relationships)
DERIVED: Final = Statement(
    "views.derived",
    select(_m.seq, *FIELDS)
    .where(_m.source_memory_id == bindparam("memory_id"), _m.seq > bindparam("after", type_=_m.seq.type))
    .order_by(_m.seq)
    .limit(bindparam("count")),
)
PLACES: Final = Statement(
    "views.places",
    select(*(_r[name] for name in ROOM_FIELDS), _w.name)
    .outerjoin_from(rooms, worlds, _w.id == _r.world_id)
    .where(InList(_r.id, "ids")),
)
_stale = case((_s.state == constant(SummaryState.STALE.value), 1), else_=0)
_told = (
    select(
        _s.room_id,
        func.count(type_=Integer()).label("parts"),
        func.sum(_s["count"], type_=Integer()).label("messages"),
        func.sum(_stale, type_=Integer()).label("stale"),
        func.max(_s.last_at, type_=Moment()).label("last_at"),
    )
    .join_from(rooms, summaries, _s.room_id == _r.id)
    .where(_r.agent_id == bindparam("agent_id"), summaries_top)
    .group_by(_s.room_id)
    .subquery()
)
SUMMED: Final = Statement(
    "views.summed_rooms",
    select(*_told.c)
    .where(_earlier(_told.c.last_at, _told.c.room_id, "before_id"))
    .order_by(_told.c.last_at.desc(), _told.c.room_id.desc())
    .limit(bindparam("count")),
)
_SOURCE: Final = tuple(column for column in _k if column.name != "text")
SOURCES: Final = Statement(
    "views.sources",
    select(*_SOURCE)
    .where(
        _k.agent_id == bindparam("agent_id"),
        _k.location >= bindparam("after"),
        or_(_k.location > bindparam("after"), _k.id > bindparam("after_id")),
    )
    .order_by(_k.location, _k.id)
    .limit(bindparam("count")),
)
SOURCE_COUNTS: Final = Statement(
    "views.source_counts",
    select(_k.parent_id, _k.state, func.count(type_=Integer()), func.sum(_k.fragments, type_=Integer()))
    .where(_k.agent_id == bindparam("agent_id"))
    .group_by(_k.parent_id, _k.state),
)
_other = entity_names.alias("other")
_same_begin = func.substr(_other.c.name, 1, bindparam("length", type_=Integer())) == bindparam("beginning")
_begins = func.substr(_n.name, 1, bindparam("length", type_=Integer())) == bindparam("beginning")
_named = (
    select(*(_e[name] for name in ENTITY_FIELDS), _n.name)
    .join_from(entity_names, entities, _e.id == _n.entity_id)
    .where(
        _n.agent_id == bindparam("agent_id"),
        _n.entity_id != bindparam("agent_id"),
        _n.name >= bindparam("least"),
        _begins,
        or_(_n.name > bindparam("least"), _n.entity_id > bindparam("after_id")),
        # Who has several such names stands at the first of them.
        ~select(_other.c.name)
        .where(_other.c.entity_id == _n.entity_id, _other.c.name < _n.name, _same_begin)
        .correlate(entity_names)
        .exists(),
    )
    .order_by(_n.name, _n.entity_id)
    .limit(bindparam("count"))
)
NAMED: Final = Statement(
    "views.people_named",
    _named.where(_n.name < bindparam("most")),
    # Its order may be a language's, which knows no last sign.
    postgresql=_named,
)
LEARNED: Final = Statement(
    "views.count_learned",
    select(_m.type, func.count(type_=Integer()))
    .where(_m.agent_id == bindparam("agent_id"), memories_learned)
    .group_by(_m.type),
)


def facts(
    agent_id: UUID,
    entity_id: UUID | None,
    room_id: UUID | None,
    audience: Audience | None,
    after: tuple[datetime, int] | None,
    count: int,
) -> Unit[list[Numbered]]:
    """See MemoryViews."""
    before, before_seq = after or (_END, _LAST_SEQ)
    rows = yield FACTS(
        agent_id=agent_id,
        type=MemoryType.FACT.value,
        entity_id=entity_id,
        room_id=room_id,
        audience=audience.value if audience else None,
        before=before,
        before_seq=before_seq,
        count=count,
    )
    return [Numbered(seq=row[0], memory=to_memory(row[1:])) for row in rows]


def relationships(
    agent_id: UUID, entity_id: UUID | None, after: tuple[datetime, UUID] | None, count: int
) -> Unit[list[Relationship]]:
    """See MemoryViews. An entity is one agent's: with one, the agent is compared here."""
    before, before_id = after or (_END, _LAST_ID)
    rows = yield RELATIONSHIPS(
        agent_id=agent_id, entity_id=entity_id, before=before, before_id=before_id, count=count
    )
    return [one for one in map(to_relationship, rows) if one.agent_id == agent_id.lower()]


def derived(memory_id: UUID, after: int | None, count: int) -> Unit[list[Numbered]]:
    """See MemoryViews."""
    rows = yield DERIVED(memory_id=memory_id, after=after or 0, count=count)
    return [Numbered(seq=row[0], memory=to_memory(row[1:])) for row in rows]


def rooms_with_worlds(room_ids: Sequence[UUID]) -> Unit[dict[UUID, Place]]:
    """See MemoryViews.places."""
    rows = yield PLACES(ids=list(room_ids))
    found = (Place(room=to_room(row[:-1]), world=row[-1] or "") for row in rows)
    return {each.room.id: each for each in found}


def summed_rooms(agent_id: UUID, after: tuple[datetime, UUID] | None, count: int) -> Unit[list[SummedRoom]]:
    """See MemoryViews."""
    before, before_id = after or (_END, _LAST_ID)
    rows = yield SUMMED(agent_id=agent_id, before=before, before_id=before_id, count=count)
    return [SummedRoom(**dict(zip(_told.c.keys(), row, strict=True))) for row in rows]


def sources(agent_id: UUID, after: tuple[str, UUID] | None, count: int) -> Unit[list[KnowledgeSource]]:
    """See MemoryViews."""
    location, after_id = after or ("", _FIRST_ID)
    rows = yield SOURCES(agent_id=agent_id, after=location, after_id=after_id, count=count)
    found = []
    for row in rows:
        fields: dict[str, Any] = dict(zip((column.name for column in _SOURCE), row, strict=True))
        kinds = {"kind": SourceKind, "origin": SourceOrigin, "state": SourceState}
        found.append(KnowledgeSource(**fields | {name: kind(fields[name]) for name, kind in kinds.items()}))
    return found


def source_counts(agent_id: UUID) -> Unit[list[SourceCount]]:
    """See MemoryViews."""
    rows = yield SOURCE_COUNTS(agent_id=agent_id)
    return [
        SourceCount(parent_id=parent, state=SourceState(state), count=count, fragments=fragments)
        for parent, state, count, fragments in rows
    ]


def people_named(
    agent_id: UUID, beginning: str, after: tuple[str, UUID] | None, count: int
) -> Unit[list[FoundPerson]]:
    """See MemoryViews."""
    begins = places.name_key(beginning) if beginning.strip() else ""
    least, after_id = after or (begins, _FIRST_ID)
    rows = yield NAMED(
        agent_id=agent_id,
        beginning=begins,
        length=len(begins),
        least=least,
        most=f"{begins}\U0010ffff",
        after_id=after_id,
        count=count,
    )
    return [FoundPerson(entity=to_entity(row[:-1]), name=row[-1]) for row in rows]


def held(entity_id: UUID) -> Unit[dict[str, int]]:
    """See MemoryViews."""
    person = yield from persons.find_person(entity_id)
    counts: dict[str, int] = {}
    if person is not None:
        for counted, statement in persons.COUNTS.items():
            rows = yield statement(**person.values())
            if rows[0][0]:
                counts[counted.name] = rows[0][0]
    return counts


def count_learned(agent_id: UUID) -> Unit[dict[str, int]]:
    """See MemoryViews."""
    rows = yield LEARNED(agent_id=agent_id)
    return dict(rows)


class RememberedViews:
    """`bot_host.contracts.memory_views.MemoryViews`; see there for what each verb does."""

    _driver: Driver

    async def facts(
        self,
        agent_id: UUID,
        *,
        entity_id: UUID | None = None,
        room_id: UUID | None = None,
        audience: Audience | None = None,
        after: tuple[datetime, int] | None,
        count: int,
    ) -> list[Numbered]:
        """See MemoryViews."""
        return await self._driver.search(partial(facts, agent_id, entity_id, room_id, audience, after, count))

    async def relationships(
        self,
        agent_id: UUID,
        *,
        entity_id: UUID | None = None,
        after: tuple[datetime, UUID] | None,
        count: int,
    ) -> list[Relationship]:
        """See MemoryViews."""
        return await self._driver.search(partial(relationships, agent_id, entity_id, after, count))

    async def find_relationship_by_id(self, relationship_id: UUID) -> Relationship | None:
        """See MemoryViews."""
        return await self._driver.read(partial(corrections.find_relationship, relationship_id))

    async def derived(self, memory_id: UUID, *, after: int | None, count: int) -> list[Numbered]:
        """See MemoryViews."""
        return await self._driver.read(partial(derived, memory_id, after, count))

    async def places(self, room_ids: Sequence[UUID]) -> dict[UUID, Place]:
        """See MemoryViews."""
        return await self._driver.read(partial(rooms_with_worlds, room_ids))

    async def summed_rooms(
        self, agent_id: UUID, *, after: tuple[datetime, UUID] | None, count: int
    ) -> list[SummedRoom]:
        """See MemoryViews."""
        return await self._driver.search(partial(summed_rooms, agent_id, after, count))

    async def sources(
        self, agent_id: UUID, *, after: tuple[str, UUID] | None, count: int
    ) -> list[KnowledgeSource]:
        """See MemoryViews."""
        return await self._driver.search(partial(sources, agent_id, after, count))

    async def source_counts(self, agent_id: UUID) -> list[SourceCount]:
        """See MemoryViews."""
        return await self._driver.search(partial(source_counts, agent_id))

    async def people_named(
        self, agent_id: UUID, beginning: str, *, after: tuple[str, UUID] | None, count: int
    ) -> list[FoundPerson]:
        """See MemoryViews."""
        return await self._driver.search(partial(people_named, agent_id, beginning, after, count))

    async def held(self, entity_id: UUID) -> dict[str, int]:
        """See MemoryViews."""
        return await self._driver.search(partial(held, entity_id))

    async def count_learned(self, agent_id: UUID) -> dict[str, int]:
        """See MemoryViews."""
        return await self._driver.search(partial(count_learned, agent_id))
