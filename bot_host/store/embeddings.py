"""Embeddings: vectors of memories, and the memories that wait for theirs."""

import math
from array import array
from collections.abc import Sequence
from typing import Final

from sqlalchemy import and_, bindparam, case, delete, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from bot_host.kit.clock import utc_now
from bot_host.store.columns import pack
from bot_host.store.columns import unpack as unpack
from bot_host.store.memories import FIELDS, to_memory
from bot_host.store.schema import embedding_jobs, embedding_jobs_open, memories
from bot_host.store.schema import embedding_models as models
from bot_host.store.schema import embeddings as table
from bot_host.store.statement import Statement, Unit
from bot_host.types.errors import StateError
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory

_e, _j, _k, _m = table.c, embedding_jobs.c, models.c, memories.c
_of_memory = _m.id == bindparam("memory_id")

_KNOWN: Final = Statement(
    "embeddings.known",
    select(_m.agent_id, _k.dimensions)
    .join_from(
        memories,
        models,
        and_(_k.agent_id == _m.agent_id, _k.model == bindparam("model", type_=_k.model.type)),
        isouter=True,
    )
    .where(_of_memory),
)
NOTE_MODEL: Final = Statement(
    "embedding_models.note",
    insert(models).values({column.name: bindparam(column.name) for column in _k}),
)
MODELS: Final = Statement(
    "embedding_models.of_agent",
    select(_k.model, _k.dimensions)
    .where(_k.agent_id == bindparam("agent_id"))
    .order_by(_k.created_at.desc(), _k.model),
)
FORGET_MODEL: Final = Statement(
    "embedding_models.forget",
    delete(models).where(
        _k.agent_id == bindparam("agent_id"), _k.model == bindparam("model", type_=_k.model.type)
    ),
)
_put = insert(table).from_select(
    ["memory_id", "seq", "model", "dimensions", "vector", "created_at"],
    select(
        _m.id,
        _m.seq,
        bindparam("model", type_=_e.model.type),
        bindparam("dimensions", type_=_e.dimensions.type),
        bindparam("vector", type_=_e.vector.type),
        bindparam("now", type_=_e.created_at.type),
    ).where(_of_memory),
)
PUT: Final = Statement(
    "embeddings.put",
    _put.on_conflict_do_update(
        index_elements=[_e.memory_id, _e.model],
        set_={name: _put.excluded[name] for name in ("dimensions", "vector", "created_at")},
    ),
)
_some = (
    select(_e.memory_id)
    .join_from(table, memories, _m.seq == _e.seq)
    .where(_e.model == bindparam("model"), _m.agent_id == bindparam("agent_id"))
    .order_by(_e.seq)
    .limit(bindparam("count"))
    .scalar_subquery()
)
DROP: Final = Statement(
    "embeddings.drop",
    delete(table).where(_e.model == bindparam("model"), _e.memory_id.in_(_some)).returning(_e.memory_id),
)
DELETE: Final = Statement("embeddings.delete", delete(table).where(_e.memory_id == bindparam("memory_id")))
_queue = insert(embedding_jobs).from_select(
    ["memory_id", "priority", "attempts", "error", "created_at"],
    select(
        _m.id,
        bindparam("priority", type_=_j.priority.type),
        literal(0, _j.attempts.type),
        literal("", _j.error.type),
        bindparam("now", type_=_j.created_at.type),
    ).where(_of_memory),
)
_anew = insert(embedding_jobs).from_select(
    ["memory_id", "priority", "attempts", "error", "created_at"],
    select(
        _e.memory_id,
        literal(1, _j.priority.type),
        literal(0, _j.attempts.type),
        literal("", _j.error.type),
        bindparam("now", type_=_j.created_at.type),
    )
    .where(_e.memory_id == bindparam("memory_id"))
    .limit(1),
)
ANEW: Final = Statement("embedding_jobs.anew", _anew.on_conflict_do_nothing(index_elements=[_j.memory_id]))
_given_up = ~embedding_jobs_open
QUEUE: Final = Statement(
    "embedding_jobs.queue",
    _queue.on_conflict_do_update(
        index_elements=[_j.memory_id],
        set_={
            "priority": case(
                (_queue.excluded.priority > _j.priority, _queue.excluded.priority), else_=_j.priority
            ),
            "attempts": case((_given_up, 0), else_=_j.attempts),
        },
    ),
)
NEXT: Final = Statement(
    "embedding_jobs.next",
    select(*FIELDS)
    .join_from(embedding_jobs, memories, _m.id == _j.memory_id)
    .where(embedding_jobs_open, _m.agent_id == bindparam("agent_id"))
    .order_by(_j.priority.desc(), _j.created_at, _j.memory_id)
    .limit(bindparam("count")),
)
FAIL: Final = Statement(
    "embedding_jobs.fail",
    update(embedding_jobs)
    .where(_j.memory_id == bindparam("of_memory"))
    .values(attempts=_j.attempts + 1, error=bindparam("why", type_=_j.error.type))
    .returning(_j.attempts),
)
AGAIN: Final = Statement(
    "embedding_jobs.again",
    update(embedding_jobs).where(_j.memory_id == bindparam("of_memory")).values(attempts=0, error=""),
)
END: Final = Statement(
    "embedding_jobs.end", delete(embedding_jobs).where(_j.memory_id == bindparam("memory_id"))
)


def unit_vector(values: Sequence[float]) -> "array[float]":
    """`values` brought to length 1, so that a dot product is the cosine; all zeros stay zeros.

    Raises ValueError for an empty vector and for one with numbers that are not finite.
    """
    length = math.hypot(*values)
    if not values or not math.isfinite(length):
        raise ValueError("an embedding is empty, or has numbers that are not finite")
    return array("f", [value / length for value in values] if length else values)


def set_embedding(memory_id: UUID, embedding: Sequence[float], model: str) -> Unit[bool]:
    """See Memories.set_embedding. Vectors are kept at length 1: their direction is all that is compared."""
    packed = pack(unit_vector(embedding))
    known = yield _KNOWN(memory_id=memory_id, model=model)
    if known:
        [(agent_id, dimensions)] = known
        if dimensions is None:
            yield NOTE_MODEL(agent_id=agent_id, model=model, dimensions=len(embedding), created_at=utc_now())
        else:
            check_dimensions(model, dimensions, len(embedding))
        yield PUT(memory_id=memory_id, model=model, dimensions=len(embedding), vector=packed, now=utc_now())
    yield END(memory_id=memory_id)
    return bool(known)


def check_dimensions(model: str, dimensions: int, given: int) -> None:
    """Raises StateError where a vector is not as long as those that the agent has of its model."""
    if given != dimensions:
        raise StateError(
            f"a vector of the model {model} with {given} dimensions cannot be compared with those that are "
            f"kept of it, which have {dimensions}: keep it under another name, or drop those first "
            "(drop_embeddings)"
        )


def embedding_models(agent_id: UUID) -> Unit[dict[str, int]]:
    """See Memories.embedding_models."""
    return dict((yield MODELS(agent_id=agent_id)))


def drop_embeddings(agent_id: UUID, model: str, count: int) -> Unit[int]:
    """See Memories.drop_embeddings."""
    dropped = len((yield DROP(agent_id=agent_id, model=model, count=max(0, count))))
    if dropped < count:
        yield FORGET_MODEL(agent_id=agent_id, model=model)
    return dropped


def queue_embedding(memory_id: UUID, priority: int) -> Unit[None]:
    """See Memories.queue_embedding. One that was given up begins anew."""
    yield QUEUE(memory_id=memory_id, priority=priority, now=utc_now())


def next_embedding_jobs(agent_id: UUID, count: int) -> Unit[list[Memory]]:
    """See Memories.next_embedding_jobs."""
    rows = yield NEXT(agent_id=agent_id, count=max(0, count))
    return [to_memory(row) for row in rows]


def fail_embedding_job(memory_id: UUID, error: str) -> Unit[int]:
    """See Memories.fail_embedding_job; after EMBEDDING_ATTEMPTS it is given up. 0: no such job."""
    rows = yield FAIL(of_memory=memory_id, why=error)
    return rows[0][0] if rows else 0


def forget(memory_id: UUID) -> Unit[None]:
    """The memory's text is another one: what vector it had goes, and one is queued in its place.

    Failures with the old text count no more.
    """
    yield ANEW(memory_id=memory_id, now=utc_now())
    yield DELETE(memory_id=memory_id)
    yield AGAIN(of_memory=memory_id)
