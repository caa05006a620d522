"""Memories, agents, runs, cache."""

import sqlite3
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from bot_host.store import Database, make_store
from bot_host.types.character import Character
from bot_host.types.content import Content, MentionContext, MentionType
from bot_host.types.errors import StoreError
from bot_host.types.ids import new_id
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.turn import TurnCommit
from tests.store.samples import AGENT, NOON, make_admission, make_id, make_run

ROOM = make_id("room")
ZALGO = "Z̷̢͖̏͝a̸͉͊l̶̰̈́g̵̨̛o̷̡̔ ̴̛͕h̵̬̐e̶͇̎ ̵̙͝c̷̩͝o̴̜͝m̵̬̏e̴̜͐s̷̰̕"
RIGHT_TO_LEFT = "\u202eשלום\u202c مرحبا \u200f🙂\U0001f469\u200d\U0001f680"


def make_memory(text: str = "x", *, minutes: float = 0.0, **more: Any) -> Memory:
    fields: dict[str, Any] = {"entity_id": make_id("ben"), "room_id": ROOM, **more}
    return Memory(
        agent_id=AGENT, content=Content(text=text), created_at=NOON + timedelta(minutes=minutes), **fields
    )


@pytest.fixture(autouse=True)
async def room(store: Database) -> None:
    """The room with its people; one message an hour before all others."""
    await store.admit([make_admission("m0", "first", minutes=-60)])


async def test_the_newest_memories_come_oldest_first(store: Database) -> None:
    texts = [(3, "c"), (1, "a"), (2, "b1"), (2, "b2"), (2, "b3")]
    for minutes, text in texts:
        assert await store.create_memory(make_memory(text, minutes=minutes))
    await store.create_memory(make_memory("a fact", minutes=9, type=MemoryType.FACT))

    async def texts_of(**how: Any) -> list[str]:
        return [memory.content.text for memory in await store.get_memories(ROOM, **how)]

    assert await texts_of() == ["first", "a", "b1", "b2", "b3", "c"]
    assert await texts_of(count=3) == ["b2", "b3", "c"]
    assert await texts_of(count=0) == []
    assert await texts_of(type=MemoryType.FACT) == ["a fact"]
    assert await texts_of(until=NOON + timedelta(minutes=2), count=2) == ["b2", "b3"]
    just_before = NOON + timedelta(minutes=2) - timedelta(microseconds=1)
    assert await texts_of(until=just_before) == ["first", "a"]
    assert await store.get_memories(new_id()) == []


async def test_a_known_id_is_not_written_again(store: Database) -> None:
    memory = make_memory("one")
    assert await store.create_memory(memory)
    assert not await store.create_memory(memory.model_copy(update={"content": Content(text="two")}))
    assert await store.find_memory(memory.id) == memory
    assert await store.find_memory(memory.id.upper()) == memory


@pytest.mark.parametrize("text", ["", ZALGO, RIGHT_TO_LEFT, "𝕳", "'; DROP TABLE x; --", "a" * 100_000])
async def test_any_text_comes_back_as_it_was(store: Database, text: str) -> None:
    memory = make_memory(text, metadata={text[:40] or "k": [text, {"deep": None}]})
    await store.create_memory(memory)
    assert await store.find_memory(memory.id) == memory


async def test_all_that_a_message_says_comes_back(store: Database) -> None:
    content = Content(
        text="t",
        thought="hm",
        actions=["REPLY"],
        in_reply_to=new_id(),
        mention_context=MentionContext(is_reply=True, mention_type=MentionType.REPLY),
    )
    content = Content.model_validate({**content.to_dict(), "unknown": {"kept": [1, 2.5]}})
    east = timezone(timedelta(hours=9))
    memory = make_memory(world_id=make_id("guild")).model_copy(
        update={"content": content, "revision": 3, "created_at": NOON.astimezone(east)}
    )
    await store.create_memory(memory)
    found = await store.find_memory(memory.id)
    assert found == memory
    assert found is not None
    assert found.created_at.utcoffset() == timedelta(0)


async def test_a_lone_surrogate_that_slipped_through_does_not_keep_a_message_out(store: Database) -> None:
    memory = make_memory("ok", metadata={"name": "bad\ud800end"})
    await store.create_memory(memory)
    found = await store.find_memory(memory.id)
    assert found is not None
    assert found.metadata == {"name": "bad\ufffdend"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"created_at": datetime(2026, 1, 1)}, "no time zone"),  # noqa: DTZ001
        ({"id": "not-a-uuid"}, "not a UUID"),
        ({"metadata": {"x": float("nan")}}, "cannot store"),
        ({"revision": 2**70}, "cannot store"),
    ],
)
async def test_what_cannot_be_stored_is_refused_with_words(
    store: Database, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(StoreError, match=words):
        await store.create_memory(make_memory().model_copy(update=changes))
    assert len(await store.get_memories(ROOM)) == 1


async def test_has_spoken_counts_the_agents_own_messages_in_that_room(store: Database) -> None:
    assert not await store.has_spoken(AGENT, ROOM)
    await store.create_memory(make_memory(entity_id=AGENT, type=MemoryType.FACT))
    assert not await store.has_spoken(AGENT, ROOM)
    await store.create_memory(make_memory(entity_id=AGENT))
    assert await store.has_spoken(AGENT, ROOM)
    assert not await store.has_spoken(AGENT, make_id("other"))


async def test_a_characters_secrets_are_never_written(tmp_path: Path) -> None:
    character = Character(
        name="Sly",
        secrets={"KEY": "hunter2-top"},
        settings={"model": "m", "secrets": {"KEY": "hunter2-nested"}},
        bio=["kept"],
    )
    async with make_store("sqlite:///s.db", base=tmp_path) as store:
        await store.ensure_agent(character.agent_id, character)
    assert character.settings["secrets"] == {"KEY": "hunter2-nested"}
    db = sqlite3.connect(tmp_path / "s.db")
    try:
        (stored,) = db.execute("SELECT character FROM agents").fetchone()
    finally:
        db.close()
    assert "hunter2" not in stored
    assert '"model":"m"' in stored
    assert "kept" in stored
    assert b"hunter2" not in (tmp_path / "s.db").read_bytes()


async def test_runs_come_newest_first(store: Database) -> None:
    runs = [make_run(ROOM, started_at=NOON + timedelta(hours=h)) for h in (1, 3, 2)]
    for run in runs:
        await store.commit_turn(TurnCommit(ends=(), run=run))
    assert [run.id for run in await store.get_runs(ROOM, count=2)] == [runs[1].id, runs[2].id]
    assert await store.get_runs(make_id("other")) == []


@pytest.mark.parametrize("value", [5, 0, "5", "", "text", True, 1.5, [1, {"a": None}], {}, "1e999"])
async def test_the_cache_keeps_json_values_as_they_are(store: Database, value: Any) -> None:
    await store.set_cache(AGENT, "key", "before")
    await store.set_cache(AGENT, "key", value)
    found = await store.get_cache(AGENT, "key")
    assert found == value
    assert type(found) is type(value)


async def test_the_cache_is_each_agents_own(store: Database) -> None:
    other = Character(name="Bob")
    await store.ensure_agent(other.agent_id, other)
    await store.set_cache(AGENT, "key", 1)
    assert await store.get_cache(other.agent_id, "key") is None
    await store.delete_cache(other.agent_id, "key")
    assert await store.get_cache(AGENT, "key") == 1
    await store.delete_cache(AGENT, "key")
    await store.delete_cache(AGENT, "key")
    assert await store.get_cache(AGENT, "key") is None
