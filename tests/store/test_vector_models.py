"""Vectors by the model that made them: what is stale, what is missing; and their queue."""

from typing import Any

import pytest

from bot_host.kit.clock import utc_now
from bot_host.store import Database
from bot_host.types.character import Character
from bot_host.types.content import Content
from bot_host.types.ids import new_id
from bot_host.types.memory import MemoryType
from bot_host.types.turn import RunRecord
from bot_host.types.vectors import GIVEN, EmbeddingQueue
from tests.store.samples import AGENT, make_admission
from tests.store.test_recall import keep

OTHER = Character(name="Bob")


@pytest.fixture(autouse=True)
async def room(store: Database) -> None:
    await store.admit([make_admission("m0", "first", minutes=-90)])


def told(found: list[tuple[int, Any]]) -> list[str]:
    return [memory.content.text for _, memory in found]


async def test_what_other_models_made_is_stale_newest_first(store: Database) -> None:
    kept = {name: await keep(store, name) for name in ("a", "b", "c", "plain", "given", "queued")}
    for name in ("a", "b", "c", "queued"):
        await store.set_embedding(kept[name].id, [1.0, 0.0], model="old")
    await store.set_embedding(kept["given"].id, [1.0, 0.0], model=GIVEN)
    await store.queue_embedding(kept["queued"].id, priority=0)
    assert await store.count_stale_vectors(AGENT, "new") == 4
    assert await store.count_stale_vectors(AGENT, "old") == 0
    assert await store.count_stale_vectors(OTHER.agent_id, "new") == 0
    found = await store.stale_vectors(AGENT, "new", before=None, count=2)
    assert told(found) == ["c", "b"]
    assert told(await store.stale_vectors(AGENT, "new", before=found[-1][0], count=9)) == ["a"]
    await store.set_embedding(kept["b"].id, [1.0, 0.0, 0.0], model="new")
    assert told(await store.stale_vectors(AGENT, "new", before=None, count=9)) == ["c", "a"]


async def test_what_is_missing_by_kind_and_number(store: Database) -> None:
    kinds = {"a": MemoryType.FACT, "b": MemoryType.FRAGMENT, "c": MemoryType.CUSTOM, "d": MemoryType.FACT}
    kept = {name: await keep(store, name, type=kind) for name, kind in kinds.items()}
    wanted = (MemoryType.FACT, MemoryType.FRAGMENT)
    found = await store.missing_vectors(AGENT, wanted, after=0, count=9)
    assert told(found) == ["a", "b", "d"]
    assert told(await store.missing_vectors(AGENT, wanted, after=found[1][0], count=9)) == ["d"]
    assert told(await store.missing_vectors(AGENT, wanted, after=0, count=1)) == ["a"]
    await store.set_embedding(kept["a"].id, [1.0], model="m")
    await store.queue_embedding(kept["b"].id, priority=0)
    assert told(await store.missing_vectors(AGENT, wanted, after=0, count=9)) == ["d"]
    assert await store.missing_vectors(OTHER.agent_id, wanted, after=0, count=9) == []


async def test_the_queue_in_figures(store: Database) -> None:
    assert await store.embedding_queue(AGENT) == EmbeddingQueue()
    first, second = await keep(store, "first"), await keep(store, "second")
    for memory in (first, second):
        await store.queue_embedding(memory.id, priority=0)
    for _ in range(3):
        await store.fail_embedding_job(first.id, "no such thing")
    assert await store.embedding_queue(AGENT) == EmbeddingQueue(
        waiting=1, failed=1, failures=((first.id, "no such thing"),)
    )
    assert await store.embedding_queue(OTHER.agent_id) == EmbeddingQueue()


async def test_a_changed_text_that_had_a_vector_is_queued_anew(store: Database) -> None:
    had, had_none, failed = [await keep(store, name) for name in ("had", "had none", "failed")]
    await store.set_embedding(had.id, [1.0], model="m")
    await store.queue_embedding(failed.id, priority=0)
    for _ in range(3):
        await store.fail_embedding_job(failed.id, "no")
    for memory in (had, had_none, failed):
        await store.update_memory(memory.id, content=Content(text=f"{memory.content.text} now"))
    waiting = {memory.content.text for memory in await store.next_embedding_jobs(AGENT, 9)}
    assert waiting == {"had now", "failed now"}


async def test_what_calls_outside_a_turn_have_used(store: Database) -> None:
    now = utc_now()
    run = RunRecord(
        id=new_id(),
        agent_id=AGENT,
        room_id=AGENT,
        started_at=now,
        ended_at=now,
        status="completed",
        model_calls=({"prompt_tokens": 7, "completion_tokens": 0, "cost": 0.5},),
    )
    assert await store.count_use(run) == (7, 0.5)
    assert await store.count_use(run) == (14, 1.0)
