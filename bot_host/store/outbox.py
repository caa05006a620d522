"""The outbox: parts of messages, committed first, sent in order per destination."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from bot_host.kit.clock import utc_now
from bot_host.store import memories
from bot_host.store.columns import InList
from bot_host.store.schema import constant, outbox, outbox_open
from bot_host.store.statement import Row, Statement, Unit
from bot_host.types.errors import StateError
from bot_host.types.ids import new_id
from bot_host.types.memory import Memory
from bot_host.types.outbound import Target
from bot_host.types.turn import NewOutbox, Operation, OutboxRow, OutboxState, Queued

_c = outbox.c
_ROW: Final = (
    _c.seq,
    _c.agent_id,
    _c.account,
    _c.destination,
    _c.target,
    _c.payload,
    _c.part,
    _c.parts,
    _c.memory_id,
    _c.run_id,
    _c.state,
    _c.attempts,
    _c.not_before,
    _c.error,
    _c.platform_message_id,
    _c.created_at,
    _c.operation,
    _c.revision,
)
_NEW: Final = (
    "agent_id",
    "account",
    "destination",
    "target",
    "payload",
    "part",
    "parts",
    "memory_id",
    "run_id",
    "message",
    "state",
    "attempts",
    "created_at",
    "operation",
    "revision",
)
_one = _c.seq == bindparam("row")

INSERT: Final = Statement(
    "outbox.insert",
    insert(outbox)
    .values(
        {
            **{name: bindparam(name) for name in _NEW},
            "error": "",
            "platform_message_id": "",
        }
    )
    .returning(_c.seq),
)
DESTINATIONS: Final = Statement(
    "outbox.destinations",
    select(_c.destination).where(outbox_open).group_by(_c.destination).order_by(func.min(_c.seq)),
)
NEXT: Final = Statement(
    "outbox.next",
    select(*_ROW).where(_c.destination == bindparam("destination"), outbox_open).order_by(_c.seq).limit(1),
)
SENDING: Final = Statement(
    "outbox.sending",
    update(outbox)
    .where(_one, outbox_open)
    .values(state="sending", attempts=_c.attempts + 1)
    .returning(_c.seq),
)
PUT_BACK: Final = Statement(
    "outbox.put_back",
    update(outbox)
    .where(InList(_c.seq, "seqs"), outbox_open, _c.state == constant("sending"))
    .values(state="pending", attempts=_c.attempts - 1),
)
ANY_OPEN: Final = Statement(
    "outbox.any_open",
    select(_c.seq).where(_c.destination == bindparam("destination"), outbox_open).limit(1),
)
SENT: Final = Statement(
    "outbox.sent",
    update(outbox)
    .where(_one)
    .values(
        state="sent",
        platform_message_id=bindparam("platform_id", type_=_c.platform_message_id.type),
        sent_at=bindparam("now", type_=_c.sent_at.type),
        not_before=None,
        error="",
    )
    .returning(_c.destination),
)
LATER: Final = Statement(
    "outbox.later",
    update(outbox)
    .where(_one, outbox_open)
    .values(
        state="pending",
        not_before=bindparam("due", type_=_c.not_before.type),
        error=bindparam("why", type_=_c.error.type),
    ),
)
FIND_MESSAGE: Final = Statement(
    "outbox.find_message", select(_c.message, _c.destination).where(_c.seq == bindparam("seq"))
)
FAIL_FROM: Final = Statement(
    "outbox.fail_from",
    update(outbox)
    .where(
        _c.message == bindparam("of_message"),
        _c.destination == bindparam("of_destination"),
        _c.seq >= bindparam("first"),
        outbox_open,
    )
    .values(state="failed", error=bindparam("why", type_=_c.error.type))
    .returning(_c.seq),
)
SEND_INSTEAD: Final = Statement(
    "outbox.send_instead",
    update(outbox)
    .where(_one, outbox_open)
    .values(state="pending", operation=Operation.SEND.value, not_before=None),
)
GET: Final = Statement("outbox.get", select(*_ROW).where(InList(_c.seq, "seqs")).order_by(_c.seq))
OF_MEMORY: Final = Statement(
    "outbox.of_memory", select(_c.seq).where(_c.message == bindparam("memory_id")).order_by(_c.seq)
)
COUNT: Final = Statement("outbox.count", select(func.count()).select_from(outbox).where(outbox_open))


def _to_row(row: Row) -> OutboxRow:
    (seq, agent_id, account, destination, target, payload, part, parts, memory_id, run_id) = row[:10]
    state, attempts, not_before, error, platform_message_id, created_at, operation, revision = row[10:]
    return OutboxRow(
        seq=seq,
        agent_id=agent_id,
        account=account,
        destination=destination,
        target=Target.from_dict(target),
        payload=payload,
        part=part,
        parts=parts,
        memory_id=memory_id,
        run_id=run_id,
        state=OutboxState(state),
        attempts=attempts,
        not_before=not_before,
        error=error,
        platform_message_id=platform_message_id,
        created_at=created_at,
        operation=Operation(operation),
        revision=revision,
    )


def add(rows: Sequence[NewOutbox], send_now: Collection[str] = ()) -> Unit[Queued]:
    """Add parts. Parts without a memory belong together from one part 0 to the next.

    Of the destinations in `send_now` the first part is marked `sending`, where nothing older waits there.
    """
    seqs = []
    marked = []
    free = set()
    for destination in {row.destination for row in rows}.intersection(send_now):
        if not (yield ANY_OPEN(destination=destination)):
            free.add(destination)
    message = new_id()
    for row in rows:
        if row.part == 0:
            message = new_id()
        first = row.destination in free
        free.discard(row.destination)
        state = OutboxState.SENDING if first else OutboxState.PENDING
        now = utc_now()
        made = yield INSERT(
            agent_id=row.agent_id,
            account=row.account,
            destination=row.destination,
            target=row.target.to_dict(),
            payload=row.payload,
            part=row.part,
            parts=row.parts,
            memory_id=row.memory_id,
            run_id=row.run_id,
            message=message if row.revision else row.memory_id or message,
            state=state.value,
            attempts=int(first),
            created_at=now,
            operation=row.operation.value,
            revision=row.revision,
        )
        seqs.append(made[0][0])
        if first:
            marked.append(_as_row(row, seqs[-1], state, now))
    return Queued(seqs=tuple(seqs), marked=tuple(marked))


def _as_row(new: NewOutbox, seq: int, state: OutboxState, created_at: datetime) -> OutboxRow:
    return OutboxRow(
        seq=seq,
        agent_id=new.agent_id,
        account=new.account,
        destination=new.destination,
        target=new.target,
        payload=new.payload,
        part=new.part,
        parts=new.parts,
        memory_id=new.memory_id,
        run_id=new.run_id,
        state=state,
        attempts=1,
        not_before=None,
        error="",
        platform_message_id="",
        created_at=created_at,
        operation=new.operation,
        revision=new.revision,
        marked=True,
    )


def enqueue(rows: Sequence[NewOutbox], memory: Memory | None, send_now: Collection[str]) -> Unit[Queued]:
    """See Outbox.enqueue."""
    if rows and rows[0].memory_id is not None:
        known = yield OF_MEMORY(memory_id=rows[0].memory_id)
        if known:
            return Queued(seqs=tuple(seq for (seq,) in known))
    if memory is not None:
        yield from memories.create_memory(memory)
    return (yield from add(rows, send_now))


def pending_destinations() -> Unit[list[str]]:
    """See Outbox.pending_destinations."""
    rows = yield DESTINATIONS()
    return [destination for (destination,) in rows]


def next_part(destination: str) -> Unit[OutboxRow | None]:
    """See Outbox.next_part."""
    rows = yield NEXT(destination=destination)
    return _to_row(rows[0]) if rows else None


def mark_sending(seq: int) -> Unit[None]:
    """See Outbox.mark_sending. Raises StateError when the part is not to be sent (any more)."""
    rows = yield SENDING(row=seq)
    if not rows:
        raise StateError(f"outbox row {seq} is not to be sent: it is done, or not known")


def mark_sent(seq: int, platform_message_id: str, *, mark_next: bool = True) -> Unit[OutboxRow | None]:
    """See Outbox.mark_sent."""
    now = utc_now()
    done = yield SENT(row=seq, platform_id=platform_message_id, now=now)
    if not done:
        return None
    following = yield from next_part(done[0][0])
    if following is None or not (mark_next and following.is_due(now)):
        return following
    yield SENDING(row=following.seq)
    return replace(following, state=OutboxState.SENDING, attempts=following.attempts + 1, marked=True)


def put_parts_back(seqs: Sequence[int]) -> Unit[None]:
    """See Outbox.put_parts_back."""
    yield PUT_BACK(seqs=seqs)


def mark_later(seq: int, not_before: datetime, error: str) -> Unit[None]:
    """See Outbox.mark_later. A part that is done stays so."""
    yield LATER(row=seq, due=not_before, why=error)


def mark_failed(seq: int, error: str) -> Unit[list[int]]:
    """See Outbox.mark_failed. The same message to another destination is not touched."""
    found = yield FIND_MESSAGE(seq=seq)
    if not found:
        return []
    message, destination = found[0]
    rows = yield FAIL_FROM(of_message=message, of_destination=destination, first=seq, why=error)
    return sorted(number for (number,) in rows)


def send_instead(seq: int) -> Unit[None]:
    """See Outbox.send_instead."""
    yield SEND_INSTEAD(row=seq)


def get_parts(seqs: Sequence[int]) -> Unit[list[OutboxRow]]:
    """See Outbox.get_parts."""
    rows = yield GET(seqs=seqs)
    return [_to_row(row) for row in rows]


def unsent_count() -> Unit[int]:
    """See Outbox.unsent_count."""
    rows = yield COUNT()
    count: int = rows[0][0]
    return count
