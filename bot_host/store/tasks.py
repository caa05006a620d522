"""Tasks, and the claims on their due times.

A claim is a row of its own, made in one transaction and keyed by (task, due time): whoever dies leaves it
claimed, and its lease lets it be taken up again. As long as it is claimed, the task gets no other.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from bot_host.kit.clock import utc_now
from bot_host.store.columns import InList
from bot_host.store.schema import occurrence_claimed, task_occurrences, tasks, tasks_active
from bot_host.store.statement import Family, Row, Statement, Unit
from bot_host.types.ids import UUID
from bot_host.types.task import Misfire, Occurrence, Task, TaskState

OCCURRENCES_KEPT: Final = 100
"""Ended ones of one task: a record to look at, and no more than that."""

_t, _o = tasks.c, task_occurrences.c
_FIELDS: Final = tuple(column.name for column in _t)
_FIXED: Final = ("id", "agent_id", "created_at")
_CHANGING: Final = tuple(name for name in _FIELDS if name not in _FIXED)
_key = (_o.task_id == bindparam("of_task"), _o.due_at == bindparam("of_due", type_=_o.due_at.type))
_mine = InList(_t.agent_id, "agent_ids")
_under_way = select(_o.task_id).where(occurrence_claimed, _o.task_id == _t.id).exists()
_had = select(_o.task_id).where(_o.task_id == _t.id, _o.due_at == _t.due_at).exists()

INSERT: Final = Statement(
    "tasks.insert",
    insert(tasks)
    .values({name: bindparam(name) for name in _FIELDS})
    .on_conflict_do_nothing(index_elements=[_t.id])
    .returning(_t.id),
)
FIND: Final = Statement("tasks.find", select(*_t).where(_t.id == bindparam("id")))
UPDATE: Final = Statement(
    "tasks.update",
    update(tasks)
    .where(_t.id == bindparam("task_id"))
    .values({name: bindparam(f"new_{name}", type_=_t[name].type) for name in _CHANGING})
    .returning(_t.id),
)
DELETE: Final = Statement("tasks.delete", delete(tasks).where(_t.id == bindparam("id")).returning(_t.id))


def _list(name: str, given: frozenset[str]) -> Statement:
    named = ("room_id", "entity_id", "name")
    conditions = [_t.agent_id == bindparam("agent_id")]
    conditions += [_t[column] == bindparam(column) for column in named if column in given]
    return Statement(name, select(*_t).where(*conditions).order_by(_t.created_at, _t.id))


LIST: Final = Family("tasks.list", ("room_id", "entity_id", "name"), _list)
NEXT_DUE: Final = Statement(
    "tasks.next_due",
    select(_t.due_at)
    .where(tasks_active, _t.due_at.is_not(None), _mine, ~_under_way, ~_had)
    .order_by(_t.due_at)
    .limit(1),
)
# Claims are few, and all agents' are read: their agent's index would lead through all of its tasks.
LEASES: Final = Statement(
    "task_occurrences.leases",
    select(_o.lease_until, _t.agent_id, _t.state)
    .join_from(task_occurrences, tasks, _t.id == _o.task_id)
    .where(occurrence_claimed)
    .order_by(_o.lease_until),
)
DUE: Final = Statement(
    "tasks.due",
    select(*_t)
    .where(tasks_active, _t.due_at <= bindparam("now"), _mine, ~_under_way, ~_had)
    .order_by(_t.due_at, _t.id)
    .limit(bindparam("count")),
)
LAPSED: Final = Statement(
    "task_occurrences.lapsed",
    select(*_t, _o.due_at, _o.attempt)
    .join_from(task_occurrences, tasks, _t.id == _o.task_id)
    .where(occurrence_claimed, _o.lease_until <= bindparam("now"))
    .order_by(_o.lease_until, _o.task_id),
)
CLAIM: Final = Statement(
    "task_occurrences.claim",
    insert(task_occurrences)
    .values(
        {
            **{name: bindparam(name) for name in ("task_id", "due_at", "claimed_at", "lease_until")},
            "state": "claimed",
            "attempt": 1,
            "error": "",
        }
    )
    .on_conflict_do_nothing(index_elements=[_o.task_id, _o.due_at])
    .returning(_o.task_id),
)
RECLAIM: Final = Statement(
    "task_occurrences.reclaim",
    update(task_occurrences)
    .where(*_key, occurrence_claimed, _o.attempt == bindparam("of_attempt"))
    .values(
        attempt=_o.attempt + 1,
        claimed_at=bindparam("now", type_=_o.claimed_at.type),
        lease_until=bindparam("until", type_=_o.lease_until.type),
    )
    .returning(_o.task_id),
)
END: Final = Statement(
    "task_occurrences.end",
    update(task_occurrences)
    .where(*_key, occurrence_claimed)
    .values(
        state="done",
        error=bindparam("why", type_=_o.error.type),
        ended_at=bindparam("now", type_=_o.ended_at.type),
    )
    .returning(_o.task_id),
)
_oldest_kept = (
    select(_o.due_at)
    .where(_o.task_id == bindparam("of_task"))
    .order_by(_o.due_at.desc())
    .limit(1)
    .offset(OCCURRENCES_KEPT)
    .scalar_subquery()
)
PRUNE: Final = Statement(
    "task_occurrences.prune",
    delete(task_occurrences).where(
        _o.task_id == bindparam("of_task"), _o.due_at <= _oldest_kept, ~occurrence_claimed
    ),
)


def _to_task(row: Row) -> Task:
    values = dict(zip(_FIELDS, row, strict=True))
    values["tags"] = tuple(values["tags"])
    values["state"] = TaskState(values["state"])
    values["misfire"] = Misfire(values["misfire"])
    return Task(**values)


def _values(task: Task) -> dict[str, Any]:
    values = {name: getattr(task, name) for name in _FIELDS}
    return {**values, "tags": list(task.tags), "state": task.state.value, "misfire": task.misfire.value}


def create_task(task: Task) -> Unit[bool]:
    """See Tasks.create_task."""
    return bool((yield INSERT(**_values(task))))


def find_task(task_id: UUID) -> Unit[Task | None]:
    """See Tasks.find_task."""
    rows = yield FIND(id=task_id)
    return _to_task(rows[0]) if rows else None


def get_tasks(
    agent_id: UUID, room_id: UUID | None, entity_id: UUID | None, name: str | None, tags: Sequence[str]
) -> Unit[list[Task]]:
    """See Tasks.get_tasks."""
    rows = yield LIST(agent_id=agent_id, room_id=room_id, entity_id=entity_id, name=name)
    wanted = set(tags)
    return [task for task in map(_to_task, rows) if wanted <= set(task.tags)]


def update_task(task: Task) -> Unit[bool]:
    """See Tasks.update_task."""
    values = _values(task)
    rows = yield UPDATE(task_id=task.id, **{f"new_{name}": values[name] for name in _CHANGING})
    return bool(rows)


def delete_task(task_id: UUID) -> Unit[bool]:
    """See Tasks.delete_task."""
    return bool((yield DELETE(id=task_id)))


def next_due(agent_ids: Sequence[UUID]) -> Unit[datetime | None]:
    """See Tasks.next_due."""
    times = [at for (at,) in (yield NEXT_DUE(agent_ids=agent_ids))]
    mine = {agent_id.lower() for agent_id in agent_ids}
    leases = yield LEASES()
    times += [until for until, agent_id, state in leases if agent_id in mine and state == TaskState.ACTIVE]
    return min(times, default=None)


def claim_due(agent_ids: Sequence[UUID], now: datetime, lease_s: float, limit: int) -> Unit[list[Occurrence]]:
    """See Tasks.claim_due."""
    until = now + timedelta(seconds=lease_s)
    claimed = []
    mine = {agent_id.lower() for agent_id in agent_ids}
    lapsed = [(_to_task(row[:-2]), *row[-2:]) for row in (yield LAPSED(now=now))]
    lapsed = [row for row in lapsed if row[0].agent_id in mine and row[0].state is TaskState.ACTIVE]
    for task, due_at, attempt in lapsed[: max(0, limit)]:
        if (yield RECLAIM(of_task=task.id, of_due=due_at, of_attempt=attempt, now=now, until=until)):
            claimed.append(Occurrence(task=task, due_at=due_at, attempt=attempt + 1))
    due = yield DUE(agent_ids=agent_ids, now=now, count=max(0, limit - len(claimed)))
    for task in map(_to_task, due):
        assert task.due_at is not None
        if (yield CLAIM(task_id=task.id, due_at=task.due_at, claimed_at=now, lease_until=until)):
            claimed.append(Occurrence(task=task, due_at=task.due_at, attempt=1))
    return sorted(claimed, key=lambda occurrence: occurrence.due_at)


def finish_occurrence(
    task_id: UUID, due_at: datetime, error: str, then: Callable[[Task], Task | None]
) -> Unit[bool]:
    """See Tasks.finish_occurrence. Of its ended occurrences a task keeps OCCURRENCES_KEPT."""
    ended = yield END(of_task=task_id, of_due=due_at, why=error, now=utc_now())
    if not ended:
        return False
    task = yield from find_task(task_id)
    following = None if task is None else then(task)
    if following is None:
        return (yield from delete_task(task_id))
    yield PRUNE(of_task=task_id)
    yield from update_task(following)
    return True
