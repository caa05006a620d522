"""The inbox: each inbound message once, in order, until it is done."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from bot_host.contracts.store import WantedHistory
from bot_host.kit.clock import utc_now
from bot_host.store import memories, places
from bot_host.store.columns import InList
from bot_host.store.schema import constant, inbox, inbox_open
from bot_host.store.schema import memories as memories_table
from bot_host.store.statement import Row, Statement, Unit
from bot_host.types.errors import StateError
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.outbound import Target
from bot_host.types.turn import (
    Admission,
    Admitted,
    InboxEnd,
    InboxRow,
    InboxState,
    Outcome,
    TakenTurn,
)

DELETED: Final = "deleted"
"""The reason of a message that was deleted on its platform before its turn."""

REPEATED: Final = "repeats an answered message"
"""The reason of a message that somebody's proxy said again, when the first one was quicker answered."""
QUIET_AT_MOST: Final = 5
"""Times of quiet that the oldest message waits for others, and no longer."""
_ALL: Final = 2**31 - 1
_c = inbox.c
_pending = _c.state == constant("pending")
_running = _c.state == constant("running")
_by_event = (_c.account == bindparam("account"), _c.event_key == bindparam("event_key"))
_ROW: Final = (
    _c.seq,
    _c.agent_id,
    _c.account,
    _c.room_id,
    _c.entity_id,
    _c.memory_id,
    _c.message_id,
    _c.target,
    _c.attempts,
    _c.received_at,
    _c.state,
    _c.outcome,
    _c.reason,
    _c.turn_id,
    _c.reply_id,
    _c.settles_at,
)
_NEW: Final = (
    "agent_id",
    "account",
    "event_key",
    "message_id",
    "room_id",
    "entity_id",
    "memory_id",
    "target",
    "received_at",
    "sent_at",
)

FIND_SEQ: Final = Statement("inbox.find_seq", select(_c.seq).where(*_by_event))
INSERT: Final = Statement(
    "inbox.insert",
    insert(inbox)
    .values({**{name: bindparam(name) for name in _NEW}, "state": "pending", "attempts": 0, "reason": ""})
    .on_conflict_do_nothing(index_elements=[_c.account, _c.event_key])
    .returning(_c.seq),
)
_oldest = (
    select(_c.seq)
    .where(_c.agent_id == bindparam("agent"), _c.room_id == bindparam("room"), inbox_open, _pending)
    .order_by(_c.seq)
    .limit(bindparam("count"))
)
TAKE: Final = Statement(
    "inbox.take",
    update(inbox)
    .where(_c.seq.in_(_oldest))
    .values(state="running", attempts=_c.attempts + 1)
    .returning(*_ROW),
)
ANY_PENDING: Final = Statement(
    "inbox.any_pending",
    select(_c.seq)
    .where(_c.agent_id == bindparam("agent"), _c.room_id == bindparam("room"), inbox_open, _pending)
    .limit(1),
)
_came = func.coalesce(_c.reopened_at, _c.received_at, type_=_c.received_at.type)
PENDING_SINCE: Final = Statement(
    "inbox.pending_since",
    select(func.min(_came), func.max(_came)).where(
        _c.agent_id == bindparam("agent"), _c.room_id == bindparam("room"), inbox_open, _pending
    ),
)
END: Final = Statement(
    "inbox.end",
    update(inbox)
    .where(_c.seq == bindparam("row"), inbox_open)
    .values(
        state="done",
        outcome=bindparam("result", type_=_c.outcome.type),
        reason=bindparam("why", type_=_c.reason.type),
        finished_at=bindparam("now", type_=_c.finished_at.type),
        # Of a turn whose answer stands as it was, the row knows the turn that gave it.
        run_id=func.coalesce(bindparam("run", type_=_c.run_id.type), _c.run_id),
        reply_id=func.coalesce(bindparam("reply", type_=_c.reply_id.type), _c.reply_id),
    )
    .returning(_c.turn_id, _c.entity_id),
)
PUT_BACK: Final = Statement(
    "inbox.put_back",
    update(inbox)
    .where(InList(_c.seq, "seqs"), inbox_open, _running)
    .values(state="pending", attempts=_c.attempts - bindparam("taken_back", type_=_c.attempts.type)),
)
PUT_ALL_BACK: Final = Statement(
    "inbox.put_all_back", update(inbox).where(inbox_open, _running).values(state="pending")
)
_end_deleted = update(inbox).values(
    state="done",
    outcome=Outcome.IGNORED.value,
    reason=DELETED,
    finished_at=bindparam("now", type_=_c.finished_at.type),
)
_gone = ~select(memories_table.c.id).where(memories_table.c.id == _c.memory_id).exists()
END_DELETED: Final = Statement(
    "inbox.end_deleted", _end_deleted.where(InList(_c.seq, "seqs"), inbox_open, _pending, _gone)
)
END_ALL_DELETED: Final = Statement("inbox.end_all_deleted", _end_deleted.where(inbox_open, _pending, _gone))
PENDING_ROOMS: Final = Statement(
    "inbox.pending_rooms",
    select(_c.agent_id, _c.room_id)
    .where(inbox_open, _pending)
    .group_by(_c.agent_id, _c.room_id)
    .order_by(func.min(_c.seq))
    .limit(bindparam("count")),
)
COUNT: Final = Statement("inbox.count", select(func.count()).select_from(inbox).where(inbox_open))
EVENT: Final = (
    _c.memory_id,
    _c.state,
    _c.agent_id,
    _c.room_id,
    _c.seq,
    _c.outcome,
    _c.reason,
    _c.reply_id,
    _c.received_at,
    _c.finished_at,
    _c.turn_id,
)
SEQ: Final = EVENT.index(_c.seq)
RECEIVED_AT: Final = EVENT.index(_c.received_at)
FIND_EVENT: Final = Statement("inbox.find_event", select(*EVENT).where(*_by_event))
FIND_EVENTS: Final = Statement(
    "inbox.find_events",
    select(_c.seq, _c.memory_id, _c.state, _c.agent_id, _c.room_id, _c.reply_id).where(
        _c.account == bindparam("account"), InList(_c.event_key, "event_keys")
    ),
)


def _to_row(row: Row) -> InboxRow:
    (seq, agent_id, account, room_id, entity_id, memory_id, message_id, target, attempts, received_at) = row[
        :10
    ]
    state, outcome, reason, turn_id, reply_id = row[10:15]
    return InboxRow(
        seq=seq,
        agent_id=agent_id,
        account=account,
        room_id=room_id,
        entity_id=entity_id,
        memory_id=memory_id,
        message_id=message_id,
        target=Target.from_dict(target),
        attempts=attempts,
        received_at=received_at,
        state=InboxState(state),
        outcome=Outcome(outcome) if outcome else None,
        reason=reason,
        turn_id=turn_id,
        reply_id=reply_id,
    )


def admit_one(admission: Admission) -> Unit[Admitted]:
    """One message, but for its mark; see Inbox.admit."""
    known = yield FIND_SEQ(account=admission.account, event_key=admission.event_key)
    if known:
        return Admitted(seq=known[0][0], duplicate=True)
    room_id, sender_id = admission.room.id, admission.sender.id
    # Whoever says that the places are known may remember what was deleted since: a look is cheap.
    if not (admission.places_known and (yield from places.is_participant(room_id, sender_id))):
        yield from places.ensure_world(admission.world)
        yield from places.ensure_room(admission.room)
        yield from places.ensure_entity(admission.sender)
        yield from places.ensure_participant(admission.agent_id, room_id, sender_id)
        yield from places.ensure_participant(admission.agent_id, room_id, admission.agent_id)
    yield from memories.create_memory(admission.memory)
    made = yield INSERT(
        agent_id=admission.agent_id,
        account=admission.account,
        event_key=admission.event_key,
        message_id=admission.message_id,
        room_id=room_id,
        entity_id=sender_id,
        memory_id=admission.memory.id,
        target=admission.target.to_dict(),
        received_at=utc_now(),
        sent_at=admission.sent_at,
    )
    if made:
        unanswered = admission.unanswered
        if not unanswered and admission.replaces and (yield from _was_answered(admission)):
            unanswered = REPEATED
        if unanswered:
            yield END(
                row=made[0][0],
                result=Outcome.IGNORED.value,
                why=unanswered,
                now=utc_now(),
                run=None,
                reply=None,
            )
        return Admitted(seq=made[0][0], duplicate=False)
    # Where writers are not alone (PostgreSQL), another one was quicker.
    known = yield FIND_SEQ(account=admission.account, event_key=admission.event_key)
    return Admitted(seq=known[0][0], duplicate=True)


def _was_answered(admission: Admission) -> Unit[bool]:
    """Whether the message that this one repeats had its answer, and the answer stands."""
    found = yield FIND_EVENT(account=admission.account, event_key=admission.replaces)
    if not found or found[0][5] != Outcome.ANSWERED:
        return False
    reply_id = found[0][7]
    return reply_id is None or (yield from memories.find_memory(reply_id)) is not None


def recover() -> Unit[list[tuple[UUID, UUID]]]:
    """See Inbox.recover. Rows whose message was deleted in the middle of their turn end here."""
    yield PUT_ALL_BACK()
    yield END_ALL_DELETED(now=utc_now())
    return (yield from pending_rooms(_ALL))


def pending_rooms(limit: int) -> Unit[list[tuple[UUID, UUID]]]:
    """See Inbox.pending_rooms."""
    rows = yield PENDING_ROOMS(count=limit)
    return [(agent_id, room_id) for agent_id, room_id in rows]


def take_turn(
    agent_id: UUID, room_id: UUID, limit: int, history: WantedHistory, quiet_s: float = 0.0
) -> Unit[TakenTurn]:
    """See Inbox.take_turn."""
    if quiet_s > 0:
        [(oldest, newest)] = yield PENDING_SINCE(agent=agent_id, room=room_id)
        wait_s = 0.0 if oldest is None else _still_to_wait(oldest, newest, quiet_s)
        if wait_s > 0:
            return TakenTurn(rows=(), wait_s=wait_s)
    taken = yield TAKE(agent=agent_id, room=room_id, count=limit)
    if not taken:
        return TakenTurn(rows=())
    taken = sorted(taken)
    unsettled = _first_unsettled(taken)
    if unsettled is not None:
        place, wait_s = unsettled
        # What came later waits with it: a room's messages keep their order.
        yield PUT_BACK(seqs=[row[0] for row in taken[place:]], taken_back=1)
        taken = taken[:place]
        if not taken:
            return TakenTurn(rows=(), wait_s=wait_s)
    rows = tuple(map(_to_row, taken))
    more = unsettled is not None or (
        len(rows) == limit and bool((yield ANY_PENDING(agent=agent_id, room=room_id)))
    )
    found = yield from memories.find_memories([row.memory_id for row in rows])
    messages = [found[row.memory_id] for row in rows if row.memory_id in found]
    room = yield from places.find_room(room_id)
    world = (yield from places.find_world(room.world_id)) if room and room.world_id else None
    own_state = yield from places.get_participant_state(room_id, agent_id)
    said: list[Memory] | None = None
    count = history(room, messages) if messages else 0
    if count > 0:
        said = yield from memories.get_memories(room_id, MemoryType.MESSAGE, count, messages[-1].created_at)
    speakers = {memory.entity_id for memory in (*messages, *(said or ()))}
    return TakenTurn(
        rows=rows,
        more=more,
        memories=found,
        room=room,
        world=world,
        people=(yield from places.get_entities(list(speakers))),
        own_state=own_state,
        history=None if said is None else tuple(said),
    )


def _still_to_wait(oldest: datetime, newest: datetime, quiet_s: float) -> float:
    now = utc_now()
    if newest > now:
        return 0.0  # the clock was set back meanwhile
    since_newest, since_oldest = (now - newest).total_seconds(), (now - oldest).total_seconds()
    return min(quiet_s - since_newest, quiet_s * QUIET_AT_MOST - since_oldest)


def _first_unsettled(rows: Sequence[Row]) -> tuple[int, float] | None:
    """The place of the first row of which more pieces may come, and seconds until none will."""
    for place, row in enumerate(rows):
        settles_at = row[-1]
        if settles_at is None:
            continue
        now = utc_now()
        # Received later than now: the clock was set back meanwhile.
        if now < settles_at and now >= row[_ROW.index(_c.received_at)]:
            return place, (settles_at - now).total_seconds()
    return None


def put_back(seqs: Sequence[int], *, blameless: bool) -> Unit[None]:
    """See Inbox.put_back. Rows whose message was deleted meanwhile end as ignored instead."""
    yield PUT_BACK(seqs=seqs, taken_back=int(blameless))
    yield END_DELETED(seqs=seqs, now=utc_now())


def end(ended: InboxEnd, run_id: UUID) -> Unit[tuple[UUID | None, UUID | None]]:
    """End a row; the id that its turn has for its steps, where it has any, and its sender, unless erased.

    Raises StateError when it has ended before: a turn is committed once.
    """
    rows = yield END(
        row=ended.seq,
        result=ended.outcome.value,
        why=ended.reason,
        now=utc_now(),
        run=None if ended.kept else run_id,
        reply=ended.reply_id,
    )
    if not rows:
        raise StateError(f"inbox row {ended.seq} has ended before, or is not known")
    turn_id, entity_id = rows[0]
    return turn_id, entity_id


def pending_count() -> Unit[int]:
    """See Inbox.pending_count."""
    rows = yield COUNT()
    count: int = rows[0][0]
    return count
