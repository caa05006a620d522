"""Old rows go, a few at a time; what is open, young, or needed by something that stays, does not."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select

from bot_host.contracts.tables import Schema
from bot_host.store import Database, retention
from bot_host.store.persons import POLICIES as ERASURE
from bot_host.store.plugin_catalogue import metadata
from bot_host.store.retention import KEYS, POLICIES, Kept
from bot_host.testing import erase_gaps, retention_gaps
from bot_host.types.columns import EntityId, Moment
from bot_host.types.content import Content
from bot_host.types.errors import PluginError
from bot_host.types.inbound import Mark
from bot_host.types.knowledge import AuditEntry, LogEntry, Relationship
from bot_host.types.ledger import Check
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.retention import RETENTION_MARKS
from bot_host.types.turn import InboxRow, StepState
from tests.store.samples import (
    ACCOUNT,
    AGENT,
    NOON,
    make_admission,
    make_commit,
    make_id,
    make_part,
    make_reply,
    make_run,
    make_step,
)

DAY = timedelta(days=1)
LATER = NOON + 400 * DAY
"""After all that the samples make; rows that the store stamps itself are of today."""
FOREVER = datetime(2200, 1, 1, tzinfo=NOON.tzinfo)
"""After all of them."""
ROOM, BEN, ZOE = make_id("room"), make_id("ben"), make_id("zoe")


def test_each_table_has_a_policy_for_both_erasure_and_retention() -> None:
    """A new table? Say in `store/persons.POLICIES` what erasure does about columns that may concern people
    (in `ROWS` which rows are a person's), and in `store/retention.POLICIES` how long its rows stay."""
    tables = {table.name for table in metadata.sorted_tables}
    assert tables - POLICIES.keys() == set(), "tables without a word in store/retention.POLICIES"
    assert POLICIES.keys() - tables == set(), "store/retention.POLICIES speaks of what is no table"
    about_nobody = {"marks", "usage", "pulse", "pieces", "embedding_models"}
    spoken_of = {name.partition(".")[0] for name in ERASURE} | about_nobody
    assert tables - spoken_of == set(), "tables without a word in store/persons.POLICIES"
    for name, (kept, why) in POLICIES.items():
        assert why, f"store/retention.POLICIES[{name!r}] needs a reason"
        if kept is Kept.AGED:
            swept = {sweep.table.name for sweep in retention._sweeps.values()}
            assert name in swept, f"{name} is to be swept, and no sweep is"


def test_what_is_swept_has_a_policy_that_says_so() -> None:
    aged = {name for name, (kept, _) in POLICIES.items() if kept is Kept.AGED}
    assert {sweep.table.name for sweep in retention._sweeps.values()} == aged
    assert set(KEYS) == {"messages", "facts", "steps", "runs", "outbox", "inbox", "logs", "audit", "cache"}


async def sweep(store: Database, key: str, before: datetime = FOREVER, **how: Any) -> int:
    """All of a kind, two at a time."""
    count, after = 0, ""
    await store.set_mark(RETENTION_MARKS, Mark(name=key, value=int(before.timestamp())))
    while True:
        swept = await store.sweep(key, before, limit=2, after=after, **how)
        count += swept.count
        after = swept.after
        if not after:
            return count


async def answer(store: Database, key: str, **more: Any) -> InboxRow:
    """A message with a run, a step, an answer and its part, sent."""
    await store.admit([make_admission(key, **more)])
    [row] = (await store.take_turn(AGENT, ROOM, 9)).rows
    step = make_step(state=StepState.DONE)
    await store.add_steps([step], room_id=ROOM, seqs=[row.seq], revisions={row.memory_id: 0})
    reply = make_reply(row)
    run = make_run(ROOM, steps=({"name": "gate"},))
    queued = await store.commit_turn(
        replace(make_commit(row, reply=reply), run=run, outbox=(make_part(reply, run_id=run.id),))
    )
    assert queued is not None
    for seq in queued.seqs:
        await store.mark_sending(seq)
        await store.mark_sent(seq, f"sent {seq}")
    return row


async def rows_of(store: Database) -> dict[str, int]:
    """What is left of the turns."""
    exported = await store.export_entity(BEN)
    return {name: len(exported.get(name, ())) for name in ("memories", "runs", "steps", "outbox", "inbox")}


async def violations(store: Database) -> list[str]:
    """Wrong order apart: the samples' turns all take place at noon."""
    audited = await store.audit_rows(host_runs=False)
    assert audited.balance.pending == 0
    return [
        f"{each.check.name} {each.examples}" for each in audited.violations if each.check is not Check.TURNS
    ]


async def test_all_of_a_turn_goes_step_by_step_and_verify_finds_nothing_missing(store: Database) -> None:
    for number in range(5):
        await answer(store, f"m{number}", minutes=number)
    assert await rows_of(store) == {"memories": 10, "runs": 5, "steps": 5, "outbox": 5, "inbox": 5}
    assert await violations(store) == []
    gone = []
    for key in ("inbox", "runs", "outbox", "inbox", "steps", "inbox", "messages", "inbox"):
        gone.append((key, await sweep(store, key)))
        assert await violations(store) == [], gone
    # Rows of the inbox stay until all that is found by them is gone.
    assert gone == [
        ("inbox", 0),
        ("runs", 5),
        ("outbox", 5),
        ("inbox", 0),
        ("steps", 5),
        ("inbox", 0),
        ("messages", 10),
        ("inbox", 5),
    ]
    audited = await store.audit_rows(host_runs=False)
    assert (audited.balance.received, audited.balance.answered) == (5, 5)
    assert (await store.figures()).balance().received == 5


async def test_verify_still_misses_a_row_that_was_not_swept(store: Database) -> None:
    await answer(store, "m1")
    await sweep(store, "runs", NOON - DAY)
    [row] = await store.get_runs(ROOM)
    await store._driver.write(lambda: _delete_run(row.id))
    assert [each.partition(" ")[0] for each in await violations(store)] == ["RUNS"]


def _delete_run(run_id: str) -> Any:
    yield retention.DELETE["runs"](keys=[run_id], before=FOREVER)


async def test_what_is_young_stays(store: Database) -> None:
    await answer(store, "m1")
    for key in KEYS:
        assert await sweep(store, key, NOON - DAY) == 0
    assert await rows_of(store) == {"memories": 2, "runs": 1, "steps": 1, "outbox": 1, "inbox": 1}


async def test_what_is_open_stays_however_old(store: Database) -> None:
    await store.admit([make_admission("m1"), make_admission("m2", room="elsewhere")])
    [row] = (await store.take_turn(AGENT, ROOM, 9)).rows
    await store.add_steps([make_step()], room_id=ROOM, seqs=[row.seq], revisions={row.memory_id: 0})
    reply = make_reply(row)
    await store.create_memory(reply)
    run = make_run(ROOM)
    part = make_part(reply, run_id=run.id)
    await store.enqueue([part], None)
    for key in KEYS:
        assert await sweep(store, key) == 0
    assert await store.pending_count() == 2
    assert await store.unsent_count() == 1


async def test_a_run_whose_answer_is_not_sent_yet_stays(store: Database) -> None:
    await store.admit([make_admission("m1")])
    [row] = (await store.take_turn(AGENT, ROOM, 9)).rows
    commit = make_commit(row)
    part = make_part(commit.memories[0], run_id=commit.run.id)
    [seq] = (await store.commit_turn(replace(commit, outbox=(part,)))).seqs  # type: ignore[union-attr]
    assert (await sweep(store, "runs"), await sweep(store, "outbox")) == (0, 0)
    # Nor does what was said go, as long as it is to be sent: the question alone does.
    assert await sweep(store, "messages") == 1
    await store.mark_sending(seq)
    await store.mark_sent(seq, "sent")
    assert (await sweep(store, "runs"), await sweep(store, "outbox")) == (1, 1)


async def test_parts_of_a_message_go_together(store: Database) -> None:
    memory = Memory(agent_id=AGENT, entity_id=AGENT, room_id=ROOM, content=Content(text="hi"))
    parts = [make_part(memory, part=n, parts=3) for n in range(3)]
    first, second, third = (await store.enqueue(parts, None)).seqs
    for seq in (first, second):
        await store.mark_sending(seq)
        await store.mark_sent(seq, f"sent {seq}")
    assert await sweep(store, "outbox") == 0
    await store.mark_sending(third)
    await store.mark_sent(third, "sent")
    assert await sweep(store, "outbox") == 3


async def test_parts_of_people_who_were_erased_go_too(store: Database) -> None:
    await answer(store, "m1")
    await store.erase_entity(BEN)
    assert await sweep(store, "outbox") == 1


async def test_a_key_is_known_as_long_as_its_row_is_there(store: Database) -> None:
    row = await answer(store, "m1")
    for key in ("messages", "runs", "steps", "outbox"):
        await sweep(store, key)
    [again] = await store.admit([make_admission("m1")])
    assert again.duplicate
    # What the platform says of it now has nothing to change.
    assert (await store.apply_delete(ACCOUNT, ["room/m1"], None)).count == 0
    assert row.seq


async def learned(store: Database) -> Memory:
    await store.admit([make_admission("m1"), make_admission("m2", person="zoe")])
    for _ in range(1):
        rows = (await store.take_turn(AGENT, ROOM, 9)).rows
        await store.commit_turn(make_commit(*rows))
    fact = Memory(
        agent_id=AGENT,
        entity_id=BEN,
        room_id=ROOM,
        type=MemoryType.FACT,
        content=Content(text="Ben likes tea"),
        source_memory_id=make_id("memory m1"),
        created_at=NOON,
    )
    await store.create_memory(fact)
    await store.set_embedding(fact.id, [1.0], model="m")
    await store.put_relationship(
        Relationship(
            agent_id=AGENT,
            source_entity_id=BEN,
            target_entity_id=ZOE,
            source_memory_id=make_id("memory m1"),
        )
    )
    for part in await store.get_parts(range(1, 9)):
        await store.mark_sending(part.seq)
        await store.mark_sent(part.seq, "sent")
    return fact


async def test_with_a_message_goes_what_was_learned_from_it(store: Database) -> None:
    fact = await learned(store)
    await sweep(store, "messages", LATER)
    assert await store.find_memory(fact.id) is None
    assert await store.get_relationships(AGENT, BEN) == []
    assert await store.search_memories_by_text(AGENT, "tea") == []


async def test_what_was_learned_stays_where_facts_have_a_time_of_their_own(store: Database) -> None:
    fact = await learned(store)
    await sweep(store, "messages", LATER, keep_facts=True)
    kept = await store.find_memory(fact.id)
    assert kept is not None
    assert kept.source_memory_id is None
    assert len(await store.get_relationships(AGENT, BEN)) == 1
    assert [each.id for each in await store.search_memories_by_text(AGENT, "tea")] == [fact.id]
    # Erased with the person all the same: it is theirs.
    await store.erase_entity(BEN)
    assert await store.find_memory(fact.id) is None


async def test_facts_go_by_their_own_age_and_leave_the_message(store: Database) -> None:
    fact = await learned(store)
    assert await sweep(store, "facts", NOON) == 0
    assert await sweep(store, "facts", NOON + DAY) == 1
    assert await store.find_memory(fact.id) is None
    assert await store.find_memory(make_id("memory m1")) is not None


async def test_logs_audit_and_cache_go_by_their_age(store: Database) -> None:
    await store.admit([make_admission("m1")])
    for at in (NOON, NOON + 9 * DAY):
        for number in range(3):
            await store.add_log(LogEntry(agent_id=AGENT, type=f"{number}", created_at=at))
            await store.add_audit(AuditEntry(agent_id=AGENT, actor="code", action="x", at=at))
    for number in range(5):
        await store.set_cache(AGENT, f"key {number}", number)
    assert [await sweep(store, key, NOON + DAY) for key in ("logs", "audit")] == [3, 3]
    assert await sweep(store, "cache", NOON) == 0
    assert (len(await store.get_logs(AGENT)), len(await store.get_audit(AGENT))) == (3, 3)
    assert await sweep(store, "cache") == 5
    assert await store.get_cache(AGENT, "key 1") is None


TABLES = MetaData()
NOTES = Table(
    "plugin_x_notes",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("of", EntityId),
    Column("made_at", Moment),
    info={"kept_days": 30, "kept_by": "made_at"},
)
STAYING = Table("plugin_x_marks", TABLES, Column("id", Integer, primary_key=True), info={"kept": "few"})
SCHEMA = Schema(tables=TABLES)


async def test_plugins_rows_go_when_their_table_says_so(store: Database) -> None:
    await store.migrate_schema("x", SCHEMA)

    def fill() -> Any:
        for number in range(5):
            yield insert(NOTES).values(id=number, made_at=NOON if number < 3 else LATER)
            yield insert(STAYING).values(id=number)

    await store.transact_rows(SCHEMA, fill)
    assert await store.sweep_plugin_rows(NOON + 29 * DAY, limit=2) == {}
    assert await store.sweep_plugin_rows(NOON + 31 * DAY, limit=2) == {"plugin_x_notes": 2}
    assert await store.sweep_plugin_rows(NOON + 31 * DAY, limit=2) == {"plugin_x_notes": 1}
    assert await store.sweep_plugin_rows(NOON + 31 * DAY, limit=2) == {}
    assert len(await store.fetch_rows(SCHEMA, select(NOTES), {})) == 2
    assert len(await store.fetch_rows(SCHEMA, select(STAYING), {})) == 5


def test_a_plugins_table_says_how_long_it_keeps_rows_and_whose_they_are() -> None:
    assert retention_gaps(SCHEMA) == []
    assert erase_gaps(SCHEMA) == []
    silent = MetaData()
    Table("plugin_y_notes", silent, Column("id", Integer, primary_key=True))
    assert retention_gaps(Schema(tables=silent)) == ["plugin_y_notes"]


@pytest.mark.parametrize(
    ("info", "words"),
    [
        ({"kept_days": 0, "kept_by": "made_at"}, "kept_days must be a whole number of days above 0, not 0"),
        ({"kept_days": "9", "kept_by": "made_at"}, "kept_days must be a whole number"),
        ({"kept_days": 9, "kept_by": "id"}, "kept_by must name a column of the type Moment, not 'id'"),
        ({"kept_days": 9}, "kept_by must name a column"),
    ],
)
async def test_a_table_that_says_it_wrongly_is_refused(
    store: Database, info: dict[str, Any], words: str
) -> None:
    tables = MetaData()
    key = Column("id", Integer, primary_key=True)
    Table("plugin_z_notes", tables, key, Column("made_at", Moment), info=info)
    with pytest.raises(PluginError, match=words):
        await store.migrate_schema("z", Schema(tables=tables))
