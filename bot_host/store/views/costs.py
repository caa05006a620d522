"""What the models cost, and how things have gone lately."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import BigInteger, bindparam, cast, func, literal, null, select
from sqlalchemy.sql.elements import ColumnElement

from bot_host.store.columns import Id, Key
from bot_host.store.driver import Driver
from bot_host.store.schema import agents, entities, inbox, inbox_failed, rooms
from bot_host.store.spending import NOBODY, minute_of
from bot_host.store.spending_tables import pulse, spending
from bot_host.store.statement import Family, Row, Statement, Unit
from bot_host.types.costs import Beats, CostsBy, FailedMessage, Spent
from bot_host.types.ids import UUID

_s, _p, _i = spending.c, pulse.c, inbox.c
_SUMS: Final = ("calls", "failed", "unpriced", "prompt_tokens", "completion_tokens", "cost")
_BEATS: Final = tuple(Beats.__dataclass_fields__)


def _sum(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """0 for no rows. PostgreSQL's sum of integers is of a kind that no float goes with."""
    total = func.coalesce(func.sum(column), 0)
    return total if column.name == "cost" else cast(total, BigInteger)


def _group(by: tuple[Any, ...], given: frozenset[str], *, newest: bool = False) -> Any:
    conditions = [_s.day >= bindparam("since"), _s.day <= bindparam("until")]
    if "agent_id" in given:
        conditions.append(_s.agent_id == bindparam("agent_id"))
    sums = [_sum(_s[name]).label(name) for name in _SUMS]
    query = select(*by, *sums).where(*conditions).group_by(*by)
    tokens = func.sum(_s.prompt_tokens + _s.completion_tokens)
    order = by if newest else (func.sum(_s.cost).desc(), tokens.desc(), *by)
    return query.order_by(*order).limit(bindparam("count"))


def _family(by: CostsBy, build: Any) -> Family:
    return Family(f"views.costs_by_{by}", ("agent_id",), build)


def _rows(of: Any, *head: ColumnElement[Any], join: Any = None) -> Any:
    """The sums in the order of `Spent`: key, name, source, agent, sums."""
    query = select(*head, *(of.c[name] for name in _SUMS))
    query = query.join_from(of, join[0], join[1], isouter=True) if join else query
    tokens = of.c.prompt_tokens + of.c.completion_tokens
    return query.order_by(of.c.cost.desc(), tokens.desc(), head[0])


_none: Final = literal("", Key)
_nobody: Final = cast(null(), Id)


def _by_day(name: str, given: frozenset[str]) -> Statement:
    of = _group((_s.day,), given, newest=True).subquery()
    query = select(of.c.day, _none, _none, _nobody, *(of.c[each] for each in _SUMS)).order_by(of.c.day)
    return Statement(name, query)


def _by_agent(name: str, given: frozenset[str]) -> Statement:
    of = _group((_s.agent_id,), given).subquery()
    join = (agents, agents.c.id == of.c.agent_id)
    return Statement(name, _rows(of, of.c.agent_id, agents.c.name, _none, of.c.agent_id, join=join))


def _by_room(name: str, given: frozenset[str]) -> Statement:
    of = _group((_s.room_id, _s.agent_id), given).subquery()
    join = (rooms, rooms.c.id == of.c.room_id)
    return Statement(name, _rows(of, of.c.room_id, rooms.c.name, rooms.c.source, of.c.agent_id, join=join))


def _by_person(name: str, given: frozenset[str]) -> Statement:
    of = _group((_s.entity_id, _s.agent_id), given).subquery()
    join = (entities, entities.c.id == of.c.entity_id)
    return Statement(name, _rows(of, of.c.entity_id, entities.c.names, _none, of.c.agent_id, join=join))


def _by_model(name: str, given: frozenset[str]) -> Statement:
    of = _group((_s.model, _s.provider), given).subquery()
    return Statement(name, _rows(of, of.c.model, _none, of.c.provider, _nobody))


SPENT: Final[Mapping[CostsBy, Family]] = {
    by: _family(by, build)
    for by, build in (
        (CostsBy.DAY, _by_day),
        (CostsBy.AGENT, _by_agent),
        (CostsBy.ROOM, _by_room),
        (CostsBy.PERSON, _by_person),
        (CostsBy.MODEL, _by_model),
    )
}
BEATS: Final = Statement(
    "views.beats", select(*(_sum(_p[name]) for name in _BEATS)).where(_p.minute > bindparam("after"))
)
FAILED: Final = Statement(
    "views.failed",
    select(
        _i.seq,
        _i.agent_id,
        _i.room_id,
        rooms.c.name,
        rooms.c.source,
        entities.c.names,
        _i.reason,
        _i.run_id,
        _i.received_at,
    )
    .join_from(inbox, rooms, rooms.c.id == _i.room_id, isouter=True)
    .join(entities, entities.c.id == _i.entity_id, isouter=True)
    .where(inbox_failed, _i.received_at >= bindparam("since"))
    .order_by(_i.received_at.desc())
    .limit(bindparam("count")),
)


def _to_spent(row: Row) -> Spent:
    key, name, source, agent_id, *sums = row
    if isinstance(name, list):
        name = name[0] if name else ""
    gone = key == NOBODY
    return Spent(
        key="" if gone else key,
        name=name or "",
        source=source or "",
        agent_id=agent_id,
        **dict(zip(_SUMS, sums, strict=True)),
    )


def costs(by: CostsBy, since: str, until: str, agent_id: UUID | None, count: int) -> Unit[list[Spent]]:
    """See Views."""
    rows = yield SPENT[by](since=since, until=until, agent_id=agent_id, count=count)
    return [_to_spent(row) for row in rows]


def beats(since: datetime) -> Unit[Beats]:
    """See Views."""
    rows = yield BEATS(after=minute_of(since))
    return Beats(**dict(zip(_BEATS, rows[0], strict=True)))


def failed_messages(since: datetime, count: int) -> Unit[list[FailedMessage]]:
    """See Views."""
    rows = yield FAILED(since=since, count=count)
    return [
        FailedMessage(
            seq=seq,
            agent_id=agent_id,
            room_id=room_id,
            room=room or "",
            source=source or "",
            person=names[0] if names else "",
            reason=reason,
            run_id=run_id,
            received_at=received_at,
        )
        for seq, agent_id, room_id, room, source, names, reason, run_id, received_at in rows
    ]


class CostViews:
    """See Views."""

    _driver: Driver

    async def costs(
        self, by: CostsBy, *, since: str, until: str, agent_id: UUID | None = None, count: int
    ) -> list[Spent]:
        """See Views."""
        return await self._driver.search(partial(costs, by, since, until, agent_id, count))

    async def beats(self, since: datetime) -> Beats:
        """See Views."""
        return await self._driver.read(partial(beats, since))

    async def failed_messages(self, since: datetime, *, count: int) -> list[FailedMessage]:
        """See Views."""
        return await self._driver.read(partial(failed_messages, since, count))
