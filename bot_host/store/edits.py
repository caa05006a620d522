"""Messages that are edited or deleted on their platform, before or after their turn."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot_host.kit.clock import utc_now
from bot_host.store import embeddings, inbox, memories, pieces, revisions, steps
from bot_host.store.marks import set_mark
from bot_host.store.statement import Unit
from bot_host.types.content import Content, Media, Quote
from bot_host.types.inbound import Mark
from bot_host.types.memory import PIECES, Memory
from bot_host.types.turn import Deleted, Edited, InboxState


def apply_edit(
    account: str,
    event_key: str,
    content: Content,
    edited_at: datetime,
    mark: Mark | None,
    reopen_since: datetime | None = None,
    retry_since: datetime | None = None,
) -> Unit[Edited]:
    """See Inbox.apply_edit."""
    yield from set_mark(account, mark)
    event = yield from pieces.find_event(account, event_key)
    if event is None:
        return Edited(found=False)
    memory_id, state, agent_id, room_id = event[:4]
    memory = yield from memories.find_memory(memory_id)
    changed = reopened = False
    told = None
    if memory is not None:
        content, told = pieces.edited(memory.content, memory.metadata, event_key, content)
    # Connectors take the mention out of the text: it may be all that the edit put in.
    turned = memory is not None and revisions.turns_to_us(memory.content, content)
    if memory is not None and (turned or not _says_the_same(memory.content, content)):
        changed = True
        yield from _revise(memory, content, edited_at, {} if told is None else {PIECES: told})
        yield from revisions.forget_derived(memory.id, turn_id=event[-1])
        reopened = yield from revisions.reopen(
            event, turned=turned, since=reopen_since, retry_since=retry_since
        )
    return Edited(
        found=True,
        changed=changed,
        state=InboxState(state),
        agent_id=agent_id,
        room_id=room_id,
        reopened=reopened,
    )


def _revise(memory: Memory, content: Content, edited_at: datetime, more: dict[str, Any]) -> Unit[None]:
    update: dict[str, Any] = {"text": content.text, "attachments": _attachments(memory.content, content)}
    if content.quotes:
        update["quotes"] = _quotes(memory.content, content)
    if revisions.turns_to_us(memory.content, content):
        update["mention_context"] = revisions.turned(memory.content, content)
    yield memories.REVISE(
        memory_id=memory.id,
        new_content=memory.content.model_copy(update=update).to_dict(),
        new_metadata={
            **memory.metadata,
            **more,
            "edited_at": edited_at.isoformat(),
            "revised_at": utc_now().isoformat(),
        },
    )
    yield from embeddings.forget(memory.id)


def _read(content: Content) -> dict[str, Media]:
    found = (*content.attachments, *(media for quote in content.quotes for media in quote.attachments))
    return {media.id: media for media in found if media.is_read}


def _quotes(before: Content, after: Content) -> list[Quote]:
    """Those of an edit, with what was read of them."""
    read = _read(before)
    return [
        quote.model_copy(
            update={"attachments": [m.as_read(read[m.id]) if m.id in read else m for m in quote.attachments]}
        )
        for quote in after.quotes
    ]


def _attachments(before: Content, after: Content) -> list[Media]:
    """Those of an edit. What stayed need not be read again; of what is quoted edits do not tell."""
    read = _read(before)
    kept = [media.as_read(read[media.id]) if media.id in read else media for media in after.attachments]
    if not any(media.quoted for media in kept):
        kept.extend(media for media in before.attachments if media.quoted)
    return kept


def _says_the_same(one: Content, other: Content) -> bool:
    def files(content: Content) -> list[dict[str, Any]]:
        return [media.as_sent() for media in content.attachments if not media.quoted]

    return one.text == other.text and files(one) == files(other)


def apply_delete(
    account: str, event_keys: Sequence[str], mark: Mark | None, retract: bool = False
) -> Unit[Deleted]:
    """See Inbox.apply_delete. Rows that are running end when they are put back."""
    yield from set_mark(account, mark)
    rows = yield inbox.FIND_EVENTS(account=account, event_keys=event_keys)
    if not rows:
        return Deleted(count=0)
    count = yield from memories.delete_memories([row[1] for row in rows])
    seqs = [row[0] for row in rows]
    yield inbox.END_DELETED(seqs=seqs, now=utc_now())
    yield from steps.blank(seqs)
    destinations: list[str] = []
    for answer in dict.fromkeys(row[5] for row in rows if retract and row[5]):
        destinations += yield from revisions.retract(answer)
    return Deleted(
        count=count,
        under_way=tuple(dict.fromkeys((row[3], row[4]) for row in rows if row[2] == InboxState.RUNNING)),
        destinations=tuple(dict.fromkeys(destinations)),
    )
