"""Searches by text and by embedding, and the index that follows every change."""

import random
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_host.store import Database, nearest
from bot_host.store.words import WORDS_LIMIT, words_of
from bot_host.types.character import Character
from bot_host.types.content import Content
from bot_host.types.memory import Memory, MemoryType
from tests.store.samples import ACCOUNT, AGENT, NOON, make_admission, make_id

ROOM, BEN = make_id("room"), make_id("ben")
OTHER = Character(name="Bob")


@pytest.fixture(autouse=True)
async def room(store: Database) -> None:
    await store.admit([make_admission("m0", "")])


async def keep(store: Database, *said: str, **more: Any) -> list[Memory]:
    fields: dict[str, Any] = {"agent_id": AGENT, "entity_id": BEN, "room_id": ROOM, **more}
    kept = [
        Memory(content=Content(text=text), created_at=NOON + timedelta(minutes=i), **fields)
        for i, text in enumerate(said)
    ]
    for memory in kept:
        assert await store.create_memory(memory)
    return kept


async def find(store: Database, query: str, **how: Any) -> list[str]:
    return [memory.content.text for memory in await store.search_memories_by_text(AGENT, query, **how)]


class TestText:
    async def test_the_better_the_match_the_earlier(self, store: Database) -> None:
        await keep(store, "a dog", "the cat sat on a mat", "a cat and a dog", "dogs and more", "a bird")
        found = await store.search_memories_by_text(AGENT, "cat dog")
        assert found[0].content.text == "a cat and a dog"
        assert {memory.content.text for memory in found} == {
            "a dog",
            "a cat and a dog",
            "the cat sat on a mat",
        }
        likeness = [memory.similarity or 0.0 for memory in found]
        assert likeness[0] == 1.0
        assert likeness == sorted(likeness, reverse=True)
        assert all(0.0 < value <= 1.0 for value in likeness)
        assert len(await find(store, "cat dog", count=1)) == 1
        assert await find(store, "cat", count=0) == []

    async def test_case_and_accents_do_not_matter(self, store: Database) -> None:
        await keep(store, "Café in München", "ÉCOLE")
        assert await find(store, "cafe munchen") == ["Café in München"]
        assert await find(store, "école") == ["ÉCOLE"]

    @pytest.mark.parametrize(
        ("query", "said"),
        [
            ('it"s', 'it"s here'),
            ("it's", "it's here"),
            ("AND", "this and that"),
            ("NEAR(tea 2)", "tea"),
            ("text:tea*", "text about tea"),
            ("c++ -rust", "c is old"),
            ("^tea", "tea"),
            ("tea 🙂", "tea"),
            ("100%", "at 100 degrees"),
        ],
    )
    async def test_operators_are_words_like_any_other(self, store: Database, query: str, said: str) -> None:
        await keep(store, said, "nothing of that")
        assert await find(store, query) == [said]

    @pytest.mark.parametrize(
        ("query", "said"),
        [
            ("東京", "私は東京に住んでいます"),
            ("東京 タワー", "東京タワーへ行きました"),
            ("我喜欢北京", "北京很大"),
            ("ข้าว", "ฉันกินข้าวแล้ว"),
            ("🍵", "a cup of 🍵 please"),
            ("?!", "what?!"),
            ("_%\\", "a 5_%\\ sign"),
            ("🙂", "🙂"),
        ],
    )
    async def test_where_there_are_no_words_pieces_are_found(
        self, store: Database, query: str, said: str
    ) -> None:
        await keep(store, said, "nothing of that, 5 x", "何もない")
        assert await find(store, query) == [said]

    async def test_of_pieces_more_are_better_then_the_newest(self, store: Database) -> None:
        await keep(store, "東京", "東京タワー", "京都", "東京も")
        found = await store.search_memories_by_text(AGENT, "東京タワー")
        assert [memory.content.text for memory in found] == ["東京タワー", "東京も", "東京"]
        assert [memory.similarity for memory in found] == [1.0, 0.25, 0.25]

    @pytest.mark.parametrize("query", ["", "   ", "\x00", "\ud800"])
    async def test_nothing_is_found_by_nothing(self, store: Database, query: str) -> None:
        await keep(store, "something")
        assert await find(store, query) == []

    async def test_each_filter_holds(self, store: Database) -> None:
        await store.admit([make_admission("m1", "tea", room="lounge", person="zoe")])
        await keep(store, "tea fact", type=MemoryType.FACT)
        await keep(store, "tea here")
        await store.update_memory(make_id("memory m1"), content=Content(text="茶 tea"))
        assert await find(store, "tea", type=MemoryType.FACT) == ["tea fact"]
        assert await find(store, "tea", entity_id=make_id("zoe")) == ["茶 tea"]
        assert await find(store, "tea", room_id=make_id("lounge")) == ["茶 tea"]
        assert await find(store, "tea", world_id=make_id("guild")) == ["茶 tea"]
        assert await find(store, "茶", room_id=ROOM) == []
        assert await find(store, "茶", room_id=make_id("lounge"), type=MemoryType.MESSAGE) == ["茶 tea"]

    async def test_no_agent_finds_anothers(self, store: Database) -> None:
        await store.ensure_agent(OTHER.agent_id, OTHER)
        await keep(store, "tea", "茶")
        assert await store.search_memories_by_text(OTHER.agent_id, "tea") == []
        assert await store.search_memories_by_text(OTHER.agent_id, "茶") == []

    async def test_a_pasted_book_is_a_query_too(self, store: Database) -> None:
        await keep(store, "word3 is here")
        book = " ".join(f"word{i}" for i in range(50_000))
        assert await find(store, book) == ["word3 is here"]
        assert await find(store, "a" * 100_000) == []
        assert await find(store, "東" * 100_000) == []

    async def test_any_text_is_a_valid_query(self, store: Database) -> None:
        pieces = [
            '"',
            "'",
            "*",
            "^",
            "(",
            ")",
            "-",
            "+",
            ":",
            "AND",
            "OR",
            "NOT",
            "NEAR",
            "{",
            "}",
            ",",
            ".",
            "\\",
        ]
        pieces += ["tea", "%", "_", "東京", "🙂", "\x00", "\ud800", "\u202e", "e\u0301", "²", "𝕳", "ꟹ", " "]
        chance = random.Random(7)
        await keep(store, "tea 東京 🙂")
        for _ in range(300):
            query = "".join(chance.choices([*pieces, " ", " "], k=chance.randint(1, 9)))
            await find(store, query)


@given(st.text())
def test_words_are_bounded_and_quoted(query: str) -> None:
    words = words_of(query)
    assert len(words.whole) <= WORDS_LIMIT >= len(words.pieces)
    assert not (words.whole and words.pieces)
    assert words.match.count('"') % 2 == 0
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE w USING fts5(text)")
    db.execute("SELECT * FROM w WHERE w MATCH ?", (words.match or '""',)).fetchall()
    db.close()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
class TestTheIndexFollows:
    """Whatever happens to memories, FTS5's own check finds the index equal to the texts.

    PostgreSQL keeps its index itself.
    """

    def check(self, file: Path) -> int:
        db = sqlite3.connect(file)
        try:
            db.execute("INSERT INTO memory_words (memory_words, rank) VALUES ('integrity-check', 1)")
            (indexed,) = db.execute("SELECT count(*) FROM memory_words_docsize").fetchone()
            (kept,) = db.execute("SELECT count(*) FROM memories").fetchone()
            assert indexed == kept
            return int(kept)
        finally:
            db.close()

    async def test_edits_deletes_cascades_and_rooms(self, store: Database, tmp_path: Path) -> None:
        file = tmp_path / "data" / "bot_host.db"
        source, *_ = await keep(store, "alpha", "beta", "gamma", "東京")
        await keep(store, "derived", type=MemoryType.FACT, source_memory_id=source.id)
        await store.admit([make_admission("m1", "lounging", room="lounge")])
        assert self.check(file) == 7
        await store.apply_edit(ACCOUNT, "lounge/m1", Content(text="edited"), NOON, None)
        await store.update_memory(source.id, content=Content(text="omega"))
        assert (await find(store, "lounging alpha"), await find(store, "omega")) == ([], ["omega"])
        self.check(file)
        await store.delete_memories([source.id])
        assert await find(store, "omega derived") == []
        assert self.check(file) == 5
        await store.delete_room(make_id("lounge"))
        assert await find(store, "edited") == []
        await store.erase_entity(BEN)
        assert self.check(file) == 0

    async def test_the_check_would_notice(self, store: Database, tmp_path: Path) -> None:
        await keep(store, "alpha")
        file = tmp_path / "data" / "bot_host.db"
        db = sqlite3.connect(file)
        db.execute("DROP TRIGGER memory_words_delete")
        db.execute("DELETE FROM memories WHERE content LIKE '%alpha%'")
        db.commit()
        db.close()
        with pytest.raises((sqlite3.DatabaseError, AssertionError)):
            self.check(file)


class TestEmbedding:
    async def test_the_nearest_come_first_with_their_cosine(self, store: Database) -> None:
        said = await keep(store, "same", "near", "far", "across", "longer")
        vectors = [[2.0, 0.0], [1.0, 1.0], [-3.0, 0.0], [0.0, 1.0], [1.0, 0.0, 0.0]]
        for memory, vector in zip(said, vectors, strict=True):
            await store.set_embedding(memory.id, vector, model=f"m{len(vector)}")

        async def near(**how: Any) -> list[tuple[str, float]]:
            found = await store.search_memories_by_embedding(AGENT, [5.0, 0.0], **how)
            return [(memory.content.text, round(memory.similarity or 0.0, 6)) for memory in found]

        assert await near() == [("same", 1.0), ("near", 0.707107), ("across", 0.0)]
        assert await near(threshold=0.5) == [("same", 1.0), ("near", 0.707107)]
        assert (await near(threshold=-1.0))[-1] == ("far", -1.0)
        assert await near(count=1) == [("same", 1.0)]
        assert await near(count=0) == []
        assert await store.search_memories_by_embedding(AGENT, [0.0, 0.0]) == []

    async def test_each_filter_holds_and_no_agent_finds_anothers(self, store: Database) -> None:
        await store.admit([make_admission("m1", "there", room="lounge", person="zoe")])
        await store.ensure_agent(OTHER.agent_id, OTHER)
        (fact,) = await keep(store, "fact", type=MemoryType.FACT)
        for memory_id in (fact.id, make_id("memory m1")):
            await store.set_embedding(memory_id, [1.0], model="m")

        async def near(agent_id: str = AGENT, **how: Any) -> set[str]:
            found = await store.search_memories_by_embedding(agent_id, [1.0], **how)
            return {memory.content.text for memory in found}

        assert await near() == {"fact", "there"}
        assert await near(type=MemoryType.FACT) == {"fact"}
        assert await near(type=MemoryType.MESSAGE) == {"there"}
        assert await near(room_id=ROOM) == {"fact"}
        assert await near(world_id=make_id("guild")) == {"there"}
        assert await near(entity_id=make_id("zoe")) == {"there"}
        assert await near(OTHER.agent_id) == set()

    async def test_the_scan_is_exact_over_many_chunks(
        self, store: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(nearest, "CHUNK", 7)
        chance = random.Random(1)
        said = await keep(store, *(f"text {i}" for i in range(35)))
        vectors = {memory.id: [chance.gauss(0, 1) for _ in range(8)] for memory in said}
        for memory_id, vector in vectors.items():
            await store.set_embedding(memory_id, vector, model="m")
        wanted = [chance.gauss(0, 1) for _ in range(8)]

        def cosine(a: list[float], b: list[float]) -> float:
            def dot(x: list[float], y: list[float]) -> float:
                return sum(p * q for p, q in zip(x, y, strict=True))

            return dot(a, b) / (dot(a, a) * dot(b, b)) ** 0.5

        best = sorted(vectors, key=lambda memory_id: -cosine(vectors[memory_id], wanted))[:5]
        found = await store.search_memories_by_embedding(AGENT, wanted, threshold=-1.0, count=5)
        assert [memory.id for memory in found] == best
        assert found[0].similarity == pytest.approx(cosine(vectors[best[0]], wanted), abs=1e-6)
