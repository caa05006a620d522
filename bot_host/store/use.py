"""What people, rooms and agents have used up, for `[agents.limits]`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from bot_host.store import spending
from bot_host.store.columns import InList, JsonText
from bot_host.store.schema import constant, inbox, memories, usage
from bot_host.store.statement import Statement, Unit
from bot_host.types.ids import UUID
from bot_host.types.turn import BotUse, Outcome, RunRecord, Use

_c = inbox.c
_past = _c.received_at <= bindparam("now")
"""Where the machine's clock was set back, what came before that stands in the future."""
_mine = _c.agent_id == bindparam("agent_id")
_counts = or_(
    _c.outcome.in_([constant("answered"), constant("failed")]),
    # Turns under way in other rooms; this room has one at a time, and it counts its own messages.
    and_(_c.state == constant("running"), _c.room_id != bindparam("here")),
)


def _count(name: str, column: Any) -> Statement:
    return Statement(
        name,
        select(func.count())
        .select_from(inbox)
        .where(column == bindparam("whose"), _c.received_at > bindparam("since"), _past, _mine, _counts),
    )


def _refused(name: str, column: Any) -> Statement:
    return Statement(
        name,
        select(_c.reason, func.max(_c.received_at))
        .where(
            column == bindparam("whose"),
            _c.received_at >= bindparam("since"),
            _past,
            _mine,
            InList(_c.reason, "reasons"),
        )
        .group_by(_c.reason),
    )


COUNT_OF_ENTITY: Final = _count("use.count_of_entity", _c.entity_id)
COUNT_OF_ROOM: Final = _count("use.count_of_room", _c.room_id)
REFUSED_ENTITY: Final = _refused("use.refused_entity", _c.entity_id)
REFUSED_ROOM: Final = _refused("use.refused_room", _c.room_id)
OF_DAY: Final = Statement(
    "use.of_day",
    select(usage.c.tokens, usage.c.cost).where(
        usage.c.agent_id == bindparam("agent_id"), usage.c.day == bindparam("day")
    ),
)
_at = (_c.room_id == bindparam("room_id"), _c.received_at > bindparam("since"), _past)
BOTS_ANSWERED: Final = Statement(
    "use.bots_answered",
    select(_c.received_at)
    .join_from(inbox, memories, memories.c.id == _c.memory_id, isouter=True)
    .where(
        *_at,
        _c.outcome == constant("answered"),
        or_(memories.c.id.is_(None), JsonText(memories.c.metadata, "from_bot").is_not(None)),
    )
    .order_by(_c.received_at.desc())
    .limit(bindparam("count")),
)
BOTS_REFUSED: Final = Statement(
    "use.bots_refused", select(func.max(_c.received_at)).where(*_at, _c.reason == bindparam("reason"))
)
_add = insert(usage).values({column.name: bindparam(column.name) for column in usage.c})
ADD: Final = Statement(
    "use.add",
    _add.on_conflict_do_update(
        index_elements=[usage.c.agent_id, usage.c.day],
        set_={name: usage.c[name] + _add.excluded[name] for name in ("turns", "tokens", "cost")},
    ),
)


def day_of(moment: datetime) -> str:
    """The UTC day that a moment counts for."""
    return f"{moment:%Y-%m-%d}"


def get_use(
    agent_id: UUID, entity_id: UUID, room_id: UUID, now: datetime, reasons: Sequence[str]
) -> Unit[Use]:
    """See Inbox.get_use."""
    minute = now - timedelta(minutes=1)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    of_entity = yield COUNT_OF_ENTITY(whose=entity_id, since=minute, now=now, agent_id=agent_id, here=room_id)
    of_room = yield COUNT_OF_ROOM(whose=room_id, since=minute, now=now, agent_id=agent_id, here=room_id)
    spent = yield OF_DAY(agent_id=agent_id, day=day_of(now))
    since = min(minute, midnight)
    refused = {"since": since, "now": now, "agent_id": agent_id, "reasons": reasons}
    by_entity = yield REFUSED_ENTITY(whose=entity_id, **refused)
    by_room = yield REFUSED_ROOM(whose=room_id, **refused)
    tokens, cost = spent[0] if spent else (0, 0.0)
    return Use(
        entity_messages=of_entity[0][0],
        room_messages=of_room[0][0],
        tokens=tokens,
        cost=cost,
        refused_entity=dict(by_entity),
        refused_room=dict(by_room),
    )


def get_bot_use(room_id: UUID, since: datetime, now: datetime, count: int, reason: str) -> Unit[BotUse]:
    """See Inbox.get_bot_use."""
    answered = yield BOTS_ANSWERED(room_id=room_id, since=since, now=now, count=count)
    refused = yield BOTS_REFUSED(room_id=room_id, since=since, now=now, reason=reason)
    return BotUse(answered=tuple(at for (at,) in answered), refused_at=refused[0][0] if refused else None)


def add_run(
    run: RunRecord,
    turns: int = 1,
    *,
    entity_id: UUID | None = None,
    outcomes: Sequence[Outcome] = (),
) -> Unit[None]:
    """Count what a run has used, for the day on which it ended. `entity_id`: whose message it was about."""
    day = day_of(run.ended_at)
    if run.model_calls:
        tokens = sum(
            (call.get("prompt_tokens") or 0) + (call.get("completion_tokens") or 0)
            for call in run.model_calls
        )
        cost = sum(call.get("cost") or 0.0 for call in run.model_calls)
        yield ADD(agent_id=run.agent_id, day=day, turns=turns, tokens=tokens, cost=float(cost))
    yield from spending.add_run(run, day, entity_id=entity_id, outcomes=outcomes)
