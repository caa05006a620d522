"""Worlds and rooms in lists."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import and_, bindparam, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from bot_host.store import memories
from bot_host.store.columns import Moment
from bot_host.store.places import ROOM_FIELDS, WORLD_FIELDS, to_room, to_world
from bot_host.store.schema import agents, closed_rooms, constant, entities, participants, rooms, worlds
from bot_host.store.schema import memories as memories_table
from bot_host.store.statement import Family, Row, Statement, Unit
from bot_host.types.ids import UUID, is_uuid
from bot_host.types.places import ParticipantState
from bot_host.types.room_views import RoomRow, WorldRow

_m, _p, _r, _w = memories_table.c, participants.c, rooms.c, worlds.c
NO_ID: Final = "00000000-0000-0000-0000-000000000000"
NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Rooms in which nothing was said come last: a server that is joined has many of them."""
_END_OF_TIME: Final = (datetime.max.replace(tzinfo=UTC), "ffffffff-ffff-ffff-ffff-ffffffffffff")
_message = _m.type == constant("message")
_said_at = (
    select(func.max(_m.created_at, type_=Moment()))
    .where(_m.room_id == _r.id, _message)
    .correlate(rooms)
    .scalar_subquery()
)
_at = func.coalesce(_said_at, bindparam(None, NEVER, type_=Moment()), type_=Moment())


def has(column: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a text stands in it, without case (of `ä` and the like on PostgreSQL alone)."""
    return or_(
        func.lower(column).like(bindparam("like_lower"), escape="\\"),
        column.like(bindparam("like"), escape="\\"),
    )


def patterns(text: str | None) -> dict[str, str]:
    """The values that go with `has`."""
    plain = (text or "").replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return {"like": f"%{plain}%", "like_lower": f"%{plain.lower()}%"}


def _outside(rows: Any) -> tuple[ColumnElement[Any], ...]:
    """What a list of rooms shows of other tables, of each room of a page."""
    people = (
        select(func.count())
        .select_from(participants)
        .where(_p.room_id == rows.c.id, _p.entity_id != rows.c.agent_id)
        .correlate(rows)
    )
    state = select(_p.state).where(_p.room_id == rows.c.id, _p.entity_id == rows.c.agent_id).correlate(rows)
    closed = select(closed_rooms.c.reason).where(closed_rooms.c.room_id == rows.c.id).correlate(rows).limit(1)
    first = (
        select(_other.c.names)
        .join_from(participants, _other, _other.c.id == _p.entity_id)
        .where(_p.room_id == rows.c.id, _p.entity_id != rows.c.agent_id)
        .order_by(_p.joined_at)
        .limit(1)
        .correlate(rows)
    )
    return (
        agents.c.name.label("agent_name"),
        _w.name.label("world_name"),
        first.scalar_subquery().label("first"),
        entities.c.names.label("speaker"),
        people.scalar_subquery().label("people"),
        state.scalar_subquery().label("state"),
        closed.scalar_subquery().label("closed"),
        *(column.label(f"last_{column.name}") for column in memories.FIELDS),
    )


def _shown(rows: Any) -> Any:
    last = (
        select(_last.c.seq)
        .where(_last.c.room_id == rows.c.id, _last.c.type == constant("message"))
        .order_by(_last.c.created_at.desc(), _last.c.seq.desc())
        .limit(1)
        .correlate(rows)
    )
    return (
        select(*(rows.c[name] for name in ROOM_FIELDS), rows.c.at, *_outside(rows))
        .join_from(rows, agents, agents.c.id == rows.c.agent_id)
        .outerjoin(worlds, _w.id == rows.c.world_id)
        .outerjoin(memories_table, _m.seq == last.scalar_subquery())
        .outerjoin(entities, entities.c.id == _m.entity_id)
    )


_last = memories_table.alias("last")
_other = entities.alias("other")
_FILTERS: Final = ("agent_id", "platform", "world_id", "text")


def _rooms(name: str, given: frozenset[str]) -> Statement:
    found = select(*(_r[each] for each in ROOM_FIELDS), _at.label("at"))
    conditions = []
    if "agent_id" in given:
        conditions.append(_r.agent_id == bindparam("agent_id"))
    if "platform" in given:
        conditions.append(_r.source == bindparam("platform"))
    if "world_id" in given:
        conditions.append(_r.world_id == bindparam("world_id"))
    if "text" in given:
        named = select(_w.id).where(_w.id == _r.world_id, has(_w.name)).correlate(rooms).exists()
        exact = (_r.channel_id == bindparam("text"), _r.id == bindparam("id", type_=_r.id.type))
        conditions.append(or_(has(_r.name), named, *exact))
    known = found.where(*conditions).subquery("known")
    page = (
        select(known)
        .where(
            or_(
                known.c.at < bindparam("before", type_=Moment()),
                and_(known.c.at == bindparam("before", type_=Moment()), known.c.id < bindparam("before_id")),
            )
        )
        .order_by(known.c.at.desc(), known.c.id.desc())
        .limit(bindparam("count"))
        .subquery("page")
    )
    return Statement(name, _shown(page).order_by(page.c.at.desc(), page.c.id.desc()))


ROOMS: Final = Family("views.rooms", _FILTERS, _rooms)
_one = select(*(_r[name] for name in ROOM_FIELDS), _at.label("at")).where(_r.id == bindparam("id"))
ROOM: Final = Statement("views.room", _shown(_one.subquery("one")))


_world: Final = tuple(_w[name] for name in WORLD_FIELDS)


def _worlds(name: str, given: frozenset[str]) -> Statement:
    conditions = [
        or_(
            _w.name > bindparam("past"),
            and_(_w.name == bindparam("past"), _w.id > bindparam("past_id")),
        )
    ]
    if "agent_id" in given:
        conditions.append(_w.agent_id == bindparam("agent_id"))
    if "platform" in given:
        conditions.append(_w.platform == bindparam("platform"))
    if "text" in given:
        conditions.append(has(_w.name))
    many = select(func.count()).select_from(rooms).where(_r.world_id == _w.id).correlate(worlds)
    return Statement(
        name,
        select(
            *(_w[each] for each in WORLD_FIELDS), agents.c.name.label("agent_name"), many.scalar_subquery()
        )
        .join_from(worlds, agents, agents.c.id == _w.agent_id)
        .where(*conditions)
        .order_by(_w.name, _w.id)
        .limit(bindparam("count")),
    )


WORLDS: Final = Family("views.worlds", ("agent_id", "platform", "text"), _worlds)


def to_room_row(row: Row) -> RoomRow:
    """A row of `_shown`."""
    many = len(ROOM_FIELDS)
    at, agent_name, world_name, first, speaker, people, state, closed = row[many : many + 8]
    last = row[many + 8 :]
    return RoomRow(
        room=to_room(row[:many]),
        at=at,
        agent_name=agent_name,
        world_name=world_name or "",
        first_name=first[0] if first else "",
        speaker=speaker[0] if speaker else "",
        people=people,
        state=ParticipantState(state) if state else None,
        closed=closed or "",
        last=memories.to_memory(last) if last[0] is not None else None,
    )


def room_rows(
    agent_id: UUID | None,
    platform: str | None,
    world_id: UUID | None,
    text: str | None,
    after: tuple[datetime, UUID] | None,
    count: int,
) -> Unit[list[RoomRow]]:
    """See RoomViews."""
    before, before_id = after or _END_OF_TIME
    rows = yield ROOMS(
        agent_id=agent_id,
        platform=platform,
        world_id=world_id,
        text=text or None,
        id=text if text and is_uuid(text) else NO_ID,
        **patterns(text),
        before=before,
        before_id=before_id,
        count=count,
    )
    return [to_room_row(row) for row in rows]


def world_rows(
    agent_id: UUID | None,
    platform: str | None,
    text: str | None,
    after: tuple[str, UUID] | None,
    count: int,
) -> Unit[list[WorldRow]]:
    """See RoomViews."""
    past, past_id = after or ("", NO_ID)
    rows: Sequence[Row] = yield WORLDS(
        agent_id=agent_id,
        platform=platform,
        text=text or None,
        **patterns(text),
        past=past,
        past_id=past_id,
        count=count,
    )
    return [WorldRow(world=to_world(row[:-2]), agent_name=row[-2], rooms=row[-1]) for row in rows]
