"""Each statement reads through an index, however full the tables are."""

import re
import sqlite3
from collections.abc import Iterator

import pytest
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import asyncpg

from bot_host.store import database, upgrade
from bot_host.store.statement import STATEMENTS, Preparer

# Importing the store has registered all statements; other tests add their own.
NAMES = sorted(name for name in STATEMENTS if not name.startswith("test."))
OPEN_ONLY = {"ix_inbox_open", "ix_outbox_open"}
"""Indexes of unfinished rows only: these may be gone through from end to end."""
PREPARE = Preparer(sqlite.dialect())


@pytest.fixture(scope="module")
def db() -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(":memory:", isolation_level=None)
    upgrade.settle(db)
    yield db
    db.close()


def plan_of(db: sqlite3.Connection, sql: str) -> list[str]:
    values = [None] * sql.count("?")
    return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", values)]


def faults(plan: list[str]) -> list[str]:
    """Steps that go through a growing table, or through all of one account's or agent's rows."""
    bad = []
    for step in plan:
        index = re.search(r"INDEX (\w+)", step)
        if step.startswith("SCAN") and "VIRTUAL TABLE" not in step and "CONSTANT ROW" not in step:
            if index is None or index[1] not in OPEN_ONLY:
                bad.append(step)
        elif re.search(r"\((account|agent_id)=\?\)", step):
            bad.append(step)
    return bad


def test_the_statements_are_those_of_the_store() -> None:
    assert database.Database
    assert {"inbox.take", "memories.newest", "outbox.next", "marks.raise"} <= set(NAMES)
    assert len(NAMES) > 40


@pytest.mark.parametrize("name", NAMES)
def test_no_statement_goes_through_a_growing_table(db: sqlite3.Connection, name: str) -> None:
    assert faults(plan_of(db, PREPARE(STATEMENTS[name]).sql)) == []


def test_the_check_would_notice(db: sqlite3.Connection) -> None:
    assert faults(plan_of(db, "SELECT seq FROM inbox WHERE message_id = ?"))
    assert faults(plan_of(db, "SELECT seq FROM inbox WHERE account = ?"))
    assert faults(plan_of(db, "SELECT id FROM memories WHERE id IN (SELECT value FROM json_each(?)) = 1"))


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("inbox.find_seq", "sqlite_autoindex_inbox_1 (account=? AND event_key=?)"),
        ("inbox.take", "ix_inbox_open (agent_id=? AND room_id=?)"),
        (
            "memories.newest",
            "ix_memories_room_id_type_created_at_seq (room_id=? AND type=? AND created_at<?)",
        ),
        ("memories.spoken", "ix_memories_entity_id_room_id_type (entity_id=? AND room_id=? AND type=?)"),
        ("outbox.next", "ix_outbox_open (destination=?)"),
    ],
)
def test_the_message_path_uses_the_indexes_made_for_it(db: sqlite3.Connection, name: str, index: str) -> None:
    plan = plan_of(db, PREPARE(STATEMENTS[name]).sql)
    assert any(step.endswith(index) for step in plan), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan


@pytest.mark.parametrize("name", NAMES)
def test_each_statement_has_a_form_for_postgresql(name: str) -> None:
    prepared = Preparer(asyncpg.dialect())(STATEMENTS[name])
    assert "?" not in prepared.sql
    assert "json_each" not in prepared.sql
