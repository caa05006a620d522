"""The steps of turns: which actions the model asked for, what began, and what came of it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import bindparam, case, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from bot_host.kit.clock import utc_now
from bot_host.store import memories
from bot_host.store.columns import InList
from bot_host.store.schema import constant, inbox, inbox_open, steps
from bot_host.store.statement import Row, Statement, Unit
from bot_host.types.ids import UUID
from bot_host.types.turn import StepRow, StepState

KEPT: Final = timedelta(days=30)
"""After that the steps of ended turns go. An edit that comes still later finds none of them."""
SWEPT: Final = 100
"""Old rows that go with each round that is added: more than come, so that the table stays bounded."""

_c = steps.c
_NAMES: Final = tuple(column.name for column in _c if column.name != "room_id")
_old = steps.alias("old")

ADD: Final = Statement(
    "steps.add", insert(steps).values({column.name: bindparam(column.name) for column in _c})
)
MARK: Final = Statement(
    "steps.mark",
    update(inbox)
    .where(InList(inbox.c.seq, "seqs"), inbox_open)
    .values(turn_id=bindparam("turn", type_=_c.turn_id.type)),
)
SWEEP: Final = Statement(
    "steps.sweep",
    delete(steps).where(
        _c.turn_id.in_(
            select(_old.c.turn_id)
            .where(
                _old.c.created_at < bindparam("before"),
                ~select(inbox.c.seq).where(inbox.c.turn_id == _old.c.turn_id, inbox_open).exists(),
            )
            .order_by(_old.c.created_at)
            .limit(bindparam("count"))
        )
    ),
)
CHANGE: Final = Statement(
    "steps.change",
    update(steps)
    .where(
        _c.turn_id == bindparam("of_turn"),
        _c.edition == bindparam("of_edition"),
        _c.round == bindparam("of_round"),
        _c.call == bindparam("of_call"),
        _c.state == bindparam("was"),
    )
    .values(
        state=bindparam("now", type_=_c.state.type),
        result=bindparam("came", type_=_c.result.type),
        data=bindparam("with_data", type_=_c.data.type),
        ended_at=bindparam("at", type_=_c.ended_at.type),
    )
    .returning(_c.turn_id),
)
GET: Final = Statement(
    "steps.get",
    select(*(_c[name] for name in _NAMES))
    .where(_c.turn_id == bindparam("turn_id"))
    .order_by(_c.edition, _c.round, _c.call),
)
END: Final = Statement(
    "steps.end",
    update(steps)
    .where(InList(_c.turn_id, "turns"))
    .values(
        data=None,
        state=case((_c.state == constant("running"), StepState.UNKNOWN.value), else_=_c.state),
    ),
)
BLANKED: Final[Mapping[str, Any]] = {
    "arguments": "",
    "text": "",
    "answering": {},
    "result": {},
    "data": None,
    "state": case(
        (
            _c.state.in_([constant(StepState.PLANNED.value), constant(StepState.RUNNING.value)]),
            StepState.UNKNOWN.value,
        ),
        else_=_c.state,
    ),
}
"""What stays of a step when the words are to go: that there was one, of which action. What is under way can
write nothing more into it."""
BLANK: Final = Statement(
    "steps.blank",
    update(steps)
    .where(
        _c.turn_id.in_(
            select(inbox.c.turn_id).where(InList(inbox.c.seq, "seqs"), inbox.c.turn_id.is_not(None))
        )
    )
    .values(BLANKED),
)


def _to_step(row: Row) -> StepRow:
    values = dict(zip(_NAMES, row, strict=True))
    values["state"] = StepState(values["state"])
    values["data"] = values["data"] or {}
    values["answering"] = {
        memory_id: (revision, reason) for memory_id, (revision, reason) in values["answering"].items()
    }
    return StepRow(**values)


def add_steps(
    rows: Sequence[StepRow], room_id: UUID, seqs: Sequence[int], revisions: dict[UUID, int]
) -> Unit[bool]:
    """See Steps.add_steps."""
    if not (yield from memories.revisions_hold(revisions)):
        return False
    yield SWEEP(before=utc_now() - KEPT, count=SWEPT)
    yield MARK(seqs=seqs, turn=rows[0].turn_id)
    for row in rows:
        values = {name: getattr(row, name) for name in _NAMES}
        values |= {"room_id": room_id, "state": row.state.value, "data": row.data or None}
        yield ADD(**values)
    return True


def change_step(row: StepRow, was: StepState, revisions: dict[UUID, int]) -> Unit[bool]:
    """See Steps.change_step."""
    if not (yield from memories.revisions_hold(revisions)):
        return False
    rows = yield CHANGE(
        of_turn=row.turn_id,
        of_edition=row.edition,
        of_round=row.round,
        of_call=row.call,
        was=was.value,
        now=row.state.value,
        came=row.result,
        with_data=row.data or None,
        at=row.ended_at,
    )
    return bool(rows)


def get_steps(turn_id: UUID) -> Unit[list[StepRow]]:
    """See Steps.get_steps."""
    rows = yield GET(turn_id=turn_id)
    return [_to_step(row) for row in rows]


def end(turn_ids: Sequence[UUID]) -> Unit[None]:
    """The turns have ended: nothing is under way any more, and what only that would have needed goes."""
    if turn_ids:
        yield END(turns=turn_ids)


def blank(seqs: Sequence[int]) -> Unit[None]:
    """The messages of these inbox rows are gone, and with them what their steps say."""
    yield BLANK(seqs=seqs)
