"""A running agent keeps what it knows up to date: what its character says, and what others write as rows."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bot_host.contracts.plugin import Plugin
from bot_host.runtime import AgentRuntime
from bot_host.runtime.config import AgentOptions, KnowledgeOptions
from bot_host.runtime.embeddings import Embeddings
from bot_host.runtime.knowledge_keeper import KnowledgeKeeper
from bot_host.store import Database
from bot_host.types.character import Character
from bot_host.types.events import Event, EventType
from bot_host.types.memory import MemoryType
from bot_host.types.models import EmbeddingRequest, ModelType
from bot_host.types.sources import GivenSource, KnowledgeSource, SourceKind, SourceOrigin
from tests.runtime.conftest import ROOM, Agents


class Changes:
    """Waits until the agent says that it knows something else."""

    def __init__(self, agent: AgentRuntime) -> None:
        self._told = asyncio.Event()
        agent.on(EventType.KNOWLEDGE_CHANGED, self._hear)

    def _hear(self, _: Event) -> None:
        self._told.set()

    async def wait(self) -> None:
        await self._told.wait()
        self._told.clear()


def knowing(*given: GivenSource, **more: Any) -> AgentOptions:
    return AgentOptions(knowledge=KnowledgeOptions(given=given, **more))


async def texts(store: Database, agent: AgentRuntime) -> list[str]:
    found = await store.list_memories(agent.agent_id, type=MemoryType.FRAGMENT, count=100)
    return sorted(each.content.text for each in found)


async def test_a_character_knows_what_its_file_says(agents: Agents, store: Database, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("We open at nine.")
    character = Character.model_validate(
        {"name": "Eliza", "knowledge": ["Tea is at four.", {"path": str(tmp_path / "a.md")}]}
    )
    agent = agents(character=character)
    changes = Changes(agent)
    await agent.start()
    await changes.wait()
    assert await texts(store, agent) == ["Tea is at four.", "We open at nine."]
    origins = {each.origin for each in await store.get_sources(agent.agent_id)}
    assert origins == {SourceOrigin.CHARACTER}


async def test_what_a_character_says_no_more_goes_and_what_an_admin_added_stays(
    agents: Agents, store: Database
) -> None:
    tea = GivenSource(SourceKind.TEXT, "character", "Eliza", "Tea is at four.")
    first = agents(options=knowing(tea, GivenSource(SourceKind.FILE, "/none/a.md")))
    changes = Changes(first)
    await first.start()
    await changes.wait()
    added = KnowledgeSource(agent_id=first.agent_id, kind=SourceKind.TEXT, location="notes", text="Stays.")
    await store.add_source(added)
    await first.emit_event(EventType.KNOWLEDGE_ADDED)
    await changes.wait()
    assert await texts(store, first) == ["Stays.", "Tea is at four."]
    await first.stop()
    coffee = GivenSource(SourceKind.TEXT, "character", "Eliza", "Coffee is at five.")
    second = agents(options=knowing(coffee))
    changes = Changes(second)
    await second.start()
    await changes.wait()
    assert await texts(store, second) == ["Coffee is at five.", "Stays."]
    assert {each.location for each in await store.get_sources(second.agent_id)} == {"character", "notes"}


async def test_what_another_process_wrote_is_noticed(agents: Agents, store: Database) -> None:
    agent = agents(options=AgentOptions(background=False))
    await agent.start()
    embeddings = Embeddings(agent, agent.models, store)
    keeper = KnowledgeKeeper(agent, KnowledgeOptions(given=()), embeddings, look_s=0.01)
    changes = Changes(agent)
    running = asyncio.create_task(keeper.run())
    try:
        await changes.wait()
        await store.add_source(
            KnowledgeSource(agent_id=agent.agent_id, kind=SourceKind.TEXT, location="t", text="One.")
        )
        await changes.wait()
        assert await texts(store, agent) == ["One."]
        [known] = await store.get_sources(agent.agent_id)
        await store.remove_sources([known.id])
        await changes.wait()
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_fragments_get_vectors_where_there_is_a_model(agents: Agents, store: Database) -> None:
    made = asyncio.Event()

    asked: list[str] = []

    async def embed(_: Any, request: EmbeddingRequest | Mapping[str, Any]) -> Sequence[float]:
        assert isinstance(request, EmbeddingRequest)
        asked.append(request.text)
        if "Tea" in request.text:
            made.set()
        return [1.0, 0.0]

    tea = GivenSource(SourceKind.TEXT, "character", "Eliza", "Tea is at four.")
    plugin = Plugin(name="vectors", models={ModelType.TEXT_EMBEDDING: embed})
    agent = agents(plugin, options=knowing(tea))
    await agent.start()
    await made.wait()
    [known] = await store.get_sources(agent.agent_id)
    assert known.embedded
    # Found by its meaning alone; and whatever else is looked for by a message shares its vector.
    while not await agent.search_knowledge(ROOM, "quand?"):
        await asyncio.sleep(0.001)
    assert await agent.query_embedding("quand?") == ([1.0, 0.0], "vectors")
    assert asked.count("quand?") == 1


async def test_a_fault_does_not_end_it(
    agents: Agents, store: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    agent = agents(options=AgentOptions(background=False))
    await agent.start()
    tea = GivenSource(SourceKind.TEXT, "character", "Eliza", "Tea is at four.")
    options = KnowledgeOptions(given=[tea])
    keeper = KnowledgeKeeper(agent, options, Embeddings(agent, agent.models, store), look_s=0.01)
    whole, broken = keeper.take_over, [RuntimeError("boom")]

    async def breaks_once() -> None:
        if broken:
            raise broken.pop()
        await whole()

    monkeypatch.setattr(keeper, "take_over", breaks_once)
    changes = Changes(agent)
    running = asyncio.create_task(keeper.run())
    await changes.wait()
    running.cancel()
    assert "knowledge is not looked after for now" in caplog.text
    assert await texts(store, agent) == ["Tea is at four."]
