"""Messages that come in pieces: one row, one memory, one turn, whatever order they come in."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from bot_host.kit.clock import utc_now
from bot_host.store import embeddings, inbox, memories, revisions
from bot_host.store.marks import set_mark
from bot_host.store.schema import inbox as inbox_table
from bot_host.store.schema import pieces
from bot_host.store.statement import Row, Statement, Unit
from bot_host.types.content import Content, Media, MentionContext
from bot_host.types.memory import PIECES
from bot_host.types.turn import Admission, Admitted, Edited, InboxState

SETTLES_AT_MOST: Final = 5
"""Times of quiet that a message waits for further pieces, and no longer."""

_c, _i = pieces.c, inbox_table.c
_by_event = (_c.account == bindparam("account"), _c.event_key == bindparam("event_key"))

FIND: Final = Statement(
    "pieces.find",
    select(*inbox.EVENT).join_from(pieces, inbox_table, _i.seq == _c.seq).where(*_by_event),
)
ADD: Final = Statement(
    "pieces.add",
    insert(pieces)
    .values({column.name: bindparam(column.name) for column in _c})
    .on_conflict_do_nothing(index_elements=[_c.account, _c.event_key]),
)
SETTLE: Final = Statement(
    "inbox.settle",
    update(inbox_table)
    .where(_i.seq == bindparam("row"))
    .values(settles_at=bindparam("until", type_=_i.settles_at.type)),
)


def admit(admissions: Sequence[Admission]) -> Unit[list[Admitted]]:
    """See Inbox.admit."""
    admitted = []
    for admission in admissions:
        # Not for each message another generator: hardly any comes in pieces.
        take_in = inbox.admit_one if admission.joins is None else _admit
        admitted.append((yield from take_in(admission)))
        yield from set_mark(admission.account, admission.mark)
    return admitted


def find_event(account: str, event_key: str) -> Unit[Row | None]:
    """The row of `inbox.FIND_EVENT` of a message, or of what it was joined to."""
    found = yield inbox.FIND_EVENT(account=account, event_key=event_key)
    if not found:
        found = yield FIND(account=account, event_key=event_key)
    return found[0] if found else None


def _admit(admission: Admission) -> Unit[Admitted]:
    joins = admission.joins
    assert joins is not None
    known = yield from find_event(admission.account, admission.event_key)
    if known is not None:
        return Admitted(seq=known[inbox.SEQ], duplicate=True)
    whole = yield FIND(account=admission.account, event_key=joins.key)
    if whole:
        return (yield from _join(whole[0], admission))
    content, metadata = _with_piece(admission.memory.content, {}, admission)
    memory = admission.memory.model_copy(update={"content": content, "metadata": metadata})
    made = yield from inbox.admit_one(replace(admission, memory=memory))
    if not made.duplicate:
        yield ADD(account=admission.account, event_key=joins.key, seq=made.seq, message_id="")
        yield SETTLE(row=made.seq, until=utc_now() + timedelta(seconds=joins.settle_s))
    return made


def _join(whole: Row, admission: Admission) -> Unit[Admitted]:
    """Put a further piece to those that are here."""
    seq, memory_id = whole[inbox.SEQ], whole[0]
    yield ADD(
        account=admission.account,
        event_key=admission.event_key,
        seq=seq,
        message_id=admission.message_id,
    )
    yield SETTLE(row=seq, until=_settles_at(whole, admission))
    memory = (yield from memories.find_memory(memory_id)) if memory_id else None
    changed = reopened = False
    if memory is not None and not _has(memory.metadata, admission.event_key):
        content, metadata = _with_piece(memory.content, memory.metadata, admission)
        turned = revisions.turns_to_us(memory.content, content)
        changed = True
        yield memories.REVISE(memory_id=memory.id, new_content=content.to_dict(), new_metadata=metadata)
        yield from embeddings.forget(memory.id)
        yield from revisions.forget_derived(memory.id, turn_id=whole[-1])
        reopened = yield from revisions.reopen(
            whole, turned=turned, since=admission.reopen_since, retry_since=admission.retry_since
        )
    _, state, agent_id, room_id = whole[:4]
    joined = Edited(
        found=True,
        changed=changed,
        state=InboxState(state),
        agent_id=agent_id,
        room_id=room_id,
        reopened=reopened,
    )
    return Admitted(seq=seq, duplicate=False, joined=joined)


def _settles_at(whole: Row, admission: Admission) -> datetime:
    assert admission.joins is not None
    quiet = timedelta(seconds=admission.joins.settle_s)
    received_at: datetime = whole[inbox.RECEIVED_AT]
    return min(utc_now() + quiet, received_at + SETTLES_AT_MOST * quiet)


def _has(metadata: Mapping[str, Any], event_key: str) -> bool:
    return any(piece["key"] == event_key for piece in metadata.get(PIECES, ()))


def _with_piece(
    content: Content, metadata: Mapping[str, Any], admission: Admission
) -> tuple[Content, dict[str, Any]]:
    """What the message says with this piece, and what is remembered of its pieces."""
    assert admission.joins is not None
    mine = admission.memory.content
    known = metadata if metadata else {**admission.memory.metadata}
    piece = {"key": admission.event_key, "place": admission.joins.place, **_own(mine)}
    told = sorted([*metadata.get(PIECES, ()), piece], key=lambda each: each["place"])
    update = _put_together(told, [*content.attachments, *mine.attachments])
    update["quotes"] = [*content.quotes, *(quote for quote in mine.quotes if quote not in content.quotes)]
    update["mention_context"] = _more_turned(content.mention_context, mine.mention_context)
    update["in_reply_to"] = content.in_reply_to or mine.in_reply_to
    return content.model_copy(update=update), {**known, PIECES: told}


def _own(content: Content) -> dict[str, Any]:
    """What one piece says."""
    return {"text": content.text, "files": [each.id for each in content.attachments if not each.quoted]}


def _put_together(told: Sequence[Mapping[str, Any]], files: Sequence[Media]) -> dict[str, Any]:
    """The text and files of all pieces, in order; what several say alike is said once."""
    found: dict[str, Media] = {}
    for media in files:
        found.setdefault(media.id, media)
    own = dict.fromkeys(key for piece in told for key in piece["files"])
    quoted = [media for media in found.values() if media.quoted and media.id not in own]
    texts = dict.fromkeys(piece["text"] for piece in told if piece["text"])
    return {"text": "\n".join(texts), "attachments": [*(found[key] for key in own if key in found), *quoted]}


def _more_turned(one: MentionContext | None, other: MentionContext | None) -> MentionContext | None:
    """The one that turns to the agent more."""
    if one is None or other is None:
        return one or other
    best = max(one, other, key=lambda each: (each.is_mention, each.is_reply, each is one))
    return best.model_copy(update={"is_reply": one.is_reply or other.is_reply})


def edited(
    content: Content, metadata: Mapping[str, Any], event_key: str, edit: Content
) -> tuple[Content, list[Mapping[str, Any]] | None]:
    """What a message says after an edit of one of its pieces, and its pieces; None: it has none."""
    if not _has(metadata, event_key):
        return edit, None
    told = [{**piece, **_own(edit)} if piece["key"] == event_key else piece for piece in metadata[PIECES]]
    return edit.model_copy(update=_put_together(told, [*edit.attachments, *content.attachments])), told
