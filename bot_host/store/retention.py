"""How long the rows of each table stay, and deleting those that have become old.

Looked for on the searcher's thread, deleted a few at a time by the writer, which looks again: what became
open meanwhile stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Column, Table, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from bot_host.store import ledger, memories, schema
from bot_host.store.columns import Id, InList
from bot_host.store.schema import constant, inbox_open, outbox_open
from bot_host.store.statement import Row, Statement, Unit
from bot_host.types.ledger import RECEIVED, EventKind
from bot_host.types.memory import MemoryType


class Kept(StrEnum):
    """How long the rows of a table stay."""

    AGED = "as `[retention]` says"
    FIXED = "a time or number that is fixed"
    WITH = "as long as what they belong to"
    STAYS = "for ever, or until somebody deletes them"


POLICIES: Final[Mapping[str, tuple[Kept, str]]] = {
    "agents": (Kept.STAYS, "the agent itself"),
    "character_versions": (Kept.FIXED, "the newest fifty of each agent"),
    "worlds": (Kept.STAYS, "who is there and what is set there"),
    "rooms": (Kept.STAYS, "as worlds"),
    "entities": (Kept.STAYS, "people; /forgetme"),
    "entity_names": (Kept.WITH, "entities"),
    "participants": (Kept.WITH, "rooms"),
    "components": (Kept.STAYS, "what plugins and people noted"),
    "relationships": (Kept.WITH, "the message that they were learned from; without one they stay"),
    "memories": (Kept.AGED, "messages, facts; others with the message that they came from, or they stay"),
    "embeddings": (Kept.WITH, "memories"),
    "embedding_jobs": (Kept.WITH, "memories"),
    "embedding_models": (Kept.STAYS, "a row for each model"),
    "knowledge_sources": (Kept.STAYS, "what an admin added"),
    "summaries": (Kept.WITH, "the messages that they tell of: one that goes takes its words out"),
    "tasks": (Kept.STAYS, "what waits, and what people asked for"),
    "task_occurrences": (Kept.FIXED, "the newest hundred of each task"),
    "logs": (Kept.AGED, "logs"),
    "audit": (Kept.AGED, "audit"),
    "cache": (Kept.AGED, "cache"),
    "runs": (Kept.AGED, "runs"),
    "steps": (Kept.AGED, "steps"),
    "usage": (Kept.STAYS, "a row a day"),
    "spending": (Kept.STAYS, "a row for each day, room, person and model that had calls; /forgetme"),
    "pulse": (Kept.FIXED, "two days"),
    "inbox": (Kept.AGED, "inbox"),
    "pieces": (Kept.WITH, "inbox"),
    "outbox": (Kept.AGED, "outbox"),
    "drafts": (Kept.WITH, "the answer that is being written"),
    "choices": (Kept.FIXED, "a month after their end"),
    "closed_rooms": (Kept.WITH, "rooms, or until they open"),
    "pairings": (Kept.STAYS, "approvals; open requests an hour"),
    "person_links": (Kept.WITH, "entities, or until /unlink"),
    "link_codes": (Kept.WITH, "entities: one row for each that ever asked for a code"),
    "connector_secrets": (Kept.STAYS, "without its value when the account is over"),
    "marks": (Kept.STAYS, "a row for each stream"),
    "tallies": (Kept.STAYS, "a row for each way in which events end"),
    "skipped": (Kept.FIXED, "the newest 10,000"),
    "accounts": (Kept.STAYS, "a row for each account"),
    "plugin_schemas": (Kept.STAYS, "a row for each plugin; of its tables each says itself: `kept`"),
}
"""Of each table, with the key of `[retention]` or the reason."""

_m, _i, _o, _r, _s = (
    schema.memories.c,
    schema.inbox.c,
    schema.outbox.c,
    schema.runs.c,
    schema.steps.c,
)
_before = bindparam("before", type_=_i.received_at.type)
_part = schema.outbox.alias("part")
_of_turn = schema.inbox.alias("of_turn")


def _none(query: Any) -> ColumnElement[bool]:
    found: ColumnElement[bool] = ~query.exists()
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sweep:
    """One kind of row."""

    table: Table
    key: Column[Any]
    """By which they are gone through. What is deleted is all rows with this value that are old, too."""
    old: ColumnElement[bool]

    def find(self, name: str) -> Statement:
        """The next values of the key."""
        after = bindparam("after", type_=self.key.type)
        query = select(self.key).where(self.key > after, self.old).group_by(self.key)
        return Statement(f"retention.find_{name}", query.order_by(self.key).limit(bindparam("count")))


# Rows that are found by an index on those that are open, which are few.
_awaited = _none(select(_i.seq).where(inbox_open, _i.memory_id == _m.id).correlate(schema.memories))
_unsent = _none(select(_o.seq).where(outbox_open, _o.memory_id == _m.id).correlate(schema.memories))
_over = _none(select(_i.seq).where(inbox_open, _i.run_id == _r.id).correlate(schema.runs))
_gone_out = _none(select(_o.seq).where(outbox_open, _o.run_id == _r.id).correlate(schema.runs))
_whole = _none(
    select(_part.c.seq)
    .where(
        _part.c.message == _o.message,
        or_(
            _part.c.state.in_([constant("pending"), constant("sending")]),
            _part.c.created_at >= _before,
        ),
    )
    .correlate(schema.outbox)
)
_sweeps: Final[dict[str, _Sweep]] = {
    "messages": _Sweep(
        table=schema.memories,
        key=_m.seq,
        old=and_(_m.type == constant(MemoryType.MESSAGE.value), _m.created_at < _before, _awaited, _unsent),
    ),
    "facts": _Sweep(
        table=schema.memories,
        key=_m.seq,
        old=and_(_m.type == constant(MemoryType.FACT.value), _m.created_at < _before),
    ),
    "steps": _Sweep(
        table=schema.steps,
        key=_s.turn_id,
        old=and_(
            _s.created_at < _before,
            _none(
                select(_of_turn.c.seq)
                .where(_of_turn.c.turn_id == _s.turn_id, _of_turn.c.state != constant("done"))
                .correlate(schema.steps)
            ),
        ),
    ),
    "runs": _Sweep(table=schema.runs, key=_r.id, old=and_(_r.ended_at < _before, _over, _gone_out)),
    "outbox": _Sweep(
        table=schema.outbox,
        key=_o.message,
        old=and_(_o.created_at < _before, ~outbox_open, or_(_o.destination == "", _whole)),
    ),
    "inbox": _Sweep(
        table=schema.inbox,
        key=_i.seq,
        old=and_(
            ~inbox_open,
            _i.received_at < _before,
            func.coalesce(_i.finished_at, _i.received_at) < _before,
            # An edit or a deletion that comes late finds its message by this row; a person who is erased, the
            # run and the steps of their turns.
            _none(select(_m.seq).where(_m.id == _i.memory_id).correlate(schema.inbox)),
            _none(select(_r.id).where(_r.id == _i.run_id).correlate(schema.inbox)),
            _none(select(_s.turn_id).where(_s.turn_id == _i.turn_id).correlate(schema.inbox)),
        ),
    ),
    "logs": _Sweep(table=schema.logs, key=schema.logs.c.id, old=schema.logs.c.created_at < _before),
    "audit": _Sweep(table=schema.audit, key=schema.audit.c.id, old=schema.audit.c.at < _before),
    "cache": _Sweep(table=schema.cache, key=schema.cache.c.key, old=schema.cache.c.updated_at < _before),
}
KEYS: Final = tuple(_sweeps)
"""Messages, steps and runs go before the inbox, which keeps its rows as long as one of them is there."""
FIND: Final = {name: sweep.find(name) for name, sweep in _sweeps.items()}
DELETE: Final = {
    name: Statement(
        f"retention.delete_{name}",
        delete(sweep.table)
        .where(InList(sweep.key, "keys"), sweep.old)
        .returning(*((_i.account, _i.outcome) if name == "inbox" else (sweep.key,))),
    )
    for name, sweep in _sweeps.items()
    if name not in ("messages", "facts")
}
MEMORIES: Final = {
    name: Statement(
        f"retention.{name}_again",
        select(_m.id).where(InList(_m.seq, "keys"), _sweeps[name].old),
    )
    for name in ("messages", "facts")
}
LET_GO: Final = tuple(
    Statement(
        f"retention.let_go_{table.name}",
        update(table).where(InList(table.c.source_memory_id, "ids"), *more).values(source_memory_id=None),
    )
    for table, more in (
        (schema.memories, (_m.type == constant(MemoryType.FACT.value),)),
        (schema.relationships, ()),
    )
)


def first(key: str) -> Any:
    """What comes before all values of a key."""
    column = _sweeps[key].key
    if isinstance(column.type, Id):
        return "00000000-0000-0000-0000-000000000000"
    return "" if column is schema.cache.c.key else 0


def find(key: str, before: datetime, limit: int, after: str) -> Unit[list[Any]]:
    """The values of the next old rows."""
    known = first(key)
    start = type(known)(after) if after else known
    return [row[0] for row in (yield FIND[key](before=before, count=limit, after=start))]


def with_erased(key: str, keys: Sequence[Any], after: str) -> list[Any]:
    """With the parts of people who were erased, which are all of one message that is none."""
    return [first(key), *keys] if key == "outbox" and not after else list(keys)


def delete_old(key: str, before: datetime, keys: Sequence[Any], keep_facts: bool) -> Unit[int]:
    """Delete those of them that are old still; how many rows."""
    if key in MEMORIES:
        ids = [row[0] for row in (yield MEMORIES[key](keys=keys, before=before))]
        if keep_facts and key == "messages":
            for statement in LET_GO:
                yield statement(ids=ids)
        return (yield from memories.delete_memories(ids)) if ids else 0
    rows = yield DELETE[key](keys=keys, before=before)
    if key == "inbox":
        yield from _count_swept(rows)
    return len(rows)


def _count_swept(rows: Sequence[Row]) -> Unit[None]:
    """So that `verify` knows rows that were deleted from rows that vanished."""
    ends: dict[tuple[str, str], int] = {}
    for account, outcome in rows:
        for end in (RECEIVED, outcome or "none"):
            ends[account, end] = ends.get((account, end), 0) + 1
    for (account, end), count in sorted(ends.items()):
        yield from ledger.add(account, EventKind.SWEPT, end, count=count)
