"""The queue of embeddings: rows are the truth, the worker only empties it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot_host.plugin import Agent, EmbeddingRequest, Plugin
from bot_host.runtime import AgentOptions, AgentRuntime
from bot_host.runtime import embeddings as embeddings_module
from bot_host.runtime import models as models_module
from bot_host.runtime.embeddings import BATCH
from bot_host.store import Database, make_store
from bot_host.store.loose import loose
from bot_host.store.schema import embeddings
from bot_host.types.errors import ModelError, StateError
from bot_host.types.events import EmbeddingEvent, EventType
from bot_host.types.memory import Memory
from bot_host.types.models import ModelType, Usage, note_usage
from bot_host.types.places import Entity, Room
from tests.runtime.conftest import ADA, ELIZA, ROOM, message


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models_module, "backoff", lambda attempt, **_: 0.0)
    monkeypatch.setattr(embeddings_module, "backoff", lambda attempt, **_: 0.0)


class Embedder:
    """Makes [length, 1], or fails as `faults` says; counts how many are asked at once."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.faults: dict[str, list[Exception]] = {}
        self.at_once = 0
        self.most = 0

    async def __call__(self, agent: Agent, request: EmbeddingRequest) -> list[float]:
        self.asked.append(request.text)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if self.faults.get(request.text):
            raise self.faults[request.text].pop(0)
        return [float(len(request.text)), 1.0]


class Told:
    """The events of embeddings, and a way to wait for them."""

    def __init__(self, agent: AgentRuntime) -> None:
        self.events: list[EmbeddingEvent] = []
        self._news = asyncio.Condition()
        agent.on(EmbeddingEvent, self)

    async def __call__(self, event: EmbeddingEvent) -> None:
        async with self._news:
            self.events.append(event)
            self._news.notify_all()

    def of(self, kind: str) -> list[str]:
        return [e.memory_id for e in self.events if e.type == f"EMBEDDING_GENERATION_{kind}"]

    async def wait(self, kind: str, count: int) -> None:
        async with self._news:
            await self._news.wait_for(lambda: len(self.of(kind)) >= count)

    async def wait_of(self, memory: Memory) -> None:
        async with self._news:
            await self._news.wait_for(lambda: memory.id in self.of("COMPLETED"))


async def start(
    store: Database, embedder: Embedder | None, settings: dict[str, Any] | None = None, **options: Any
) -> AgentRuntime:
    models = {ModelType.TEXT_EMBEDDING: embedder} if embedder else {}
    agent = AgentRuntime(
        ELIZA,
        store=store,
        plugins=[Plugin(name="e", models=models)],
        settings=settings,
        options=AgentOptions(**options),
    )
    await store.ensure_agent(agent.agent_id, ELIZA)
    me = agent.agent_id
    await store.apply_places("", [], [Room(id=ROOM, agent_id=me)], [Entity(id=ADA, agent_id=me)], None)
    await agent.start()
    return agent


async def remember(agent: AgentRuntime, *texts: str) -> list[Memory]:
    memories = [message(text) for text in texts]
    for memory in memories:
        await agent.create_memory(memory)
    return memories


async def test_queued_memories_get_their_vectors_in_batches(store: Database) -> None:
    embedder = Embedder()
    agent = await start(store, embedder)
    told = Told(agent)
    memories = await remember(agent, *(f"text {n}" for n in range(BATCH + 5)))
    for memory in memories:
        await agent.queue_embedding_generation(memory)
    await told.wait("COMPLETED", len(memories))
    assert sorted(told.of("REQUESTED")) == sorted(m.id for m in memories)
    assert embedder.most <= BATCH
    found = await agent.search_memories_by_embedding([6.0, 1.0], count=1)
    assert found[0].similarity == pytest.approx(1.0)
    await agent.stop()


async def test_high_before_normal_before_low(store: Database) -> None:
    embedder = Embedder()
    agent = await start(store, embedder, background=False)
    for memory, priority in zip(
        await remember(agent, "low", "normal", "high"), ("low", "normal", "high"), strict=True
    ):
        await agent.queue_embedding_generation(memory, priority)  # type: ignore[arg-type]
    assert embedder.asked == []
    await agent.stop()
    agent = await start(store, embedder)
    told = Told(agent)
    # What was queued before the restart is done after it.
    await told.wait("COMPLETED", 3)
    assert embedder.asked == ["high", "normal", "low"]
    with pytest.raises(StateError, match="high, normal or low"):
        await agent.queue_embedding_generation(message(), "urgent")  # type: ignore[arg-type]
    await agent.stop()


async def test_it_is_tried_three_times_and_then_told(store: Database) -> None:
    embedder = Embedder()
    embedder.faults = {"bad": [ModelError("refused")] * 3, "shaky": [ModelError("refused")] * 2}
    agent = await start(store, embedder)
    told = Told(agent)
    bad, shaky, good = await remember(agent, "bad", "shaky", "good")
    for memory in (bad, shaky, good):
        await agent.queue_embedding_generation(memory)
    await told.wait("COMPLETED", 2)
    await told.wait("FAILED", 1)
    assert told.of("FAILED") == [bad.id]
    assert embedder.asked.count("bad") == 3
    assert next(e.error for e in told.events if e.type.endswith("FAILED")) == "refused"
    await agent.stop()


async def test_an_outage_uses_up_nobodys_tries(store: Database) -> None:
    embedder = Embedder()
    down = [ModelError("down", retryable=True)] * 30
    embedder.faults = {"one": list(down), "two": list(down)}
    agent = await start(store, embedder)
    told = Told(agent)
    for memory in await remember(agent, "one", "two"):
        await agent.queue_embedding_generation(memory)
    await told.wait("COMPLETED", 2)
    assert told.of("FAILED") == []
    await agent.stop()


async def test_an_outage_is_known_by_a_single_memory_too(store: Database) -> None:
    embedder = Embedder()
    # Three requests a call: four failed calls, where three would be the end.
    embedder.faults = {"one": [ModelError("down", retryable=True, outage=True)] * 12}
    agent = await start(store, embedder)
    told = Told(agent)
    [memory] = await remember(agent, "one")
    await agent.queue_embedding_generation(memory)
    await told.wait("COMPLETED", 1)
    assert told.of("FAILED") == []
    await agent.stop()


async def test_nothing_without_a_model_text_or_need(store: Database) -> None:
    agent = await start(store, None)
    [memory] = await remember(agent, "hello")
    await agent.queue_embedding_generation(memory)
    assert await store.next_embedding_jobs(agent.agent_id, 10) == []
    await agent.stop()
    embedder = Embedder()
    agent = await start(store, embedder, background=False)
    blank, done = message(" "), message("x").model_copy(update={"embedding": [1.0]})
    for memory in (blank, done):
        await agent.create_memory(memory)
        await agent.queue_embedding_generation(memory)
    assert await store.next_embedding_jobs(agent.agent_id, 10) == []
    await agent.stop()


async def test_an_embedding_made_now(store: Database) -> None:
    embedder = Embedder()
    agent = await start(store, embedder)
    done = await agent.add_embedding_to_memory(message("four"))
    assert done.embedding == [4.0, 1.0]
    assert (await agent.add_embedding_to_memory(done)) is done
    with pytest.raises(StateError, match="has no text"):
        await agent.add_embedding_to_memory(message(" "))
    embedder.faults = {"bad": [ModelError("refused")]}
    with pytest.raises(ModelError, match="refused"):
        await agent.add_embedding_to_memory(message("bad"))
    await agent.stop()


async def test_it_survives_the_process(tmp_path: Path) -> None:
    embedder = Embedder()
    async with make_store("sqlite:///bot.db", base=tmp_path) as store:
        agent = await start(store, embedder, background=False)
        [memory] = await remember(agent, "kept")
        await agent.queue_embedding_generation(memory)
        await agent.stop()
    async with make_store("sqlite:///bot.db", base=tmp_path) as store:
        agent = await start(store, embedder)
        told = Told(agent)
        if not await agent.search_memories_by_embedding([4.0, 1.0]):
            await told.wait("COMPLETED", 1)
        assert [m.id for m in await agent.search_memories_by_embedding([4.0, 1.0])] == [memory.id]
        await agent.stop()


async def test_a_vector_has_its_models_name(store: Database) -> None:
    async def named(agent: Agent, request: EmbeddingRequest) -> list[float]:
        note_usage(Usage(prompt_tokens=3), model="embedder-3-small")
        return [1.0, 2.0]

    for handler, model in ((named, "embedder-3-small"), (Embedder(), "e")):
        agent = await start(store, handler)  # type: ignore[arg-type]
        told = Told(agent)
        [memory] = await remember(agent, "text")
        await agent.queue_embedding_generation(memory)
        await told.wait_of(memory)
        rows = await store._driver.read(lambda memory=memory: _model_of(memory.id))  # type: ignore[misc]
        assert rows == [(model,)]
        await agent.stop()


def _model_of(memory_id: str) -> Any:
    return (yield loose(select(embeddings.c.model).where(embeddings.c.memory_id == memory_id)))


async def a_turn(agent: AgentRuntime, *said: Memory) -> None:
    """What the pipeline tells of one turn in the room."""
    run = agent.start_run(ROOM)
    told = {"run_id": run, "room_id": ROOM}
    await agent.emit_event(EventType.RUN_STARTED, told)
    for memory in said[:-1]:
        await agent.emit_event(EventType.MESSAGE_RECEIVED, {"message": memory})
    await agent.emit_event(EventType.MESSAGE_SENT, {"message": said[-1]})
    await agent.emit_event(EventType.RUN_ENDED, told)
    agent.end_run()


@pytest.mark.parametrize("background", [True, False])
async def test_messages_of_a_turn_are_queued_where_there_is_a_model(
    store: Database, background: bool
) -> None:
    embedder = Embedder()
    agent = await start(store, embedder, background=background)
    told = Told(agent)
    asked, more, answer = await remember(agent, "question", "more", "answer")
    await a_turn(agent, asked, more, answer)
    await told.wait("REQUESTED", 3)
    if background:
        await told.wait("COMPLETED", 3)
        assert sorted(embedder.asked) == ["answer", "more", "question"]
    else:
        waiting = await store.next_embedding_jobs(agent.agent_id, 9)
        assert {memory.id for memory in waiting} == {asked.id, more.id, answer.id}
    await agent.stop()


@pytest.mark.parametrize(
    ("embedder", "settings"),
    [(Embedder(), {"EMBED_MESSAGES": "false"}), (None, {}), (None, {"EMBED_MESSAGES": "1"})],
)
async def test_else_nobody_even_listens(
    store: Database, embedder: Embedder | None, settings: dict[str, Any]
) -> None:
    agent = await start(store, embedder, settings=settings, background=False)
    assert not any(
        agent.events.heard(name)
        for name in (EventType.MESSAGE_RECEIVED, EventType.MESSAGE_SENT, EventType.RUN_ENDED)
    )
    [asked, answer] = await remember(agent, "question", "answer")
    await a_turn(agent, asked, answer)
    assert await store.next_embedding_jobs(agent.agent_id, 9) == []
    await agent.stop()
