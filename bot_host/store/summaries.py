"""Summaries of rooms."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from bot_host.store.columns import InList
from bot_host.store.memories import FIELDS, to_memory
from bot_host.store.schema import constant, memories
from bot_host.store.statement import Row, Statement, Unit
from bot_host.store.summary_tables import summaries, summaries_stale, summaries_top
from bot_host.types.ids import UUID, new_id
from bot_host.types.summary import Numbered, RoomSummary, Summary, SummaryState

LATE: Final = timedelta(days=1)
"""How much later than others a message of the same time may come in and still be found as new."""
_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
_END: Final = datetime.max.replace(tzinfo=UTC)

_c, _m = summaries.c, memories.c
_COLUMNS: Final = tuple(column for column in _c if column.name != "parent_id")
_NAMES: Final = tuple(column.name for column in _COLUMNS)
_MESSAGE: Final = (_m.seq, *FIELDS)
_is_message = (_m.room_id == bindparam("room_id"), _m.type == constant("message"))
_is_new = (
    *_is_message,
    _m.created_at >= bindparam("since"),
    _m.seq > bindparam("after", type_=_c.last_seq.type),
)
_of_room = _c.room_id == bindparam("room_id")

TOPS: Final = Statement(
    "summaries.tops", select(*_COLUMNS).where(_of_room, summaries_top).order_by(_c.first_seq)
)
SEQS: Final = Statement("summaries.seqs", select(_m.id, _m.seq).where(InList(_m.id, "ids")))
NEW: Final = Statement(
    "summaries.new", select(*_MESSAGE).where(*_is_new).order_by(_m.seq).limit(bindparam("count"))
)
NEW_IDS: Final = Statement(
    "summaries.new_ids", select(_m.id).where(*_is_new, _m.created_at <= bindparam("until"))
)
_count_new: Select[Any] = select(func.count()).select_from(memories).where(*_is_new)
COUNT_NEW: Final = Statement("summaries.count_new", _count_new)
HORIZON: Final = Statement(
    "summaries.horizon",
    select(_m.created_at)
    .where(*_is_message)
    .order_by(_m.created_at.desc(), _m.seq.desc())
    .limit(1)
    .offset(bindparam("skip")),
)
WITHIN: Final = Statement(
    "summaries.within",
    select(*_MESSAGE)
    .where(
        *_is_message,
        _m.created_at >= bindparam("first_at"),
        _m.created_at <= bindparam("last_at"),
        _m.seq >= bindparam("first_seq", type_=_c.first_seq.type),
        _m.seq <= bindparam("last_seq", type_=_c.last_seq.type),
    )
    .order_by(_m.seq),
)
_figures: tuple[Any, ...] = (
    func.count(),
    func.min(_m.seq),
    func.max(_m.seq),
    func.min(_m.created_at),
    func.max(_m.created_at),
)
_before: Select[Any] = (
    select(*_figures)
    .select_from(memories)
    .where(*_is_new, _m.seq < bindparam("until", type_=_c.first_seq.type))
)
BEFORE: Final = Statement("summaries.before", _before)
OLDER: Final = Statement(
    "summaries.older", select(_m.id).where(*_is_message, _m.created_at < bindparam("than")).limit(1)
)
LAST: Final = Statement(
    "summaries.last",
    select(_c.last_seq, _c.last_at)
    .where(_of_room, _c.level == bindparam("level", type_=_c.level.type))
    .order_by(_c.last_seq.desc())
    .limit(1),
)
ADD: Final = Statement(
    "summaries.add", insert(summaries).values({name: bindparam(name) for name in _NAMES}).returning(_c.id)
)
RENEW: Final = Statement(
    "summaries.renew",
    update(summaries)
    .where(_c.id == bindparam("of"), _c.revision == bindparam("was", type_=_c.revision.type))
    .values(
        {
            name: bindparam(f"new_{name}", type_=_c[name].type)
            for name in ("state", "text", "model", "tokens", "revision", "made_at", "count")
        }
    )
    .returning(_c.id),
)
STANDING: Final = Statement(
    "summaries.standing",
    select(_c.id, _c.revision, _c.state).where(InList(_c.id, "ids"), _c.parent_id.is_(None)),
)
PUT_BELOW: Final = Statement(
    "summaries.put_below",
    update(summaries)
    .where(InList(_c.id, "ids"))
    .values(parent_id=bindparam("above", type_=_c.parent_id.type)),
)
RAISE: Final = Statement(
    "summaries.raise",
    update(summaries).where(InList(_c.parent_id, "ids")).values(parent_id=None),
)
DROP: Final = Statement("summaries.drop", delete(summaries).where(InList(_c.id, "ids"), _of_room))
DROP_ROOMS: Final = Statement("summaries.drop_rooms", delete(summaries).where(InList(_c.room_id, "room_ids")))
STALE: Final = Statement(
    "summaries.stale",
    select(_c.room_id).where(_c.agent_id == bindparam("agent_id"), summaries_stale).distinct(),
)
ANY_MESSAGE: Final = Statement("summaries.any_message", select(_m.id).where(*_is_message).limit(1))


def _to_summary(row: Row) -> Summary:
    fields: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    return Summary(**{**fields, "state": SummaryState(fields["state"])})


def _to_numbered(row: Row) -> Numbered:
    return Numbered(seq=row[0], memory=to_memory(row[1:]))


def _values(summary: Summary) -> dict[str, Any]:
    return {name: getattr(summary, name) for name in _NAMES} | {"state": summary.state.value}


def _is_over(summary: Summary, begins_at: datetime | None) -> bool:
    return begins_at is not None and summary.first_at <= begins_at


def room_summary(
    room_id: UUID, shown: Sequence[UUID], begins_at: datetime | None, until: datetime | None
) -> Unit[RoomSummary]:
    """See Summaries.room_summary."""
    rows = yield TOPS(room_id=room_id)
    parts = [part for part in map(_to_summary, rows) if not _is_over(part, begins_at)]
    if not parts:
        return RoomSummary()
    seqs = (yield SEQS(ids=list(shown))) if shown else []
    oldest = min((seq for _, seq in seqs), default=0)
    near = [part for part in parts if part.says and part.last_seq >= oldest]
    covered = {key for key, seq in seqs if any(part.covers(seq) for part in near)}
    after, since = parts[-1].last_seq, max(part.last_at for part in parts) - LATE
    new = yield NEW_IDS(room_id=room_id, after=after, since=since, until=until or _END)
    asked = {key for key, _ in seqs}
    between = sum(key not in asked for (key,) in new)
    older = begins_at is None and bool((yield OLDER(room_id=room_id, than=parts[0].first_at)))
    return RoomSummary(parts=tuple(parts), covered=frozenset(covered), between=between, older=older)


def messages_to_fold(
    room_id: UUID, begins_at: datetime | None, count: int, horizon: int
) -> Unit[tuple[list[Numbered], int]]:
    """See Summaries.messages_to_fold."""
    last = yield LAST(room_id=room_id, level=0)
    after, since = (last[0][0], last[0][1] - LATE) if last else (0, _BEGINNING)
    found = yield HORIZON(room_id=room_id, skip=max(horizon - 1, 0))
    since = max([since, *(at for (at,) in found)])
    if begins_at is not None:
        since = max(since, begins_at + timedelta(microseconds=1))
    [(total,)] = yield COUNT_NEW(room_id=room_id, after=after, since=since)
    rows = yield NEW(room_id=room_id, after=after, since=since, count=count)
    return [_to_numbered(row) for row in rows], total


def messages_of_summary(summary: Summary) -> Unit[list[Numbered]]:
    """See Summaries.messages_of_summary."""
    rows = yield WITHIN(
        room_id=summary.room_id,
        first_at=summary.first_at,
        last_at=summary.last_at,
        first_seq=summary.first_seq,
        last_seq=summary.last_seq,
    )
    return [_to_numbered(row) for row in rows]


def put_summary(summary: Summary, prints: Sequence[str]) -> Unit[bool]:
    """See Summaries.put_summary."""
    now = yield from messages_of_summary(summary)
    if [each.print for each in now] != list(prints):
        return False
    values = _values(summary)
    if summary.revision:
        new = {f"new_{name}": value for name, value in values.items()}
        renewed = yield RENEW(of=summary.id, was=summary.revision - 1, **new)
        return bool(renewed)
    last = yield LAST(room_id=summary.room_id, level=0)
    if last and last[0][0] >= summary.first_seq:
        return False
    if last:
        yield from _skip(summary, after=last[0][0], since=last[0][1] - LATE)
    yield ADD(**values)
    return True


def _skip(summary: Summary, *, after: int, since: datetime) -> Unit[None]:
    """Note the messages between the last segment and this one."""
    [(count, first, last, first_at, last_at)] = yield BEFORE(
        room_id=summary.room_id, after=after, since=since, until=summary.first_seq
    )
    if not count:
        return
    skipped = replace(
        summary,
        id=new_id(),
        state=SummaryState.SKIPPED,
        first_seq=first,
        last_seq=last,
        first_at=first_at,
        last_at=last_at,
        count=count,
        text="",
        model="",
        tokens=0,
    )
    yield ADD(**_values(skipped))


def merge_summaries(summary: Summary, below: Sequence[Summary]) -> Unit[bool]:
    """See Summaries.merge_summaries."""
    rows = yield STANDING(ids=[each.id for each in below])
    standing = {key: (revision, state) for key, revision, state in rows}
    if any(standing.get(each.id) != (each.revision, each.state.value) for each in below):
        return False
    yield ADD(**_values(summary))
    yield PUT_BELOW(ids=[each.id for each in below], above=summary.id)
    return True


def drop_summaries(room_id: UUID, ids: Sequence[UUID]) -> Unit[None]:
    """See Summaries.drop_summaries. Only such as are read: nothing stands above them."""
    yield RAISE(ids=ids)
    yield DROP(ids=ids, room_id=room_id)


def rooms_to_summarize_anew(agent_id: UUID) -> Unit[list[UUID]]:
    """See Summaries.rooms_to_summarize_anew."""
    rows = yield STALE(agent_id=agent_id)
    return [row[0] for row in rows]


def before_move(old: UUID, new: UUID) -> Unit[None]:
    """A room moves into another one.

    Where something was said there, the two orders of arrival mix: both rooms' summaries go, to be made anew.
    """
    if (yield ANY_MESSAGE(room_id=new)):
        yield DROP_ROOMS(room_ids=[old, new])
