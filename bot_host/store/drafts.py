"""Answers that are shown while they are written: parts in the outbox before their turn is committed."""

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import and_, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from bot_host.store import outbox as outbox_verbs
from bot_host.store import revisions
from bot_host.store.schema import drafts, inbox, inbox_open, outbox, outbox_open
from bot_host.store.statement import Row, Statement, Unit
from bot_host.types.ids import UUID
from bot_host.types.turn import Draft, NewOutbox, Operation, Queued

WITHDRAWN: Final = "the answer was not finished"
"""Why a part is not sent any more."""

_d, _o = drafts.c, outbox.c
_FIELDS: Final = (_d.memory_id, _d.agent_id, _d.room_id, _d.asked, _d.destination)
_parts = (
    select(func.count())
    .select_from(outbox)
    .where(_o.message == _d.memory_id)
    .correlate(drafts)
    .scalar_subquery()
)

PUT: Final = Statement(
    "drafts.put",
    insert(drafts)
    .values({column.name: bindparam(column.name) for column in _FIELDS})
    .on_conflict_do_nothing(index_elements=[_d.memory_id]),
)
ASKED: Final = Statement(
    "drafts.asked", select(inbox.c.seq).where(inbox.c.seq == bindparam("seq"), inbox_open)
)
IN_ROOM: Final = Statement(
    "drafts.in_room",
    select(_d.memory_id).where(_d.agent_id == bindparam("of_agent"), _d.room_id == bindparam("of_room")),
)
DROP: Final = Statement("drafts.drop", delete(drafts).where(_d.memory_id == bindparam("of_memory")))
ALL: Final = Statement(
    "drafts.all",
    select(*_FIELDS, _parts, inbox.c.seq.is_not(None))
    .select_from(drafts)
    .outerjoin(inbox, and_(inbox.c.seq == _d.asked, inbox_open))
    .order_by(_d.asked),
)
BLANK: Final = Statement(
    "drafts.blank",
    update(outbox).where(_o.message == bindparam("of_message"), ~outbox_open).values(payload={}),
)


def show_part(draft: Draft, part: NewOutbox, send_now: Collection[str]) -> Unit[Queued | None]:
    """See Outbox.show_part."""
    if not (yield ASKED(seq=draft.asked)):
        return None
    for (memory_id,) in (yield IN_ROOM(of_agent=draft.agent_id, of_room=draft.room_id)):
        if memory_id != draft.memory_id:
            yield from withdraw(memory_id)
    yield PUT(**{column.name: getattr(draft, column.name) for column in _FIELDS})
    return (yield from outbox_verbs.add([part], send_now))


def finish(memory_id: UUID, parts: Sequence[NewOutbox]) -> Unit[list[NewOutbox]]:
    """The answer is there: what has to be sent for it."""
    yield DROP(of_memory=memory_id)
    return (yield from revisions.put_in_place(memory_id, parts, by=Operation.FINISH))


def withdraw(memory_id: UUID) -> Unit[list[str]]:
    """See Outbox.withdraw_draft."""
    yield DROP(of_memory=memory_id)
    destinations = yield from revisions.take_back(memory_id, why=WITHDRAWN)
    # What was never said in the end is not to be kept.
    yield BLANK(of_message=memory_id)
    return list(dict.fromkeys(destinations))


def recover_drafts() -> Unit[list[Draft]]:
    """See Outbox.recover_drafts."""
    rows = yield ALL()
    for row in rows:
        if not row[-1]:
            yield from withdraw(row[0])
    return [_to_draft(row) for row in rows if row[-1]]


def _to_draft(row: Row) -> Draft:
    memory_id, agent_id, room_id, asked, destination, parts, _ = row
    return Draft(
        memory_id=memory_id,
        agent_id=agent_id,
        room_id=room_id,
        asked=asked,
        destination=destination,
        parts=parts,
    )
