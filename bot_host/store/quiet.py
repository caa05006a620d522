"""Messages that change by themselves: a place that moves on a map, a list whose tasks are ticked off."""

from bot_host.store import inbox, memories
from bot_host.store.marks import set_mark
from bot_host.store.statement import Unit
from bot_host.types.content import Content
from bot_host.types.inbound import Mark


def apply(account: str, event_key: str, content: Content, mark: Mark | None) -> Unit[bool]:
    """See Inbox.apply_quiet_edit."""
    yield from set_mark(account, mark)
    found = yield inbox.FIND_EVENT(account=account, event_key=event_key)
    memory = (yield from memories.find_memory(found[0][0])) if found else None
    if memory is None or memory.content.text == content.text:
        return False
    said = memory.content.model_copy(update={"text": content.text})
    yield memories.DESCRIBE(memory_id=memory.id, at_revision=memory.revision, new_content=said.to_dict())
    return True
