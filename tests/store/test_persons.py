"""A person's data as a whole: exported, erased, and a policy for every column that could hold some."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column

from bot_host.store import Database
from bot_host.store.columns import Json, Words
from bot_host.store.persons import POLICIES, Policy, prune
from bot_host.store.schema import metadata
from bot_host.types.character import Character
from bot_host.types.choices import Choices, Pick
from bot_host.types.content import ChannelType, Content
from bot_host.types.errors import StateError
from bot_host.types.ids import UUID, new_id
from bot_host.types.knowledge import AuditEntry, Component, LogEntry, Relationship
from bot_host.types.links import new_link_code
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.outbound import Target
from bot_host.types.pairing import Pairing
from bot_host.types.sources import KnowledgeSource, SourceKind
from bot_host.types.task import Task
from bot_host.types.turn import Admission, InboxEnd, Outcome, StepRow, StepState, TurnCommit
from tests.store.raw import dump
from tests.store.samples import (
    ACCOUNT,
    AGENT,
    NOON,
    make_admission,
    make_id,
    make_part,
    make_run,
    make_step,
    make_world,
    put_summary,
)

BEN, ZOE, ROOM, PRIVATE = (make_id(key) for key in ("ben", "zoe", "room", "dm-471108154711"))
SECRET = "xyzzy"
"""Stands in all that is Ben's, and nowhere else."""
PLATFORM_ID = "471108154711"
"""Too long to stand in a time or a UUID by chance."""
LONG_AFTER = datetime(2100, 1, 1, tzinfo=UTC)


def columns() -> Iterator[tuple[str, Column[Any]]]:
    for table in metadata.sorted_tables:
        for column in table.c:
            yield f"{table.name}.{column.name}", column


def concerns_people(name: str, column: Column[Any]) -> bool:
    """Whether a column points at an entity or a memory, or may hold words about people."""
    targets = {key.target_fullname for key in column.foreign_keys}
    return (
        bool(targets & {"entities.id", "memories.id"})
        or name.endswith(("entity_id", "memory_id"))
        or name in ("memories.id", "outbox.message", "inbox.reply_id", "audit.actor", "audit.subject")
        or isinstance(column.type, Json | Words)
    )


def test_each_column_that_concerns_people_has_a_policy() -> None:
    concerned = {name for name, column in columns() if concerns_people(name, column)}
    assert concerned == set(POLICIES)
    assert all(why for policy, why in POLICIES.values() if policy is Policy.KEEP)


def admission(key: str, **more: Any) -> Admission:
    """A message of Ben's in private: on this platform, the channel's number is his own."""
    made = make_admission(key, f"{SECRET} {key}", room="dm-471108154711", **more)
    room = replace(made.room, type=ChannelType.DM, name=SECRET, channel_id=PLATFORM_ID)
    target = replace(made.target, channel_id=PLATFORM_ID, entity_id=BEN)
    sender = replace(made.sender, metadata={"discord": {"id": PLATFORM_ID, "name": SECRET}})
    return replace(made, room=room, target=target, sender=sender)


def words(memory_id: UUID, text: str = SECRET) -> StepRow:
    """A tool call in which something was said, for this message."""
    return make_step(
        answering={memory_id: (0, "mention")},
        arguments=text,
        text=text,
        result={"success": True, "text": text},
        data={"data": {"said": text}},
        state=StepState.DONE,
    )


@pytest.fixture
async def answered(store: Database) -> Memory:
    """Ben and Zoe in a room, Ben in private; his message in the room is answered, Zoe's too."""
    mine = make_admission("m1", f"I am {SECRET}")
    sender = replace(mine.sender, names=(SECRET, "Ben"), metadata={"discord": {"id": PLATFORM_ID}})
    _, _, private = await store.admit(
        [
            replace(mine, sender=sender),
            make_admission("m2", "Zoe here", person="zoe"),
            admission("p1"),
        ]
    )
    p1 = make_id("memory p1")
    await store.add_steps([words(p1)], room_id=PRIVATE, seqs=[private.seq], revisions={p1: 0})
    replies = []
    for row in (await store.take_turn(AGENT, ROOM, 9)).rows:
        text = f"Hello {SECRET}" if row.entity_id == BEN else "Hello Zoe"
        await store.add_steps([words(row.memory_id, text)], room_id=ROOM, seqs=[row.seq], revisions={})
        offered = Choices(
            picks=[Pick(label="Tea")], key=row.message_id, owner=row.entity_id, expires_at=LONG_AFTER
        )
        reply = Memory(
            agent_id=AGENT,
            entity_id=AGENT,
            room_id=ROOM,
            content=Content(text=text, in_reply_to=row.memory_id, choices=offered),
            created_at=NOON,
        )
        run = make_run(
            ROOM,
            steps=({"name": "gate", "note": text},),
            model_calls=({"model": "m", "prompt_tokens": 5, "error": text},),
            error=text,
        )
        part = make_part(reply, payload={"content": text}, run_id=run.id)
        end = InboxEnd(seq=row.seq, outcome=Outcome.ANSWERED, reason="mention", reply_id=reply.id)
        assert await store.commit_turn(TurnCommit(ends=(end,), run=run, memories=(reply,), outbox=(part,)))
        replies.append(reply)
        assert await store.use_choice(row.message_id, row.memory_id)
    return replies[0]


@pytest.fixture
async def known(store: Database, answered: Memory) -> None:
    """Ben in every table."""
    source = make_id("memory m1")
    fact = Memory(
        agent_id=AGENT,
        entity_id=AGENT,
        room_id=ROOM,
        type=MemoryType.FACT,
        content=Content(text=f"{SECRET} likes tea"),
        source_memory_id=source,
    )
    of_zoe = Memory(
        agent_id=AGENT,
        entity_id=ZOE,
        room_id=ROOM,
        type=MemoryType.FACT,
        content=Content(text="Zoe likes coffee"),
        metadata={"heard_by": [BEN, ZOE], "from": BEN},
    )
    for memory in (fact, of_zoe):
        await store.create_memory(memory)
        await store.set_embedding(memory.id, [1.0, 0.5], model="m")
    await put_summary(store, ROOM, f"Ben is {SECRET}.")
    await put_summary(store, PRIVATE, SECRET)
    await store.queue_embedding(source, priority=1)
    await store.create_component(Component(agent_id=AGENT, entity_id=BEN, type="t", data={"x": SECRET}))
    await store.create_component(
        Component(agent_id=AGENT, entity_id=ZOE, type="t", data={"friend": BEN}, source_entity_id=BEN)
    )
    for one, two in ((BEN, ZOE), (ZOE, BEN), (ZOE, AGENT)):
        await store.put_relationship(
            Relationship(
                agent_id=AGENT,
                source_entity_id=one,
                target_entity_id=two,
                metadata={"via": BEN} if two == AGENT else {"note": SECRET},
                source_memory_id=make_id("memory m1") if one == BEN else None,
            )
        )
    await store.create_task(
        Task(agent_id=AGENT, name="remind", entity_id=BEN, description=SECRET, due_at=NOON)
    )
    await store.create_task(Task(agent_id=AGENT, name="greet", room_id=PRIVATE, metadata={"text": SECRET}))
    await store.create_task(Task(agent_id=AGENT, name="other", entity_id=ZOE, metadata={"who": [BEN, ZOE]}))
    await store.claim_due([AGENT], NOON, lease_s=60, limit=9)
    await store.add_log(LogEntry(agent_id=AGENT, type="a", entity_id=BEN, body={"said": SECRET}))
    await store.add_log(LogEntry(agent_id=AGENT, type="a", entity_id=ZOE, body={"to": BEN}))
    await store.add_audit(AuditEntry(agent_id=AGENT, actor=ZOE, action="role changed", subject=BEN))
    await store.add_audit(AuditEntry(agent_id=AGENT, actor=BEN, action="set", details={"for": BEN, "n": 1}))
    roles = {BEN: "ADMIN", ZOE: "OWNER", PLATFORM_ID: "ADMIN"}
    world = make_world(name="The guild", metadata={"roles": roles, "ownership": {"owner_id": PLATFORM_ID}})
    await store.update_world(world)
    room = await store.find_room(ROOM)
    assert room is not None
    await store.update_room(replace(room, metadata={"moderators": [BEN, ZOE]}))
    await store.set_cache(AGENT, f"settings:{BEN}", SECRET)
    await store.set_cache(AGENT, "pending", {"who": BEN})
    await store.set_cache(AGENT, "weather", "fine")
    for person, by in (("ben", "command line"), ("zoe", BEN)):
        request = Pairing(
            account=ACCOUNT,
            user_id=PLATFORM_ID if person == "ben" else "9",
            agent_id=AGENT,
            entity_id=make_id(person),
            name=SECRET if person == "ben" else "Zoe",
            target=Target(source="discord", entity_id=make_id(person), channel_id=person),
            code=person,
            asked_at=NOON,
            expires_at=NOON + timedelta(hours=1),
        )
        await store.knock(request, [])
        await store.decide_pairing(person, approve=True, by=by, now=NOON)
    code = new_link_code()
    await store.put_link_code(ZOE, ROOM, code, now=NOON)
    await store.use_link_code(BEN, code, by=source, now=NOON)
    await store.put_link_code(BEN, PRIVATE, new_link_code(), now=NOON)
    await store.add_source(
        KnowledgeSource(agent_id=AGENT, kind=SourceKind.URL, location="https://a.example/", added_by=BEN)
    )
    waiting = Target(source="discord", account=ACCOUNT, channel_id=PLATFORM_ID, entity_id=BEN)
    part = make_part(target=waiting, destination=f"{ACCOUNT}/{PLATFORM_ID}", payload={"content": SECRET})
    (seq,) = (await store.enqueue([part], None)).seqs
    await store.mark_later(seq, NOON, f"no user {PLATFORM_ID}")


def places_of(tables: dict[str, list[dict[str, Any]]], *marks: str) -> set[str]:
    """The columns in which one of these texts stands."""
    return {
        f"{name}.{column}"
        for name, rows in tables.items()
        for row in rows
        for column, value in row.items()
        if any(mark in str(value) for mark in marks)
    }


TABLES = [table.name for table in metadata.sorted_tables]
"""All but the full-text index's own, which `test_search` looks after."""


@pytest.mark.usefixtures("known")
class TestErase:
    async def test_before_it_he_is_wherever_a_policy_says_so(self, url: str, tmp_path: Path) -> None:
        """So that the next test means something."""
        tables = await dump(url, tmp_path, TABLES)
        his = [str(row["id"]) for row in tables["memories"] if SECRET in row["content"]]
        found = places_of(tables, SECRET, BEN, PLATFORM_ID, *his)
        gone = {name for name, (policy, _) in POLICIES.items() if policy is not Policy.KEEP}
        untold = gone - found
        assert untold == set()

    async def test_after_it_nothing_names_him_or_says_what_he_said(
        self, store: Database, url: str, tmp_path: Path
    ) -> None:
        await store.erase_entity(BEN)
        left = await dump(url, tmp_path, TABLES)
        assert places_of(left, SECRET, BEN, PRIVATE, make_id("memory m1"), make_id("memory p1")) == set()
        # Keys by which a redelivery is known.
        assert places_of(left, PLATFORM_ID) == {"inbox.event_key"}
        assert await store.search_memories_by_text(AGENT, SECRET) == []
        assert await store.find_entities_by_name(AGENT, SECRET) == []

    @pytest.mark.parametrize("url", ["sqlite"], indirect=True)
    async def test_the_file_itself_holds_none_of_it(self, store: Database, tmp_path: Path) -> None:
        file = tmp_path / "data" / "bot_host.db"

        def holds(text: str) -> bool:
            db = sqlite3.connect(file)
            (busy, _, _) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            db.close()
            assert not busy
            return text.encode() in file.read_bytes()

        # The index keeps words in short: what a word begins with may stand with the word before it.
        end = SECRET[1:]
        assert holds(end)
        assert holds("coffee")
        await store.erase_entity(BEN)
        assert not holds(end)
        assert holds("coffee")

    async def test_what_is_others_stays(self, store: Database) -> None:
        await store.erase_entity(BEN)
        texts = {memory.content.text for memory in await store.list_memories(AGENT)}
        assert texts == {"Zoe here", "Hello Zoe", "Zoe likes coffee"}
        (fact,) = await store.list_memories(AGENT, type=MemoryType.FACT)
        assert fact.metadata == {"heard_by": [ZOE]}
        (kept,) = await store.search_memories_by_embedding(AGENT, [1.0, 0.5])
        assert kept.id == fact.id
        (component,) = await store.get_components(AGENT, ZOE)
        assert (component.data, component.source_entity_id) == ({}, None)
        assert [r.target_entity_id for r in await store.get_relationships(AGENT, ZOE)] == [AGENT]
        assert [(task.name, task.metadata) for task in await store.get_tasks(AGENT)] == [
            ("other", {"who": [ZOE]})
        ]
        assert [entry.body for entry in await store.get_logs(AGENT)] == [{}]
        audit = {(e.actor, e.action, e.subject, str(e.details)) for e in await store.get_audit(AGENT)}
        account = "{'account': 'discord:99'}"
        assert audit == {
            (ZOE, "role changed", "erased", "{}"),
            ("erased", "set", "", "{'n': 1}"),
            ("erased", "accounts linked", ZOE, "{'accounts': 2}"),
            ("command line", "pairing approved", "erased", account),
            ("erased", "pairing approved", ZOE, account),
        }
        (pairing,) = await store.pairings(AGENT)
        assert (pairing.entity_id, pairing.decided_by) == (ZOE, "erased")
        world = await store.find_world(make_id("guild"))
        assert world is not None
        assert world.metadata == {"roles": {ZOE: "OWNER"}, "ownership": {}}
        assert await store.get_cache(AGENT, "weather") == "fine"
        assert await store.get_cache(AGENT, "pending") is None
        assert {p.entity_id for p in await store.get_participants(ROOM)} == {AGENT, ZOE}

    async def test_of_an_action_it_stays_that_there_was_one(
        self, store: Database, url: str, tmp_path: Path
    ) -> None:
        await store.erase_entity(BEN)
        steps = (await dump(url, tmp_path, ["steps"]))["steps"]
        kept = {row["name"]: row for row in steps if not row["arguments"]}
        assert len(steps) == 2  # What was done in private is gone with the room.
        assert kept["PAY"]["state"] == "done"
        assert [json.loads(row["result"]) for row in steps if row["arguments"]] == [
            {"success": True, "text": "Hello Zoe"}
        ]

    async def test_what_it_cost_stays_without_what_was_said(self, store: Database) -> None:
        await store.erase_entity(BEN)
        by_steps = {len(run.steps): run for run in await store.get_runs(ROOM)}
        blank, whole = by_steps[0], by_steps[1]
        assert (blank.model_calls, blank.error) == (({"model": "m", "prompt_tokens": 5},), "")
        assert whole.error == "Hello Zoe"

    async def test_the_receipt_tells_each_table(self, store: Database) -> None:
        assert await store.erase_entity(BEN) == {
            "entities": 1,
            "entity_names": 2,
            "participants": 3,  # The agent's in the private room is one of them.
            "components": 3,  # Two of, or by, him; of one of them his name was taken out too.
            "memories": 5,  # Two messages, an answer, a fact; out of another fact his name was taken.
            "embeddings": 1,
            "embedding_jobs": 1,
            "relationships": 3,
            "tasks": 3,
            "task_occurrences": 1,
            "rooms": 2,  # His private one; out of another his name was taken.
            "runs": 1,
            "spending": 1,  # It stays, and is nobody's.
            "steps": 2,
            "summaries": 1,  # Of his private room; those of others are emptied, and made anew.
            "logs": 2,
            "inbox": 2,
            "choices": 1,
            "outbox": 2,
            "cache": 2,
            "audit": 6,
            "link_codes": 2,  # His own, and the one that he entered.
            "person_links": 1,
            "pairings": 2,  # His own, and one that he gave.
            "worlds": 1,
            "knowledge_sources": 1,  # It stays, without his name.
        }
        assert await store.erase_entity(BEN) == {}

    async def test_a_redelivery_is_still_a_duplicate_and_he_may_come_back(self, store: Database) -> None:
        await store.erase_entity(BEN)
        again, private, new = await store.admit(
            [make_admission("m1"), admission("p1"), admission("p2", minutes=5)]
        )
        assert (again.duplicate, private.duplicate, new.duplicate) == (True, True, False)
        assert await store.recover() == [(AGENT, PRIVATE)]
        (row,) = (await store.take_turn(AGENT, PRIVATE, 9)).rows
        assert row.message_id == "p2"

    async def test_an_edit_or_a_delete_that_comes_late_does_nothing(self, store: Database) -> None:
        await store.erase_entity(BEN)
        edited = await store.apply_edit(ACCOUNT, "room/m1", Content(text=SECRET), NOON, None)
        assert (edited.found, edited.changed) == (True, False)
        assert (await store.apply_delete(ACCOUNT, ["room/m1", "dm-471108154711/p1"], None)).count == 0

    async def test_what_was_not_sent_yet_is_not_sent(self, store: Database) -> None:
        assert await store.unsent_count() == 3
        await store.erase_entity(BEN)
        assert await store.unsent_count() == 1
        assert await store.pending_destinations() == [f"{ACCOUNT}/room"]
        part = await store.next_part(f"{ACCOUNT}/room")
        assert part is not None
        assert part.payload == {"content": "Hello Zoe"}
        blank = [row for row in await store.get_parts(range(1, 9)) if not row.payload]
        assert [(row.state, row.error, row.destination) for row in blank] == [("failed", "erased", "")] * 2

    async def test_an_export_shows_all_of_it_and_nobody_elses(self, store: Database) -> None:
        exported = await store.export_entity(BEN)
        assert json.loads(json.dumps(exported)) == exported
        text = json.dumps(exported)
        assert "coffee" not in text
        assert "Hello Zoe" not in text
        assert "fine" not in text
        assert {row["content"]["text"] for row in exported["memories"] if "content" in row} == {
            f"I am {SECRET}",
            f"{SECRET} p1",
            f"Hello {SECRET}",
            f"{SECRET} likes tea",
        }
        assert exported["worlds"] == [
            {
                "id": make_id("guild"),
                "names_them": {
                    "roles": {BEN: "ADMIN", PLATFORM_ID: "ADMIN"},
                    "ownership": {"owner_id": PLATFORM_ID},
                },
            }
        ]
        assert set(exported["entities"][0]["names"]) == {SECRET, "Ben"}
        (vector,) = [row["vector"] for row in exported["embeddings"]]
        assert vector == pytest.approx([0.8944272, 0.4472136])
        receipt = await store.erase_entity(BEN)
        assert set(exported) == set(receipt)
        assert await store.export_entity(BEN) == {}


async def test_messages_that_wait_end_as_erased_even_in_mid_turn(store: Database) -> None:
    await store.admit([make_admission("m1"), admission("p1")])
    (running,) = (await store.take_turn(AGENT, ROOM, 9)).rows
    await store.erase_entity(BEN)
    commit = TurnCommit(
        ends=(InboxEnd(seq=running.seq, outcome=Outcome.ANSWERED),),
        run=make_run(ROOM),
        revisions={running.memory_id: 0},
    )
    assert await store.commit_turn(commit) is None
    await store.put_back([running.seq], blameless=True)
    assert await store.recover() == []
    assert await store.pending_count() == 0


async def test_an_agents_own_entity_and_the_unknown(store: Database) -> None:
    with pytest.raises(StateError, match="the agent's own"):
        await store.erase_entity(AGENT)
    with pytest.raises(StateError, match="the agent's own"):
        await store.export_entity(AGENT)
    assert await store.erase_entity(new_id()) == {}
    assert await store.export_entity(new_id()) == {}


async def test_another_agents_view_of_the_same_person_is_apart(store: Database) -> None:
    other = Character(name="Bob")
    await store.ensure_agent(other.agent_id, other)
    await store.set_cache(other.agent_id, BEN, 1)
    await store.admit([make_admission("m1")])
    await store.erase_entity(BEN)
    assert await store.get_cache(other.agent_id, BEN) == 1


@pytest.mark.parametrize(
    ("value", "left"),
    [
        ({"a": "x", "b": ["x", "y", {"x": 1}], "x": {"deep": 1}}, {"b": ["y", {}]}),
        (["x", ["x"]], [[]]),
        ("y", "y"),
        ({"a": "xx", "b": None, "c": 1}, {"a": "xx", "b": None, "c": 1}),
    ],
)
def test_pruning_takes_keys_items_and_values_that_are_just_the_id(value: Any, left: Any) -> None:
    named: frozenset[UUID] = frozenset({"x"})
    assert prune(value, named) == left
