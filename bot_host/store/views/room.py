"""One room: how it stands, and what was said there."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import and_, bindparam, func, or_, select

from bot_host.store import earshot, memories, places, story, summaries
from bot_host.store.columns import InList, JsonText
from bot_host.store.schema import inbox, inbox_open, outbox, outbox_open
from bot_host.store.schema import memories as memories_table
from bot_host.store.statement import Row, Statement, Unit
from bot_host.store.views.rooms import NEVER, ROOM, to_room_row
from bot_host.types.ids import UUID
from bot_host.types.ledger import Part
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.room_views import Gone, Receipt, RoomState, SaidRow, Talk
from bot_host.types.turn import InboxState, Outcome

RECEIVED_BEFORE: Final = timedelta(days=1)
"""Platforms' clocks are not ours, and questions are older than their answers."""
_END: Final = (datetime.max.replace(tzinfo=UTC), 2**62)
_m, _i, _o = memories_table.c, inbox.c, outbox.c

SAID: Final = Statement(
    "views.said",
    select(_m.seq, *memories.FIELDS)
    .where(
        _m.room_id == bindparam("room_id"),
        _m.type == bindparam("type"),
        _m.created_at <= bindparam("before"),
        or_(
            _m.created_at < bindparam("before"),
            and_(_m.created_at == bindparam("before"), _m.seq < bindparam("before_seq")),
        ),
    )
    .order_by(_m.created_at.desc(), _m.seq.desc())
    .limit(bindparam("count")),
)
RECEIPTS: Final = Statement(
    "views.receipts",
    select(_i.memory_id, _i.account, _i.message_id, _i.state, _i.outcome, _i.reason, _i.run_id).where(
        _i.room_id == bindparam("room_id"),
        _i.received_at >= bindparam("since"),
        InList(_i.memory_id, "memory_ids"),
    ),
)
GONE_SHOWN: Final = 100
_there = select(_m.id).where(_m.id == _i.memory_id).correlate(inbox).exists()
GONE: Final = Statement(
    "views.gone",
    select(_i.seq, _i.received_at, _i.entity_id, _i.outcome, _i.run_id)
    .where(
        _i.room_id == bindparam("room_id"),
        _i.received_at >= bindparam("since"),
        _i.received_at < bindparam("before"),
        _i.memory_id.is_not(None),
        ~_there,
    )
    .order_by(_i.received_at.desc(), _i.seq.desc())
    .limit(GONE_SHOWN),
)
WAITING: Final = Statement(
    "views.waiting",
    select(func.count())
    .select_from(inbox)
    .where(_i.agent_id == bindparam("agent_id"), _i.room_id == bindparam("room_id"), inbox_open),
)
UNSENT: Final = Statement(
    "views.unsent",
    select(func.count())
    .select_from(outbox)
    .where(outbox_open, JsonText(_o.target, "room_id") == bindparam("room_id")),
)
CAME_BY: Final = Statement(
    "views.came_by",
    select(_i.account)
    .where(_i.room_id == bindparam("room_id"))
    .order_by(_i.received_at.desc(), _i.seq.desc())
    .limit(1),
)


def room_state(room_id: UUID) -> Unit[RoomState | None]:
    """See RoomViews."""
    rows = yield ROOM(id=room_id)
    if not rows:
        return None
    row = to_room_row(rows[0])
    room = row.room
    world = (yield from places.find_world(room.world_id)) if room.world_id else None
    hearing = yield from earshot.hearing_in(room.agent_id, room.id)
    summary = yield from summaries.room_summary(room.id, (), room.begins_at, None)
    came = yield CAME_BY(room_id=room.id)
    waiting = yield WAITING(agent_id=room.agent_id, room_id=room.id)
    unsent = yield UNSENT(room_id=room.id)
    return RoomState(
        row=row,
        world=world,
        hearing=hearing,
        summary=summary,
        account=came[0][0] if came else "",
        waiting=waiting[0][0],
        unsent=unsent[0][0],
    )


def room_talk(room_id: UUID, after: tuple[datetime, int] | None, count: int) -> Unit[Talk]:
    """See RoomViews. What is said to one person alone is kept as another type."""
    before, before_seq = after or _END
    rows: list[Row] = []
    for kind in (MemoryType.MESSAGE, MemoryType.CUSTOM):
        rows += yield SAID(
            room_id=room_id, type=kind.value, before=before, before_seq=before_seq, count=count
        )
    found = sorted(
        ((row[0], memories.to_memory(row[1:])) for row in rows),
        key=lambda each: (each[1].created_at, each[0]),
        reverse=True,
    )[:count]
    said = [memory for _, memory in found]
    # What was deleted before all that is still there belongs to the last page.
    oldest = said[-1].created_at if len(said) == count else NEVER
    gone = [_to_gone(row) for row in (yield GONE(room_id=room_id, since=oldest, before=before))]
    if not said and not gone:
        return Talk(said=())
    replied = yield from _replied(said)
    since = said[-1].created_at - RECEIVED_BEFORE if said else NEVER
    wanted = {each.id for each in said} | set(replied)
    receipts = yield from _receipts(room_id, sorted(wanted), since)
    parts = yield from _parts([each.id for each in said if each.entity_id == each.agent_id])
    speaking = {each.entity_id for each in (*said, *replied.values())}
    speaking |= {each.entity_id for each in gone if each.entity_id}
    people = yield from places.get_entities(sorted(speaking))
    return Talk(
        said=tuple(
            SaidRow(
                seq=seq,
                memory=memory,
                receipt=receipts.get(_came_by(memory)),
                parts=tuple(parts.get(memory.id, ())),
            )
            for seq, memory in found
        ),
        gone=tuple(gone),
        people=people,
        replied=replied,
    )


def _came_by(memory: Memory) -> UUID:
    """The message whose turn this one is of: an answer is of the turn of what it answers."""
    asked = memory.content.in_reply_to
    return asked if asked and memory.entity_id == memory.agent_id else memory.id


def _to_gone(row: Row) -> Gone:
    seq, received_at, entity_id, outcome, run_id = row
    return Gone(
        seq=seq,
        received_at=received_at,
        entity_id=entity_id,
        outcome=Outcome(outcome) if outcome else None,
        run_id=run_id,
    )


def _replied(said: Sequence[Memory]) -> Unit[dict[UUID, Memory]]:
    asked = {each.content.in_reply_to for each in said if each.content.in_reply_to}
    if not asked:
        return {}
    rows = yield memories.FIND_MANY(ids=sorted(asked))
    return {memory.id: memory for memory in map(memories.to_memory, rows)}


def _receipts(room_id: UUID, memory_ids: Sequence[UUID], since: datetime) -> Unit[dict[UUID, Receipt]]:
    rows = yield RECEIPTS(room_id=room_id, since=since, memory_ids=memory_ids)
    return {
        memory_id: Receipt(
            memory_id=memory_id,
            account=account,
            message_id=message_id,
            done=state == InboxState.DONE.value,
            outcome=Outcome(outcome) if outcome else None,
            reason=reason,
            run_id=run_id,
        )
        for memory_id, account, message_id, state, outcome, reason, run_id in rows
    }


def _parts(memory_ids: Sequence[UUID]) -> Unit[dict[UUID, list[Part]]]:
    if not memory_ids:
        return {}
    rows = [*(yield story.PARTS_OF_MESSAGES(messages=memory_ids))]
    rows += yield story.LATER_PARTS(messages=memory_ids)
    found: dict[UUID, list[Part]] = {}
    for part in sorted(story.to_parts(rows), key=lambda part: part.seq):
        if part.memory_id is not None:
            found.setdefault(part.memory_id, []).append(part)
    return found
