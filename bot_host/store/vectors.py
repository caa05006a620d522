"""What is asked of vectors beside searching: those of much the same text, and those of another model."""

import heapq
from itertools import count as numbers
from typing import Final

from sqlalchemy import Integer, bindparam, exists, func, literal, select
from sqlalchemy.dialects.postgresql import insert as upsert

from bot_host.kit.clock import utc_now
from bot_host.store.columns import JsonText, unpack
from bot_host.store.loose import loose
from bot_host.store.schema import embedding_jobs, memories
from bot_host.store.schema import embeddings as table
from bot_host.store.statement import Statement, Unit
from bot_host.types.agents import CachedEmbedding
from bot_host.types.errors import StateError
from bot_host.types.ids import UUID
from bot_host.types.memory import MemoryType

FIELDS: Final = ("content", "metadata")
CHUNK: Final = 500
"""Texts that are in memory at one time."""

_e, _j, _m = table.c, embedding_jobs.c, memories.c
_requeue = upsert(embedding_jobs).from_select(
    ["memory_id", "priority", "attempts", "error", "created_at"],
    select(
        _m.id,
        literal(0, _j.priority.type),
        literal(0, _j.attempts.type),
        literal("", _j.error.type),
        bindparam("now", type_=_j.created_at.type),
    ).where(
        _m.agent_id == bindparam("agent_id"),
        exists().where(_e.memory_id == _m.id),
        ~exists().where(_e.memory_id == _m.id, _e.dimensions == bindparam("dimensions")),
    ),
)
REQUEUE: Final = Statement(
    "vectors.requeue",
    _requeue.on_conflict_do_nothing(index_elements=[_j.memory_id]).returning(_j.memory_id),
)


def requeue_embeddings(agent_id: UUID, dimensions: int) -> Unit[int]:
    """See AgentRows.requeue_embeddings."""
    return len((yield REQUEUE(agent_id=agent_id, dimensions=dimensions, now=utc_now())))


def get_cached_embeddings(
    agent_id: UUID, text: str, type: MemoryType, field: str, key: str, threshold: int, count: int
) -> Unit[list[CachedEmbedding]]:
    """See AgentRows.get_cached_embeddings."""
    if field not in FIELDS or not key.isidentifier():
        raise StateError(f"texts stand in content or metadata, under a plain key, not in {field}.{key}")
    said = JsonText(_m[field], key)
    length = func.length(said, type_=Integer())
    query = (
        select(_m.seq, said, _e.vector)
        .join_from(table, memories, _m.id == _e.memory_id)
        .where(
            _m.agent_id == agent_id,
            _m.type == type.value,
            length.between(len(text) - threshold, len(text) + threshold),
            _m.seq > bindparam("after", type_=_m.seq.type),
        )
        .order_by(_m.seq)
        .limit(CHUNK)
    )
    best: dict[str, tuple[int, bytes]] = {}
    after, more = 0, True
    while more:
        rows = yield loose(query, after=after)
        for _, found, vector in rows:
            if found not in best and (score := distance(text, found, limit=threshold)) is not None:
                best[found] = (score, vector)
        nearest = heapq.nsmallest(max(0, count), best.items(), key=lambda item: item[1][0])
        best = dict(nearest)
        more = len(rows) == CHUNK
        after = rows[-1][0] if rows else after
    return [
        CachedEmbedding(embedding=unpack(vector).tolist(), levenshtein_score=score)
        for score, vector in best.values()
    ]


def distance(one: str, other: str, *, limit: int) -> int | None:
    """Letters to change, add or take out to make one of the other; None when it is more than `limit`.

    Only the cells beside the diagonal are looked at: a row costs `limit` steps, not the text's length.
    """
    if abs(len(one) - len(other)) > limit:
        return None
    far = limit + 1
    above = [min(i, far) for i in range(len(other) + 1)]
    for row, letter in zip(numbers(1), one):
        low, high = max(1, row - limit), min(len(other), row + limit)
        line = [far] * (len(other) + 1)
        line[0] = min(row, far)
        for i in range(low, high + 1):
            line[i] = min(above[i - 1] + (other[i - 1] != letter), above[i] + 1, line[i - 1] + 1, far)
        if min(line[low - 1 : high + 1], default=far) > limit:
            return None
        above = line
    return above[-1] if above[-1] <= limit else None
