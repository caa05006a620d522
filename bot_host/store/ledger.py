"""Counting what came in, remembering what was not let in, and how accounts are."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, case, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from bot_host.kit.clean import one_line
from bot_host.kit.clock import utc_now
from bot_host.store import edits, moves, pieces, places, quiet, reactions
from bot_host.store.ledger_tables import accounts, skipped, tallies
from bot_host.store.marks import set_mark
from bot_host.store.reactions import Reacted
from bot_host.store.schema import inbox as inbox_table
from bot_host.store.schema import inbox_open, outbox_open
from bot_host.store.schema import outbox as outbox_table
from bot_host.store.statement import Row, Statement, Unit
from bot_host.types.content import Content
from bot_host.types.ids import UUID
from bot_host.types.inbound import OWN_MESSAGE, Mark, Skipped
from bot_host.types.ledger import (
    RECEIVED,
    AccountNote,
    EventEnd,
    EventKind,
    Figures,
    LastError,
    Queue,
    Tally,
)
from bot_host.types.memory import Memory
from bot_host.types.places import Entity, Room, World
from bot_host.types.turn import Admission, Admitted, Deleted, Edited, Move, Moved, Outcome

SKIPPED_KEPT: Final = 10_000
REASON_CHARACTERS: Final = 120

_t, _s, _a, _i, _o = tallies.c, skipped.c, accounts.c, inbox_table.c, outbox_table.c
_add = insert(tallies).values({column.name: bindparam(column.name) for column in _t})
ADD: Final = Statement(
    "tallies.add",
    _add.on_conflict_do_update(
        index_elements=list(tallies.primary_key),
        set_={
            "count": _t["count"] + _add.excluded["count"],
            "last_at": _add.excluded.last_at,
            "last_seq": _add.excluded.last_seq,
        },
    ),
)
TALLIES: Final = Statement("figures.tallies", select(*_t).order_by(_t.account, _t.kind, _t.ending, _t.reason))
SKIP: Final = Statement(
    "skipped.add",
    insert(skipped)
    .values({name: bindparam(name) for name in ("account", "event_key", "reason", "at")})
    .on_conflict_do_nothing(index_elements=[_s.account, _s.event_key])
    .returning(_s.seq),
)
FORGET: Final = Statement(
    "skipped.forget", delete(skipped).where(_s.seq <= bindparam("last", type_=_s.seq.type))
)
_note = insert(accounts).values({column.name: bindparam(column.name) for column in _a})
NOTE: Final = Statement(
    "accounts.note",
    _note.on_conflict_do_update(
        index_elements=[_a.account],
        set_={
            **{name: _note.excluded[name] for name in ("name", "agent_id", "label", "state", "since")},
            "error": case((_note.excluded.error == "", _a.error), else_=_note.excluded.error),
            "error_at": case((_note.excluded.error == "", _a.error_at), else_=_note.excluded.error_at),
        },
    ),
)
ACCOUNTS: Final = Statement("figures.accounts", select(*_a).order_by(_a.name, _a.account))


_INBOX: Final = (_i.state, func.count(), func.min(_i.received_at))
_OUTBOX: Final = (_o.state, func.count(), func.min(_o.created_at))
INBOX: Final = Statement("figures.inbox", select(*_INBOX).where(inbox_open).group_by(_i.state))
OUTBOX: Final = Statement("figures.outbox", select(*_OUTBOX).where(outbox_open).group_by(_o.state))
FAILED_MESSAGE: Final = Statement(
    "figures.failed_message",
    select(_i.seq, _i.account, _i.reason, func.coalesce(_i.finished_at, _i.received_at)).where(
        _i.seq == bindparam("seq")
    ),
)
_ERROR: Final = (_o.seq, _o.destination, _o.error, _o.created_at)
FAILED_PART: Final = Statement("figures.failed_part", select(*_ERROR).where(_o.seq == bindparam("seq")))
TROUBLED_PART: Final = Statement(
    "figures.troubled_part",
    # Not plainly by `seq`: SQLite would go through the table in that order, past all that was ever sent.
    select(*_ERROR).where(outbox_open, _o.error != "").order_by((_o.seq + 0).desc()).limit(1),
)


# -- counting -------------------------------------------------------------------------------------------


def add(
    account: str, kind: EventKind, ending: str, reason: str = "", *, count: int = 1, seq: int | None = None
) -> Unit[None]:
    """Count events that ended so. Reasons are cut: each is a row."""
    now = utc_now()
    yield ADD(
        account=account,
        kind=kind.value,
        ending=ending,
        reason=one_line(reason, REASON_CHARACTERS),
        count=count,
        first_at=now,
        last_at=now,
        last_seq=seq,
    )


def _end(account: str, kind: EventKind, end: EventEnd, reason: str = "") -> Unit[None]:
    yield from add(account, kind, RECEIVED)
    yield from add(account, kind, end.value, reason)


def admit(admissions: Sequence[Admission]) -> Unit[list[Admitted]]:
    """See Inbox.admit. The messages themselves are counted by triggers."""
    admitted = yield from pieces.admit(admissions)
    for admission, done in zip(admissions, admitted, strict=True):
        if done.duplicate:
            yield from _end(admission.account, EventKind.DUPLICATE, EventEnd.HANDLED, "known already")
        elif done.joined is not None:
            yield from _end(admission.account, EventKind.PIECE, EventEnd.APPLIED)
    return admitted


def apply_edit(
    account: str,
    event_key: str,
    content: Content,
    edited_at: datetime,
    mark: Mark | None,
    reopen_since: datetime | None,
    retry_since: datetime | None,
) -> Unit[Edited]:
    """See Inbox.apply_edit."""
    edited = yield from edits.apply_edit(
        account, event_key, content, edited_at, mark, reopen_since, retry_since
    )
    end = EventEnd.APPLIED if edited.changed else EventEnd.HANDLED
    reason = "" if edited.changed else "nothing edited" if edited.found else "message not known"
    yield from _end(account, EventKind.EDIT, end, reason)
    return edited


def apply_quiet_edit(account: str, event_key: str, content: Content, mark: Mark | None) -> Unit[bool]:
    """See Inbox.apply_quiet_edit."""
    changed = yield from quiet.apply(account, event_key, content, mark)
    end = EventEnd.APPLIED if changed else EventEnd.HANDLED
    yield from _end(account, EventKind.EDIT, end, "" if changed else "nothing edited")
    return changed


def apply_delete(account: str, event_keys: Sequence[str], mark: Mark | None, retract: bool) -> Unit[Deleted]:
    """See Inbox.apply_delete."""
    deleted = yield from edits.apply_delete(account, event_keys, mark, retract)
    end = EventEnd.APPLIED if deleted.count else EventEnd.HANDLED
    yield from _end(account, EventKind.DELETE, end, "" if deleted.count else "message not known")
    return deleted


def apply_places(
    account: str,
    worlds: Sequence[World],
    rooms: Sequence[Room],
    people: Sequence[Entity],
    mark: Mark | None,
) -> Unit[None]:
    """See Inbox.apply_places."""
    yield from places.apply_places(account, worlds, rooms, people, mark)
    yield from _end(account, EventKind.PLACES, EventEnd.APPLIED)


def apply_reaction(account: str, agent_id: UUID, reacted: Reacted, mark: Mark | None) -> Unit[Memory | None]:
    """See Inbox.apply_reaction."""
    memory = yield from reactions.apply(account, agent_id, reacted)
    yield from set_mark(account, mark)
    end = EventEnd.APPLIED if memory else EventEnd.HANDLED
    yield from _end(account, EventKind.REACTION, end, "" if memory else "message not known")
    return memory


def apply_membership(
    account: str, world: World, person: Entity | None, joined: bool, mark: Mark | None
) -> Unit[None]:
    """See Inbox.apply_membership."""
    yield from places.apply_places(account, [world], [], [person] if person and joined else [], mark)
    yield from _end(account, EventKind.MEMBERSHIP, EventEnd.APPLIED)


def apply_move(move: Move, mark: Mark | None) -> Unit[Moved]:
    """See Inbox.apply_move."""
    moved = yield from moves.apply_move(move, mark)
    end = EventEnd.APPLIED if moved.found else EventEnd.HANDLED
    yield from _end(move.account, EventKind.MOVE, end, "" if moved.found else "room not known")
    return moved


def count_failed(account: str, kind: EventKind, reason: str) -> Unit[None]:
    """See Ledger.count_failed."""
    yield from _end(account, kind, EventEnd.FAILED, reason)


def count_applied(account: str, kind: EventKind, mark: Mark | None) -> Unit[None]:
    """See Ledger.count_applied."""
    yield from set_mark(account, mark)
    yield from _end(account, kind, EventEnd.APPLIED)


def count_skipped(account: str, events: Sequence[Skipped]) -> Unit[None]:
    """See Ledger.count_skipped."""
    ends = Counter((EventEnd.FAILED if e.failed else EventEnd.HANDLED, e.reason) for e in events)
    yield from add(account, EventKind.SKIP, RECEIVED, count=len(events))
    for (end, reason), count in ends.items():
        yield from add(account, EventKind.SKIP, end.value, reason, count=count)
    newest = 0
    for event in events:
        if event.event_key and event.reason != OWN_MESSAGE:
            reason = one_line(event.reason, REASON_CHARACTERS)
            made = yield SKIP(account=account, event_key=event.event_key, reason=reason, at=utc_now())
            newest = made[0][0] if made else newest
        yield from set_mark(account, event.mark)
    if newest > SKIPPED_KEPT:
        yield FORGET(last=newest - SKIPPED_KEPT)


def note_account(note: AccountNote) -> Unit[None]:
    """See Ledger.note_account."""
    yield NOTE(**{column.name: getattr(note, column.name) for column in _a})


# -- figures --------------------------------------------------------------------------------------------


def _to_tally(row: Row) -> Tally:
    account, kind, ending, reason, count, first_at, last_at, last_seq = row
    return Tally(
        account=account,
        kind=EventKind(kind),
        end=ending,
        reason=reason,
        count=count,
        first_at=first_at,
        last_at=last_at,
        last_seq=last_seq,
    )


def figures() -> Unit[Figures]:
    """See Ledger.figures."""
    counted = tuple(_to_tally(row) for row in (yield TALLIES()))
    notes = yield ACCOUNTS()
    coming, going = (yield INBOX()), (yield OUTBOX())
    failed = _newest(counted, EventKind.MESSAGE)
    in_errors = (yield FAILED_MESSAGE(seq=failed)) if failed else []
    unsent = _newest(counted, EventKind.PART)
    out_errors = (yield FAILED_PART(seq=unsent)) if unsent else []
    out_errors = sorted(out_errors + (yield TROUBLED_PART()))
    return Figures(
        tallies=counted,
        accounts=tuple(AccountNote(**dict(zip(_a.keys(), row, strict=True))) for row in notes),
        inbox=_to_queue(coming, busy="running"),
        outbox=_to_queue(going, busy="sending"),
        inbox_error=LastError(*in_errors[-1]) if in_errors else None,
        outbox_error=LastError(*out_errors[-1]) if out_errors else None,
    )


def _newest(counted: Sequence[Tally], kind: EventKind) -> int | None:
    """The last row of a kind that failed, on any account."""
    ended = (each.last_seq for each in counted if each.kind is kind and each.end == Outcome.FAILED)
    return max((seq for seq in ended if seq is not None), default=None)


def _to_queue(rows: Sequence[Row], *, busy: str) -> Queue:
    return Queue(
        waiting=sum(count for state, count, _ in rows if state != busy),
        under_way=sum(count for state, count, _ in rows if state == busy),
        oldest_at=min((oldest for _, _, oldest in rows), default=None),
    )
