"""Vectors that were kept one a memory are there after the upgrade, on both databases."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from bot_host.store import embeddings, make_store, upgrade
from bot_host.store.columns import pack
from bot_host.store.postgres_upgrade import run_migrations
from tests import postgres
from tests.store.samples import AGENT, make_id

BEFORE = "0014"
WHEN = {"sqlite": "'2026-01-0{} 00:00:00'", "postgresql": "'2026-01-0{} 00:00:00+00'::timestamptz"}
ROWS = (
    ("kept", 1, "m", [0.6, 0.8]),
    ("newest", 2, "m", [0.0, 1.0]),
    # Of a model that once gave longer ones: nothing finds it.
    ("longer", 1, "m", [1.0, 0.0, 0.0]),
    ("another", 1, "n", [1.0, 0.0, 0.0]),
)


def rows(dialect: str) -> list[str]:
    """An agent with a room, a person and memories with vectors, as the tables were then."""
    agent, room, ben = AGENT, make_id("room"), make_id("ben")
    at = WHEN[dialect].format(1) if dialect == "postgresql" else "0"
    made = [
        f"INSERT INTO agents (id, name, character, created_at, updated_at) "
        f"VALUES ('{agent}', 'Ada', '{{\"name\": \"Ada\"}}', {at}, {at})",
        f"INSERT INTO entities (id, agent_id, names, metadata, created_at) "
        f"VALUES ('{ben}', '{agent}', '[]', '{{}}', {at})",
        f"INSERT INTO rooms (id, agent_id, name, source, type, channel_id, thread_id, metadata, created_at) "
        f"VALUES ('{room}', '{agent}', '', 'discord', 'GROUP', '1', '', '{{}}', {at})",
    ]
    for key, day, model, vector in ROWS:
        then = WHEN[dialect].format(day) if dialect == "postgresql" else str(day)
        packed = pack(embeddings.unit_vector(vector)).hex()
        blob = f"X'{packed}'" if dialect == "sqlite" else f"'\\x{packed}'::bytea"
        made += [
            f"INSERT INTO memories (id, agent_id, entity_id, room_id, type, content, metadata, revision, "
            f"created_at, \"unique\") VALUES ('{make_id(key)}', '{agent}', '{ben}', '{room}', 'fact', "
            f"'{{\"text\": \"{key}\"}}', '{{}}', 0, {then}, true)",
            f"INSERT INTO embeddings (memory_id, model, dimensions, vector, created_at) "
            f"VALUES ('{make_id(key)}', '{model}', {len(vector)}, {blob}, {then})",
        ]
    return made


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """A database as it was before."""
    if request.param == "sqlite":
        file = tmp_path / "bot.db"
        upgrade.run_migrations(file, to=BEFORE)
        db = sqlite3.connect(file)
        for statement in rows("sqlite"):
            db.execute(statement)
        db.commit()
        db.close()
        yield "sqlite:///bot.db"
        return
    made = await postgres.make_database()
    await run_migrations(made, to=BEFORE)
    connection = await asyncpg.connect(made)
    for statement in rows("postgresql"):
        await connection.execute(statement)
    await connection.close()
    yield made
    await postgres.drop_database(made)


async def test_they_are_found_as_before(url: str, tmp_path: Path) -> None:
    async with make_store(url, base=tmp_path) as store:

        async def near(*vector: float) -> list[tuple[str, Any]]:
            found = await store.search_memories_by_embedding(AGENT, vector)
            return [(memory.content.text, round(memory.similarity or 0, 6)) for memory in found]

        assert await near(0.0, 1.0) == [("newest", 1.0), ("kept", 0.8)]
        assert await near(1.0, 0.0, 0.0) == [("another", 1.0)]
        assert await store.embedding_models(AGENT) == {"n": 3, "m": 2}
        assert [each.content.text for each in await store.next_embedding_jobs(AGENT, 9)] == ["longer"]
        await store.delete_memories([make_id("kept")])
        assert await near(0.0, 1.0) == [("newest", 1.0)]


async def test_texts_are_found_by_their_words(url: str, tmp_path: Path) -> None:
    async with make_store(url, base=tmp_path) as store:
        (hit,) = await store.search_memories(AGENT, text="Newést")
        assert hit.memory.id == make_id("newest")
