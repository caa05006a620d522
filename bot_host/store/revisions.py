"""Answers that change after they were given: their questions get another turn, their parts follow."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, delete, select, update

from bot_host.kit.clock import utc_now
from bot_host.store import embeddings, memories
from bot_host.store import outbox as outbox_verbs
from bot_host.store.columns import InList
from bot_host.store.schema import constant, inbox, outbox, outbox_open, outbox_revised, relationships, steps
from bot_host.store.schema import memories as memories_table
from bot_host.store.statement import Row, Statement, Unit
from bot_host.types.content import Content, MentionContext, MentionType
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.outbound import Target
from bot_host.types.turn import InboxState, NewOutbox, Operation, OutboxState, Outcome

MOST: Final = 10
"""Times that one answer is revised: whoever goes on editing plays with it."""
DELETED: Final = "deleted"
"""Why a part is not sent any more: its question is gone."""
LOOK_BACK: Final = timedelta(days=1)
"""Among messages of so long before its answer the others are looked for that it answers, too."""
SECOND_CHANCE: Final = frozenset(
    {
        "not addressed",
        "muted",
        "empty message",
        "the model chose silence",
        "the model that decides failed",
        "the model's decision was unclear",
    }
)
"""Why a message was ignored that is answered after all, when an edit turns it to the agent."""

_i, _o = inbox.c, outbox.c
_done = _i.state == constant("done")
_reopened = {
    "state": "pending",
    "outcome": None,
    "reason": "",
    "finished_at": None,
    "attempts": 0,
    "reopened_at": bindparam("now", type_=_i.reopened_at.type),
}
_PART: Final = (
    _o.seq,
    _o.part,
    _o.operation,
    _o.revision,
    _o.state,
    _o.platform_message_id,
    _o.destination,
    _o.agent_id,
    _o.account,
    _o.target,
)

_derived = memories_table.c.source_memory_id == bindparam("source")
DERIVED: Final = Statement(
    "memories.derived", select(memories_table.c.id, memories_table.c.created_at).where(_derived)
)
_linked = relationships.c.source_memory_id == bindparam("source")
LINKED: Final = Statement(
    "relationships.derived", select(relationships.c.id, relationships.c.updated_at).where(_linked)
)
UNLINK: Final = Statement(
    "relationships.forget", delete(relationships).where(InList(relationships.c.id, "ids"))
)
STEPS: Final = Statement(
    "steps.times",
    select(steps.c.created_at, steps.c.ended_at).where(steps.c.turn_id == bindparam("turn_id")),
)

REOPEN: Final = Statement(
    "inbox.reopen", update(inbox).where(_i.seq == bindparam("row"), _done).values(_reopened)
)
REOPEN_TOGETHER: Final = Statement(
    "inbox.reopen_together",
    update(inbox)
    .where(
        _i.room_id == bindparam("of_room"),
        _i.received_at >= bindparam("since"),
        _i.reply_id == bindparam("of_reply"),
        _done,
        _i.outcome == constant("answered"),
    )
    .values(_reopened),
)
EDITED_AGAIN: Final = Statement(
    "inbox.edited_again",
    update(inbox)
    .where(_i.seq == bindparam("row"), _i.reopened_at.is_not(None))
    .values(reopened_at=bindparam("now", type_=_i.reopened_at.type)),
)
FIRST_PARTS: Final = Statement(
    "outbox.first_parts",
    select(*_PART).where(_o.message == bindparam("memory_id")).order_by(_o.seq),
)
LATER_PARTS: Final = Statement(
    "outbox.later_parts",
    select(*_PART).where(_o.memory_id == bindparam("memory_id"), outbox_revised).order_by(_o.seq),
)


QUESTIONS: Final = Statement(
    "inbox.questions",
    select(_i.memory_id).where(
        _i.room_id == bindparam("room_id"),
        _i.received_at >= bindparam("since"),
        _i.reply_id == bindparam("reply"),
    ),
)
UNSEND: Final = Statement(
    "outbox.unsend",
    update(outbox)
    .where(InList(_o.seq, "seqs"), outbox_open, _o.state == constant("pending"))
    .values(state="failed", error=bindparam("why", type_=_o.error.type)),
)


def forget_derived(memory_id: UUID, *, turn_id: UUID | None) -> Unit[None]:
    """An edited message: what was learned from its old text goes; what the actions of its turn did stays.

    An action is not done again for being asked for once more, so nobody would bring that back.
    """
    learned = [(False, *row) for row in (yield DERIVED(source=memory_id))]
    learned += [(True, *row) for row in (yield LINKED(source=memory_id))]
    if not learned:
        return
    acted = (yield STEPS(turn_id=turn_id)) if turn_id is not None else []
    gone: dict[bool, list[UUID]] = {False: [], True: []}
    for link, key, moment in learned:
        if not any(begun <= moment <= (ended or moment) for begun, ended in acted):
            gone[link].append(key)
    if gone[False]:
        yield from memories.delete_memories(gone[False])
    if gone[True]:
        yield UNLINK(ids=gone[True])


def reopen(
    event: Row, *, turned: bool, since: datetime | None, retry_since: datetime | None = None
) -> Unit[bool]:
    """Give an edited message another turn: it was answered since `since`, or is to be answered now.

    `event` is a row of `inbox.FIND_EVENT`; `turned`: by the edit it turns to the agent. One that has failed
    since `retry_since` is tried again.
    """
    _, state, _, room_id, seq, outcome, reason, reply_id, received_at, finished_at, _ = event
    now = utc_now()
    if state == InboxState.DONE and outcome == Outcome.FAILED and retry_since is not None:
        if finished_at is None or finished_at < retry_since:
            return False
        yield REOPEN(row=seq, now=now)
        return True
    if since is None:
        return False
    if state != InboxState.DONE:
        yield EDITED_AGAIN(row=seq, now=now)
        return False
    if outcome == Outcome.ANSWERED and reply_id is not None:
        reply = yield from memories.find_memory(reply_id)
        if reply is None or reply.created_at < since or reply.revision >= MOST:
            return False
        yield REOPEN_TOGETHER(of_room=room_id, since=reply.created_at - LOOK_BACK, of_reply=reply_id, now=now)
        yield REOPEN(row=seq, now=now)
        return True
    if outcome == Outcome.IGNORED and turned and reason in SECOND_CHANCE and received_at >= since:
        yield REOPEN(row=seq, now=now)
        return True
    return False


def turns_to_us(before: Content, now: Content) -> bool:
    """Whether an edit put a mention in. One that takes it out is not believed: it may be partial."""
    return _mentions(now) and not _mentions(before)


def _mentions(content: Content) -> bool:
    return content.mention_context is not None and content.mention_context.is_mention


def turned(before: Content, now: Content) -> MentionContext:
    """How a message turns to the agent that did not before."""
    told = {"is_mention": True, "mention_type": MentionType.PLATFORM_MENTION}
    return (before.mention_context or now.mention_context or MentionContext()).model_copy(update=told)


def _parts_of(memory_id: UUID) -> Unit[list[Row]]:
    """All parts of an answer, as it was given and revised."""
    first = yield FIRST_PARTS(memory_id=memory_id)
    later = yield LATER_PARTS(memory_id=memory_id)
    return [*first, *later]


def revise(answer: Memory, parts: Sequence[NewOutbox]) -> Unit[list[NewOutbox]]:
    """The answer says something else: what has to be sent for it. Nothing, when it is not there any more."""
    known = yield from memories.find_memory(answer.id)
    if known is None:
        return []
    yield memories.REVISE(
        memory_id=answer.id, new_content=answer.content.to_dict(), new_metadata=known.metadata
    )
    yield from embeddings.forget(answer.id)
    return (yield from put_in_place(answer.id, parts, by=Operation.EDIT))


def put_in_place(answer_id: UUID, parts: Sequence[NewOutbox], *, by: Operation) -> Unit[list[NewOutbox]]:
    """What has to be sent for an answer some parts of which are there.

    Parts take the places of the old ones in order. Old ones that are too many are deleted, further new ones
    sent.
    """
    if not parts:
        return []
    old = [row for row in (yield from _parts_of(answer_id)) if row[6] == parts[0].destination]
    newest = max((row[3] for row in old), default=0)
    places = sum(1 for row in old if row[3] == newest and row[2] != Operation.DELETE)
    count = max(len(parts), places)
    revised = [
        replace(
            part,
            operation=by if part.part < places else Operation.SEND,
            revision=newest + 1,
            parts=count,
        )
        for part in parts
    ]
    gone = replace(revised[-1], operation=Operation.DELETE, payload={})
    return [*revised, *(replace(gone, part=part) for part in range(len(parts), places))]


def find_place(memory_id: UUID, part: int, before: int | None) -> Unit[str]:
    """See Outbox.find_place."""
    found = ""
    for seq, number, operation, _, state, platform_id, *_ in (yield from _parts_of(memory_id)):
        if number == part and (before is None or seq < before) and state == OutboxState.SENT:
            found = "" if operation == Operation.DELETE else platform_id or found
    return found


def retract(answer_id: UUID) -> Unit[list[str]]:
    """Take an answer back, unless another message that it answers is still there; where to send that."""
    answer = yield from memories.find_memory(answer_id)
    if answer is None:
        return []
    asked = yield QUESTIONS(room_id=answer.room_id, since=answer.created_at - LOOK_BACK, reply=answer_id)
    if (yield from memories.find_memories([memory_id for (memory_id,) in asked if memory_id])):
        return []
    yield from memories.delete_memories([answer_id])
    return (yield from take_back(answer_id, why=DELETED))


def take_back(answer_id: UUID, *, why: str) -> Unit[list[str]]:
    """All parts of an answer: what was not sent stays so, the rest is deleted; where to send that."""
    old = yield from _parts_of(answer_id)
    # One that is being sent just now arrives, and is taken back after that.
    yield UNSEND(seqs=[row[0] for row in old], why=why)
    newest = max((row[3] for row in old), default=0)
    there = [row for row in old if row[3] == newest and row[2] != Operation.DELETE]
    rows = [
        NewOutbox(
            agent_id=agent_id,
            account=account,
            destination=destination,
            target=Target.from_dict(target),
            payload={},
            part=part,
            parts=len(there),
            memory_id=answer_id,
            operation=Operation.DELETE,
            revision=newest + 1,
        )
        for part, (*_, destination, agent_id, account, target) in enumerate(there)
    ]
    yield from outbox_verbs.add(rows)
    return [row.destination for row in rows]
