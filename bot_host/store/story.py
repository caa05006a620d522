"""All about one message, wherever it stands: for `why`, which is asked rarely, and never on a message's way.

Platform ids and run ids have no index: nothing is written for questions that are asked once a day.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import bindparam, or_, select

from bot_host.kit.clock import utc_now
from bot_host.store import memories, places, runs, steps
from bot_host.store.columns import InList
from bot_host.store.ledger_tables import skipped
from bot_host.store.schema import agents, constant, inbox, outbox, outbox_revised, pieces
from bot_host.store.schema import memories as memories_table
from bot_host.store.statement import Row, Rows, Statement, Unit
from bot_host.types.ids import UUID, is_uuid
from bot_host.types.ledger import Part, Received, SkippedMessage, Story
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.outbound import Target
from bot_host.types.turn import InboxState, Operation, OutboxState, Outcome, RunRecord

USES: Final = ("command", "choice")
"""Reasons of what was asked for by name (`pipeline.commands`)."""
FOUND: Final = 50
"""Rows that one id may lead to."""
REPLIES: Final = 500
"""The agent's messages of one turn's time that are looked into."""
_UNANSWERED: Final = (Outcome.IGNORED, Outcome.SUPERSEDED)
MARGIN: Final = timedelta(seconds=5)
"""An answer is made after its message came and before its turn's end; clocks are set, though."""

_i, _o, _s, _m = inbox.c, outbox.c, skipped.c, memories_table.c
_RECEIVED: Final = (
    _i.seq,
    _i.agent_id,
    agents.c.name,
    _i.account,
    _i.event_key,
    _i.message_id,
    _i.room_id,
    _i.entity_id,
    _i.memory_id,
    _i.target,
    _i.state,
    _i.attempts,
    _i.outcome,
    _i.reason,
    _i.received_at,
    _i.sent_at,
    _i.finished_at,
    _i.run_id,
    _i.turn_id,
)
_received = select(*_RECEIVED).join_from(inbox, agents, agents.c.id == _i.agent_id)
_PART: Final = tuple(
    column for column in _o if column.name not in ("target", "payload", "message", "revision")
)
_part = select(*_PART)

ROW: Final = Statement("why.row", _received.where(_i.seq == bindparam("seq")))
LAST: Final = Statement("why.last", _received.order_by(_i.seq.desc()).limit(1))
BY_MESSAGE: Final = Statement(
    "why.by_message",
    _received.where(
        or_(
            _i.message_id == bindparam("message_id"),
            _i.seq.in_(select(pieces.c.seq).where(pieces.c.message_id == bindparam("message_id"))),
        )
    )
    .order_by(_i.seq.desc())
    .limit(FOUND),
)
BY_ID: Final = Statement(
    "why.by_id",
    _received.where(
        or_(_i.memory_id == bindparam("id", type_=_i.memory_id.type), _i.run_id == bindparam("id"))
    )
    .order_by(_i.seq)
    .limit(FOUND),
)
OF_RUN: Final = Statement(
    "why.of_run",
    select(_i.seq, _i.memory_id, _i.outcome)
    .where(_i.room_id == bindparam("room_id"), _i.run_id == bindparam("run_id"))
    .order_by(_i.seq),
)
_then = inbox.alias("then")
LAST_FROM: Final = Statement(
    "why.last_from",
    _received.where(
        _i.entity_id == bindparam("entity_id"),
        _i.room_id == bindparam("room_id"),
        _i.reason.not_in([constant(word) for word in USES]),
        _i.seq
        < select(_then.c.seq)
        .where(_then.c.entity_id == bindparam("entity_id"), _then.c.memory_id == bindparam("before"))
        .scalar_subquery(),
    )
    .order_by(_i.received_at.desc(), _i.seq.desc())
    .limit(1),
)
SKIPPED: Final = Statement(
    "why.skipped",
    select(*_s)
    .where(
        or_(_s.event_key == bindparam("key", type_=_s.event_key.type), _s.event_key.like(bindparam("like")))
    )
    .order_by(_s.seq.desc())
    .limit(FOUND),
)
LAST_SKIPPED: Final = Statement("why.last_skipped", select(*_s).order_by(_s.seq.desc()).limit(1))
PART: Final = Statement("why.part", _part.where(_o.seq == bindparam("seq")))
PARTS_BY_ID: Final = Statement(
    "why.parts_by_id",
    _part.where(_o.platform_message_id == bindparam("id")).order_by(_o.seq.desc()).limit(FOUND),
)
PARTS_OF_MESSAGES: Final = Statement(
    "why.parts_of_messages", _part.where(InList(_o.message, "messages")).order_by(_o.seq)
)
LATER_PARTS: Final = Statement(
    "why.later_parts", _part.where(InList(_o.memory_id, "messages"), outbox_revised).order_by(_o.seq)
)
PARTS_OF_RUN: Final = Statement(
    "why.parts_of_run", _part.where(_o.run_id == bindparam("run_id")).order_by(_o.seq)
)
SAID: Final = Statement(
    "why.said",
    select(*memories.FIELDS)
    .where(
        _m.room_id == bindparam("room_id"),
        # What was said to one person alone is no message of the room.
        _m.type.in_([constant(MemoryType.MESSAGE.value), constant(MemoryType.CUSTOM.value)]),
        _m.created_at >= bindparam("since"),
        _m.created_at <= bindparam("until"),
        _m.entity_id == bindparam("agent_id"),
    )
    .order_by(_m.created_at, _m.seq)
    .limit(REPLIES),
)


def _to_received(row: Row) -> Received:
    seq, agent_id, agent_name, account, event_key, message_id, room_id, entity_id, memory_id, target = row[
        :10
    ]
    state, attempts, outcome, reason, received_at, sent_at, finished_at, run_id, turn_id = row[10:]
    return Received(
        seq=seq,
        agent_id=agent_id,
        agent_name=agent_name,
        account=account,
        event_key=event_key,
        message_id=message_id,
        room_id=room_id,
        entity_id=entity_id,
        memory_id=memory_id,
        target=Target.from_dict(target) if target else Target(source=""),
        state=InboxState(state),
        attempts=attempts,
        outcome=Outcome(outcome) if outcome else None,
        reason=reason,
        received_at=received_at,
        sent_at=sent_at,
        finished_at=finished_at,
        run_id=run_id,
        turn_id=turn_id,
    )


def to_parts(rows: Rows) -> list[Part]:
    names = [column.name for column in _PART]
    parts = [dict(zip(names, row, strict=True)) for row in rows]
    return [
        Part(**{**part, "state": OutboxState(part["state"]), "operation": Operation(part["operation"])})
        for part in parts
    ]


def _to_skipped(rows: Rows) -> list[SkippedMessage]:
    return [SkippedMessage(**dict(zip(_s.keys(), row, strict=True))) for row in rows]


# -- finding --------------------------------------------------------------------------------------------


def get_received(seq: int) -> Unit[Received | None]:
    """See Ledger.get_received."""
    return next(map(_to_received, (yield ROW(seq=seq))), None)


def last_received() -> Unit[Received | None]:
    """See Ledger.last_received."""
    return next(map(_to_received, (yield LAST())), None)


def find_received(message_id: str) -> Unit[list[Received]]:
    """See Ledger.find_received."""
    rows = yield BY_MESSAGE(message_id=message_id)
    return [_to_received(row) for row in rows]


def find_received_by_id(id: UUID) -> Unit[list[Received]]:
    """See Ledger.find_received_by_id."""
    rows = yield BY_ID(id=id)
    if not rows:
        answer = yield from memories.find_memory(id)
        if answer is not None and answer.content.in_reply_to is not None:
            rows = yield BY_ID(id=answer.content.in_reply_to)
    return [_to_received(row) for row in rows]


def last_received_from(entity_id: UUID, room_id: UUID, before: UUID) -> Unit[Received | None]:
    """See Ledger.last_received_from."""
    rows = yield LAST_FROM(entity_id=entity_id, room_id=room_id, before=before)
    return next(map(_to_received, rows), None)


def find_skipped(message_id: str) -> Unit[list[SkippedMessage]]:
    """See Ledger.find_skipped. Keys of all connectors end with the message's id."""
    rows = yield SKIPPED(key=message_id, like=f"%/{message_id}")
    found = _to_skipped(rows)
    return [each for each in found if message_id in (each.event_key, each.event_key.rpartition("/")[2])]


def last_skipped() -> Unit[SkippedMessage | None]:
    """See Ledger.last_skipped."""
    return next(iter(_to_skipped((yield LAST_SKIPPED()))), None)


def find_parts(platform_message_id: str) -> Unit[list[Part]]:
    """See Ledger.find_parts."""
    rows = yield PARTS_BY_ID(id=platform_message_id)
    if not rows and is_uuid(platform_message_id):
        rows = yield PARTS_OF_MESSAGES(messages=[platform_message_id])
    return to_parts(rows)


def get_part(seq: int) -> Unit[Part | None]:
    """See Ledger.get_part."""
    return next(iter(to_parts((yield PART(seq=seq)))), None)


# -- telling --------------------------------------------------------------------------------------------


def tell_story(seq: int) -> Unit[Story | None]:
    """See Ledger.tell_story."""
    received = yield from get_received(seq)
    if received is None:
        return None
    memory = (yield from memories.find_memory(received.memory_id)) if received.memory_id else None
    sender = (yield from places.find_entity(received.entity_id)) if received.entity_id else None
    room = (yield from places.find_room(received.room_id)) if received.room_id else None
    world = (yield from places.find_world(room.world_id)) if room is not None and room.world_id else None
    run = (yield from runs.find_run(received.run_id)) if received.run_id else None
    turn = yield from _turn_of(received)
    # What is said to the others of its turn is not said to a message that is not answered itself.
    mine = [(seq, received.memory_id)] if received.outcome in _UNANSWERED else turn
    answering = [memory_id for _, memory_id in mine if memory_id]
    replies = yield from _replies(received, run, answering)
    parts = to_parts((yield PARTS_OF_MESSAGES(messages=[reply.id for reply in replies])))
    ended = received.run_id is not None and received.outcome not in _UNANSWERED
    if ended and not any(part.run_id == received.run_id for part in parts):
        # The answer's memory may be gone; its parts know their run.
        parts += to_parts((yield PARTS_OF_RUN(run_id=received.run_id)))
    # Edits and removals of an answer, also of one that is not remembered any more.
    answers = {part.memory_id for part in parts if part.memory_id} | {reply.id for reply in replies}
    parts += to_parts((yield LATER_PARTS(messages=sorted(answers))))
    parts = sorted({part.seq: part for part in parts}.values(), key=lambda part: part.seq)
    return Story(
        received=received,
        memory=memory,
        sender=sender,
        room=room,
        world=world,
        run=run,
        together=tuple(other for other, _ in turn if other != seq),
        steps=tuple((yield from steps.get_steps(received.turn_id)) if received.turn_id else ()),
        replies=tuple(replies),
        parts=tuple(parts),
    )


def _turn_of(received: Received) -> Unit[list[tuple[int, UUID | None]]]:
    """Row of each message that the same turn ended, and memory of those that it answered."""
    if received.run_id is None or received.room_id is None:
        return [(received.seq, received.memory_id)]
    rows = yield OF_RUN(room_id=received.room_id, run_id=received.run_id)
    return [(seq, None if outcome in _UNANSWERED else memory_id) for seq, memory_id, outcome in rows]


def _replies(received: Received, run: RunRecord | None, answering: Sequence[UUID]) -> Unit[list[Memory]]:
    """What was said in answer: by the turn itself, and by actions before its end, at earlier attempts too."""
    if received.room_id is None:
        return []
    said = yield SAID(
        room_id=received.room_id,
        since=received.received_at - MARGIN,
        until=(run.ended_at if run is not None else utc_now()) + MARGIN,
        agent_id=received.agent_id,
    )
    found: Iterable[Memory] = map(memories.to_memory, said)
    return [memory for memory in found if memory.content.in_reply_to in answering]


def tell_said(seq: int) -> Unit[Story | None]:
    """See Ledger.tell_said."""
    part = yield from get_part(seq)
    if part is None:
        return None
    memory = (yield from memories.find_memory(part.memory_id)) if part.memory_id else None
    asked = part.run_id or (memory.content.in_reply_to if memory is not None else None)
    rows = (yield BY_ID(id=asked)) if asked else []
    if rows:
        return (yield from tell_story(rows[-1][0]))
    room = (yield from places.find_room(memory.room_id)) if memory is not None else None
    world = (yield from places.find_world(room.world_id)) if room is not None and room.world_id else None
    messages = [part.memory_id] if part.memory_id else []
    parts = to_parts((yield PARTS_OF_MESSAGES(messages=messages))) or [part]
    return Story(
        received=None,
        memory=memory,
        sender=None,
        room=room,
        world=world,
        run=None,
        together=(),
        steps=(),
        replies=(),
        parts=tuple(parts),
    )
