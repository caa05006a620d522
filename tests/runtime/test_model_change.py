"""Another embedding model: vectors side by side until it has all; and what a bad model cannot spoil."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from bot_host.kit.clock import utc_now
from bot_host.plugin import Agent, EmbeddingBatchRequest, EmbeddingRequest, Plugin
from bot_host.runtime import AgentOptions, AgentRuntime, Limits
from bot_host.runtime import embedding_calls as calls_module
from bot_host.runtime import embeddings as embeddings_module
from bot_host.runtime import models as models_module
from bot_host.store import Database, make_store
from bot_host.types.errors import ModelError
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.models import ModelType, Usage, note_usage
from bot_host.types.places import Entity, Room
from bot_host.types.vectors import GIVEN, VectorModel
from tests.runtime.conftest import ADA, ELIZA, ROOM, message
from tests.runtime.test_embeddings import Told, remember


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models_module, "backoff", lambda attempt, **_: 0.0)
    monkeypatch.setattr(embeddings_module, "backoff", lambda attempt, **_: 0.0)
    monkeypatch.setattr(embeddings_module, "LONGEST_REST", 0.0)


class Model:
    """A provider's embedding model. Text "t" becomes a vector of its own; `others` can be asked by name."""

    def __init__(self, name: str, length: int, *others: "Model", batches: bool = True) -> None:
        self.name = name
        self.length = length
        self.batches = batches
        self.others = {other.name: other for other in others}
        self.requests: list[list[str]] = []
        self.faults: list[Exception] = []
        self.poison = ""
        self.enough = -1
        """Requests that are answered; the one after that waits for `go`."""
        self.stuck = asyncio.Event()
        self.go = asyncio.Event()

    def plugin(self, provider: str = "p", priority: int = 0) -> Plugin:
        models: dict[ModelType, Any] = {ModelType.TEXT_EMBEDDING: self.one}
        if self.batches:
            models[ModelType.TEXT_EMBEDDING_BATCH] = self.many
        return Plugin(name=provider, models=models, model_priority=priority)

    @property
    def asked(self) -> list[str]:
        return [text for texts in self.requests for text in texts if text != "dimension"]

    def vector(self, text: str) -> list[float]:
        return [float(sum(text.encode())), *([1.0] * (self.length - 1))]

    async def one(self, agent: Agent, request: EmbeddingRequest) -> list[float]:
        return (await self._answer([request.text], request.model))[0]

    async def many(self, agent: Agent, request: EmbeddingBatchRequest) -> list[list[float]]:
        return await self._answer(list(request.texts), request.model)

    async def _answer(self, texts: list[str], model: str) -> list[list[float]]:
        if model in self.others:
            return await self.others[model]._answer(texts, "")
        if model not in ("", self.name):
            raise ModelError(f"there is no {model}")
        if len(self.requests) == self.enough:
            self.stuck.set()
            await self.go.wait()
        self.requests.append(texts)
        if self.faults:
            raise self.faults.pop(0)
        if self.poison in texts:
            raise ModelError(f"{self.poison} is refused")
        note_usage(Usage(prompt_tokens=10 * len(texts), cost=0.25 * len(texts)), model=self.name)
        return [self.vector(text) for text in texts]


async def start(store: Database, *plugins: Plugin, **options: Any) -> AgentRuntime:
    settings = options.pop("settings", {})
    agent = AgentRuntime(
        ELIZA, store=store, plugins=plugins, settings=settings, options=AgentOptions(**options)
    )
    me = agent.agent_id
    await store.ensure_agent(me, ELIZA)
    await store.apply_places("", [], [Room(id=ROOM, agent_id=me)], [Entity(id=ADA, agent_id=me)], None)
    await agent.start()
    return agent


async def with_vectors(store: Database, model: Model, *texts: str) -> list[Memory]:
    """Memories that have the model's vectors; the agent that made them has stopped."""
    agent = await start(store, model.plugin())
    told = Told(agent)
    memories = await remember(agent, *texts)
    for memory in memories:
        await agent.queue_embedding_generation(memory)
    await told.wait("COMPLETED", len(memories))
    await agent.stop()
    return memories


async def models_of(store: Database) -> dict[str, int]:
    return await store.embedding_models(ELIZA.agent_id)


async def taken_over(agent: AgentRuntime) -> None:
    """Until no model is being replaced; the worker goes on whenever this task waits."""
    while agent._embeddings.vectors.next is not None or agent._embeddings._compared_with is None:
        await asyncio.sleep(0.001)
    # What is deleted, is in the same step of the worker.
    while len(await models_of(agent.store)) > 1:
        await asyncio.sleep(0.001)


async def test_a_new_model_takes_over_newest_first(
    store: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings_module, "BATCH", 2)
    caplog.set_level(logging.INFO)
    old = Model("old", 3)
    memories = await with_vectors(store, old, "a", "b", "c", "d", "e")
    new = Model("new", 4, old)
    new.enough = 2  # Its name is asked for, then one batch is done.
    agent = await start(store, new.plugin())
    await new.stuck.wait()
    status = await agent.embedding_status()
    assert (status.model, status.next_model, status.done, status.total) == ("old", "new", 2, 5)
    assert await models_of(store) == {"old": 3, "new": 4}
    # Searches have all of the old ones as long as it lasts, and the old model is asked for them.
    query = await agent.query_embedding("a")
    assert query == (old.vector("a"), "old")
    # What is said meanwhile comes first, and goes to the new one.
    [fresh] = await remember(agent, "fresh")
    await agent.queue_embedding_generation(fresh)
    new.enough = -1
    new.go.set()
    await taken_over(agent)
    assert new.asked == ["e", "d", "c", "b", "fresh", "a"]
    assert await models_of(store) == {"new": 4}
    assert await agent.query_embedding("a") == (new.vector("a"), "new")
    found = await agent.search_memories_by_embedding(new.vector("a"), count=1)
    assert [memory.id for memory in found] == [memories[0].id]
    status = await agent.embedding_status()
    assert (status.model, status.dimensions, status.next_model, status.total) == ("new", 4, "", 0)
    lines = [each.getMessage() for each in caplog.records if "over" in each.getMessage()]
    assert lines == [
        "embeddings: new takes over from old: 5 memories get new vectors, searches use the old ones "
        "until it is done",
        "embeddings: new has taken over: 5 memories have its vectors; 5 old ones are deleted",
    ]
    await agent.stop()


async def test_it_goes_on_after_the_process_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings_module, "BATCH", 2)
    new = Model("new", 4)
    async with make_store("sqlite:///bot.db", base=tmp_path) as store:
        await with_vectors(store, Model("old", 3), "a", "b", "c", "d", "e")
        new.enough = 3
        agent = await start(store, new.plugin())
        await new.stuck.wait()
        await agent.stop()
    async with make_store("sqlite:///bot.db", base=tmp_path) as store:
        new.enough = -1
        agent = await start(store, new.plugin())
        await taken_over(agent)
        assert new.asked == ["e", "d", "c", "b", "a"]
        assert await models_of(store) == {"new": 4}
        await agent.stop()


async def test_what_is_left_of_an_old_model_goes_at_the_next_start(store: Database) -> None:
    model = Model("new", 4)
    [memory] = await with_vectors(store, model, "a")
    await store.set_embedding(memory.id, [1.0, 2.0], model="old")
    await store.set_embedding(memory.id, [1.0, 2.0], model=GIVEN)
    agent = await start(store, model.plugin())
    while "old" in await models_of(store):
        await asyncio.sleep(0.001)
    assert await models_of(store) == {"new": 4, GIVEN: 2}
    assert model.asked == ["a"]
    await agent.stop()


async def test_back_to_the_old_model_nothing_is_made_anew(store: Database) -> None:
    old, new = Model("old", 3), Model("new", 4)
    await with_vectors(store, old, "a")
    new.enough = 1
    agent = await start(store, new.plugin())
    await new.stuck.wait()
    await agent.stop()
    agent = await start(store, old.plugin())
    await taken_over(agent)
    assert (await agent.embedding_status()).model == "old"
    assert old.asked == ["a"]
    await agent.stop()


async def test_the_same_name_with_another_length_is_another_model(store: Database) -> None:
    await with_vectors(store, Model("m", 3), "a")
    model = Model("m", 2)
    agent = await start(store, model.plugin())
    await taken_over(agent)
    assert await models_of(store) == {"m #2": 2}
    assert await agent.query_embedding("a") == (model.vector("a"), "m #2")
    await agent.stop()
    # And it stays the same one.
    agent = await start(store, model.plugin())
    await taken_over(agent)
    assert model.asked == ["a", "a"]
    await agent.stop()


async def test_a_length_that_changes_on_the_way_is_refused(store: Database) -> None:
    model = Model("m", 3)
    await with_vectors(store, model, "a")
    agent = await start(store, model.plugin())
    await taken_over(agent)
    told = Told(agent)
    model.length = 2
    memories = await remember(agent, "b", "c")
    for memory in memories:
        await agent.queue_embedding_generation(memory)
    await told.wait("FAILED", 2)
    assert await models_of(store) == {"m": 3}
    queue = (await agent.embedding_status()).queue
    assert (queue.waiting, queue.failed) == (0, 2)
    assert {id_ for id_, _ in queue.failures} == {memory.id for memory in memories}
    assert "an embedding of 2 numbers, where its others have 3" in queue.failures[0][1]
    assert await agent.query_embedding("a") is None
    await agent.stop()


async def test_one_that_is_refused_is_named_and_the_change_is_finished(store: Database) -> None:
    a, _, _ = await with_vectors(store, Model("old", 3), "a", "b", "c")
    new = Model("new", 4)
    new.poison = "a"
    agent = await start(store, new.plugin())
    await taken_over(agent)
    queue = (await agent.embedding_status()).queue
    assert (queue.waiting, queue.failed, queue.failures) == (0, 1, ((a.id, "a is refused"),))
    assert await models_of(store) == {"new": 4}
    # In its batch, alone after that, and twice more.
    assert new.asked.count("a") == 4
    await agent.stop()


async def test_an_outage_uses_up_no_tries_of_a_change(store: Database) -> None:
    await with_vectors(store, Model("old", 3), "a", "b")
    new = Model("new", 4)
    new.faults = [ModelError("down", retryable=True, outage=True)] * 12
    agent = await start(store, new.plugin())
    await taken_over(agent)
    assert (await agent.embedding_status()).queue.failed == 0
    assert await models_of(store) == {"new": 4}
    await agent.stop()


async def test_many_texts_are_one_request(store: Database) -> None:
    model = Model("m", 3)
    agent = await start(store, model.plugin(), background=False)
    for memory in await remember(agent, "a", "b", "c"):
        await agent.queue_embedding_generation(memory)
    await agent.stop()
    agent = await start(store, model.plugin())
    told = Told(agent)
    await told.wait("COMPLETED", 3)
    assert [sorted(texts) for texts in model.requests] == [["a", "b", "c"]]
    await agent.stop()


async def test_a_provider_that_refuses_many_texts_is_asked_one_by_one(store: Database) -> None:
    model = Model("m", 3)
    model.faults = [ModelError("input must be a string")]
    agent = await start(store, model.plugin(), background=False)
    for memory in await remember(agent, "a", "b"):
        await agent.queue_embedding_generation(memory)
    await agent.stop()
    agent = await start(store, model.plugin())
    told = Told(agent)
    await told.wait("COMPLETED", 2)
    assert sorted(map(len, model.requests)) == [1, 1, 2]
    await agent.stop()


async def test_what_is_learned_gets_vectors_without_being_asked_for(store: Database) -> None:
    model = Model("m", 3)
    agent = await start(store, model.plugin(), background=False)
    for kind in (MemoryType.FACT, MemoryType.FRAGMENT, MemoryType.MESSAGE, MemoryType.CUSTOM):
        await agent.create_memory(message(kind.value).model_copy(update={"type": kind}))
    await agent.create_memory(message(" ").model_copy(update={"type": MemoryType.FACT}))
    await agent.stop()
    agent = await start(store, model.plugin())
    told = Told(agent)
    await told.wait("COMPLETED", 2)
    assert sorted(model.asked) == ["fact", "fragment"]
    await agent.stop()


async def test_a_job_of_a_text_that_became_empty_ends(store: Database) -> None:
    model = Model("m", 3)
    agent = await start(store, model.plugin(), background=False)
    [memory, other] = await remember(agent, "a", "b")
    for each in (memory, other):
        await agent.queue_embedding_generation(each)
    await agent.update_memory({"id": memory.id, "content": {"text": ""}})
    await agent.stop()
    agent = await start(store, model.plugin())
    await Told(agent).wait("COMPLETED", 1)
    assert (await agent.embedding_status()).queue.waiting == 0
    assert model.asked == ["b"]
    await agent.stop()


async def used_today(store: Database, agent_id: UUID) -> tuple[int, float]:
    use = await store.get_use(agent_id, ADA, ROOM, utc_now(), ())
    return use.tokens, use.cost


async def test_what_it_costs_is_counted_and_half_a_day_is_left_for_people(store: Database) -> None:
    await with_vectors(store, Model("old", 3), "a", "b", "c")
    assert await used_today(store, ELIZA.agent_id) == (30, 0.75)
    new = Model("new", 4)
    limits = Limits(tokens_per_day=60)
    agent = await start(store, new.plugin(), limits=limits)
    while not agent._embeddings._rest_until:
        await asyncio.sleep(0.001)
    # Only its name was asked for: 40 of 60 tokens are gone.
    assert (new.asked, len(new.requests)) == ([], 1)
    assert await used_today(store, ELIZA.agent_id) == (40, 1.0)
    assert (await agent.embedding_status()).next_model == "new"
    # What is new is not held up.
    [memory] = await remember(agent, "fresh")
    told = Told(agent)
    await agent.queue_embedding_generation(memory)
    await told.wait_of(memory)
    await agent.stop()


async def test_what_refuses_any_text_uses_up_nobodys_tries(store: Database) -> None:
    """A wrong key, or a model that is not there: with the right one, all get their vectors."""
    model = Model("m", 3)
    model.faults = [ModelError("the key is refused")] * 100
    agent = await start(store, model.plugin())
    memories = await remember(agent, "a", "b")
    for memory in memories:
        await agent.queue_embedding_generation(memory)
    while not (status := await agent.embedding_status()).error:
        await asyncio.sleep(0.001)
    assert (status.error, status.queue.waiting, status.queue.failed) == ("the key is refused", 2, 0)
    await agent.stop()
    model.faults.clear()
    agent = await start(store, model.plugin())
    told = Told(agent)
    while (await agent.embedding_status()).queue.waiting:
        await asyncio.sleep(0.001)
    assert await models_of(store) == {"m": 3}
    assert told.of("FAILED") == []
    await agent.stop()


async def test_another_provider_never_stands_in(store: Database) -> None:
    first, second = Model("first", 3), Model("second", 4)
    first.poison = "a"
    agent = await start(store, first.plugin("f", 10), second.plugin("s"))
    [memory] = await remember(agent, "a")
    told = Told(agent)
    await agent.queue_embedding_generation(memory)
    await told.wait("FAILED", 1)
    assert second.requests == []
    await agent.stop()
    agent = await start(
        store, first.plugin("f", 10), second.plugin("s"), settings={"EMBEDDING_PROVIDER": "s"}
    )
    told = Told(agent)
    await agent.queue_embedding_generation(memory)
    await told.wait_of(memory)
    assert await models_of(store) == {"second": 4}
    assert (await agent.embedding_status()).provider == "s"
    await agent.stop()


async def test_a_vector_made_for_somebody_is_kept_by_its_model(store: Database) -> None:
    agent = await start(store, Model("m", 3).plugin(), background=False)
    made = await agent.add_embedding_to_memory(message("a"))
    await agent.create_memory(made)
    await agent.create_memory(message("b").model_copy(update={"embedding": [1.0, 2.0]}))
    await agent.create_memory(message("c").model_copy(update={"embedding": [1.0, 2.0, 3.0, 4.0]}))
    assert await models_of(store) == {"m": 3, f"{GIVEN} #2": 2, f"{GIVEN} #4": 4}
    await agent.stop()


# -- what a turn looks for ------------------------------------------------------------------------------


async def test_one_call_for_all_that_ask_the_same(store: Database) -> None:
    model = Model("m", 3)
    await with_vectors(store, model, "a")
    agent = await start(store, model.plugin(), background=False)
    model.requests.clear()
    answers = await asyncio.gather(*(agent.query_embedding("what?") for _ in range(3)))
    assert answers == [(model.vector("what?"), "m")] * 3
    assert await agent.query_embedding(" what? ") == answers[0]
    assert model.requests == [["what?"]]
    assert await agent.query_embedding(" ") is None
    await agent.stop()


async def test_without_vectors_nobody_is_asked(store: Database) -> None:
    model = Model("m", 3)
    agent = await start(store, model.plugin(), background=False)
    assert await agent.query_embedding("a") is None
    assert model.requests == []
    await agent.stop()
    agent = await start(store, background=False)
    assert await agent.query_embedding("a") is None
    await agent.stop()


async def test_a_model_that_is_silent_or_down_holds_up_no_turn(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Model("m", 3)
    await with_vectors(store, model, "a")
    monkeypatch.setattr(calls_module, "QUERY_S", 0.01)
    agent = await start(store, model.plugin(), background=False)
    model.requests.clear()
    model.enough = 0
    assert await agent.query_embedding("b") is None
    assert model.stuck.is_set()
    model.enough = -1
    # It is left alone for a while.
    assert await agent.query_embedding("c") is None
    assert model.requests == []
    # A text that it refuses closes nothing.
    agent._embeddings.calls.forget()
    model.poison = "d"
    assert await agent.query_embedding("d") is None
    assert await agent.query_embedding("e") == (model.vector("e"), "m")
    await agent.stop()


async def test_where_the_old_model_is_gone_the_new_ones_vectors_are_searched(store: Database) -> None:
    await with_vectors(store, Model("old", 3), "a", "b")
    new = Model("new", 4)
    new.enough = 1
    agent = await start(store, new.plugin())
    await new.stuck.wait()
    new.enough = -1
    for _ in range(2):
        assert await agent.query_embedding("a") == (new.vector("a"), "new")
    assert agent._embeddings.vectors.current == VectorModel(name="old", dimensions=3, provider="p")
    await agent.stop()
