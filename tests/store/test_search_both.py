"""Searches by words and meaning at once, and what they are narrowed to."""

from datetime import timedelta
from typing import Any

import pytest

from bot_host.store import Database, search
from bot_host.types.character import Character
from bot_host.types.content import Content
from bot_host.types.errors import StateError
from bot_host.types.hearing import Hearing
from bot_host.types.knowledge import Audience
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.search import SearchHit
from tests.store.samples import AGENT, NOON, make_id, make_person, make_room, make_world

HERE, THERE, DM = make_id("here"), make_id("there"), make_id("dm")
GUILD, PRIVATE = make_id("guild"), make_id("private")
BEN, ZOE = make_id("ben"), make_id("zoe")
OTHER = Character(name="Bob")


@pytest.fixture(autouse=True)
async def places(store: Database) -> None:
    await store.apply_places(
        "discord:1",
        worlds=[make_world("guild"), make_world("private")],
        rooms=[
            make_room("here", open=True),
            make_room("there", open=False),
            make_room("dm", world_id=PRIVATE),
        ],
        people=[make_person("ben"), make_person("zoe")],
        mark=None,
    )


async def keep(
    store: Database, text: str, vector: list[float] | None = None, *, model: str = "m", **more: Any
) -> Memory:
    fields: dict[str, Any] = {
        "agent_id": AGENT,
        "entity_id": BEN,
        "room_id": HERE,
        "world_id": GUILD,
        "created_at": NOON,
        **more,
    }
    memory = Memory(content=Content(text=text), **fields)
    assert await store.create_memory(memory)
    if vector:
        await store.set_embedding(memory.id, vector, model=model)
    return memory


def texts(hits: list[SearchHit]) -> list[str]:
    return [hit.memory.content.text for hit in hits]


async def find(store: Database, **how: Any) -> list[str]:
    return texts(await store.search_memories(AGENT, **how))


class TestBoth:
    async def test_what_both_lists_have_comes_first(self, store: Database) -> None:
        await keep(store, "tea", [0.0, 1.0])
        await keep(store, "tea with milk and sugar and more", [0.8, 0.6])
        await keep(store, "coffee", [1.0, 0.0])
        await keep(store, "water", [-1.0, 0.0])
        hits = await store.search_memories(AGENT, text="tea", embedding=[1.0, 0.0], threshold=0.5)
        assert texts(hits) == ["tea with milk and sugar and more", "coffee", "tea"]
        both, by_vector, by_text = hits
        k = search.RRF_K
        assert both.score == 1 / (k + 2) + 1 / (k + 2)
        assert (both.text_rank, both.vector_rank) == (2, 2)
        assert by_vector.score == by_text.score == 1 / (k + 1)
        assert (by_vector.text_rank, by_vector.vector_rank) == (None, 1)
        assert (by_text.text_rank, by_text.vector_rank) == (1, None)
        assert both.memory.similarity == both.vector_similarity == pytest.approx(0.8)
        assert by_text.memory.similarity == by_text.text_similarity == 1.0
        assert by_vector.text_similarity is by_text.vector_similarity is None

    async def test_a_hit_needs_no_word_of_the_question(self, store: Database) -> None:
        """elizaOS drops what has none (2.13-03)."""
        await keep(store, "mein Hund heißt Rex", [1.0, 0.1])
        assert await find(store, text="what is my dog called", embedding=[1.0, 0.0]) == [
            "mein Hund heißt Rex"
        ]

    async def test_one_of_them_alone_is_that_list(self, store: Database) -> None:
        await keep(store, "tea", [0.0, 1.0])
        await keep(store, "coffee", [1.0, 0.0])
        assert await find(store, text="tea") == ["tea"]
        assert await find(store, embedding=[1.0, 0.0], threshold=0.5) == ["coffee"]
        assert await find(store) == []
        assert await find(store, text="tea", embedding=[1.0, 0.0], count=0) == []

    async def test_words_find_what_has_no_vector_yet(self, store: Database) -> None:
        await keep(store, "tea")
        assert await find(store, text="tea", embedding=[1.0, 0.0]) == ["tea"]

    async def test_those_to_be_left_out_take_nobodys_place(self, store: Database) -> None:
        for i in range(60):
            await keep(store, f"tea {i}", [0.6, 0.8])
        hits = await store.search_memories(AGENT, text="tea", embedding=[0.6, 0.8], count=60)
        known = {hit.memory.content.text: hit.memory.id for hit in hits}
        left = {known[f"tea {i}"] for i in range(2, 60)}
        for how in ({"text": "tea"}, {"embedding": [0.6, 0.8]}, {"text": "tea", "embedding": [0.6, 0.8]}):
            assert sorted(await find(store, **how, count=3, without=left)) == ["tea 0", "tea 1"]
            assert len(await find(store, **how, count=3, without=[known["tea 0"]])) == 3
        assert await find(store, text="tea", count=0, without=left) == []

    async def test_equal_ones_come_newest_first(self, store: Database) -> None:
        for i in range(60):
            await keep(store, f"said {i}", [0.6, 0.8])
        assert await find(store, embedding=[0.6, 0.8], count=3) == ["said 59", "said 58", "said 57"]


class TestModels:
    async def test_the_model_that_is_named_is_the_one_that_is_asked(self, store: Database) -> None:
        memory = await keep(store, "a", [1.0, 0.0], model="old")
        await store.set_embedding(memory.id, [0.0, 1.0], model="new")
        (hit,) = await store.search_memories(AGENT, embedding=[1.0, 0.0], model="new")
        assert hit.vector_similarity == 0.0
        (hit,) = await store.search_memories(AGENT, embedding=[1.0, 0.0], model="old")
        assert hit.vector_similarity == 1.0
        (hit,) = await store.search_memories(AGENT, embedding=[1.0, 0.0])
        assert hit.vector_similarity == 1.0
        assert await find(store, embedding=[1.0, 0.0], model="unheard of") == []

    async def test_a_vector_of_another_length_is_refused_with_both_named(self, store: Database) -> None:
        await keep(store, "a", [1.0, 0.0])
        with pytest.raises(StateError, match=r"model m with 3 dimensions .* which have 2"):
            await store.search_memories(AGENT, embedding=[1.0, 0.0, 0.0], model="m")
        assert await find(store, embedding=[1.0, 0.0, 0.0]) == []


@pytest.mark.parametrize("how", [{"text": "tea"}, {"embedding": [1.0, 0.0]}, {"text": "茶"}])
class TestFilters:
    async def test_each_holds_before_anything_is_ranked(self, store: Database, how: dict[str, Any]) -> None:
        later = NOON + timedelta(hours=1)
        for _ in range(60):
            await keep(store, "tea 茶", [1.0, 0.0])
        text = "tea 茶 with more words than the others have"
        await keep(store, text, [0.8, 0.6], room_id=THERE, entity_id=ZOE, type=MemoryType.FACT)
        await keep(store, text, [0.8, 0.6], room_id=DM, world_id=PRIVATE, created_at=later)
        there = {"room_id": THERE}
        for narrowed in (
            there,
            {"entity_ids": [ZOE, DM]},
            {"types": [MemoryType.FACT, MemoryType.DOCUMENT]},
            {"types": [MemoryType.FACT], "entity_ids": [ZOE], "end": NOON, **there},
            {"world_id": PRIVATE},
            {"start": later},
        ):
            assert await find(store, **how, **narrowed) == [text], narrowed
        assert await find(store, **how, types=[MemoryType.DOCUMENT]) == []
        assert await find(store, **how, room_id=THERE, types=[MemoryType.MESSAGE]) == []
        assert len(await find(store, **how, end=NOON, types=list(MemoryType), count=100)) == 61

    async def test_no_agent_finds_anothers(self, store: Database, how: dict[str, Any]) -> None:
        await store.ensure_agent(OTHER.agent_id, OTHER)
        await keep(store, "tea 茶", [1.0, 0.0])
        assert await store.search_memories(OTHER.agent_id, **how) == []

    async def test_what_may_not_be_heard_is_never_found_and_hides_nothing(
        self, store: Database, how: dict[str, Any]
    ) -> None:
        """The best hits are all secret; those that are allowed come all the same, as many as asked for."""
        for i in range(60):
            await keep(store, "tea 茶", [1.0, 0.0], room_id=DM, world_id=PRIVATE)
            await keep(
                store,
                "tea 茶",
                [1.0, 0.0],
                type=MemoryType.FACT,
                audience=(Audience.ENTITY, Audience.ROOM)[i % 2],
                room_id=THERE,
            )
        for i in range(5):
            await keep(store, f"allowed {i}: tea 茶 among many further words", [0.6, 0.8])
        hearing = Hearing(room_ids=(make_id("elsewhere"),), world_id=GUILD)
        found = await find(store, **how, hearing=hearing, count=5)
        assert sorted(found) == [f"allowed {i}: tea 茶 among many further words" for i in range(5)]
        assert len(await find(store, **how, hearing=hearing, count=100)) == 5
        in_private = Hearing(room_ids=(DM,), persons=(BEN,))
        assert len(await find(store, **how, hearing=in_private, count=200)) == 120
        nowhere = Hearing(room_ids=(make_id("elsewhere"),))
        assert await find(store, **how, hearing=nowhere) == []
