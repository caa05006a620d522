"""A database of the first version, with rows in every table, as it comes out of the upgrade."""

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from bot_host.store import make_store, upgrade
from bot_host.types.content import Content
from bot_host.types.ids import new_id
from bot_host.types.knowledge import Audience
from bot_host.types.ledger import Check
from bot_host.types.memory import MemoryType
from bot_host.types.task import Misfire, TaskState
from tests.store.samples import ACCOUNT, AGENT, NOON, make_admission, make_id

BEN, ZOE, ROOM = make_id("ben"), make_id("zoe"), make_id("room")
TASK, LINK, RUN, PART = new_id(), new_id(), new_id(), new_id()
_AT = 1_795_435_200_123_456
"""NOON, in microseconds."""


def _place(base: str, **more: Any) -> dict[str, Any]:
    return {"id": make_id(base), "agent_id": AGENT, "metadata": "{}", "created_at": _AT, **more}


def _memory(seq: int, key: str, text: str) -> dict[str, Any]:
    return {
        "seq": seq,
        "id": make_id(f"memory {key}"),
        "agent_id": AGENT,
        "entity_id": BEN,
        "room_id": ROOM,
        "world_id": make_id("guild"),
        "type": "message",
        "content": json.dumps({"text": text}),
        "metadata": '{"k":1}',
        "revision": 2,
        "created_at": _AT,
    }


def _inbox(seq: int, key: str, state: str) -> dict[str, Any]:
    return {
        "seq": seq,
        "agent_id": AGENT,
        "account": ACCOUNT,
        "event_key": f"room/{key}",
        "message_id": key,
        "room_id": ROOM,
        "entity_id": BEN,
        "memory_id": make_id(f"memory {key}"),
        "target": '{"source":"discord","channel_id":"room"}',
        "state": state,
        "attempts": 1,
        "reason": "",
        "received_at": _AT,
        "sent_at": _AT,
    }


ROWS: dict[str, list[dict[str, Any]]] = {
    "agents": [{"id": AGENT, "name": "Ada", "character": "{}", "created_at": _AT, "updated_at": _AT}],
    "worlds": [_place("guild", name="Guild", platform="discord", platform_id="guild")],
    "rooms": [
        _place(
            "room",
            world_id=make_id("guild"),
            name="general",
            source="discord",
            type="GROUP",
            channel_id="room",
            thread_id="",
        )
    ],
    "entities": [
        _place("ben", names='["Bén","Benny","BENNY"]'),
        _place("zoe", names="[]"),
        {"id": AGENT, "agent_id": AGENT, "names": '["Ada"]', "metadata": "{}", "created_at": _AT},
    ],
    "participants": [
        {"room_id": ROOM, "entity_id": BEN, "agent_id": AGENT, "state": "MUTED", "joined_at": _AT}
    ],
    "components": [
        {"id": new_id(), "agent_id": AGENT, "entity_id": BEN, "type": "t", "data": "{}", "created_at": _AT}
    ],
    "memories": [_memory(3, "m1", "Tea in München"), _memory(7, "m2", "東京")],
    "relationships": [
        {
            "id": LINK,
            "agent_id": AGENT,
            "source_entity_id": BEN,
            "target_entity_id": ZOE,
            "tags": '["friend"]',
            "metadata": "{}",
            "created_at": _AT,
        }
    ],
    "tasks": [
        {
            "id": TASK,
            "agent_id": AGENT,
            "name": "remind",
            "description": "tea",
            "room_id": ROOM,
            "tags": '["queue"]',
            "metadata": "{}",
            "created_at": _AT,
            "updated_at": _AT,
        }
    ],
    "cache": [{"agent_id": AGENT, "key": "k", "value": "5", "updated_at": _AT}],
    "runs": [
        {
            "id": RUN,
            "agent_id": AGENT,
            "room_id": ROOM,
            "started_at": _AT,
            "ended_at": _AT,
            "status": "completed",
            "model_calls": "[]",
            "steps": "[]",
            "error": "",
        }
    ],
    "inbox": [_inbox(1, "m0", "done"), _inbox(4, "m1", "done"), _inbox(9, "m2", "running")],
    "outbox": [
        {
            "seq": 5,
            "agent_id": AGENT,
            "account": ACCOUNT,
            "destination": "d",
            "target": '{"source":"discord"}',
            "payload": '{"a":1}',
            "part": 0,
            "parts": 1,
            "message": PART,
            "state": "pending",
            "attempts": 0,
            "error": "",
            "platform_message_id": "",
            "created_at": _AT,
        }
    ],
    "marks": [{"account": ACCOUNT, "name": "channel:room", "value": 77}],
}


def _read(file: Path) -> dict[str, list[dict[str, Any]]]:
    db = sqlite3.connect(file)
    db.row_factory = sqlite3.Row
    try:
        return {name: [dict(row) for row in db.execute(f"SELECT * FROM {name} ORDER BY 1")] for name in ROWS}
    finally:
        db.close()


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """The first version's database, each of its tables with rows."""
    file = tmp_path / "bot.db"
    await asyncio.to_thread(upgrade.run_migrations, file, to="0001")
    db = sqlite3.connect(file)
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert set(ROWS) == tables - {"alembic_version", "sqlite_sequence"}
    db.execute("PRAGMA foreign_keys = ON")
    for table, rows in ROWS.items():
        for row in rows:
            slots = ", ".join(f":{name}" for name in row)
            db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({slots})", row)
    db.commit()
    db.close()
    return file


async def test_no_row_and_no_value_is_lost(file: Path) -> None:
    before = _read(file)
    async with make_store("sqlite:///bot.db", base=file.parent):
        pass
    after = _read(file)
    for table, rows in before.items():
        kept = [{name: row[name] for name in rows[0]} for row in after[table]]
        assert kept == rows, table


async def test_what_is_new_of_old_rows_says_nothing_untrue(file: Path) -> None:
    async with make_store("sqlite:///bot.db", base=file.parent) as store:
        memory = await store.find_memory(make_id("memory m1"))
        assert memory is not None
        assert (memory.unique, memory.source_memory_id, memory.audience) == (True, None, None)
        assert memory.revision == 2
        task = await store.find_task(TASK)
        assert task is not None
        assert (task.state, task.due_at, task.misfire, task.time_zone, task.failures) == (
            TaskState.ACTIVE,
            None,
            Misfire.ONCE,
            "UTC",
            0,
        )
        link = await store.find_relationship(AGENT, BEN, ZOE)
        assert link is not None
        assert (link.confidence, link.audience, link.updated_at) == (1.0, Audience.ROOM, NOON)
        assert await store.next_due([AGENT]) is None


async def test_old_rows_are_found_by_word_and_by_name(file: Path) -> None:
    async with make_store("sqlite:///bot.db", base=file.parent) as store:
        for query, text in (("munchen", "Tea in München"), ("東京", "東京")):
            (found,) = await store.search_memories_by_text(AGENT, query)
            assert found.content.text == text
        for name in ("bén", "benny"):
            (entity,) = await store.find_entities_by_name(AGENT, name)
            assert entity.id == BEN
        await store.apply_edit(ACCOUNT, "room/m1", Content(text="Coffee"), NOON, None)
        assert await store.search_memories_by_text(AGENT, "tea") == []


async def test_work_goes_on_where_it_was(file: Path) -> None:
    async with make_store("sqlite:///bot.db", base=file.parent) as store:
        assert await store.recover() == [(AGENT, ROOM)]
        (row,) = (await store.take_turn(AGENT, ROOM, 9)).rows
        assert (row.seq, row.message_id, row.attempts) == (9, "m2", 2)
        old, new = await store.admit([make_admission("m0"), make_admission("m3", minutes=5)])
        assert (old.duplicate, new.duplicate) == (True, False)
        assert new.seq > 9
        part = await store.next_part("d")
        assert part is not None
        assert part.seq == 5
        assert await store.find_mark(ACCOUNT, "channel:room") == 77
        messages = await store.list_memories(AGENT, type=MemoryType.MESSAGE)
        assert [memory.content.text for memory in messages] == ["hello", "東京", "Tea in München"]


async def test_the_references_hold_after_it(file: Path) -> None:
    """Tables that were written anew are still what the others point at."""
    async with make_store("sqlite:///bot.db", base=file.parent) as store:
        receipt = await store.erase_entity(BEN)
        assert {"memories": 2, "inbox": 3, "relationships": 1}.items() <= receipt.items()
        assert await store.delete_room(ROOM)
        assert await store.find_task(TASK) is None
        assert await store.get_runs(ROOM) == []
    left = _read(file)
    assert [(row["room_id"], row["entity_id"]) for row in left["inbox"]] == [(None, None)] * 3
    assert left["memories"] == left["relationships"] == left["participants"] == []


async def test_old_rows_are_counted_and_new_ones_go_on(file: Path) -> None:
    async with make_store("sqlite:///bot.db", base=file.parent) as store:
        await store.admit([make_admission("m3", minutes=5)])
        counts = {(t.end, t.reason): t.count for t in (await store.figures()).tallies}
        # The two that had ended say no outcome: rows of that version always did.
        assert counts == {("received", ""): 4, ("none", ""): 2}
        checks = {violation.check for violation in (await store.audit_rows(host_runs=True)).violations}
        assert Check.BALANCE not in checks
