"""What is very long, very big or very odd: both databases take it alike."""

import math
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from random import Random

import asyncpg
import pytest

from bot_host.store import Database, make_store
from bot_host.store.postgres_schema import WORDS_FUNCTION
from bot_host.store.postgres_upgrade import run_migrations
from bot_host.types.content import Content
from bot_host.types.errors import StoreError
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.places import Entity
from tests import postgres
from tests.store.samples import AGENT, CHARACTER, NOON, make_admission, make_id

ROOM = make_id("room")


@pytest.fixture
async def place(store: Database) -> Database:
    """With a room and somebody in it."""
    await store.admit([make_admission("m0", "first", minutes=-60)])
    return store


def memory(key: str, text: str = "x", **more: object) -> Memory:
    given = {"entity_id": make_id("ben"), "room_id": ROOM, "created_at": NOON, **more}
    return Memory.model_validate(
        {"id": make_id(key), "agent_id": AGENT, "content": Content(text=text), **given}
    )


def words(count: int, letters: str) -> str:
    """Many different words: nothing packs them."""
    chance = Random(1)
    return " ".join("".join(chance.choices(letters, k=8)) for _ in range(count))


@pytest.mark.parametrize(
    ("letters", "count"),
    [("abcdefghijklmnopqrstuvwxyz", 130_000), ("".join(map(chr, range(0x20000, 0x20400))), 35_000)],
    ids=["latin", "han"],
)
async def test_a_text_of_megabytes_is_kept_and_found_by_its_beginning(
    place: Database, letters: str, count: int
) -> None:
    text = f"zebra {words(count, letters)}"
    kept = memory("long", text)
    assert await place.create_memory(kept)
    found = await place.find_memory(kept.id)
    assert found is not None
    assert found.content.text == text
    hits = await place.search_memories_by_text(AGENT, "zebra", count=3)
    assert [hit.id for hit in hits] == [kept.id]
    changed = f"giraffe {text}"
    assert await place.update_memory(kept.id, content=Content(text=changed))
    hits = await place.search_memories_by_text(AGENT, "giraffe", count=3)
    assert [hit.id for hit in hits] == [kept.id]


async def test_an_older_database_of_postgresql_takes_it_after_the_upgrade() -> None:
    url = await postgres.make_database()
    await run_migrations(url, to="0020")
    connection = await asyncpg.connect(url)
    older = WORDS_FUNCTION.replace("200000", "2000000000").replace("CREATE", "CREATE OR REPLACE")
    assert older.count("2000000000") == 1
    await connection.execute(older)
    await connection.close()
    async with make_store(url, base=Path()) as store:
        await store.ensure_agent(AGENT, CHARACTER)
        await store.admit([make_admission("m0", "first")])
        assert await store.create_memory(memory("long", words(130_000, "abcdefghijklmnopqrstuvwxyz")))
    await postgres.drop_database(url)


async def test_a_word_without_end_is_kept(place: Database) -> None:
    assert await place.create_memory(memory("word", "a" * 500_000))
    assert await place.create_memory(memory("digits", "9" * 500_000))


async def test_a_name_and_a_key_of_any_length(place: Database) -> None:
    long = words(500, "abcdefghijklmnopqrstuvwxyz")
    cjk = words(500, "".join(map(chr, range(0x20000, 0x20400))))
    for number, name in enumerate((long, cjk)):
        person = Entity(id=make_id(f"p{number}"), agent_id=AGENT, names=(name,))
        assert await place.create_entities([person]) == 1
        assert [each.id for each in await place.find_entities_by_name(AGENT, name.upper())] == [person.id]
        await place.set_cache(AGENT, name, number)
        await place.set_cache(AGENT, f"{name}!", "another")
        assert await place.get_cache(AGENT, name) == number
        await place.delete_cache(AGENT, name)
        assert await place.get_cache(AGENT, name) is None
        assert await place.get_cache(AGENT, f"{name}!") == "another"


async def test_fewer_than_none_are_none(place: Database) -> None:
    assert await place.get_memories(ROOM, count=-1) == []
    assert await place.get_runs(ROOM, count=-1) == []


async def test_numbers(place: Database) -> None:
    given = {"big": 2**70, "bigger": 10**1000, "float": 1e20, "least": 5e-324, "third": 1 / 3, "whole": 1.0}
    await place.set_cache(AGENT, "numbers", given)
    assert await place.get_cache(AGENT, "numbers") == given
    with pytest.raises(StoreError, match="cannot store"):
        await place.set_cache(AGENT, "nan", math.nan)
    fact = memory("fact", type=MemoryType.FACT, confidence=math.nan)
    assert await place.create_memory(fact)
    found = await place.find_memory(fact.id)
    assert found is not None
    assert found.confidence is None


@pytest.mark.parametrize(
    "when",
    [
        datetime(2, 1, 1, tzinfo=UTC),
        datetime(1500, 6, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
    ],
)
async def test_times_of_any_age(place: Database, when: datetime) -> None:
    kept = memory("then", created_at=when)
    assert await place.create_memory(kept)
    found = await place.find_memory(kept.id)
    assert found is not None
    assert found.created_at == when


@pytest.mark.parametrize(
    "when",
    [
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))),
        datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5))),
    ],
)
async def test_a_time_that_no_calendar_has_in_utc_is_refused_before_it_is_kept(
    place: Database, when: datetime
) -> None:
    kept = memory("then", created_at=when)
    with pytest.raises(StoreError, match="cannot store"):
        await place.create_memory(kept)
    assert await place.find_memory(kept.id) is None
