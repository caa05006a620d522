"""Memories beyond the message path: lists, changes, deletes, embeddings and their queue."""

from datetime import timedelta
from typing import Any

import pytest

from bot_host.store import Database
from bot_host.types.character import Character
from bot_host.types.content import Content
from bot_host.types.errors import StateError, StoreError
from bot_host.types.ids import new_id
from bot_host.types.knowledge import Audience
from bot_host.types.memory import Memory, MemoryType
from tests.store.samples import ACCOUNT, AGENT, NOON, make_admission, make_id, make_room

ROOM, LOUNGE = make_id("room"), make_id("lounge")
BEN, ZOE = make_id("ben"), make_id("zoe")
OTHER = Character(name="Bob")


def make_memory(text: str = "x", *, minutes: float = 0.0, **more: Any) -> Memory:
    fields: dict[str, Any] = {"agent_id": AGENT, "entity_id": BEN, "room_id": ROOM, **more}
    return Memory(content=Content(text=text), created_at=NOON + timedelta(minutes=minutes), **fields)


async def keep(store: Database, text: str = "x", **more: Any) -> Memory:
    memory = make_memory(text, **more)
    assert await store.create_memory(memory)
    return memory


def texts(found: list[Memory]) -> list[str]:
    return [memory.content.text for memory in found]


@pytest.fixture(autouse=True)
async def rooms(store: Database) -> None:
    """Two rooms with two people; their first messages are an hour and more before all others."""
    await store.admit(
        [
            make_admission("m0", "first", minutes=-90),
            make_admission("m1", "second", room="lounge", person="zoe", minutes=-60),
        ]
    )


class TestLists:
    async def test_each_filter_holds_and_the_newest_come_first(self, store: Database) -> None:
        await keep(store, "a", minutes=1, world_id=make_id("guild"))
        await keep(store, "b", minutes=2, entity_id=ZOE, room_id=LOUNGE)
        await keep(store, "f", minutes=3, type=MemoryType.FACT, unique=False)

        async def listed(**how: Any) -> list[str]:
            return texts(await store.list_memories(AGENT, **how))

        assert await listed() == ["f", "b", "a", "second", "first"]
        assert await listed(count=2, offset=1) == ["b", "a"]
        assert await listed(count=0) == []
        assert await listed(type=MemoryType.MESSAGE) == ["b", "a", "second", "first"]
        assert await listed(type=MemoryType.FACT) == ["f"]
        assert await listed(type=MemoryType.FACT, entity_id=BEN) == ["f"]
        assert await listed(type=MemoryType.FACT, entity_id=ZOE) == []
        assert await listed(type=MemoryType.FACT, room_id=ROOM) == ["f"]
        assert await listed(room_id=LOUNGE) == ["b", "second"]
        assert await listed(room_ids=[ROOM, LOUNGE], entity_id=ZOE) == ["b", "second"]
        assert await listed(room_ids=[]) == []
        assert await listed(world_id=make_id("guild")) == ["a", "second", "first"]
        assert await listed(start=NOON + timedelta(minutes=2)) == ["f", "b"]
        assert await listed(end=NOON + timedelta(minutes=1), room_id=ROOM) == ["a", "first"]
        assert await listed(unique=True, room_id=ROOM) == ["a", "first"]

    async def test_no_agent_sees_anothers(self, store: Database) -> None:
        await store.ensure_agent(OTHER.agent_id, OTHER)
        await keep(store, "a", type=MemoryType.FACT)
        assert await store.list_memories(OTHER.agent_id) == []
        assert await store.list_memories(OTHER.agent_id, room_id=ROOM) == []
        assert await store.list_memories(OTHER.agent_id, type=MemoryType.FACT, entity_id=BEN) == []

    async def test_by_ids_they_come_as_asked(self, store: Database) -> None:
        one, two = await keep(store, "1"), await keep(store, "2")
        asked = [two.id.upper(), new_id(), one.id, two.id]
        assert texts(await store.get_memories_by_ids(asked)) == ["2", "1"]
        assert await store.get_memories_by_ids([]) == []

    async def test_counts(self, store: Database) -> None:
        await keep(store, type=MemoryType.FACT)
        assert await store.count_memories(ROOM) == 2
        assert await store.count_memories(ROOM, MemoryType.FACT) == 1
        assert await store.count_memories(new_id()) == 0


class TestKnowledge:
    async def test_what_a_fact_knows_of_itself_comes_back(self, store: Database) -> None:
        fact = await keep(
            store,
            "Ben likes tea",
            type=MemoryType.FACT,
            source_memory_id=make_id("memory m0"),
            confidence=0.75,
            audience=Audience.WORLD,
            unique=False,
        )
        assert await store.find_memory(fact.id) == fact

    async def test_a_fact_needs_its_source(self, store: Database) -> None:
        with pytest.raises(StoreError, match="does not know"):
            await store.create_memory(make_memory(type=MemoryType.FACT, source_memory_id=new_id()))

    async def test_what_was_derived_goes_with_its_source(self, store: Database) -> None:
        fact = await keep(store, "f", type=MemoryType.FACT, source_memory_id=make_id("memory m0"))
        summary = await keep(store, "s", type=MemoryType.CUSTOM, source_memory_id=fact.id)
        other = await keep(store, "o", type=MemoryType.FACT)
        assert await store.delete_memories([make_id("memory m0"), fact.id, new_id()]) == 2
        assert await store.get_memories_by_ids([fact.id, summary.id]) == []
        assert await store.find_memory(other.id) == other

    async def test_so_does_it_with_a_message_that_is_deleted_on_its_platform(self, store: Database) -> None:
        fact = await keep(store, "f", type=MemoryType.FACT, source_memory_id=make_id("memory m0"))
        assert (await store.apply_delete(ACCOUNT, ["room/m0"], None)).count == 1
        assert await store.find_memory(fact.id) is None

    async def test_a_rooms_memories_go_by_type_or_all(self, store: Database) -> None:
        await keep(store, "f", type=MemoryType.FACT)
        assert await store.delete_all_memories(ROOM, MemoryType.FACT) == 1
        assert texts(await store.list_memories(AGENT, room_id=ROOM)) == ["first"]
        assert await store.delete_all_memories(ROOM) == 1
        assert await store.delete_all_memories(ROOM) == 0
        assert texts(await store.list_memories(AGENT)) == ["second"]

    async def test_an_update_replaces_just_what_is_given(self, store: Database) -> None:
        fact = await keep(store, "old", type=MemoryType.FACT, metadata={"a": 1}, confidence=0.5)
        assert await store.update_memory(fact.id, confidence=0.9)
        assert await store.find_memory(fact.id) == fact.model_copy(update={"confidence": 0.9})
        assert await store.update_memory(fact.id, content=Content(text="new"), metadata={"b": 2})
        changed = fact.model_copy(
            update={"content": Content(text="new"), "metadata": {"b": 2}, "confidence": 0.9}
        )
        assert await store.find_memory(fact.id) == changed
        assert not await store.update_memory(new_id(), confidence=1.0)


class TestEmbeddings:
    async def search(self, store: Database, *vector: float) -> list[str]:
        return texts(await store.search_memories_by_embedding(AGENT, vector))

    async def test_a_changed_text_loses_its_vector(self, store: Database) -> None:
        memory = await keep(store, "old")
        await store.set_embedding(memory.id, [1.0, 0.0], model="m")
        await store.update_memory(memory.id, metadata={"x": 1})
        await store.update_memory(memory.id, content=Content(text="old", actions=["REPLY"]))
        assert await self.search(store, 1.0, 0.0) == ["old"]
        await store.update_memory(memory.id, content=Content(text="new"))
        assert await self.search(store, 1.0, 0.0) == []

    async def test_so_does_one_edited_on_its_platform(self, store: Database) -> None:
        await store.set_embedding(make_id("memory m0"), [1.0, 0.0], model="m")
        assert await self.search(store, 1.0, 0.0) == ["first"]
        await store.apply_edit(ACCOUNT, "room/m0", Content(text="edited"), NOON, None)
        assert await self.search(store, 1.0, 0.0) == []

    async def test_a_vector_is_set_anew(self, store: Database) -> None:
        memory = await keep(store, "a")
        assert await store.set_embedding(memory.id, [1.0, 0.0], model="m")
        assert await store.set_embedding(memory.id, [0.0, 1.0], model="m")
        (found,) = await store.search_memories_by_embedding(AGENT, [0.0, 1.0], threshold=-1.0)
        assert found.similarity == 1.0
        assert not await store.set_embedding(new_id(), [1.0, 0.0], model="m")

    async def test_vectors_of_several_models_stand_side_by_side(self, store: Database) -> None:
        memory, other = await keep(store, "a"), await keep(store, "b")
        assert await store.embedding_models(AGENT) == {}
        await store.set_embedding(memory.id, [1.0, 0.0], model="old")
        await store.set_embedding(memory.id, [0.0, 1.0, 0.0], model="new")
        await store.set_embedding(other.id, [1.0, 0.0], model="old")
        assert await store.embedding_models(AGENT) == {"old": 2, "new": 3}
        assert set(await self.search(store, 1.0, 0.0)) == {"a", "b"}
        assert await self.search(store, 0.0, 1.0, 0.0) == ["a"]
        assert await store.drop_embeddings(AGENT, "old", count=1) == 1
        assert await self.search(store, 1.0, 0.0) == ["b"]
        assert await store.drop_embeddings(AGENT, "old", count=2) == 1
        assert await store.embedding_models(AGENT) == {"new": 3}
        assert await self.search(store, 0.0, 1.0, 0.0) == ["a"]
        await store.set_embedding(other.id, [1.0], model="old")
        assert await store.embedding_models(AGENT) == {"old": 1, "new": 3}

    async def test_an_agents_vectors_of_a_model_are_of_one_length(self, store: Database) -> None:
        memory, other = await keep(store, "a"), await keep(store, "b")
        await store.set_embedding(memory.id, [1.0, 0.0], model="m")
        with pytest.raises(StateError, match=r"model m with 3 dimensions .* kept of it, which have 2"):
            await store.set_embedding(other.id, [1.0, 0.0, 0.0], model="m")
        assert await self.search(store, 1.0, 0.0) == ["a"]
        assert await self.search(store, 1.0, 0.0, 0.0) == []
        await store.ensure_agent(OTHER.agent_id, OTHER)
        assert await store.drop_embeddings(OTHER.agent_id, "m") == 0
        assert await self.search(store, 1.0, 0.0) == ["a"]

    @pytest.mark.parametrize("vector", [[], [float("nan")], [1.0, float("inf")]])
    async def test_a_useless_vector_is_refused(self, store: Database, vector: list[float]) -> None:
        memory = await keep(store, "a")
        with pytest.raises(StoreError, match="empty, or has numbers that are not finite"):
            await store.set_embedding(memory.id, vector, model="m")
        with pytest.raises(StoreError, match="empty, or has numbers that are not finite"):
            await store.search_memories_by_embedding(AGENT, vector)

    async def test_the_queue_goes_by_priority_then_age(self, store: Database) -> None:
        low, first, second, high = [await keep(store, name) for name in ("low", "first", "second", "high")]
        await store.queue_embedding(low.id, priority=1)
        await store.queue_embedding(first.id, priority=5)
        await store.queue_embedding(second.id, priority=5)
        await store.queue_embedding(high.id, priority=2)
        await store.queue_embedding(high.id, priority=9)
        await store.queue_embedding(high.id, priority=3)
        await store.queue_embedding(new_id(), priority=9)
        assert texts(await store.next_embedding_jobs(AGENT, 9)) == ["high", "first", "second", "low"]
        assert texts(await store.next_embedding_jobs(AGENT, 2)) == ["high", "first"]
        assert await store.next_embedding_jobs(OTHER.agent_id, 9) == []
        await store.set_embedding(high.id, [1.0], model="m")
        await store.delete_memories([first.id])
        assert texts(await store.next_embedding_jobs(AGENT, 9)) == ["second", "low"]

    async def test_a_job_is_given_up_after_three_failures_until_it_is_queued_anew(
        self, store: Database
    ) -> None:
        memory = await keep(store, "a")
        await store.queue_embedding(memory.id, priority=1)
        assert [await store.fail_embedding_job(memory.id, "no") for _ in range(2)] == [1, 2]
        await store.queue_embedding(memory.id, priority=1)
        assert texts(await store.next_embedding_jobs(AGENT, 9)) == ["a"]
        assert await store.fail_embedding_job(memory.id, "no") == 3
        assert await store.next_embedding_jobs(AGENT, 9) == []
        await store.queue_embedding(memory.id, priority=1)
        assert texts(await store.next_embedding_jobs(AGENT, 9)) == ["a"]
        assert await store.fail_embedding_job(memory.id, "no") == 1
        assert await store.fail_embedding_job(new_id(), "no") == 0

    async def test_a_new_text_is_worth_another_try(self, store: Database) -> None:
        memory = await keep(store, "a")
        await store.queue_embedding(memory.id, priority=1)
        for _ in range(3):
            await store.fail_embedding_job(memory.id, "too long")
        await store.update_memory(memory.id, content=Content(text="b"))
        assert texts(await store.next_embedding_jobs(AGENT, 9)) == ["b"]


async def test_a_rooms_own_memories_go_with_it_but_its_messages_stay_known(store: Database) -> None:
    await keep(store, "f", type=MemoryType.FACT)
    assert await store.delete_room(ROOM)
    assert not await store.delete_room(ROOM)
    assert texts(await store.list_memories(AGENT)) == ["second"]
    assert await store.find_room(ROOM) is None
    assert await store.pending_rooms(9) == [(AGENT, LOUNGE)]
    (again,) = await store.admit([make_admission("m0", "first")])
    assert again.duplicate
    await store.apply_places(ACCOUNT, [], [make_room()], [], None)
    assert await store.recover() == [(AGENT, LOUNGE)]
