"""The walk through all rows: which of them break a promise. For `verify`; it reads, and takes its time.

All checks read one snapshot, so that a host at work is not in their way and not seen in mid-step.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import BindParameter, Select, and_, bindparam, func, literal, or_, select

from bot_host.store import ledger, marks
from bot_host.store.columns import JsonId, JsonText
from bot_host.store.schema import constant, inbox_open, outbox_open
from bot_host.store.schema import inbox as inbox_table
from bot_host.store.schema import memories as memories_table
from bot_host.store.schema import outbox as outbox_table
from bot_host.store.schema import runs as runs_table
from bot_host.store.statement import Row, Statement, Unit
from bot_host.types.ledger import (
    RECEIVED,
    Audited,
    Balance,
    Check,
    EventEnd,
    EventKind,
    Tally,
    Violation,
)
from bot_host.types.retention import RETENTION_MARKS
from bot_host.types.turn import InboxState, OutboxState, Outcome

EXAMPLES: Final = 5
MOST: Final = 10_000
"""Of one kind of violation; further ones are not counted."""
LOCAL: Final = "local:%"
"""Accounts of callers of the library (`host.accounts`): their answers are returned, not sent."""
TIMED: Final = (Outcome.ANSWERED, Outcome.FAILED)
"""Outcomes of turns that took their place in the order of a room."""

_i, _o, _m, _r = inbox_table.c, outbox_table.c, memories_table.c, runs_table.c
_OUTCOMES: Final = [constant(outcome.value) for outcome in Outcome]
_sent_in_time = and_(_o.state == constant("sent"), _o.destination != "")
"""Erased parts have no destination."""


def _kept(key: str) -> BindParameter[datetime]:
    """Since when rows of a kind are all there: older ones `[retention]` may have deleted."""
    return bindparam(f"kept_{key}", type_=_i.finished_at.type)


def _turns() -> Select[Any]:
    """Rows whose turn began before the one before it in the room had ended."""
    place = (_i.account, _i.agent_id, _i.room_id)
    turns = (
        select(
            _i.seq,
            _r.id.label("run"),
            _r.started_at.label("began"),
            func.lag(_r.id).over(partition_by=place, order_by=_i.seq).label("before"),
            func.lag(_r.ended_at).over(partition_by=place, order_by=_i.seq).label("ended"),
        )
        .join_from(inbox_table, runs_table, _r.id == _i.run_id)
        # An edited message had its turn anew, long after the ones that followed it.
        .where(_i.outcome.in_([constant(outcome.value) for outcome in TIMED]), _i.reopened_at.is_(None))
        .subquery()
    )
    c = turns.c
    return select(c.seq).where(c.run != c.before, c.began < c.ended).order_by(c.seq)


def _sending() -> Select[Any]:
    """Parts that were sent before an earlier one of their destination, or while that one still waits."""
    newest = func.max(_o.sent_at).over(partition_by=_o.destination, order_by=_o.seq)
    sent = select(_o.seq, _o.sent_at, newest.label("newest")).where(_sent_in_time).subquery()
    waiting = (
        select(_o.destination, func.min(_o.seq).label("first"))
        .where(outbox_open)
        .group_by(_o.destination)
        .subquery()
    )
    early = select(sent.c.seq).where(sent.c.sent_at < sent.c.newest)
    overtaking = select(_o.seq).join(waiting, waiting.c.destination == _o.destination)
    both = early.union(overtaking.where(_o.seq > waiting.c.first, _sent_in_time)).subquery()
    return select(both.c.seq).order_by(both.c.seq)


def _parts() -> Select[Any]:
    """The first part of messages with one that is there twice or missing, or with a platform id twice."""
    known = func.nullif(_o.platform_message_id, "")
    return (
        select(func.min(_o.seq).label("seq"))
        .where(_o.destination != "")
        .group_by(_o.message, _o.destination)
        .having(
            or_(
                func.count() != func.max(_o.parts),
                func.count(_o.part.distinct()) != func.max(_o.parts),
                func.min(_o.part) != 0,
                func.count(known) != func.count(known.distinct()),
            )
        )
        .order_by("seq")
    )


def _once() -> Select[Any]:
    """Messages to which two turns committed an answer; an edited one may have had a second."""
    asked = memories_table.alias("asked")
    in_reply_to = JsonId(_m.content, "in_reply_to")
    return (
        select(asked.c.id)
        .select_from(outbox_table)
        .join(memories_table, _m.id == _o.memory_id)
        .join(asked, asked.c.id == in_reply_to)
        .where(_o.run_id.is_not(None), _o.revision == 0, asked.c.revision == 0)
        .group_by(asked.c.id)
        .having(func.count(_o.run_id.distinct()) > 1)
        .order_by(asked.c.id)
    )


def _said() -> Select[Any]:
    """Answered rows, of platforms, for whose turn nothing was ever put into the outbox."""
    sending = select(_o.run_id).where(_o.run_id.is_not(None))
    said = (
        select(JsonId(_m.content, "in_reply_to"))
        .join_from(outbox_table, memories_table, _m.id == _o.memory_id)
        .where(_o.run_id.is_(None), JsonText(_m.content, "in_reply_to").is_not(None))
    )
    others = inbox_table.alias("others")
    speaking = select(others.c.run_id).where(others.c.memory_id.in_(said), others.c.run_id.is_not(None))
    return (
        select(_i.seq)
        .join_from(inbox_table, runs_table, _r.id == _i.run_id)
        .where(
            _i.outcome == constant("answered"),
            _i.finished_at >= _kept("outbox"),
            ~_i.account.like(LOCAL),
            # Of erased runs nothing is left; nor of the parts that they made.
            _r.steps != literal([], _r.steps.type),
            _i.run_id.not_in(sending),
            _i.run_id.not_in(speaking),
        )
        .order_by(_i.seq)
    )


_memory_ids = select(_m.id)
_run_ids = select(_r.id)
FINDERS: Final[dict[Check, tuple[Select[Any], str]]] = {
    Check.OUTCOMES: (
        select(_i.seq)
        .where(
            or_(
                and_(~inbox_open, or_(_i.outcome.is_(None), _i.outcome.not_in(_OUTCOMES))),
                and_(inbox_open, _i.outcome.is_not(None)),
                _i.state.not_in([constant(state.value) for state in InboxState]),
            )
        )
        .order_by(_i.seq),
        "row:",
    ),
    Check.TURNS: (_turns(), "row:"),
    Check.SENDING: (_sending(), "outbox:"),
    Check.PARTS: (_parts(), "outbox:"),
    Check.ONCE: (_once(), ""),
    Check.SAID: (_said(), "row:"),
    Check.MEMORIES: (
        select(_m.id)
        .where(
            _m.type == constant("message"),
            _m.entity_id != _m.agent_id,
            # Only messages that came in by the inbox have it.
            JsonText(_m.metadata, "source_id").is_not(None),
            _m.id.not_in(select(_i.memory_id).where(_i.memory_id.is_not(None))),
        )
        .order_by(_m.seq),
        "",
    ),
    Check.ROWS: (
        select(_i.seq)
        .where(
            inbox_open,
            _i.state == constant("pending"),
            or_(_i.memory_id.is_(None), _i.memory_id.not_in(_memory_ids)),
        )
        .order_by(_i.seq),
        "row:",
    ),
    Check.RUNS: (
        select(_i.seq)
        .where(
            _i.run_id.is_not(None),
            _i.room_id.is_not(None),
            _i.run_id.not_in(_run_ids),
            _i.finished_at >= _kept("runs"),
        )
        .order_by(_i.seq),
        "row:",
    ),
    Check.UNSENT: (
        select(_o.seq)
        .where(
            outbox_open,
            _o.run_id.is_not(None),
            # A reaction says nothing that would be remembered.
            _o.operation != constant("react"),
            or_(_o.memory_id.is_(None), _o.memory_id.not_in(_memory_ids), _o.run_id.not_in(_run_ids)),
        )
        .order_by(_o.seq),
        "outbox:",
    ),
    Check.RUNNING: (
        select(_i.seq).where(inbox_open, _i.state == constant("running")).order_by(_i.seq),
        "row:",
    ),
    Check.LEAVING: (
        select(_o.seq).where(outbox_open, _o.state == constant("sending")).order_by(_o.seq),
        "outbox:",
    ),
}
"""Each selects one column of the rows that are not as they should be; and how these are called."""
STATEMENTS: Final = {
    check: (Statement(f"verify.{check.name.lower()}", query.limit(MOST)), prefix)
    for check, (query, prefix) in FINDERS.items()
}
COUNTS: Final = Statement(
    "verify.counts",
    select(_i.account, _i.state, _i.outcome, func.count()).group_by(_i.account, _i.state, _i.outcome),
)
PARTS: Final = Statement("verify.parts_by_state", select(_o.state, func.count()).group_by(_o.state))
SWEPT: Final = ("runs", "outbox")
"""Kinds of rows of `[retention]` that others point at."""
ONLY_WITHOUT_HOST: Final = (Check.RUNNING, Check.LEAVING)


def audit_rows(*, host_runs: bool) -> Unit[Audited]:
    """See Ledger.audit_rows."""
    counted = yield from ledger.figures()
    rows = [*(yield COUNTS()), *_swept(counted.tallies)]
    kept = {}
    for key in SWEPT:
        kept[f"kept_{key}"] = yield from _kept_since(key)
    found: dict[Check, list[str]] = {
        Check.BALANCE: _unbalanced(rows, counted.tallies),
        Check.OTHERS: _others_unbalanced(counted.tallies),
    }
    for check, (statement, prefix) in STATEMENTS.items():
        if not (host_runs and check in ONLY_WITHOUT_HOST):
            found[check] = [f"{prefix}{row[0]}" for row in (yield statement(**kept))]
    parts = {state.value: 0 for state in OutboxState} | dict((yield PARTS()))
    return Audited(
        balance=_balance(rows),
        parts=parts,
        others=_others(counted.tallies),
        violations=tuple(
            Violation(check=check, count=len(found[check]), examples=tuple(found[check][:EXAMPLES]))
            for check in Check
            if found.get(check)
        ),
    )


def _swept(counted: Iterable[Tally]) -> list[Row]:
    """Rows that were deleted because they were old, as if they were there."""
    done = InboxState.DONE.value
    return [
        (tally.account, done, None if tally.end == "none" else tally.end, tally.count)
        for tally in counted
        if tally.kind is EventKind.SWEPT and tally.end != RECEIVED
    ]


def _kept_since(key: str) -> Unit[datetime]:
    mark = yield from marks.find_mark(RETENTION_MARKS, key)
    # A turn's rows are written within moments of each other; a day is more than enough.
    return datetime.fromtimestamp(mark or 0, UTC) + timedelta(days=1 if mark else 0)


def _balance(rows: Sequence[Row]) -> Balance:
    ended = dict.fromkeys((outcome.value for outcome in Outcome), 0)
    received = pending = 0
    for _, state, outcome, number in rows:
        received += number
        if state != InboxState.DONE.value:
            pending += number
        elif outcome in ended:
            ended[outcome] += number
    return Balance(received=received, pending=pending, **ended)


def _unbalanced(rows: Sequence[Row], counted: Iterable[Tally]) -> list[str]:
    """Accounts whose rows are not as many as were counted when they came, or ended."""
    there: dict[tuple[str, str], int] = {}
    for account, state, outcome, number in rows:
        for end in (RECEIVED, (outcome or "none") if state == InboxState.DONE.value else None):
            if end is not None:
                there[account, end] = there.get((account, end), 0) + number
    noted: dict[tuple[str, str], int] = {}
    for tally in counted:
        if tally.kind is EventKind.MESSAGE:
            noted[tally.account, tally.end] = noted.get((tally.account, tally.end), 0) + tally.count
    return [
        f"{account}: {noted.get((account, end), 0)} {end}, {there.get((account, end), 0)} rows"
        for account, end in sorted(there.keys() | noted.keys())
        if noted.get((account, end), 0) != there.get((account, end), 0)
    ]


def _others(counted: Iterable[Tally]) -> dict[str, dict[str, int]]:
    inbound = set(EventKind) - {EventKind.MESSAGE, EventKind.PART, EventKind.SWEPT}
    kinds = [kind for kind in EventKind if kind in inbound]
    found = {kind.value: dict.fromkeys((RECEIVED, *(end.value for end in EventEnd)), 0) for kind in kinds}
    for tally in counted:
        if tally.kind in kinds:
            found[tally.kind][tally.end] = found[tally.kind].get(tally.end, 0) + tally.count
    return found


def _others_unbalanced(counted: Sequence[Tally]) -> list[str]:
    bad = []
    for account in sorted({tally.account for tally in counted}):
        for kind, ends in _others([tally for tally in counted if tally.account == account]).items():
            ended = sum(ends.values()) - ends[RECEIVED]
            if ended != ends[RECEIVED]:
                bad.append(f"{account}: {ends[RECEIVED]} {kind} received, {ended} ended")
    return bad
