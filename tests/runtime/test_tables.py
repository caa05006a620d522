"""An agent's plugins bring tables of their own."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select

from bot_host.plugin import Agent, Id, Plugin, PluginError, Schema, StateError, Work
from bot_host.runtime import AgentRuntime
from bot_host.store import Database, make_store
from bot_host.types.character import Character
from bot_host.types.errors import StoreError
from tests.runtime.conftest import ELIZA, Agents

NOTES = MetaData()
notes = Table(
    "plugin_notes_notes",
    NOTES,
    Column("id", Integer, primary_key=True),
    Column("agent_id", Id, nullable=False),
)
MINE = select(func.count().label("n")).select_from(notes)


async def _note_the_start(config: Mapping[str, Any], agent: Agent) -> None:
    await agent.tables("notes").execute(insert(notes), agent_id=agent.agent_id)


PLUGIN = Plugin(name="notes", schema=Schema(tables=NOTES), init=_note_the_start)


async def count(agent: Agent) -> Any:
    row = await agent.tables("notes").fetch_one(MINE)
    assert row is not None
    return row["n"]


async def test_they_are_there_before_init_and_outlive_the_agent(agents: Agents) -> None:
    agent = agents(PLUGIN)
    for starts in (1, 2):
        await agent.start()
        assert await count(agent) == starts
        await agent.stop()
        with pytest.raises(StateError, match="the plugin notes has brought no tables here"):
            agent.tables("notes")


async def test_agents_of_one_database_share_them(agents: Agents) -> None:
    one, other = agents(PLUGIN), agents(PLUGIN, character=Character(name="Bob"))
    await one.start()
    await other.start()
    assert await count(one) == await count(other) == 2
    tables = one.tables("notes")

    def mine() -> Work[list[str]]:
        rows = yield select(notes.c.agent_id).order_by(notes.c.id)
        return [row["agent_id"] for row in rows]

    assert await tables.transact(mine) == [one.agent_id, other.agent_id]


async def test_a_plugin_that_joins_later_brings_them_too(agents: Agents) -> None:
    agent = agents()
    await agent.start()
    await agent.register_plugin(PLUGIN)
    assert await count(agent) == 1


async def test_a_wrong_schema_keeps_the_agent_from_starting(agents: Agents) -> None:
    wrong = Plugin(name="other", schema=Schema(tables=NOTES))
    agent = agents(wrong)
    with pytest.raises(PluginError, match="other: the table plugin_notes_notes must have a name"):
        await agent.start()
    assert not agent.started


@pytest.fixture
async def skipping(tmp_path: Path) -> AsyncIterator[tuple[AgentRuntime, Database]]:
    """On a database of its own, since nobody has made the tables there."""
    async with make_store("sqlite:///own.db", base=tmp_path) as store:
        agent = AgentRuntime(ELIZA, store=store, plugins=[PLUGIN])
        agent.skip_migrations = True
        yield agent, store
        await agent.stop()


async def test_skip_migrations_makes_none(skipping: tuple[AgentRuntime, Database]) -> None:
    agent, _ = skipping
    with pytest.raises(StoreError, match="no such table: plugin_notes_notes"):
        await agent.start()


async def test_run_migrations_makes_them(skipping: tuple[AgentRuntime, Database]) -> None:
    agent, _ = skipping
    await agent.run_migrations()
    await agent.start()
    assert await count(agent) == 1
