"""Runs in short, for those who look back."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, func, select
from sqlalchemy.sql.elements import ColumnElement

from bot_host.store.schema import inbox, runs
from bot_host.store.statement import Family, Row, Statement, Unit
from bot_host.types.agents import RunCounts, RunSummaries, RunSummary
from bot_host.types.ids import UUID

FILTERS: Final = ("room_id", "entity_id", "status", "start", "end")

_r, _i = runs.c, inbox.c


def _conditions(given: frozenset[str]) -> list[ColumnElement[bool]]:
    conditions = [_r.agent_id == bindparam("agent_id")]
    conditions += [_r[name] == bindparam(name) for name in ("room_id", "status") if name in given]
    if "entity_id" in given:
        theirs = select(_i.run_id).where(_i.entity_id == bindparam("entity_id"), _i.run_id.is_not(None))
        conditions.append(_r.id.in_(theirs))
    if "start" in given:
        conditions.append(_r.started_at >= bindparam("start", type_=_r.started_at.type))
    if "end" in given:
        conditions.append(_r.started_at <= bindparam("end", type_=_r.started_at.type))
    return conditions


def _count(name: str, given: frozenset[str]) -> Statement:
    return Statement(name, select(func.count()).select_from(runs).where(*_conditions(given)))


def _list(name: str, given: frozenset[str]) -> Statement:
    newest = select(func.max(_i.seq)).where(_i.run_id == _r.id, _i.room_id == _r.room_id).correlate(runs)
    return Statement(
        name,
        select(
            _r.id,
            _r.status,
            _r.started_at,
            _r.ended_at,
            _r.room_id,
            _r.error,
            _r.steps,
            _r.model_calls,
            _i.memory_id,
            _i.entity_id,
        )
        .join_from(runs, inbox, _i.seq == newest.scalar_subquery(), isouter=True)
        .where(*_conditions(given))
        .order_by(_r.started_at.desc())
        .limit(bindparam("count")),
    )


COUNT: Final = Family("run_summaries.count", FILTERS, _count)
LIST: Final = Family("run_summaries.list", FILTERS, _list)


def get_run_summaries(
    agent_id: UUID,
    room_id: UUID | None,
    entity_id: UUID | None,
    status: str | None,
    start: datetime | None,
    end: datetime | None,
    count: int,
) -> Unit[RunSummaries]:
    """See AgentRows.get_run_summaries."""
    filters: dict[str, Any] = {
        "agent_id": agent_id,
        "room_id": room_id,
        "entity_id": entity_id,
        "status": status,
        "start": start,
        "end": end,
    }
    total = (yield COUNT(**filters))[0][0]
    rows = yield LIST(**filters, count=max(0, count))
    return RunSummaries(runs=tuple(map(_to_summary, rows)), total=total)


def _to_summary(row: Row) -> RunSummary:
    id_, status, started_at, ended_at, room_id, error, steps, calls, memory_id, entity_id = row
    acted = [step for step in steps if str(step.get("name", "")).startswith("action ")]
    failed = sum(bool(each.get("error")) for each in (*steps, *calls)) + bool(error)
    return RunSummary(
        run_id=id_,
        status=status,
        started_at=started_at,
        ended_at=ended_at,
        room_id=room_id,
        message_id=memory_id,
        entity_id=entity_id,
        error=error,
        counts=RunCounts(actions=len(acted), model_calls=len(calls), errors=failed),
    )
