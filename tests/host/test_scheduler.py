"""The scheduler on the real store: once each, never two of one task, failures, stops and kills."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot_host.contracts.plugin import Agent, TaskWorker
from bot_host.host.scheduler import Scheduler
from bot_host.kit.clock import utc_now
from bot_host.runtime import AgentOptions, AgentRuntime
from bot_host.store import make_store
from bot_host.types.character import Character
from bot_host.types.errors import SendLater
from bot_host.types.ids import UUID, new_id
from bot_host.types.task import Misfire, Task, TaskState

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Work:
    """A worker whose runs the test sees, holds and fails."""

    def __init__(self) -> None:
        self.runs: list[tuple[UUID, datetime | None]] = []
        self.ended = 0
        self.cancelled = 0
        self.most = 0
        self.now = 0
        self.faults: list[BaseException] = []
        self.ready = True
        self.hold = asyncio.Event()
        self.hold.set()
        self.news = asyncio.Condition()

    async def execute(self, agent: Agent, options: Mapping[str, Any], task: Task) -> None:
        async with self.news:
            self.runs.append((task.id, task.due_at))
            self.now += 1
            self.most = max(self.most, self.now)
            self.news.notify_all()
        try:
            await self.hold.wait()
            if self.faults:
                raise self.faults.pop(0)
            self.ended += 1
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.now -= 1

    async def validate(self, agent: Agent, message: object, state: object) -> bool:
        return self.ready

    async def wait_runs(self, count: int) -> None:
        async with self.news:
            await self.news.wait_for(lambda: len(self.runs) >= count)


class Bench:
    """One process's agent and scheduler, on a clock that the test sets."""

    def __init__(self, folder: Path, clock: Callable[[], datetime] | None = None, **how: Any) -> None:
        self.at = START
        self.store = make_store("sqlite:///bot.db", base=folder)
        self.agent = AgentRuntime(
            Character(name="Eliza", bio=["Helps."]), store=self.store, options=AgentOptions(background=False)
        )
        self.work = Work()
        self.how = {"lease_s": 60.0, **how}
        self.scheduler = Scheduler(
            self.store, lambda: [self.agent], now=clock or (lambda: self.at), **self.how
        )

    async def add(self, **fields: Any) -> Task:
        task = Task(**{"agent_id": self.agent.agent_id, "name": "work", "due_at": START, **fields})
        assert await self.store.create_task(task)
        return task

    async def turn(self, seconds: float = 0.0) -> int:
        """Time passes, the scheduler looks, and what it starts ends."""
        self.at += timedelta(seconds=seconds)
        started = await self.scheduler.look()
        await self.scheduler.idle()
        return started

    async def row(self, task: Task) -> Task:
        found = await self.store.find_task(task.id)
        assert found is not None
        return found


@asynccontextmanager
async def bench_at(folder: Path, **how: Any) -> AsyncIterator[Bench]:
    bench = Bench(folder, **how)
    await bench.store.open()
    await bench.agent.start()
    bench.agent.register_task_worker(
        TaskWorker(name="work", execute=bench.work.execute, validate=bench.work.validate)
    )
    try:
        yield bench
    finally:
        bench.work.hold.set()
        await bench.scheduler.close()
        await bench.agent.stop()
        await bench.store.close()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench_at(tmp_path) as one:
        yield one


async def test_a_task_runs_at_its_time_and_not_before(bench: Bench) -> None:
    task = await bench.add(due_at=START + timedelta(seconds=10))
    assert await bench.turn(9) == 0
    assert await bench.turn(1) == 1
    assert await bench.turn(1) == 0
    assert bench.work.runs == [(task.id, START + timedelta(seconds=10))]
    assert (await bench.row(task)).state is TaskState.DONE


async def test_a_queue_task_runs_once_and_goes(bench: Bench) -> None:
    """elizaOS starts it again at every tick until it is finished (5.5-02)."""
    bench.work.hold.clear()
    task_id = await bench.agent.create_task(Task(agent_id=bench.agent.agent_id, name="work", tags=("queue",)))
    bench.at = utc_now()
    assert await bench.scheduler.look() == 1
    for _ in range(3):
        bench.at += timedelta(seconds=10)
        assert await bench.scheduler.look() == 0
    bench.work.hold.set()
    await bench.scheduler.idle()
    assert len(bench.work.runs) == 1
    assert await bench.store.find_task(task_id) is None


async def test_elizaos_repeat_and_immediate(bench: Bench) -> None:
    every = {"updateInterval": 60_000}
    waits = await bench.add(tags=("queue", "repeat"), metadata=every, due_at=None)
    at_once = await bench.add(tags=("queue", "repeat", "immediate"), metadata=every, due_at=None)
    ignored = await bench.add(tags=("repeat",), metadata=every, due_at=None)
    await bench.turn()
    assert [task_id for task_id, _ in bench.work.runs] == [at_once.id]
    await bench.turn(60)
    assert sorted(task_id for task_id, _ in bench.work.runs[1:]) == sorted([waits.id, at_once.id])
    await bench.turn(59)
    assert len(bench.work.runs) == 3
    assert (await bench.row(ignored)).due_at is None


async def test_intervals_keep_their_times_however_long_a_run_takes(bench: Bench) -> None:
    task = await bench.add(every_s=60.0)
    bench.work.hold.clear()
    await bench.scheduler.look()
    await bench.work.wait_runs(1)
    bench.at += timedelta(seconds=20)
    bench.work.hold.set()
    await bench.scheduler.idle()
    assert (await bench.row(task)).due_at == START + timedelta(seconds=60)


async def test_one_task_never_runs_twice_at_the_same_time(bench: Bench) -> None:
    await bench.add(every_s=1.0)
    bench.work.hold.clear()
    assert await bench.scheduler.look() == 1
    await bench.work.wait_runs(1)
    # Also when its lease is over and it still runs here.
    for seconds in (5, 50, 500):
        bench.at += timedelta(seconds=seconds)
        assert await bench.scheduler.look() == 0
    assert bench.work.most == 1


async def test_a_limit_to_what_runs_at_once(tmp_path: Path) -> None:
    async with bench_at(tmp_path, limit=3) as bench:
        tasks = [await bench.add() for _ in range(8)]
        bench.work.hold.clear()
        bench.scheduler.start()
        await bench.work.wait_runs(3)
        assert await bench.scheduler.look() == 0
        bench.work.hold.set()
        await bench.work.wait_runs(8)
        assert bench.work.most == 3
        assert sorted(task_id for task_id, _ in bench.work.runs) == sorted(task.id for task in tasks)


async def test_failures_back_off_and_pause_with_the_cause(bench: Bench, caplog: Any) -> None:
    task = await bench.add(every_s=1.0)
    for count in range(1, 6):
        bench.work.faults.append(RuntimeError("no luck"))
        row = await bench.row(task)
        assert row.due_at is not None
        bench.at = row.due_at
        assert await bench.turn() == 1
        row = await bench.row(task)
        assert row.failures == count
    assert row.state is TaskState.PAUSED
    assert row.last_error == "paused after 5 failures: no luck"
    assert await bench.turn(100_000) == 0
    # The time it was meant for stays the same over all tries.
    assert {due for _, due in bench.work.runs} == {START}
    assert "paused after 5 failures" in caplog.text
    assert await bench.agent.update_task(task.id, {"state": TaskState.ACTIVE})
    bench.at = utc_now() + timedelta(seconds=5)
    assert await bench.turn() == 1
    row = await bench.row(task)
    assert (row.state, row.failures, row.last_error) == (TaskState.ACTIVE, 0, "")


async def test_no_worker_is_a_failure_with_a_name(bench: Bench) -> None:
    task = await bench.add(name="nobody")
    await bench.turn()
    row = await bench.row(task)
    assert row.failures == 1
    assert 'nothing runs tasks called "nobody"' in row.last_error


async def test_a_secret_in_a_fault_is_not_stored(tmp_path: Path) -> None:
    async with bench_at(tmp_path, mask=lambda text: text.replace("s3cret", "***")) as bench:
        task = await bench.add()
        bench.work.faults.append(RuntimeError("bad token s3cret"))
        await bench.turn()
        assert (await bench.row(task)).last_error == "bad token ***"


async def test_a_run_has_a_time_limit(tmp_path: Path) -> None:
    async with bench_at(tmp_path, run_s=0.01) as bench:
        task = await bench.add()
        bench.work.hold.clear()
        await bench.turn()
        assert bench.work.cancelled == 1
        assert (await bench.row(task)).last_error == "not finished within 0.01 seconds"


async def test_not_now_is_no_failure(bench: Bench) -> None:
    task = await bench.add()
    bench.work.ready = False
    await bench.turn()
    assert bench.work.runs == []
    bench.work.ready = True
    bench.work.faults.append(SendLater("not connected", after_s=30.0))
    await bench.turn(10)
    row = await bench.row(task)
    assert (row.failures, row.state) == (0, TaskState.ACTIVE)
    assert row.due_at == START + timedelta(seconds=40)
    await bench.turn(30)
    assert bench.work.runs == [(task.id, START)] * 2
    assert (await bench.row(task)).state is TaskState.DONE


@pytest.mark.parametrize(("misfire", "runs"), [(Misfire.SKIP, 0), (Misfire.ONCE, 1), (Misfire.ALL, 11)])
async def test_what_was_missed_while_nobody_ran(bench: Bench, misfire: Misfire, runs: int) -> None:
    task = await bench.add(every_s=60.0, misfire=misfire)
    bench.at += timedelta(seconds=630)
    while await bench.turn():
        pass
    assert len(bench.work.runs) == runs
    assert (await bench.row(task)).due_at == START + timedelta(seconds=660)


async def test_a_task_that_is_changed_or_deleted_while_it_runs(bench: Bench) -> None:
    moved, paused, gone = [await bench.add(every_s=60.0) for _ in range(3)]
    bench.work.hold.clear()
    await bench.scheduler.look()
    await bench.work.wait_runs(3)
    new = START + timedelta(days=1)
    await bench.agent.update_task(moved.id, {"due_at": new, "metadata": {"a": 1}})
    await bench.agent.update_task(paused.id, {"state": TaskState.PAUSED})
    await bench.agent.delete_task(gone.id)
    bench.work.hold.set()
    await bench.scheduler.idle()
    row = await bench.row(moved)
    assert (row.due_at, row.metadata) == (new, {"a": 1})
    assert (await bench.row(paused)).state is TaskState.PAUSED
    assert await bench.store.find_task(gone.id) is None


async def test_making_and_changing_a_task_wakes(bench: Bench) -> None:
    bench.agent.on_task_change = bench.scheduler.wake
    bench.scheduler._now = utc_now
    bench.scheduler.start()
    task_id = await bench.agent.create_task(
        Task(agent_id=bench.agent.agent_id, name="work", due_at=utc_now() + timedelta(days=1))
    )
    await bench.agent.update_task(task_id, {"due_at": utc_now()})
    await bench.work.wait_runs(1)


async def test_the_clock_rings_for_the_nearest_task(bench: Bench) -> None:
    bench.scheduler._now = utc_now
    await bench.add(due_at=utc_now() + timedelta(days=1))
    task = await bench.add(due_at=utc_now() + timedelta(seconds=0.2))
    bench.scheduler.start()
    await bench.work.wait_runs(1)
    await bench.scheduler.idle()
    assert [task_id for task_id, _ in bench.work.runs] == [task.id]
    await bench.scheduler.look()
    assert len(bench.scheduler._clock.get_jobs()) == 1


async def test_a_stop_leaves_the_claim_to_its_lease(tmp_path: Path) -> None:
    async with bench_at(tmp_path) as bench:
        task = await bench.add()
        bench.work.hold.clear()
        await bench.scheduler.look()
        await bench.work.wait_runs(1)
        await bench.scheduler.close()
        assert bench.work.cancelled == 1
    async with bench_at(tmp_path) as bench:
        assert await bench.turn(59) == 0
        assert await bench.turn(1) == 1
        assert bench.work.runs == [(task.id, START)]
        assert await bench.turn(1000) == 0


async def test_an_agent_that_stops_is_released(bench: Bench) -> None:
    await bench.add()
    bench.work.hold.clear()
    await bench.scheduler.look()
    await bench.work.wait_runs(1)
    await bench.scheduler.release([new_id()])
    assert bench.work.cancelled == 0
    await bench.scheduler.release([bench.agent.agent_id])
    assert bench.work.cancelled == 1


async def test_two_schedulers_on_one_database_never_run_one_occurrence_twice(tmp_path: Path) -> None:
    async with bench_at(tmp_path) as one, bench_at(tmp_path) as other:
        for _ in range(40):
            await one.add(every_s=60.0)
        for _ in range(12):
            await asyncio.gather(one.turn(15), other.turn(15))
            await asyncio.gather(other.turn(), one.turn())
        runs = one.work.runs + other.work.runs
        assert len(runs) == len(set(runs))
        assert len(runs) == 40 * 4  # at 0, 60, 120 and 180 seconds
        assert one.work.runs
        assert other.work.runs


CHILD = """
import asyncio, sys
from pathlib import Path
from datetime import timedelta
from tests.host.test_scheduler import START, bench_at

async def main(folder, hold, after_s):
    async with bench_at(Path(folder)) as bench:
        if hold:
            bench.work.hold.clear()
        bench.at += timedelta(seconds=float(after_s))
        await bench.scheduler.look()
        await bench.work.wait_runs(1)
        print("running", flush=True)
        await bench.scheduler.idle()

asyncio.run(main(sys.argv[1], sys.argv[2] == "hold", sys.argv[3]))
"""


async def test_a_kill_between_claim_and_end_runs_it_again_once_the_lease_is_over(tmp_path: Path) -> None:
    async with bench_at(tmp_path) as bench:
        task = await bench.add(every_s=3600.0)
    for attempt in (0, 1):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path), "hold", str(attempt * 60)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "running\n"
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    async with bench_at(tmp_path) as bench:
        assert await bench.turn(60 + 59) == 0
        assert await bench.turn(1) == 1
        assert bench.work.runs == [(task.id, START)]
        assert await bench.turn(1000) == 0
        assert (await bench.row(task)).due_at == START + timedelta(hours=1)
    with sqlite3.connect(tmp_path / "bot.db") as database:
        rows = database.execute("SELECT state, attempt FROM task_occurrences").fetchall()
    database.close()
    assert rows == [("done", 3)]
