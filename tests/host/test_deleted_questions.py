"""Questions that people take back: forgotten with all that came of them, and their answers if wanted."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import ConnectorConfig, SendUnknown
from bot_host.types.memory import Memory, MemoryType
from tests.host.conftest import House, Houses
from tests.host.test_hard_moments import until
from tests.host.test_host import inbox_of
from tests.host.test_revisions import LONG, Lasting, ask, outbox_of, settled

RETRACT: dict[str, Any] = {"config": ConnectorConfig(deleted_answer="retract")}


async def told(house: House) -> list[str]:
    """What the agent remembers of what was said."""
    [room] = await house.store.get_rooms(house.agent_id)
    return [memory.content.text for memory in await house.store.get_memories(room.id)]


async def test_the_answer_stays_by_default(house: House, tmp_path: Path) -> None:
    said = await ask(house, "one")
    await house.platform.delete(said)
    await settled(house)
    assert house.platform.changes == []
    assert await told(house) == ["echo: one"]
    assert inbox_of(tmp_path) == [("done", "answered", "direct message")]


async def test_the_answer_goes_with_its_question_where_configured(house_at: Houses, tmp_path: Path) -> None:
    async with house_at(answers=(LONG,), **RETRACT) as house:
        said = await ask(house, "one")
        await ask(house, "two")
        await house.platform.delete(said)
        await settled(house)
        assert house.platform.changes == [
            ("retract", "sent-1", ""),
            ("retract", "sent-2", ""),
            ("retract", "sent-3", ""),
        ]
        assert await told(house) == ["two", "echo: two"]
        await house.platform.delete(said)
        await settled(house)
        assert len(house.platform.changes) == 3
    assert inbox_of(tmp_path)[0] == ("done", "answered", "direct message")


async def test_an_edited_answer_goes_as_it_is_now(house_at: Houses) -> None:
    async with house_at(answers=(LONG, "short", "a" * 201), **RETRACT) as house:
        said = await ask(house, "0")
        for number in (1, 2):
            await house.platform.rewrite(said, f"{number}")
            await settled(house)
        await house.platform.delete(said)
        await settled(house)
        assert house.platform.shown == []
        assert house.platform.changes[-2:] == [("retract", "sent-1", ""), ("retract", "sent-4", "")]


async def test_an_answer_to_others_too_stays(house_at: Houses) -> None:
    async with house_at(**RETRACT) as house:
        house.model.hold.clear()
        await house.platform.say("hello")
        await house.model.wait_asked()
        one, two = await house.platform.say("one"), await house.platform.say("two")
        house.model.hold.set()
        await house.host.finish_pending()
        await house.platform.delete(one)
        await settled(house)
        assert house.platform.changes == []
        await house.platform.delete(two)
        await settled(house)
        assert house.platform.changes == [("retract", "sent-2", "")]


async def test_what_was_not_sent_yet_is_not_sent(house_at: Houses, tmp_path: Path) -> None:
    async with house_at(answers=(LONG,), **RETRACT) as house:
        house.platform.hold_sends.clear()
        said = await house.platform.say("one")
        await until(lambda: house.platform.tried == 1)
        await house.platform.delete(said)
        house.platform.hold_sends.set()
        await settled(house)
        assert len(house.platform.sent) == 1
        assert house.platform.shown == []
    assert [row[:4] for row in outbox_of(tmp_path)] == [
        ("send", 0, 0, "sent"),
        ("send", 0, 1, "failed"),
        ("send", 0, 2, "failed"),
        ("delete", 1, 0, "sent"),
        ("delete", 1, 1, "sent"),
        ("delete", 1, 2, "sent"),
    ]


async def test_a_platform_that_cannot_keeps_the_answer(house_at: Houses) -> None:
    async with house_at(platform=Lasting(), **RETRACT) as house:
        said = await ask(house, "one")
        await house.platform.delete(said)
        await settled(house)
        assert await told(house) == ["echo: one"]


async def test_a_turn_under_way_ends_at_once(house: House, tmp_path: Path) -> None:
    cut = asyncio.Event()

    async def think(request: object) -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cut.set()
            raise
        return ""

    house.model.answers = [think]
    said = await house.platform.say("one")
    await house.model.wait_asked()
    await house.platform.delete(said)
    await cut.wait()
    await settled(house)
    assert house.platform.sent == []
    assert inbox_of(tmp_path) == [("done", "ignored", "deleted")]


async def test_a_turn_goes_on_without_the_message_that_is_gone(house: House, tmp_path: Path) -> None:
    house.model.hold.clear()
    await house.platform.say("hello")
    await house.model.wait_asked()
    one = await house.platform.say("one")
    await house.platform.say("two")
    house.model.hold.set()
    await house.platform.wait_sent()
    house.model.hold.clear()
    await house.model.wait_asked(2)
    await house.platform.delete(one)
    await house.model.wait_asked(3)
    house.model.hold.set()
    await settled(house)
    said = [m.content for m in house.model.requests[-1].messages if m.role == "user"]
    assert said == ["hello", "two"]
    assert [row[1:] for row in inbox_of(tmp_path)] == [
        ("answered", "direct message"),
        ("ignored", "deleted"),
        ("answered", "direct message"),
    ]


async def test_all_that_was_derived_from_it_is_gone(house: House, tmp_path: Path) -> None:
    said = await ask(house, "my secret is blue")
    [room] = await house.store.get_rooms(house.agent_id)
    question = (await house.store.get_memories(room.id))[0]
    fact = Memory(
        agent_id=house.agent_id,
        entity_id=question.entity_id,
        room_id=room.id,
        type=MemoryType.FACT,
        content=question.content.model_copy(update={"text": "the secret is blue"}),
        source_memory_id=question.id,
    )
    await house.store.create_memory(fact)
    await house.store.set_embedding(question.id, [1.0], model="m")
    await house.store.set_embedding(fact.id, [1.0], model="m")
    await house.platform.delete(said)
    await settled(house)
    database = sqlite3.connect(tmp_path / "bot.db")
    for table in ("embeddings", "embedding_jobs", "relationships"):
        assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    [(left,)] = database.execute("SELECT count(*) FROM memories WHERE content NOT LIKE '%echo%'").fetchall()
    assert left == 0
    assert database.execute(
        "SELECT count(*) FROM memory_words WHERE memory_words MATCH 'the'"
    ).fetchone() == (0,)
    database.close()


async def test_a_kill_while_it_is_taken_back_takes_it_back_again(house_at: Houses) -> None:
    async with house_at(**RETRACT) as house:
        said = await ask(house, "one")
        house.platform.hold_sends.clear()
        await house.platform.delete(said)
        await until(lambda: house.platform.tried == 2)
        await house.host.stop(0.0)
    async with house_at(**RETRACT) as house:
        await house.platform.wait_until(lambda: bool(house.platform.changes))
        assert house.platform.changes == [("retract", "sent-1", "")]
        await settled(house)


async def test_one_of_unknown_fate_is_made_again(house_at: Houses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot_host.host.sender.backoff", lambda attempt: 0.0)
    async with house_at(**RETRACT) as house:
        said = await ask(house, "one")
        house.platform.faults.append(SendUnknown("no answer"))
        await house.platform.delete(said)
        await house.platform.wait_until(lambda: bool(house.platform.changes))
        await settled(house)
        assert house.platform.shown == []
