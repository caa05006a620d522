"""Runs: what each turn did and cost; and the turn's one commit."""

from dataclasses import replace
from typing import Final

from sqlalchemy import bindparam, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from bot_host.store import drafts, inbox, memories, outbox, revisions, steps, use
from bot_host.store.schema import runs
from bot_host.store.statement import Row, Statement, Unit
from bot_host.types.ids import UUID
from bot_host.types.turn import Queued, RunRecord, TurnCommit

_c = runs.c
_FIELDS: Final = (
    _c.id,
    _c.agent_id,
    _c.room_id,
    _c.started_at,
    _c.ended_at,
    _c.status,
    _c.model_calls,
    _c.steps,
    _c.error,
)
_insert = insert(runs).values({column.name: bindparam(column.name) for column in _FIELDS})

PUT: Final = Statement(
    "runs.put",
    _insert.on_conflict_do_update(
        index_elements=[_c.id],
        set_={
            name: _insert.excluded[name] for name in ("ended_at", "status", "model_calls", "steps", "error")
        },
    ),
)
_blank = literal([], _c.steps.type)
"""The steps of erased runs."""
AMEND: Final = Statement(
    "runs.amend",
    update(runs)
    .where(_c.id == bindparam("run"), _c.steps != _blank)
    .values(
        steps=bindparam("all_steps", type_=_c.steps.type),
        model_calls=bindparam("all_calls", type_=_c.model_calls.type),
    )
    .returning(_c.id),
)
FIND: Final = Statement("runs.find", select(*_FIELDS).where(_c.id == bindparam("id")))
NEWEST: Final = Statement(
    "runs.newest",
    select(*_FIELDS)
    .where(_c.room_id == bindparam("room_id"))
    .order_by(_c.started_at.desc())
    .limit(bindparam("count")),
)


def _to_run(row: Row) -> RunRecord:
    id_, agent_id, room_id, started_at, ended_at, status, model_calls, steps, error = row
    return RunRecord(
        id=id_,
        agent_id=agent_id,
        room_id=room_id,
        started_at=started_at,
        ended_at=ended_at,
        status=status,
        model_calls=tuple(model_calls),
        steps=tuple(steps),
        error=error,
    )


def put_run(run: RunRecord) -> Unit[None]:
    """Write a run's record, or write it anew."""
    yield PUT(
        id=run.id,
        agent_id=run.agent_id,
        room_id=run.room_id,
        started_at=run.started_at,
        ended_at=run.ended_at,
        status=run.status,
        model_calls=list(run.model_calls),
        steps=list(run.steps),
        error=run.error,
    )


def add_run(run: RunRecord) -> Unit[None]:
    """See Summaries.add_run."""
    yield from put_run(run)
    yield from use.add_run(run, turns=0)


def amend_run(run: RunRecord, new_calls: int, entity_id: UUID | None = None) -> Unit[None]:
    """See Ledger.amend_run."""
    there = yield AMEND(run=run.id, all_steps=list(run.steps), all_calls=list(run.model_calls))
    if there:
        new = replace(run, model_calls=run.model_calls[-new_calls:])
        yield from use.add_run(new, turns=0, entity_id=entity_id)


def find_run(run_id: UUID) -> Unit[RunRecord | None]:
    """A run by its id."""
    rows = yield FIND(id=run_id)
    return _to_run(rows[0]) if rows else None


def get_runs(room_id: UUID, count: int) -> Unit[list[RunRecord]]:
    """See Store.get_runs."""
    rows = yield NEWEST(room_id=room_id, count=max(0, count))
    return [_to_run(row) for row in rows]


def commit_turn(commit: TurnCommit) -> Unit[Queued | None]:
    """See Inbox.commit_turn. Raises StateError when one of the rows has ended before."""
    if not (yield from memories.revisions_hold(commit.revisions)):
        return None
    turns, sender = set(), None
    for ended in commit.ends:
        turn_id, sender = yield from inbox.end(ended, commit.run.id)
        turns.add(turn_id)
    yield from steps.end([turn_id for turn_id in turns if turn_id])
    said_before = set()
    for memory in commit.memories:
        if not (yield from memories.create_memory(memory)):
            said_before.add(memory.id)
    parts = [row for row in commit.outbox if row.memory_id not in said_before]
    if commit.revised is not None:
        mine = [row for row in parts if row.memory_id == commit.revised.id]
        parts = [row for row in parts if row.memory_id != commit.revised.id]
        parts += yield from revisions.revise(commit.revised, mine)
    if commit.draft is not None:
        mine = [row for row in parts if row.memory_id == commit.draft]
        parts = [row for row in parts if row.memory_id != commit.draft]
        if mine:
            parts += yield from drafts.finish(commit.draft, mine)
        else:
            yield from drafts.withdraw(commit.draft)
    queued = yield from outbox.add(parts, commit.send_now)
    yield from put_run(commit.run)
    outcomes = [ended.outcome for ended in commit.ends]
    yield from use.add_run(commit.run, entity_id=sender, outcomes=outcomes)
    return queued
