"""A room that gets other ids: everything that pointed at it points at the new one."""

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select

from bot_host.contracts.tables import Schema
from bot_host.kit.clock import utc_now
from bot_host.store import Database, make_store, moves
from bot_host.store.columns import Json
from bot_host.store.moves import RULES, Rule
from bot_host.store.plugin_catalogue import metadata
from bot_host.types.columns import RoomId
from bot_host.types.content import Content
from bot_host.types.ids import new_id
from bot_host.types.inbound import Mark
from bot_host.types.knowledge import Component, LogEntry
from bot_host.types.links import new_link_code
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.outbound import MOVED_PART, ClosedRoom, Target
from bot_host.types.places import ParticipantState
from bot_host.types.sources import KnowledgeSource, SourceKind
from bot_host.types.task import Task
from bot_host.types.turn import Draft, Move, Operation, OutboxState
from tests.store.samples import (
    ACCOUNT,
    AGENT,
    CHARACTER,
    make_admission,
    make_commit,
    make_id,
    make_part,
    make_room,
    make_step,
    make_world,
    put_summary,
)
from tests.store.test_choices import offer
from tests.store.test_plugin_tables import change, fetch

OLD, NEW = make_id("room"), make_id("new room")
OLD_WORLD, NEW_WORLD = make_id("guild"), make_id("new guild")
MOVE = Move(
    agent_id=AGENT,
    account=ACCOUNT,
    old_world=make_world(),
    old_room=make_room(),
    world=make_world("new guild"),
    room=make_room("new room", world_id=NEW_WORLD, name=""),
)
HERE, THERE = f"{ACCOUNT}/room", f"{ACCOUNT}/new room"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
async def store(folder: Path) -> AsyncIterator[Database]:
    async with make_store("sqlite:///bot.db", base=folder) as store:
        await store.ensure_agent(AGENT, CHARACTER)
        yield store


def told(folder: Path, what: str) -> list[tuple[Any, ...]]:
    database = sqlite3.connect(folder / "bot.db")
    try:
        return database.execute(what).fetchall()
    finally:
        database.close()


def points_at_a_place(column: Column[Any]) -> bool:
    if any(key.column.table.name in ("rooms", "worlds") for key in column.foreign_keys):
        return True
    named = column.name in ("room_id", "world_id", "channel_id", "destination", "target")
    return named or isinstance(column.type, Json) or str(column) == "marks.name"


def test_each_column_that_may_name_a_place_has_a_rule() -> None:
    found = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.c
        if points_at_a_place(column)
    }
    # Lists of names and tags hold none.
    lists = {"entities.names", "relationships.tags", "tasks.tags"}
    assert found - lists - RULES.keys() == set()
    assert RULES.keys() - found == {"worlds.platform_id"}
    assert {rule for rule, _ in RULES.values()} == set(Rule)
    assert all(why for rule, why in RULES.values() if rule is Rule.KEEP)


async def fill(store: Database) -> Memory:
    """Something in every table that points at the room; the answer that was given."""
    await store.admit([make_admission("m1")])
    taken = await store.take_turn(AGENT, OLD, 20)
    commit = make_commit(*taken.rows)
    await store.commit_turn(replace(commit, outbox=()))
    answer = commit.memories[0]
    await offer(store, "k")
    await put_summary(store, OLD)
    await store.set_participant_state(AGENT, OLD, AGENT, ParticipantState.MUTED)
    now = utc_now()
    await store.create_component(
        Component(
            agent_id=AGENT,
            entity_id=make_id("ben"),
            type="note",
            room_id=OLD,
            world_id=OLD_WORLD,
            created_at=now,
        )
    )
    await store.create_task(
        Task(agent_id=AGENT, name="say", room_id=OLD, world_id=OLD_WORLD, metadata={"room_id": OLD})
    )
    await store.add_log(LogEntry(agent_id=AGENT, type="note", room_id=OLD, body={}))
    await store.add_steps([make_step()], room_id=OLD, seqs=[], revisions={})
    await store.close_room(
        ClosedRoom(
            destination=HERE, account=ACCOUNT, agent_id=AGENT, room_id=OLD, reason="shut", closed_at=now
        )
    )
    await store.put_link_code(make_id("ben"), OLD, new_link_code(), now=now)
    await store.add_source(
        KnowledgeSource(
            agent_id=AGENT, world_id=OLD_WORLD, kind=SourceKind.URL, location="https://a.example/"
        )
    )
    await store.set_cache(AGENT, f"reflected {OLD}", {"room": OLD, "word": "x"})
    await store.create_memory(
        Memory(
            agent_id=AGENT,
            entity_id=make_id("ben"),
            room_id=OLD,
            world_id=OLD_WORLD,
            type=MemoryType.FACT,
            content=Content(text="ben likes tea"),
        )
    )
    return answer


def counts(folder: Path, room: str, world: str) -> dict[str, int]:
    """Rows of each table that point at a room or a world."""
    found = {}
    for table in metadata.sorted_tables:
        for column in table.c:
            for key in column.foreign_keys:
                if key.column.table.name in ("rooms", "worlds"):
                    value = room if key.column.table.name == "rooms" else world
                    [(count,)] = told(
                        folder, f"SELECT count(*) FROM {table.name} WHERE {column.name} = '{value}'"
                    )
                    found[f"{table.name}.{column.name}"] = count
    return found


async def test_everything_comes_along_and_nothing_is_left(store: Database, folder: Path) -> None:
    await fill(store)
    before = counts(folder, OLD, OLD_WORLD)
    assert {name for name, count in before.items() if not count} == {"drafts.room_id"}
    moved = await store.apply_move(MOVE, Mark(name="m", value=3))
    assert moved.found
    assert counts(folder, NEW, NEW_WORLD) == before
    assert set(counts(folder, OLD, OLD_WORLD).values()) == {0}
    assert await store.find_room(OLD) is None
    assert await store.find_world(OLD_WORLD) is None
    room, world = await store.find_room(NEW), await store.find_world(NEW_WORLD)
    assert room is not None
    assert world is not None
    assert (room.name, room.channel_id, room.world_id, world.name) == (
        "general",
        "new room",
        NEW_WORLD,
        "The guild",
    )
    assert await store.get_participant_state(NEW, AGENT) is ParticipantState.MUTED
    assert {m.content.text for m in await store.get_memories(NEW)} == {"hello", "Which one?", "hi"}
    assert await store.get_cache(AGENT, f"reflected {NEW}") == {"room": NEW, "word": "x"}
    assert await store.get_cache(AGENT, f"reflected {OLD}") is None
    [task] = await store.get_tasks(AGENT)
    assert task.metadata == {"room_id": NEW}
    assert [closed.destination for closed in await store.closed_rooms()] == [THERE]
    assert await store.find_mark(ACCOUNT, "m") == 3
    # `why` finds what was said in the old one.
    assert [found.room_id for found in await store.find_received("m1")] == [NEW]
    assert (await store.audit_rows(host_runs=True)).violations == ()


async def test_repeated_it_changes_nothing(store: Database, folder: Path) -> None:
    await fill(store)
    await store.apply_move(MOVE, None)
    after = counts(folder, NEW, NEW_WORLD)
    assert not (await store.apply_move(MOVE, None)).found
    assert counts(folder, NEW, NEW_WORLD) == after
    found = await store.find_room_by_channel(AGENT, "discord", "room", "")
    assert found is not None
    assert found.id == NEW


async def test_what_the_new_room_has_already_counts(store: Database) -> None:
    await store.admit([make_admission("m1")])
    await store.update_room(make_room(metadata={"mention_only": True, "a": 1}))
    await store.update_world(make_world(name="Old", metadata={"roles": {"x": "ADMIN"}}))
    new = make_admission("m2", room="new room")
    await store.admit([replace(new, world=make_world("new guild", name="New"), room=MOVE.room)])
    await store.update_room(replace(MOVE.room, name="now", metadata={"a": 2}))
    await store.set_participant_state(AGENT, OLD, AGENT, ParticipantState.FOLLOWED)
    await store.set_participant_state(AGENT, NEW, make_id("ben"), ParticipantState.MUTED)
    await store.apply_move(MOVE, None)
    room, world = await store.find_room(NEW), await store.find_world(NEW_WORLD)
    assert room is not None
    assert world is not None
    assert (room.name, room.metadata) == ("now", {"mention_only": True, "a": 2})
    assert (world.name, world.metadata) == ("New", {"roles": {"x": "ADMIN"}})
    assert await store.get_participant_state(NEW, AGENT) is ParticipantState.FOLLOWED
    assert await store.get_participant_state(NEW, make_id("ben")) is ParticipantState.MUTED
    assert len(await store.get_memories(NEW)) == 2
    rows = (await store.take_turn(AGENT, NEW, 20)).rows
    assert [(row.message_id, row.target.channel_id) for row in rows] == [
        ("m1", "new room"),
        ("m2", "new room"),
    ]


async def test_a_turn_under_way_begins_again_in_the_new_room(store: Database) -> None:
    await store.admit([make_admission("m1")])
    taken = await store.take_turn(AGENT, OLD, 20)
    moved = await store.apply_move(MOVE, None)
    assert moved.pending == 1
    assert await store.commit_turn(make_commit(*taken.rows)) is None
    [row] = (await store.take_turn(AGENT, NEW, 20)).rows
    assert (row.attempts, row.room_id, row.target.reply_to) == (1, NEW, "")
    assert row.target.channel_id == "new room"


async def test_parts_that_wait_go_to_the_new_room_and_those_that_leave_go_on(
    store: Database, folder: Path
) -> None:
    target = Target(source="discord", account=ACCOUNT, channel_id="room", reply_to="m1", room_id=OLD)
    target = replace(target, extra={"agent": "Ada", "pressed": "m0"})

    def part(memory: Memory, number: int = 0, **more: Any) -> Any:
        return make_part(memory, part=number, parts=2, target=target, **more)

    await store.admit([make_admission("m1")])
    said = [
        Memory(agent_id=AGENT, entity_id=AGENT, room_id=OLD, content=Content(text=f"{n}")) for n in range(3)
    ]
    await store.enqueue([part(said[0]), part(said[0], 1)], said[0])
    await store.enqueue([part(said[1]), part(said[1], 1)], said[1])
    edit = part(said[2], operation=Operation.EDIT, revision=1)
    gone = part(said[2], 1, operation=Operation.DELETE, revision=1)
    await store.enqueue([edit, gone], said[2])
    await store.mark_sending(1)
    moved = await store.apply_move(MOVE, None)
    assert moved.parts == 3
    parts = await store.get_parts(range(1, 7))
    assert [(row.destination, row.state, row.operation.value) for row in parts] == [
        (HERE, OutboxState.SENDING, "send"),
        (HERE, OutboxState.PENDING, "send"),
        (THERE, OutboxState.PENDING, "send"),
        (THERE, OutboxState.PENDING, "send"),
        (THERE, OutboxState.PENDING, "send"),
        (HERE, OutboxState.FAILED, "delete"),
    ]
    assert parts[2].target == replace(
        target, channel_id="new room", reply_to="", room_id=NEW, extra={"agent": "Ada", MOVED_PART: "1"}
    )
    assert parts[0].target == target


async def test_an_answer_in_the_making_is_made_anew(store: Database) -> None:
    await store.admit([make_admission("m1")])
    [row] = (await store.take_turn(AGENT, OLD, 20)).rows
    draft = Draft(memory_id=new_id(), agent_id=AGENT, room_id=OLD, asked=row.seq, destination=HERE)
    part = replace(make_part(), memory_id=draft.memory_id)
    await store.show_part(draft, part)
    await store.apply_move(MOVE, None)
    assert await store.recover_drafts() == []
    assert await store.next_part(HERE) is None
    assert await store.next_part(THERE) is None


async def test_another_room_of_the_old_world_keeps_it(store: Database) -> None:
    await store.admit([make_admission("m1"), make_admission("m2", room="other")])
    await store.apply_move(MOVE, None)
    other = await store.find_room(make_id("other"))
    assert other is not None
    assert other.world_id == OLD_WORLD
    assert await store.find_world(OLD_WORLD) is not None


async def test_a_schedule_that_names_the_channel_follows(store: Database) -> None:
    await store.admit([make_admission("m1")])
    target = {"source": "discord", "channel_id": "room"}
    due = utc_now() + timedelta(hours=1)
    await store.create_task(Task(agent_id=AGENT, name="say", metadata={"target": target}, due_at=due))
    await store.apply_move(MOVE, None)
    [task] = await store.get_tasks(AGENT)
    assert task.metadata["target"]["channel_id"] == "new room"
    assert (task.name, task.due_at) == ("say", due)


def test_the_rules_are_those_that_are_applied() -> None:
    pointing = {name for name, (rule, _) in RULES.items() if rule is Rule.POINTS}
    applied = {f"{table.name}.room_id" for table in moves._pointing("room_id")}
    applied |= {f"{table.name}.world_id" for table in moves._pointing("world_id")}
    assert pointing == applied


async def test_plugins_rows_follow_and_a_key_that_is_taken_stays(store: Database) -> None:
    tables = MetaData()
    notes = Table("plugin_x_notes", tables, Column("room", RoomId, primary_key=True), Column("n", Integer))
    marks = Table("plugin_x_marks", tables, Column("id", Integer, primary_key=True), Column("at", RoomId))
    schema = Schema(tables=tables)
    await store.migrate_schema("x", schema)
    await store.admit([make_admission("m1")])
    for of, values in ((notes, {"room": OLD, "n": 1}), (marks, {"id": 1, "at": OLD})):
        await change(store, insert(of).values(values), schema)
    await store.move_plugin_rows(OLD, NEW)
    assert await fetch(store, select(notes), schema) == [{"room": NEW, "n": 1}]
    assert await fetch(store, select(marks), schema) == [{"id": 1, "at": NEW}]
    await change(store, insert(notes).values({"room": OLD, "n": 2}), schema)
    await store.move_plugin_rows(OLD, NEW)
    assert {row["room"]: row["n"] for row in await fetch(store, select(notes), schema)} == {NEW: 1, OLD: 2}
