"""elizaOS's database adapter as methods of the runtime, and waiting for the start."""

import asyncio
from pathlib import Path

import pytest

from bot_host.plugin import Agent, EmbeddingRequest, Plugin, PluginError
from bot_host.runtime import AgentOptions, AgentRuntime
from bot_host.store import Database, make_store
from bot_host.types.character import Character
from bot_host.types.content import Content
from bot_host.types.errors import ConfigError, StateError
from bot_host.types.ids import new_id
from bot_host.types.knowledge import Component
from bot_host.types.memory import Memory
from bot_host.types.models import ModelType, TextRequest, TextResult
from bot_host.types.places import Entity, Room
from tests.runtime.conftest import ADA, BOB, ELIZA, ROOM, Agents, message


async def test_it_opens_and_closes_its_own_database(tmp_path: Path) -> None:
    agent = AgentRuntime(ELIZA, store=make_store("sqlite:///own.db", base=tmp_path))
    assert not await agent.is_ready()
    await agent.init()
    await agent.init()
    assert await agent.is_ready()
    await agent.start()
    assert agent.db is agent.store is await agent.get_connection()
    await agent.close()
    assert not agent.started
    assert not await agent.is_ready()


async def test_in_a_host_the_host_closes_it(agent: AgentRuntime) -> None:
    agent.host = object()  # type: ignore[assignment]
    with pytest.raises(StateError, match="stop the host"):
        await agent.close()
    agent.host = None
    assert await agent.is_ready()


async def test_a_second_database_is_left_out(
    agent: AgentRuntime, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    known = agent.store
    agent.register_database_adapter(known)
    assert "left out" not in caplog.text
    agent.register_database_adapter(make_store("sqlite://", base=tmp_path))
    assert agent.store is known
    assert "Eliza has a database already" in caplog.text


async def test_rows_of_agents(agent: AgentRuntime) -> None:
    bob = Character(name="Bob", bio=["Builds."])
    assert await agent.create_agent(bob)
    assert not await agent.create_agent({"name": "Bob"})
    assert [record.character.name for record in await agent.get_agents()] == ["Eliza", "Bob"]
    assert await agent.update_agent(bob.agent_id, {"bio": "Paints.", "messageExamples": []})
    assert not await agent.update_agent(new_id(), {"bio": "x"})
    record = await agent.get_agent(bob.agent_id)
    assert record is not None
    assert (record.character.name, record.character.bio) == ("Bob", ["Paints."])
    assert (await agent.ensure_agent_exists(bob)).character.bio == ["Paints."]
    with pytest.raises(ConfigError, match="topics"):
        await agent.update_agent(bob.agent_id, {"topics": 7})
    assert await agent.delete_agent(bob.agent_id)
    assert await agent.get_agent(bob.agent_id) is None
    with pytest.raises(StateError, match="stop it first"):
        await agent.delete_agent(agent.agent_id)


async def test_what_was_changed_in_the_row_holds_at_the_next_start(
    agents: Agents, caplog: pytest.LogCaptureFixture
) -> None:
    agent = agents()
    await agent.start()
    await agent.update_agent(agent.agent_id, {"bio": ["Sings."]})
    assert agent.character.bio == ELIZA.bio
    await agent.stop()
    await agent.start()
    assert agent.character.bio == ["Sings."]
    other = agents(character=ELIZA.model_copy(update={"topics": ["tea"]}))
    await other.start()
    assert (other.character.bio, other.character.topics) == (ELIZA.bio, ["tea"])
    assert "the changes of bio are gone" in caplog.text


class Embedder:
    def __init__(self, length: int) -> None:
        self.length = length
        self.asked: list[str] = []

    async def __call__(self, agent: Agent, request: EmbeddingRequest) -> list[float]:
        self.asked.append(request.text)
        return [1.0] * self.length


@pytest.mark.parametrize(
    ("given", "setting", "wanted", "probes"), [(None, None, 3, 1), (None, "2", 2, 0), (4, "2", 4, 0)]
)
async def test_the_length_of_vectors(
    agents: Agents, store: Database, given: int | None, setting: str | None, wanted: int, probes: int
) -> None:
    embedder = Embedder(3)
    agent = agents(
        Plugin(name="e", models={ModelType.TEXT_EMBEDDING: embedder}),
        settings={"EMBEDDING_DIMENSION": setting} if setting else {},
        options=AgentOptions(background=False),
    )
    await agent.start()
    me = agent.agent_id
    await store.apply_places("", [], [Room(id=ROOM, agent_id=me)], [Entity(id=ADA, agent_id=me)], None)
    for length in (2, 3, 4):
        fact = Memory(agent_id=me, entity_id=ADA, room_id=ROOM, content=Content(text=f"{length} long"))
        await store.create_memory(fact)
        await store.set_embedding(fact.id, [1.0] * length, model=f"m{length}")
    assert await agent.ensure_embedding_dimension(given) == wanted
    assert len(embedder.asked) == probes
    waiting = {memory.content.text for memory in await store.next_embedding_jobs(me, 9)}
    assert waiting == {f"{length} long" for length in (2, 3, 4) if length != wanted}


async def test_without_a_model_there_is_no_length(agent: AgentRuntime) -> None:
    with pytest.raises(StateError, match="TEXT_EMBEDDING"):
        await agent.ensure_embedding_dimension()


async def test_cached_embeddings_and_run_summaries(agent: AgentRuntime) -> None:
    fact = await agent.create_fact("tea at five", entity_id=ADA, room_id=ROOM)
    await agent.store.set_embedding(fact.id, [0.0, 1.0], model="m")
    found = await agent.get_cached_embeddings(query_table_name="facts", query_input="tea at fife")
    assert [(each.embedding, each.levenshtein_score) for each in found] == [([0.0, 1.0], 1)]
    assert await agent.get_cached_embeddings(query_table_name="documents", query_input="tea at five") == []
    assert (await agent.get_agent_run_summaries(status="all")).runs == ()


async def test_the_promise_of_the_start(agents: Agents) -> None:
    agent = agents()
    waiting = asyncio.ensure_future(agent.init_promise)
    await asyncio.sleep(0)
    assert not waiting.done()
    await agent.start()
    await waiting
    await agent.init_promise


async def test_a_start_that_fails_is_told(agents: Agents) -> None:
    async def fails(config: object, agent: Agent) -> None:
        raise ValueError("no such file")

    agent = agents(Plugin(name="bad", init=fails))
    waiting = asyncio.ensure_future(agent.init_promise)
    await asyncio.sleep(0)
    with pytest.raises(PluginError):
        await agent.start()
    with pytest.raises(PluginError, match="no such file"):
        await waiting


async def test_states_are_seen(agent: AgentRuntime) -> None:
    assert (dict(agent.state_cache), agent.latest_state) == ({}, None)
    asked = message()
    state = await agent.compose_state(asked)
    assert agent.state_cache[asked.id] is agent.latest_state is state
    agent.forget_state(asked.id)
    assert agent.latest_state is state
    assert agent.logger.name == "bot_host.agent.Eliza"


class Judge:
    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.asked: list[TextRequest] = []

    async def __call__(self, agent: Agent, request: TextRequest) -> TextResult:
        self.asked.append(request)
        return TextResult(text=self.answer)


@pytest.mark.parametrize(
    ("text", "answer", "found", "asked"),
    [
        ("What does Bob like?", "", "bob", 0),
        ("what does BOB like?", "", "bob", 0),
        ("Bobsleigh is fun", "NONE", None, 1),
        ("Ada and Bob!", "bob", "bob", 1),
        ("the one who bakes", "bob", "bob", 1),
        ("the one who bakes", "a stranger", None, 1),
        ("  ", "bob", None, 0),
    ],
)
async def test_who_is_meant(
    agent: AgentRuntime, text: str, answer: str, found: str | None, asked: int
) -> None:
    ids = {"bob": BOB, "a stranger": new_id()}
    judge = Judge(f" {ids.get(answer, answer).upper()} ")
    agent.register_model(ModelType.TEXT_SMALL, judge, provider="judge")
    await agent.add_participants_room([ADA, BOB], ROOM)
    person = await agent.find_entity_by_name(message(text))
    assert (person.id if person else None) == (ids[found] if found else None)
    assert len(judge.asked) == asked


async def test_who_is_meant_without_a_model(agent: AgentRuntime) -> None:
    await agent.add_participants_room([ADA, BOB], ROOM)
    assert await agent.find_entity_by_name(message("somebody")) is None


async def test_details_of_people(agent: AgentRuntime) -> None:
    await agent.add_participants_room([ADA], ROOM)
    await agent.create_component(
        Component(agent_id=agent.agent_id, entity_id=ADA, type="discord", data={"mood": "fine"})
    )
    [ada] = [each for each in await agent.get_entity_details(room_id=ROOM) if each["id"] == ADA]
    assert ada == {"id": ADA, "name": "Ada", "names": ["Ada"], "data": '{"discord": {"mood": "fine"}}'}
