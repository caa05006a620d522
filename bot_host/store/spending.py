"""Adding up what the models cost, in the transaction that writes the run."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from bot_host.store import persons
from bot_host.store.spending_tables import pulse, spending
from bot_host.store.statement import Row, Statement, Unit
from bot_host.types.ids import UUID
from bot_host.types.turn import Outcome, RunRecord

NOBODY: Final[UUID] = "00000000-0000-0000-0000-000000000000"
"""Stands for a room or a person where there is none, or they were erased."""
PULSE_KEPT: Final = timedelta(days=2)
_SWEEP_EACH: Final = 64
"""One run in so many looks for minutes that are too old."""

_s, _p = spending.c, pulse.c
_KEY: Final = tuple(spending.primary_key.columns.keys())
_SUMS: Final = tuple(name for name in _s.keys() if name not in _KEY)  # noqa: SIM118 - a collection of columns
_add = insert(spending).values({column.name: bindparam(column.name) for column in _s})
ADD: Final = Statement(
    "spending.add",
    _add.on_conflict_do_update(
        index_elements=list(spending.primary_key),
        set_={name: _s[name] + _add.excluded[name] for name in _SUMS},
    ),
)
_beat = insert(pulse).values({column.name: bindparam(column.name) for column in _p})
BEAT: Final = Statement(
    "pulse.add",
    _beat.on_conflict_do_update(
        index_elements=[_p.minute, _p.agent_id],
        set_={c.name: c + _beat.excluded[c.name] for c in _p if c.name not in ("minute", "agent_id")},
    ),
)
SWEEP: Final = Statement("pulse.sweep", delete(pulse).where(_p.minute < bindparam("before")))
_theirs = persons.ROWS[spending]
THEIRS: Final = Statement("erase.spending", select(*_s).where(_theirs))
FORGET: Final = Statement("erase.drop_spending", delete(spending).where(_theirs))
_there = and_(_s.agent_id == bindparam("of_agent"), _s.room_id == bindparam("old"))
IN_ROOM: Final = Statement("moves.spending", select(*_s).where(_there))
LEAVE: Final = Statement("moves.drop_spending", delete(spending).where(_there))


def minute_of(moment: datetime) -> int:
    """The minute since 1970 that a moment counts for."""
    return int(moment.timestamp()) // 60


def is_unpriced(call: Mapping[str, Any]) -> bool:
    """It used tokens, and nobody knows what they cost. What uses none (the offline model) costs nothing."""
    return not call.get("cost") and bool(_tokens(call))


def _tokens(call: Mapping[str, Any]) -> int:
    return (call.get("prompt_tokens") or 0) + (call.get("completion_tokens") or 0)


def _sums(calls: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """By provider and model."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for call in calls:
        key = (str(call.get("provider") or ""), str(call.get("model") or ""))
        sums = found.setdefault(key, dict.fromkeys(_SUMS, 0) | {"cost": 0.0})
        sums["calls"] += 1
        sums["failed"] += bool(call.get("error"))
        sums["unpriced"] += is_unpriced(call)
        sums["prompt_tokens"] += call.get("prompt_tokens") or 0
        sums["completion_tokens"] += call.get("completion_tokens") or 0
        sums["cost"] += float(call.get("cost") or 0.0)
    return found


def add_run(
    run: RunRecord, day: str, *, entity_id: UUID | None = None, outcomes: Sequence[Outcome] = ()
) -> Unit[None]:
    """Count what a run has used, and how the messages ended that it was about."""
    sums = _sums(run.model_calls)
    for (provider, model), used in sorted(sums.items()):
        yield ADD(
            day=day,
            agent_id=run.agent_id,
            room_id=run.room_id,
            entity_id=entity_id or NOBODY,
            provider=provider,
            model=model,
            **used,
        )
    if not sums and not outcomes:
        return
    minute = minute_of(run.ended_at)
    yield BEAT(
        minute=minute,
        agent_id=run.agent_id,
        **{outcome.value: outcomes.count(outcome) for outcome in Outcome},
        calls=sum(used["calls"] for used in sums.values()),
        failed_calls=sum(used["failed"] for used in sums.values()),
        unpriced=sum(used["unpriced"] for used in sums.values()),
        tokens=sum(used["prompt_tokens"] + used["completion_tokens"] for used in sums.values()),
        cost=sum(used["cost"] for used in sums.values()),
    )
    if int(run.id[-4:], 16) % _SWEEP_EACH == 0:
        yield SWEEP(before=minute - int(PULSE_KEPT.total_seconds()) // 60)


def blank(values: Mapping[str, Any]) -> Unit[None]:
    """What a person's turns have cost stays, added to what is nobody's. `values`: of `persons.Person`."""
    rows = yield THEIRS(**values)
    yield FORGET(**values)
    private = set(values["room_ids"])
    for row in rows:
        told = _named(row)
        yield ADD(
            **told
            | {"entity_id": NOBODY, "room_id": NOBODY if told["room_id"] in private else told["room_id"]}
        )


def move(agent_id: UUID, old: UUID, new: UUID) -> Unit[None]:
    """What a room has cost is the new one's."""
    rows = yield IN_ROOM(of_agent=agent_id, old=old)
    yield LEAVE(of_agent=agent_id, old=old)
    for row in rows:
        yield ADD(**_named(row) | {"room_id": new})


def _named(row: Row) -> dict[str, Any]:
    return dict(zip(_s.keys(), row, strict=True))
