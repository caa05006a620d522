"""Tasks, and claims on their due times that survive kills and second processes."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot_host.store import Database, make_store, tasks
from bot_host.types.character import Character
from bot_host.types.errors import StoreError
from bot_host.types.ids import new_id
from bot_host.types.task import Misfire, Occurrence, Task, TaskState
from tests.store.samples import AGENT, CHARACTER, NOON, make_admission, make_id

REPOSITORY = Path(__file__).parents[2]
OTHER = Character(name="Bob")
BEN, ROOM = make_id("ben"), make_id("room")
LEASE = 60.0


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def make_task(name: str = "remind", **more: Any) -> Task:
    fields: dict[str, Any] = {"due_at": NOON, "created_at": NOON, "updated_at": NOON, **more}
    return Task(agent_id=fields.pop("agent_id", AGENT), name=name, **fields)


def becomes(task: Task) -> Callable[[Task], Task]:
    return lambda _: task


async def keep(store: Database, name: str = "remind", **more: Any) -> Task:
    task = make_task(name, **more)
    assert await store.create_task(task)
    return task


async def claim(store: Database, minutes: float = 0.0, *, limit: int = 9) -> list[Occurrence]:
    return await store.claim_due([AGENT], at(minutes), lease_s=LEASE, limit=limit)


def names(claimed: list[Occurrence]) -> list[str]:
    return [occurrence.task.name for occurrence in claimed]


class TestRows:
    async def test_all_that_a_task_says_comes_back(self, store: Database) -> None:
        await store.admit([make_admission()])
        task = await keep(
            store,
            description="tea",
            room_id=ROOM,
            world_id=make_id("guild"),
            entity_id=BEN,
            tags=("queue", "repeat"),
            metadata={"n": [1]},
            state=TaskState.PAUSED,
            every_s=1.5,
            cron="0 9 * * MON",
            time_zone="Europe/Berlin",
            misfire=Misfire.ALL,
            failures=2,
            last_error="no",
            last_run_at=at(-1),
        )
        assert await store.find_task(task.id) == task
        assert not await store.create_task(replace(task, name="other"))
        changed = replace(task, state=TaskState.ACTIVE, due_at=None, tags=(), every_s=None, name="new")
        assert await store.update_task(changed)
        assert await store.find_task(task.id) == changed
        assert await store.delete_task(task.id)
        assert await store.find_task(task.id) is None
        assert not await store.delete_task(task.id)
        assert not await store.update_task(task)

    async def test_lists_go_by_each_filter_and_all_tags(self, store: Database) -> None:
        await store.admit([make_admission()])
        await store.ensure_agent(OTHER.agent_id, OTHER)
        one = await keep(store, "a", tags=("x", "y"), room_id=ROOM)
        two = await keep(store, "b", tags=("x",), entity_id=BEN, created_at=at(-1))
        assert await store.get_tasks(AGENT) == [two, one]
        assert await store.get_tasks(AGENT, tags=["x"]) == [two, one]
        assert await store.get_tasks(AGENT, tags=["y", "x"]) == [one]
        assert await store.get_tasks(AGENT, room_id=ROOM) == [one]
        assert await store.get_tasks(AGENT, entity_id=BEN, name="b") == [two]
        assert await store.get_tasks(AGENT, name="c") == []
        assert await store.get_tasks(OTHER.agent_id) == []


class TestClaims:
    async def test_what_is_due_is_claimed_once_in_order(self, store: Database) -> None:
        await keep(store, "second", due_at=at(2))
        await keep(store, "first", due_at=at(1))
        await keep(store, "later", due_at=at(9))
        await keep(store, "paused", due_at=at(1), state=TaskState.PAUSED)
        await keep(store, "done", due_at=at(1), state=TaskState.DONE)
        await keep(store, "waits for a choice", due_at=None)
        assert await claim(store, 0.5) == []
        claimed = await claim(store, 2)
        assert [(o.task.name, o.due_at, o.attempt) for o in claimed] == [
            ("first", at(1), 1),
            ("second", at(2), 1),
        ]
        assert await claim(store, 2) == []

    async def test_only_these_agents_and_no_more_than_the_limit(self, store: Database) -> None:
        await store.ensure_agent(OTHER.agent_id, OTHER)
        await keep(store, "other", agent_id=OTHER.agent_id)
        for name in "abc":
            await keep(store, name, due_at=at(-ord(name)))
        assert names(await claim(store, limit=2)) == ["c", "b"]
        assert names(await claim(store, limit=2)) == ["a"]
        assert names(await claim(store, limit=0)) == []
        assert names(await store.claim_due([OTHER.agent_id.upper()], NOON, lease_s=1, limit=1)) == ["other"]
        assert await store.claim_due([], NOON, lease_s=1, limit=1) == []

    async def test_a_lapsed_lease_is_taken_up_again_and_counted(self, store: Database) -> None:
        task = await keep(store)
        await claim(store)
        assert await claim(store, 0.99) == []
        for minutes, attempt in ((1, 2), (2, 3)):
            (again,) = await claim(store, minutes)
            assert (again.task, again.due_at, again.attempt) == (task, NOON, attempt)
            assert await claim(store, minutes + 0.5) == []

    async def test_lapsed_ones_of_a_paused_task_wait(self, store: Database) -> None:
        task = await keep(store)
        await claim(store)
        await store.update_task(replace(task, state=TaskState.PAUSED))
        assert await claim(store, 5) == []
        assert await store.next_due([AGENT]) is None
        await store.update_task(task)
        assert [o.attempt for o in await claim(store, 5)] == [2]

    async def test_a_task_under_way_gets_no_second_occurrence(self, store: Database) -> None:
        task = await keep(store, every_s=60.0)
        await claim(store)
        await store.update_task(replace(task, due_at=at(0.5)))
        assert await claim(store, 0.9) == []
        assert await store.finish_occurrence(
            task.id, NOON, error="", then=becomes(replace(task, due_at=at(0.5)))
        )
        assert [(o.due_at, o.attempt) for o in await claim(store, 0.9)] == [(at(0.5), 1)]

    async def test_a_finished_due_time_is_never_run_again(self, store: Database) -> None:
        task = await keep(store)
        await claim(store)
        assert await store.finish_occurrence(task.id, NOON, error="", then=becomes(task))
        assert await claim(store, 9) == []
        assert await store.next_due([AGENT]) is None

    async def test_an_end_is_recorded_once_with_the_task_as_it_is_then(self, store: Database) -> None:
        task = await keep(store)
        assert not await store.finish_occurrence(task.id, NOON, error="", then=lambda _: None)
        await claim(store)
        then = replace(task, failures=1, last_error="no", due_at=at(5), last_run_at=at(1))
        assert await store.finish_occurrence(task.id, NOON, error="no", then=becomes(then))
        assert not await store.finish_occurrence(task.id, NOON, error="", then=lambda _: None)
        assert await store.find_task(task.id) == then
        await claim(store, 5)
        assert await store.finish_occurrence(task.id, at(5), error="", then=lambda _: None)
        assert await store.find_task(task.id) is None
        assert not await store.finish_occurrence(task.id, at(5), error="", then=lambda _: None)

    async def test_of_ended_occurrences_the_newest_are_kept(self, store: Database, tmp_path: Path) -> None:
        task = await keep(store)
        for minute in range(tasks.OCCURRENCES_KEPT + 20):
            await claim(store, minute)
            then = replace(task, due_at=at(minute + 1))
            assert await store.finish_occurrence(task.id, at(minute), error="", then=becomes(then))
        exported = await rows_of(store)
        assert len(exported) == tasks.OCCURRENCES_KEPT
        assert min(exported) == at(20)


async def rows_of(store: Database) -> list[datetime]:
    """The due times that a task's record still has."""

    def unit() -> Any:
        return (yield OCCURRENCES())

    return [due for (due,) in await store._driver.read(unit)]


OCCURRENCES = tasks.Statement("test.occurrences", tasks.select(tasks.task_occurrences.c.due_at))


class TestNextDue:
    async def test_the_nearest_counts_overdue_or_not(self, store: Database) -> None:
        assert await store.next_due([AGENT]) is None
        await keep(store, due_at=at(5))
        await keep(store, due_at=at(-5))
        await keep(store, due_at=None)
        await keep(store, due_at=at(-9), state=TaskState.PAUSED)
        assert await store.next_due([AGENT]) == at(-5)
        assert await store.next_due([OTHER.agent_id]) is None

    async def test_under_way_its_leases_end_counts(self, store: Database) -> None:
        """Otherwise whoever waits for it would turn in a circle."""
        await keep(store, due_at=at(-5))
        await keep(store, due_at=at(9))
        await claim(store)
        assert await store.next_due([AGENT]) == at(1)
        await claim(store, 1)
        assert await store.next_due([AGENT]) == at(2)


async def test_two_hosts_share_the_due_tasks_without_overlap(tmp_path: Path) -> None:
    stores = [make_store("sqlite:///b.db", base=tmp_path) for _ in range(2)]
    for store in stores:
        await store.open()
    try:
        await stores[0].ensure_agent(AGENT, CHARACTER)
        for i in range(40):
            await keep(stores[0], f"{i}")
        rounds = [claim(store, limit=3) for _ in range(10) for store in stores]
        claimed = [name for found in await asyncio.gather(*rounds) for name in names(found)]
        assert sorted(claimed) == sorted(f"{i}" for i in range(40))
    finally:
        for store in stores:
            await store.close()


CLAIMING = """
import asyncio, os, signal, sys
from datetime import timedelta
from pathlib import Path
from bot_host.store import make_store
from tests.store.samples import AGENT, NOON
async def main():
    store = make_store("sqlite:///b.db", base=Path(sys.argv[1]))
    await store.open()
    (claimed,) = await store.claim_due([AGENT], NOON, lease_s=60, limit=9)
    if sys.argv[2] == "finished":
        await store.finish_occurrence(claimed.task.id, NOON, error="", then=lambda _: claimed.task)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


@pytest.mark.parametrize("when", ["claimed", "finished"])
async def test_a_kill_neither_loses_nor_doubles_an_occurrence(tmp_path: Path, when: str) -> None:
    async with make_store("sqlite:///b.db", base=tmp_path) as store:
        await store.ensure_agent(AGENT, CHARACTER)
        task = await keep(store)
    command = [sys.executable, "-c", CLAIMING, str(tmp_path), when]
    ran = await asyncio.to_thread(subprocess.run, command, timeout=60, cwd=REPOSITORY)
    assert ran.returncode == -signal.SIGKILL
    async with make_store("sqlite:///b.db", base=tmp_path) as store:
        assert await claim(store, 0.5) == []
        later = [(o.task.id, o.due_at, o.attempt) for o in await claim(store, 1)]
        assert later == ([(task.id, NOON, 2)] if when == "claimed" else [])


async def test_an_occurrences_end_goes_by_the_row_as_it_is_then(store: Database) -> None:
    task = await keep(store)
    await store.claim_due([AGENT], NOON, lease_s=LEASE, limit=9)
    await store.update_task(replace(task, description="changed meanwhile"))

    def following(row: Task) -> Task:
        return replace(row, due_at=at(5), last_error=f"saw: {row.description}")

    assert await store.finish_occurrence(task.id, NOON, error="", then=following)
    found = await store.find_task(task.id)
    assert found is not None
    assert (found.description, found.last_error) == ("changed meanwhile", "saw: changed meanwhile")


async def test_a_fault_in_what_follows_leaves_the_occurrence_open(store: Database) -> None:
    task = await keep(store)
    await store.claim_due([AGENT], NOON, lease_s=LEASE, limit=9)

    def broken(row: Task) -> Task:
        raise StoreError("no following")

    with pytest.raises(StoreError, match="no following"):
        await store.finish_occurrence(task.id, NOON, error="", then=broken)
    assert await store.finish_occurrence(task.id, NOON, error="", then=lambda _: None)
    assert await store.find_task(task.id) is None


async def test_a_task_takes_its_occurrences_with_it(store: Database) -> None:
    task = await keep(store)
    await claim(store)
    assert await store.delete_task(task.id)
    assert await rows_of(store) == []
    assert await store.next_due([AGENT]) is None
    assert not await store.finish_occurrence(new_id(), NOON, error="", then=lambda _: None)
