"""Each statement reads through an index, however full the tables are."""

import re
import sqlite3
from collections.abc import Iterator

import pytest
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import asyncpg

from bot_host.store import database, sqlite_vec, upgrade
from bot_host.store.statement import FAMILIES, STATEMENTS, Preparer, Statement

# Importing the store has registered all statements but those of families; other tests add their own.
NAMES = sorted(name for name in STATEMENTS if not name.startswith("test.") and "(" not in name)
OPEN_ONLY = {
    "ix_embedding_jobs_open",
    "ix_inbox_open",
    "ix_outbox_open",
    "ix_pairings_open",
    "ix_pairings_untold",
    "ix_summaries_stale",
    "ix_task_occurrences_claimed",
    "ix_tasks_active",
}
"""Indexes of unfinished rows only: these may be gone through from end to end."""
BY_DESIGN = (
    # A person's data as a whole: rare, and nothing may be overlooked.
    r"(erase|export|persons)\.",
    # Memories of an agent or a world as a whole, when neither room, person nor learned type is named.
    r"memories\.list\((?!.*(room_id|entity_id|learned_type))",
    # Searches by pieces of text, beyond one room: no index serves LIKE.
    r"(search\.by_pieces|nearest\.seqs)\((?!.*(room_id|entity_ids|learned_types))",
    # All vectors of a model.
    r"(nearest\.all|sqlite_vec\.nearest)\((?!.*(room_id|entity_ids|learned_types))|nearest\.all",
    # The newest through an index, up to a limit.
    r"(audit|logs)\.get",
    # All that an agent has, when all is asked for.
    r"(rooms\.of_agent|tasks\.list)\(\)",
    r"worlds\.of_agent",
    # The newest thousand outgoing parts, by their number.
    r"reactions\.own",
    # The newest thousand outgoing parts, by their number.
    r"reactions\.own",
    # The first of an agent's versions, by their number.
    r"characters\.newest",
    # Not many agents, nor models of one.
    r"agents\.all",
    r"embedding_models\.of_agent",
    # Looking back, and changing the model.
    r"(run_summaries|vectors)\.",
    # What an admin asks: sums of so many days, through the key that begins with the day.
    r"views\.costs_by_",
    # Rooms that refuse the bot: few, and read at the start.
    r"(closed_rooms\.all|views\.closed_rooms)",
    # What an admin asks: all, or the few open ones by their code.
    r"pairings\.(all|by_code)",
    # What an admin looks at: of all relationships, rooms or sources of an agent a page; figures of all.
    r"views\.(relationships\(\)|summed_rooms|source_counts|count_learned)",
    # What an admin asks: all who are linked.
    r"person_links\.all",
    # Answers that were being written when the host ended: few, and read at the start.
    r"drafts\.all",
    # All tokens, when their key changes.
    r"connector_secrets\.all",
    # Files and addresses that somebody named, not what was said.
    r"sources\.(all|unembedded|mark)",
    # One row a plugin.
    r"plugin_schemas\.all",
    # What an admin asks about one message, or about all of them: no index is kept for that.
    r"why\.|verify\.|heard\.",
    # Which files are still needed: asked once an hour, of open rows and of those of turns under way.
    r"media\.made",
    # Old rows: once a day, on the searcher's thread.
    r"retention\.",
    # All rooms and worlds, for a page of those in which something was said last: an index leads to that.
    r"views\.(rooms|worlds)\(",
    # A room gets other ids once in its life.
    r"moves\.",
    # A row for each account, or for each way in which events of an account can end.
    r"figures\.(tallies|accounts)",
)
"""Statements that go through much, and why; none of them is on a message's way."""
PREPARE = Preparer(sqlite.dialect())


@pytest.fixture(scope="module")
def db() -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(":memory:", isolation_level=None)
    upgrade.settle(db)
    # What an extension brings, for those Pythons that cannot load it.
    db.create_function(sqlite_vec.FUNCTION, 2, lambda one, other: 0.0)
    yield db
    db.close()


def plan_of(db: sqlite3.Connection, sql: str) -> list[str]:
    values = [None] * sql.count("?")
    return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", values)]


def named(name: str) -> Statement:
    """A statement, or the member of a family."""
    family = FAMILIES.get(name.partition("(")[0])
    members = {member.name: member for member in family.members()} if family else STATEMENTS
    return members[name]


def faults(plan: list[str]) -> list[str]:
    """Steps that go through a growing table, or through all of one account's or agent's rows."""
    bad = []
    for step in plan:
        index = re.search(r"INDEX (\w+)", step)
        if step.startswith("SCAN") and "VIRTUAL TABLE" not in step and "CONSTANT ROW" not in step:
            if index is None or index[1] not in OPEN_ONLY:
                bad.append(step)
        elif re.search(r"\((account|agent_id)=\?\)", step) and (index is None or index[1] not in OPEN_ONLY):
            bad.append(step)
    return bad


def test_the_statements_are_those_of_the_store() -> None:
    assert database.Database
    assert {"inbox.take", "memories.newest", "outbox.next", "marks.raise"} <= set(NAMES)
    assert len(NAMES) > 40


@pytest.mark.parametrize("name", [name for name in NAMES if not re.match("|".join(BY_DESIGN), name)])
def test_no_statement_goes_through_a_growing_table(db: sqlite3.Connection, name: str) -> None:
    assert faults(plan_of(db, PREPARE(STATEMENTS[name]).sql)) == []


@pytest.mark.parametrize("family", FAMILIES)
def test_no_member_of_a_family_goes_through_a_growing_table(db: sqlite3.Connection, family: str) -> None:
    members = [
        member for member in FAMILIES[family].members() if not re.match("|".join(BY_DESIGN), member.name)
    ]
    found = {member.name: faults(plan_of(db, PREPARE(member).sql)) for member in members}
    assert {name: bad for name, bad in found.items() if bad} == {}


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
        ("memories.list(room_id, type)", "ix_memories_room_id_type_created_at_seq (room_id=? AND type=?)"),
        (
            "memories.list(entity_id, learned_type)",
            "ix_memories_learned (agent_id=? AND type=? AND entity_id=?)",
        ),
    ],
)
def test_the_message_path_uses_the_indexes_made_for_it(db: sqlite3.Connection, name: str, index: str) -> None:
    plan = plan_of(db, PREPARE(named(name)).sql)
    assert any(step.endswith(index) for step in plan), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan


@pytest.mark.parametrize(
    ("name", "indexes"),
    [
        ("memories.list(learned_type)", ["ix_memories_learned (agent_id=? AND type=?)"]),
        ("entities.by_name", ["sqlite_autoindex_entity_names_1 (agent_id=? AND name=?)"]),
        ("entities.of_room", ["sqlite_autoindex_participants_1 (room_id=?)"]),
        (
            "relationships.of_entity",
            [
                "ix_relationships_source_entity_id (source_entity_id=?)",
                "ix_relationships_target_entity_id (target_entity_id=?)",
            ],
        ),
        (
            "nearest.all(hearing, period, types, world_id)",
            ["ix_embeddings_model_seq (model=? AND seq>?)", "INTEGER PRIMARY KEY (rowid=?)"],
        ),
        ("nearest.seqs(hearing, room_id)", ["ix_memories_room_id_type_created_at_seq (room_id=?)"]),
        ("nearest.seqs(hearing, learned_types)", ["ix_memories_learned (agent_id=? AND type=?)"]),
        (
            "sqlite_vec.nearest(hearing, period, types, world_id)",
            ["ix_embeddings_model_seq (model=?)", "INTEGER PRIMARY KEY (rowid=?)"],
        ),
        (
            "sqlite_vec.nearest(hearing, room_id)",
            [
                "ix_memories_room_id_type_created_at_seq (room_id=?)",
                "ix_embeddings_model_seq (model=? AND seq=?)",
            ],
        ),
        ("views.costs_by_room(agent_id)", ["sqlite_autoindex_spending_1 (day>? AND day<?)"]),
        ("views.beats", ["sqlite_autoindex_pulse_1 (minute>?)"]),
        ("views.failed", ["ix_inbox_failed (received_at>?)"]),
        ("nearest.some", ["ix_embeddings_model_seq (model=? AND seq=?)"]),
        ("rooms.by_channel", ["ix_rooms_agent_id_channel_id (agent_id=? AND channel_id=?)"]),
        ("tasks.due", ["ix_tasks_active (agent_id=? AND due_at<?)"]),
        ("tasks.next_due", ["ix_tasks_active (agent_id=? AND due_at>?)"]),
        ("task_occurrences.lapsed", ["ix_task_occurrences_claimed (lease_until<?)"]),
        ("components.get(type)", ["ix_components_entity_id_type (entity_id=? AND type=?)"]),
        ("steps.get", ["sqlite_autoindex_steps_1 (turn_id=?)"]),
        (
            "steps.change",
            ["sqlite_autoindex_steps_1 (turn_id=? AND edition=? AND round=? AND call=?)"],
        ),
        ("steps.sweep", ["ix_steps_created_at (created_at<?)", "ix_inbox_turn_id (turn_id=?)"]),
    ],
)
def test_what_a_turn_may_ask_uses_the_indexes_made_for_it(
    db: sqlite3.Connection, name: str, indexes: list[str]
) -> None:
    plan = plan_of(db, PREPARE(named(name)).sql)
    for index in indexes:
        assert any(step.endswith(index) for step in plan), plan


@pytest.mark.parametrize("name", NAMES)
def test_each_statement_has_a_form_for_postgresql(name: str) -> None:
    prepared = Preparer(asyncpg.dialect())(STATEMENTS[name])
    assert "?" not in prepared.sql
    assert "json_each" not in prepared.sql


@pytest.mark.parametrize("family", FAMILIES)
def test_each_member_of_a_family_has_a_form_for_postgresql(family: str) -> None:
    prepare = Preparer(asyncpg.dialect())
    for member in FAMILIES[family].members():
        assert not {"?", "json_each", "MATCH"} & set(prepare(member).sql.replace("(", " ").split()), member
