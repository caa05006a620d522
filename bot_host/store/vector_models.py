"""Vectors by the model that made them, looked for where they are missing."""

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Integer, bindparam, exists, func, literal_column, or_, select

from bot_host.store import use
from bot_host.store.columns import InList
from bot_host.store.embeddings import END
from bot_host.store.memories import FIELDS, to_memory
from bot_host.store.schema import EMBEDDING_ATTEMPTS, constant, embedding_jobs, embedding_jobs_open, memories
from bot_host.store.schema import embeddings as table
from bot_host.store.statement import Statement, Unit
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.turn import RunRecord
from bot_host.types.vectors import GIVEN, EmbeddingQueue, name_with_length

FAILURES_SHOWN: Final = 5
LARGEST: Final = 2**62
"""Above all row numbers."""

_e, _j, _m = table.c, embedding_jobs.c, memories.c
_mine = _m.agent_id == bindparam("agent_id")
_model = bindparam("model", type_=_e.model.type)


def _vector(*conditions: Any) -> Any:
    return exists(select(_e.memory_id).where(_e.memory_id == _m.id, *conditions).correlate(memories))


_queued = exists(select(_j.memory_id).where(_j.memory_id == _m.id).correlate(memories))
_of_length = literal_column(f"'{name_with_length(GIVEN, '')}'", _e.model.type)
_given = or_(_e.model == constant(GIVEN), _e.model.startswith(_of_length))
_stale = (_mine, _vector(_e.model != _model, ~_given), ~_vector(_e.model == _model))

COUNT_STALE: Final = Statement(
    "vectors.count_stale", select(func.count()).select_from(memories).where(*_stale)
)
STALE: Final = Statement(
    "vectors.stale",
    select(_m.seq, *FIELDS)
    .where(*_stale, ~_queued, _m.seq < bindparam("before", type_=_m.seq.type))
    .order_by(_m.seq.desc())
    .limit(bindparam("count")),
)
MISSING: Final = Statement(
    "vectors.missing",
    select(_m.seq, *FIELDS)
    .where(
        _mine,
        InList(_m.type, "types"),
        _m.seq > bindparam("after", type_=_m.seq.type),
        ~_vector(),
        ~_queued,
    )
    .order_by(_m.seq)
    .limit(bindparam("count")),
)
_counts: Any = (
    select(func.count(type_=Integer()).label("jobs"), func.min(_j.attempts, type_=Integer()).label("least"))
    .join_from(embedding_jobs, memories, _m.id == _j.memory_id)
    .where(_mine)
    .group_by(embedding_jobs_open)
)
QUEUE: Final = Statement("vectors.queue", _counts)
FAILURES: Final = Statement(
    "vectors.failures",
    select(_j.memory_id, _j.error)
    .join_from(embedding_jobs, memories, _m.id == _j.memory_id)
    .where(_mine, ~embedding_jobs_open)
    .order_by(_j.created_at.desc(), _j.memory_id)
    .limit(bindparam("count")),
)


def count_stale_vectors(agent_id: UUID, model: str) -> Unit[int]:
    """See VectorRows.count_stale_vectors."""
    count: int = (yield COUNT_STALE(agent_id=agent_id, model=model))[0][0]
    return count


def stale_vectors(
    agent_id: UUID, model: str, before: int | None, count: int
) -> Unit[list[tuple[int, Memory]]]:
    """See VectorRows.stale_vectors."""
    before = LARGEST if before is None else before
    rows = yield STALE(agent_id=agent_id, model=model, before=before, count=count)
    return [(row[0], to_memory(row[1:])) for row in rows]


def missing_vectors(
    agent_id: UUID, types: Collection[MemoryType], after: int, count: int
) -> Unit[list[tuple[int, Memory]]]:
    """See VectorRows.missing_vectors."""
    names = [each.value for each in types]
    rows = yield MISSING(agent_id=agent_id, types=names, after=after, count=count)
    return [(row[0], to_memory(row[1:])) for row in rows]


def drop_embedding_job(memory_id: UUID) -> Unit[None]:
    """See VectorRows.drop_embedding_job."""
    yield END(memory_id=memory_id)


def embedding_queue(agent_id: UUID) -> Unit[EmbeddingQueue]:
    """See VectorRows.embedding_queue."""
    rows = yield QUEUE(agent_id=agent_id)
    counts = {attempts < EMBEDDING_ATTEMPTS: count for count, attempts in rows}
    failed = counts.get(False, 0)
    rows = (yield FAILURES(agent_id=agent_id, count=FAILURES_SHOWN)) if failed else []
    return EmbeddingQueue(
        waiting=counts.get(True, 0), failed=failed, failures=tuple((id_, error) for id_, error in rows)
    )


def count_use(run: RunRecord) -> Unit[tuple[int, float]]:
    """See VectorRows.count_use."""
    yield from use.add_run(run, turns=0)
    rows = yield use.OF_DAY(agent_id=run.agent_id, day=use.day_of(run.ended_at))
    tokens, cost = rows[0] if rows else (0, 0.0)
    return tokens, cost
