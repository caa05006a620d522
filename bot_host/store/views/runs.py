"""Messages with what became of them, newest first.

Few questions have an index of their own: most are answered by looking back through the newest rows, so many
at a time, so that no look takes long however much is stored.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import and_, bindparam, case, func, or_, select
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import FromClause

from bot_host.store.columns import JsonText
from bot_host.store.driver import Driver
from bot_host.store.ledger_tables import skipped
from bot_host.store.schema import agents, constant, drafts, entities, inbox, memories, outbox, rooms, runs
from bot_host.store.statement import Family, Row, Rows, Statement, Unit
from bot_host.types.content import ChannelType
from bot_host.types.ledger import SkippedMessage
from bot_host.types.runs import Inbound, Looked, Place, Unasked, Wanted
from bot_host.types.turn import InboxState, OutboxState, Outcome

WINDOW: Final = 20_000
"""Rows that one statement goes through at the most."""
WINDOWS: Final = 5
"""Statements of one look."""
WAITING: Final = "waiting"
"""Stands for the outcome of what has none yet."""

_i, _o, _m, _r, _e, _n, _s = inbox.c, outbox.c, memories.c, rooms.c, entities.c, runs.c, skipped.c
_EVER: Final = datetime.min.replace(tzinfo=UTC)
_ENDLESS: Final = datetime.max.replace(tzinfo=UTC)
FILTERS: Final = ("agent_id", "room_id", "entity_id", "outcome", "text")

_FIELDS: Final = (
    _i.seq,
    _i.agent_id,
    agents.c.name,
    _i.account,
    _i.memory_id,
    _i.room_id,
    _r.name,
    _r.type,
    _i.entity_id,
    _e.names,
    _m.content,
    _i.outcome,
    _i.state,
    _i.reason,
    _i.attempts,
    _i.received_at,
    _i.finished_at,
    _i.run_id,
    _n.started_at,
    _n.ended_at,
    _n.model_calls,
)
_outcome = case((_i.state != constant("done"), WAITING), else_=_i.outcome)


def _contains(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column.ilike(bindparam(name), escape="\\")
    return found


def _like(part: str) -> str:
    escaped = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _account(account: str) -> str:
    """A pattern for an account, or for all of a platform."""
    escaped = _like(account)[1:-1]
    return "%" if not account else escaped if ":" in account else f"{escaped}:%"


_at, _before = bindparam("at", type_=_i.received_at.type), bindparam("before", type_=_i.seq.type)
_least_at, _least = bindparam("floor_at", type_=_i.received_at.type), bindparam("floor", type_=_i.seq.type)
_EARLIER: Final = (_i.received_at <= _at, or_(_i.received_at < _at, _i.seq < _before))
"""Of one room or person, in the order of their index."""


def _inbound(name: str, given: frozenset[str]) -> Statement:
    indexed = bool(given & {"room_id", "entity_id"})
    conditions = [
        _i.account.like(bindparam("account"), escape="\\"),
        _contains(_i.reason, "reason"),
        _i.received_at >= bindparam("since"),
    ]
    conditions += [_i[key] == bindparam(key) for key in ("agent_id", "room_id", "entity_id") if key in given]
    if "outcome" in given:
        conditions.append(_outcome == bindparam("outcome", type_=_i.outcome.type))
    if "text" in given:
        conditions.append(_contains(JsonText(_m.content, "text"), "text"))
    if indexed:
        conditions += [
            *_EARLIER,
            _i.received_at >= _least_at,
            or_(_i.received_at > _least_at, _i.seq >= _least),
        ]
        order = [_i.received_at.desc(), _i.seq.desc()]
    else:
        conditions += [_i.seq < bindparam("before"), _i.seq >= bindparam("floor")]
        order = [_i.seq.desc()]
    source: FromClause = inbox
    for table, on in (
        (agents, agents.c.id == _i.agent_id),
        (rooms, _r.id == _i.room_id),
        (entities, _e.id == _i.entity_id),
        (memories, _m.id == _i.memory_id),
        (runs, _n.id == _i.run_id),
    ):
        source = source.outerjoin(table, on)
    query = select(*_FIELDS).select_from(source).where(and_(*conditions))
    return Statement(name, query.order_by(*order).limit(bindparam("count")))


INBOUND: Final = Family("views.inbound", FILTERS, _inbound)
NEWEST: Final = {
    "inbox": Statement("views.newest_inbound", select(func.max(_i.seq))),
    "outbox": Statement("views.newest_outgoing", select(func.max(_o.seq))),
}
REACHED: Final = {
    "inbox": Statement(
        "views.reached_inbound",
        select(_i.seq, _i.received_at).where(_i.seq < bindparam("before")).order_by(_i.seq.desc()).limit(1),
    ),
    "outbox": Statement(
        "views.reached_outgoing",
        select(_o.seq, _o.created_at).where(_o.seq < bindparam("before")).order_by(_o.seq.desc()).limit(1),
    ),
}
UNASKED: Final = Family(
    "views.unasked",
    ("agent_id", "text"),
    lambda name, given: Statement(
        name,
        select(
            _o.seq,
            _o.agent_id,
            agents.c.name,
            _o.account,
            _o.destination,
            _o.parts,
            _o.memory_id,
            _m.room_id,
            _r.name,
            _m.content,
            _o.state,
            _o.error,
            _o.created_at,
            _o.sent_at,
        )
        .select_from(
            outbox.outerjoin(agents, agents.c.id == _o.agent_id)
            .outerjoin(memories, _m.id == _o.memory_id)
            .outerjoin(rooms, _r.id == _m.room_id)
        )
        .where(
            _o.seq < bindparam("before"),
            _o.seq >= bindparam("floor"),
            _o.part == 0,
            _o.operation == constant("send"),
            _o.revision == 0,
            _o.run_id.is_(None),
            # What was erased says nothing any more, not even to whom.
            _o.destination != "",
            # An answer that is being written.
            ~select(drafts.c.memory_id).where(drafts.c.memory_id == _o.memory_id).exists(),
            # What an action says while it works is a part of an answer.
            JsonText(_m.content, "in_reply_to").is_(None),
            _o.account.like(bindparam("account"), escape="\\"),
            _o.created_at >= bindparam("since"),
            *([_o.agent_id == bindparam("agent_id")] if "agent_id" in given else []),
            *([_contains(JsonText(_m.content, "text"), "text")] if "text" in given else []),
        )
        .order_by(_o.seq.desc())
        .limit(bindparam("count")),
    ),
)
SKIPPED: Final = Statement(
    "views.skipped",
    select(*_s)
    .where(
        _s.seq < bindparam("before", type_=_s.seq.type),
        # Seen as an expression: SQLite would go through the account's rows by its index.
        _s.account.concat("").like(bindparam("account"), escape="\\"),
        _contains(_s.reason, "reason"),
        _s.at >= bindparam("since"),
    )
    .order_by(_s.seq.desc())
    .limit(bindparam("count")),
)
ROW_OF_RUN: Final = Statement(
    "views.row_of_run",
    select(_i.seq)
    .select_from(runs.join(inbox, _i.room_id == _n.room_id))
    .where(
        _n.id == bindparam("run_id"),
        _i.received_at <= _n.ended_at,
        _i.run_id == bindparam("run_id"),
    )
    .order_by(_i.received_at.desc())
    .limit(1),
)


def _further(name: str, column: ColumnElement[Any]) -> Statement:
    return Statement(
        name,
        select(_i.received_at, _i.seq)
        .where(column == bindparam("whose"), *_EARLIER)
        .order_by(_i.received_at.desc(), _i.seq.desc())
        .limit(1)
        .offset(bindparam("window")),
    )


FURTHER: Final = {
    "room_id": _further("views.further_in_room", _i.room_id),
    "entity_id": _further("views.further_of_person", _i.entity_id),
}
"""Where a window of a room's or a person's messages ends."""


def _to_inbound(row: Row) -> Inbound:
    seq, agent_id, agent_name, account, memory_id, room_id, room_name, room_type, entity_id = row[:9]
    names, content, outcome, state, reason, attempts, received_at, finished_at = row[9:17]
    run_id, started_at, ended_at, calls = row[17:]
    done = state == InboxState.DONE.value
    return Inbound(
        seq=seq,
        agent_id=agent_id,
        agent_name=agent_name or "",
        account=account,
        memory_id=memory_id,
        room_id=room_id,
        room_name=room_name or "",
        room_type=ChannelType(room_type) if room_type else None,
        entity_id=entity_id,
        sender=names[0] if names else "",
        content=content,
        outcome=Outcome(outcome) if outcome and done else None,
        running=state == InboxState.RUNNING.value,
        reason=reason,
        attempts=attempts,
        received_at=received_at,
        finished_at=finished_at,
        run_id=run_id,
        started_at=started_at,
        ended_at=ended_at,
        model_calls=tuple(calls or ()),
    )


def _to_unasked(row: Row) -> Unasked:
    seq, agent_id, agent_name, account, destination, parts, memory_id, room_id, room_name = row[:9]
    content, state, error, created_at, sent_at = row[9:]
    return Unasked(
        seq=seq,
        agent_id=agent_id,
        agent_name=agent_name or "",
        account=account,
        destination=destination,
        parts=parts,
        memory_id=memory_id,
        room_id=room_id,
        room_name=room_name or "",
        content=content,
        state=OutboxState(state),
        error=error,
        created_at=created_at,
        sent_at=sent_at,
    )


def _values(wanted: Wanted, count: int) -> dict[str, Any]:
    return {
        "agent_id": wanted.agent_id,
        "account": _account(wanted.account),
        "room_id": wanted.room_id,
        "entity_id": wanted.entity_id,
        "outcome": wanted.outcome or None,
        "reason": _like(wanted.reason),
        "text": _like(wanted.text) if wanted.text else None,
        "since": wanted.since or _EVER,
        "count": count,
    }


def _look_back(
    of: str, family: Family, to_row: Callable[[Row], Any], wanted: Wanted, after: Place | None, count: int
) -> Unit[Looked]:
    """Window by window, until there is a page or enough was looked through."""
    if after is None:
        newest = (yield NEWEST[of]())[0][0]
        before = (newest or 0) + 1
    else:
        before = after.seq
    found: Rows = []
    values = _values(wanted, count)
    for _ in range(WINDOWS):
        floor = max(before - WINDOW, 0)
        values |= {"before": before, "floor": floor, "count": count + 1 - len(found)}
        found += yield family(**values)
        if len(found) > count:
            rows = tuple(map(to_row, found[:count]))
            return Looked(rows=rows, next=rows[-1].place)
        # Numbers may be far apart, where old rows were deleted.
        reached = yield REACHED[of](before=floor)
        if not reached or reached[0][1] < values["since"]:
            return Looked(rows=tuple(map(to_row, found)))
        before = reached[0][0] + 1
    place = Place(at=reached[0][1], seq=before)
    return Looked(rows=tuple(map(to_row, found)), next=place, back_to=place.at)


def list_inbound(wanted: Wanted, after: Place | None, count: int) -> Unit[Looked]:
    """See Views."""
    if wanted.room_id is None and wanted.entity_id is None:
        return (yield from _look_back("inbox", INBOUND, _to_inbound, wanted, after, count))
    whose = "room_id" if wanted.entity_id is None else "entity_id"
    place = after or Place(at=_ENDLESS, seq=0)
    values = _values(wanted, count)
    found: Rows = []
    for _ in range(WINDOWS):
        here = {"at": place.at, "before": place.seq}
        further = yield FURTHER[whose](whose=values[whose], window=WINDOW - 1, **here)
        at, seq = further[0] if further else (_EVER, 0)
        values |= {**here, "floor_at": at, "floor": seq, "count": count + 1 - len(found)}
        found += yield INBOUND(**values)
        if len(found) > count:
            rows = tuple(map(_to_inbound, found[:count]))
            return Looked(rows=rows, next=rows[-1].place)
        if not further or at < values["since"]:
            return Looked(rows=tuple(map(_to_inbound, found)))
        place = Place(at=at, seq=seq)
    return Looked(rows=tuple(map(_to_inbound, found)), next=place, back_to=place.at)


def list_unasked(wanted: Wanted, after: Place | None, count: int) -> Unit[Looked]:
    """See Views."""
    return (yield from _look_back("outbox", UNASKED, _to_unasked, wanted, after, count))


def list_skipped(wanted: Wanted, after: Place | None, count: int) -> Unit[Looked]:
    """See Views."""
    values = {key: value for key, value in _values(wanted, count + 1).items() if key not in FILTERS}
    found = yield SKIPPED(**values, before=after.seq if after is not None else 2**62)
    rows = [SkippedMessage(**dict(zip(_s.keys(), row, strict=True))) for row in found[:count]]
    last = Place(at=rows[-1].at, seq=rows[-1].seq) if len(found) > count else None
    return Looked(rows=tuple(rows), next=last)


def row_of_run(run_id: str) -> Unit[int | None]:
    """See Views."""
    rows = yield ROW_OF_RUN(run_id=run_id)
    return rows[0][0] if rows else None


class RunViews:
    """See Views."""

    _driver: Driver

    async def list_inbound(self, wanted: Wanted, *, after: Place | None, count: int) -> Looked:
        """See Views."""
        return await self._driver.search(partial(list_inbound, wanted, after, count))

    async def list_unasked(self, wanted: Wanted, *, after: Place | None, count: int) -> Looked:
        """See Views."""
        return await self._driver.search(partial(list_unasked, wanted, after, count))

    async def list_skipped(self, wanted: Wanted, *, after: Place | None, count: int) -> Looked:
        """See Views."""
        return await self._driver.search(partial(list_skipped, wanted, after, count))

    async def row_of_run(self, run_id: str) -> int | None:
        """See Views."""
        return await self._driver.read(partial(row_of_run, run_id))
