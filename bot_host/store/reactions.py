"""Reactions: counted in the metadata of the message that they were put to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, select, update

from bot_host.store import memories, pieces
from bot_host.store.schema import memories as memories_table
from bot_host.store.schema import outbox
from bot_host.store.statement import Statement, Unit
from bot_host.types.ids import UUID
from bot_host.types.memory import REACTIONS, Memory

NEWEST: Final = 1000
"""Parts of an account that are looked through for a message of the agent's own."""
KINDS: Final = 32
"""Different reactions that are counted for one message."""

_o = outbox.c
_newest = (
    select(_o.memory_id, _o.platform_message_id, _o.target, _o.agent_id, _o.account)
    .order_by(_o.seq.desc())
    .limit(NEWEST)
    .subquery()
)
OWN: Final = Statement(
    "reactions.own",
    select(_newest.c.memory_id, _newest.c.target).where(
        _newest.c.account == bindparam("account"),
        _newest.c.agent_id == bindparam("agent"),
        _newest.c.platform_message_id == bindparam("id"),
    ),
)
# The revision stays: a reaction does not change what was said.
NOTE: Final = Statement(
    "reactions.note",
    update(memories_table)
    .where(memories_table.c.id == bindparam("memory_id"))
    .values(metadata=bindparam("new_metadata")),
)


@dataclass(frozen=True, slots=True)
class Reacted:
    """See `InboundReaction`."""

    event_key: str
    message_id: str
    channel_id: str
    reaction: str
    added: bool
    totals: Mapping[str, int] | None = None


def apply(account: str, agent_id: UUID, reacted: Reacted) -> Unit[Memory | None]:
    """See Inbox.apply_reaction."""
    memory_id = yield from _find(account, agent_id, reacted)
    memory = (yield from memories.find_memory(memory_id)) if memory_id else None
    if memory is None:
        return None
    counts = _counted(memory.metadata.get(REACTIONS) or {}, reacted)
    metadata = {key: value for key, value in memory.metadata.items() if key != REACTIONS}
    if counts:
        metadata[REACTIONS] = counts
    yield NOTE(memory_id=memory.id, new_metadata=metadata)
    return memory.model_copy(update={"metadata": metadata})


def _counted(before: Mapping[str, Any], reacted: Reacted) -> dict[str, Any]:
    if reacted.totals is not None:
        most = sorted(reacted.totals.items(), key=lambda each: -each[1])[:KINDS]
        return {reaction: count for reaction, count in most if count > 0}
    counts = dict(before)
    count = int(counts.get(reacted.reaction, 0)) + (1 if reacted.added else -1)
    if count > 0 and (reacted.reaction in counts or len(counts) < KINDS):
        counts[reacted.reaction] = count
    else:
        counts.pop(reacted.reaction, None)
    return counts


def _find(account: str, agent_id: UUID, reacted: Reacted) -> Unit[UUID | None]:
    found = yield from pieces.find_event(account, reacted.event_key)
    if found is not None:
        memory_id: UUID | None = found[0]
        return memory_id
    # Some platforms number messages anew in each chat.
    for memory_id, target in (yield OWN(account=account, agent=agent_id, id=reacted.message_id)):
        if reacted.channel_id in (target.get("channel_id"), target.get("thread_id")):
            return memory_id
    return None
