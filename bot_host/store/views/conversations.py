"""Conversations of a world, and what became of what was said there."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

from sqlalchemy import and_, bindparam, func, or_, select

from bot_host.store.columns import InList, Moment
from bot_host.store.driver import Driver
from bot_host.store.places import ROOM_FIELDS, to_room
from bot_host.store.schema import constant, inbox, memories, rooms
from bot_host.store.statement import Statement, Unit
from bot_host.types.ids import UUID
from bot_host.types.turn import InboxState, Outcome
from bot_host.types.views import Conversation, Ending

_i, _m, _r = inbox.c, memories.c, rooms.c
_END_OF_TIME: Final = (datetime.max.replace(tzinfo=UTC), "ffffffff-ffff-ffff-ffff-ffffffffffff")
_last = (
    select(func.max(_m.created_at, type_=Moment()))
    .where(_m.room_id == _r.id, _m.type == constant("message"))
    .correlate(rooms)
    .scalar_subquery()
)
_talks = (
    select(*(_r[name] for name in ROOM_FIELDS), _last.label("last_at"))
    .where(_r.world_id == bindparam("world_id"))
    .subquery()
)
CONVERSATIONS: Final = Statement(
    "views.conversations",
    select(_talks)
    .where(
        or_(
            _talks.c.last_at < bindparam("before"),
            and_(_talks.c.last_at == bindparam("before"), _talks.c.id < bindparam("before_id")),
        )
    )
    .order_by(_talks.c.last_at.desc(), _talks.c.id.desc())
    .limit(bindparam("count")),
)
ENDINGS: Final = Statement(
    "views.endings",
    select(_i.memory_id, _i.event_key, _i.state, _i.outcome, _i.reason, _i.run_id, _i.reply_id).where(
        _i.room_id == bindparam("room_id"),
        _i.received_at >= bindparam("since"),
        InList(_i.memory_id, "memory_ids"),
    ),
)


def conversations(
    world_id: UUID, after: tuple[datetime, UUID] | None, count: int
) -> Unit[list[Conversation]]:
    """See Views."""
    before, before_id = after or _END_OF_TIME
    rows = yield CONVERSATIONS(world_id=world_id, before=before, before_id=before_id, count=count)
    return [Conversation(room=to_room(row[:-1]), last_at=row[-1]) for row in rows]


def endings(room_id: UUID, memory_ids: Sequence[UUID], since: datetime) -> Unit[list[Ending]]:
    """See Views."""
    rows = yield ENDINGS(room_id=room_id, memory_ids=list(memory_ids), since=since)
    return [
        Ending(
            memory_id=memory_id,
            event_key=event_key,
            done=state == InboxState.DONE.value,
            outcome=Outcome(outcome) if outcome else None,
            reason=reason,
            run_id=run_id,
            reply_id=reply_id,
        )
        for memory_id, event_key, state, outcome, reason, run_id, reply_id in rows
    ]


class ConversationViews:
    """See Views."""

    _driver: Driver

    async def endings(self, room_id: UUID, memory_ids: Sequence[UUID], *, since: datetime) -> list[Ending]:
        """See Views."""
        return await self._driver.read(partial(endings, room_id, memory_ids, since))

    async def conversations(
        self, world_id: UUID, *, after: tuple[datetime, UUID] | None, count: int
    ) -> list[Conversation]:
        """See Views."""
        return await self._driver.read(partial(conversations, world_id, after, count))
