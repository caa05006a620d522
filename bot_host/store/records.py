"""Logs and audit."""

from typing import Any, Final

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from bot_host.store.schema import audit, logs
from bot_host.store.statement import Family, Statement, Unit
from bot_host.types.ids import UUID
from bot_host.types.knowledge import AuditEntry, LogEntry

_l, _a = logs.c, audit.c
_LOG: Final = tuple(column.name for column in _l)
_AUDIT: Final = tuple(column.name for column in _a)


def _insert(table: Any) -> Any:
    values: dict[str, Any] = {column.name: bindparam(column.name) for column in table.c}
    return insert(table).values(values).on_conflict_do_nothing(index_elements=[table.c.id])


def _logs(name: str, given: frozenset[str]) -> Statement:
    named = ("entity_id", "room_id", "type")
    conditions = [_l.agent_id == bindparam("agent_id")]
    conditions += [_l[column] == bindparam(column) for column in named if column in given]
    query = select(*_l).where(*conditions).order_by(_l.created_at.desc(), _l.id)
    return Statement(name, query.limit(bindparam("count")).offset(bindparam("skip")))


ADD_LOG: Final = Statement("logs.add", _insert(logs))
LOGS: Final = Family("logs.get", ("entity_id", "room_id", "type"), _logs)
DELETE_LOG: Final = Statement(
    "logs.delete",
    delete(logs).where(_l.id == bindparam("id"), _l.agent_id == bindparam("agent_id")).returning(_l.id),
)
ADD_AUDIT: Final = Statement("audit.add", _insert(audit))
AUDIT: Final = Statement(
    "audit.get",
    select(*_a)
    .where(_a.agent_id == bindparam("agent_id"))
    .order_by(_a.at.desc(), _a.id)
    .limit(bindparam("count"))
    .offset(bindparam("skip")),
)


def add_log(entry: LogEntry) -> Unit[None]:
    """See Records.add_log."""
    yield ADD_LOG(**{name: getattr(entry, name) for name in _LOG})


def get_logs(
    agent_id: UUID, entity_id: UUID | None, room_id: UUID | None, type: str | None, count: int, offset: int
) -> Unit[list[LogEntry]]:
    """See Records.get_logs."""
    rows = yield LOGS(
        agent_id=agent_id,
        entity_id=entity_id,
        room_id=room_id,
        type=type,
        count=max(0, count),
        skip=max(0, offset),
    )
    return [LogEntry(**dict(zip(_LOG, row, strict=True))) for row in rows]


def delete_log(agent_id: UUID, log_id: UUID) -> Unit[bool]:
    """See Records.delete_log."""
    return bool((yield DELETE_LOG(id=log_id, agent_id=agent_id)))


def add_audit(entry: AuditEntry) -> Unit[None]:
    """See Records.add_audit."""
    yield ADD_AUDIT(**{name: getattr(entry, name) for name in _AUDIT})


def get_audit(agent_id: UUID, count: int, offset: int) -> Unit[list[AuditEntry]]:
    """See Records.get_audit."""
    rows = yield AUDIT(agent_id=agent_id, count=max(0, count), skip=max(0, offset))
    return [AuditEntry(**dict(zip(_AUDIT, row, strict=True))) for row in rows]
