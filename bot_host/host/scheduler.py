"""Runs tasks when they are due. The rows are the truth; the clock only says when to look at them."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any, Final

from bot_host.contracts.plugin import TaskWorker
from bot_host.contracts.store import Store
from bot_host.kit.clock import utc_now
from bot_host.kit.logs import log_context
from bot_host.kit.retry import backoff
from bot_host.kit.tasks import Supervisor
from bot_host.runtime import AgentRuntime
from bot_host.runtime.schedule import (
    QUEUE,
    after_failure,
    after_missed,
    after_success,
    as_due,
    is_missed,
    later,
    meant_for,
)
from bot_host.types.errors import SendLater, StateError, StoreError
from bot_host.types.ids import UUID
from bot_host.types.task import Occurrence, Task, TaskState

log = logging.getLogger(__name__)

AT_ONCE: Final = 16
"""Tasks that run at the same time."""
RUN_SECONDS: Final = 300.0
"""What one run may take."""
LEASE_SECONDS: Final = RUN_SECONDS + 60.0
"""How long a claim holds. Longer than a run, so that it lapses only when its process died."""
LOOK_SECONDS: Final = 60.0
"""At the latest then the rows are looked at again: others, and the store's callers, write too."""
AGAIN_SECONDS: Final = 10.0
"""Before a task whose worker cannot run it now is tried again."""
RECORD_SECONDS: Final = 5.0
"""What the last records may take to reach the disk."""
RECORD_TRIES: Final = 4
STORE_SECONDS: Final = 2.0
"""Before the next look when the database refused."""


class Scheduler:
    """Claims what is due and runs it; one occurrence once, one task never twice at the same time."""

    def __init__(
        self,
        store: Store,
        agents: Callable[[], Sequence[AgentRuntime]],
        *,
        workers: Mapping[str, TaskWorker] | None = None,
        now: Callable[[], datetime] = utc_now,
        lease_s: float = LEASE_SECONDS,
        run_s: float = RUN_SECONDS,
        limit: int = AT_ONCE,
        mask: Callable[[str], str] = lambda text: text,
    ) -> None:
        """`agents`: those that are started. `workers` run what no agent has a worker for.

        `mask` blots secrets out of the causes of failures that are stored.
        """
        self._store = store
        self._agents = agents
        self._workers = dict(workers or {})
        self._now = now
        self._lease_s = lease_s
        self._run_s = run_s
        self._limit = limit
        self._mask = mask
        self._tasks = Supervisor("scheduler")
        self._records = Supervisor("scheduler records")
        self._runs: dict[UUID, tuple[UUID, asyncio.Task[None]]] = {}
        """What runs, by task: its agent and its asyncio task."""
        self._woken = asyncio.Event()
        self._looker: asyncio.Task[None] | None = None
        self._looking = asyncio.Lock()
        self._adopted: set[UUID] = set()
        self._clock: Any = None

    # -- life -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to look; or, when it has begun, look again. Call it whenever agents have been started."""
        if self._looker is None:
            self._looker = self._tasks.spawn("look", self._keep_looking())
        self.wake()

    def wake(self) -> None:
        """Something may be due: look again soon."""
        self._woken.set()

    async def release(self, agent_ids: Collection[UUID]) -> None:
        """Cancel what runs for these agents, as they stop. Their claims are left to the lease."""
        self._adopted -= set(agent_ids)
        going = [run for agent_id, run in list(self._runs.values()) if agent_id in agent_ids]
        for run in going:
            run.cancel()
        if going:
            await asyncio.wait(going, timeout=AGAIN_SECONDS)

    async def idle(self) -> None:
        """Wait until nothing runs."""
        while self._runs:
            await asyncio.wait([run for _, run in self._runs.values()])

    async def close(self, grace: float = 0.0) -> None:
        """Stop looking, give what runs `grace` seconds, cancel the rest: its claims are left to the lease."""
        if self._looker is not None:
            self._looker.cancel()
        await self._tasks.close(grace)
        await self._records.close(RECORD_SECONDS)
        if self._clock is not None:
            self._clock.shutdown(wait=False)
            # It ends by a callback of the loop.
            await asyncio.sleep(0)
            self._clock = None

    # -- looking ----------------------------------------------------------------------------------------

    async def _keep_looking(self) -> None:
        while True:
            self._woken.clear()
            wait = LOOK_SECONDS
            try:
                await self.look()
            except StoreError as error:
                log.error("the tasks cannot be read: %s; trying again", error)
                wait = STORE_SECONDS
            except Exception:
                # A fault here must not end all tasks for ever (invariant I4).
                log.exception("looking for tasks failed; trying again")
                wait = LOOK_SECONDS
            try:
                async with asyncio.timeout(wait):
                    await self._woken.wait()
            except TimeoutError:
                pass

    async def look(self) -> int:
        """Claim what is due, start it and set the clock for the next. How many were started."""
        async with self._looking:
            agents = {agent.agent_id: agent for agent in self._agents()}
            if not agents:
                return 0
            for agent_id in agents.keys() - self._adopted:
                await self._adopt(agent_id)
            free = self._limit - len(self._runs)
            if free <= 0:
                return 0  # whichever ends first wakes
            claimed = await self._store.claim_due(
                list(agents), self._now(), lease_s=self._lease_s, limit=free
            )
            started = 0
            for occurrence in claimed:
                started += self._start(agents[occurrence.task.agent_id], occurrence)
            due = await self._store.next_due(list(agents))
            if due is not None and len(self._runs) < self._limit:
                await self._set_clock(due)
            return started

    async def _adopt(self, agent_id: UUID) -> None:
        """Tasks with the tag `queue` that came into the store without a time, as elizaOS's have none."""
        now = self._now()
        for task in await self._store.get_tasks(agent_id, tags=(QUEUE,)):
            if task.due_at is None and task.state is TaskState.ACTIVE:
                try:
                    await self._store.update_task(as_due(task, now))
                except StateError as error:
                    await self._store.update_task(
                        replace(task, state=TaskState.PAUSED, last_error=f"paused: {error}")
                    )
        self._adopted.add(agent_id)

    async def _set_clock(self, due: datetime) -> None:
        """One job for the nearest due row. apscheduler is imported when there is one: it costs 100 ms."""
        clock = self._clock
        if clock is None:
            module = await asyncio.to_thread(import_module, "apscheduler.schedulers.asyncio")
            clock = module.AsyncIOScheduler(timezone="UTC", jobstores={"default": {"type": "memory"}})
            clock.start()
            self._clock = clock
        wait = max(timedelta(), due - self._now())
        clock.add_job(
            self._ring,
            "date",
            run_date=utc_now() + wait,
            id="next",
            replace_existing=True,
            misfire_grace_time=None,
        )

    async def _ring(self) -> None:
        self.wake()

    # -- running ----------------------------------------------------------------------------------------

    def _start(self, agent: AgentRuntime, occurrence: Occurrence) -> bool:
        task_id = occurrence.task.id
        if task_id in self._runs:
            log.error("task %s does not end, not even when it is cancelled; not started twice", task_id)
            return False
        run = self._tasks.spawn(f"task {occurrence.task.name}", self._run(agent, occurrence))
        self._runs[task_id] = (agent.agent_id, run)
        run.add_done_callback(lambda _: self._ended(task_id))
        return True

    def _ended(self, task_id: UUID) -> None:
        self._runs.pop(task_id, None)
        self.wake()

    async def _run(self, agent: AgentRuntime, occurrence: Occurrence) -> None:
        task, started = occurrence.task, self._now()
        meant = meant_for(task, occurrence.due_at)
        with log_context(agent=agent.character.name, **({"room": task.room_id} if task.room_id else {})):
            if occurrence.attempt == 1 and is_missed(task, occurrence.due_at, started):
                log.info("task %s was missed at %s and is skipped", task.name, meant)
                await self._finish(occurrence, "missed", lambda row: after_missed(row, meant, started))
                return
            if occurrence.attempt > 1:
                log.warning("task %s was under way when its process ended; running it again", task.name)
            try:
                ran = await self._execute(agent, replace(task, due_at=meant))
            except SendLater as error:
                wait = AGAIN_SECONDS if error.after_s is None else error.after_s
                await self._finish(occurrence, str(error), lambda row: later(row, meant, self._now(), wait))
                return
            except Exception as error:
                # A worker is a stranger's code: its fault is its task's only (invariant I4).
                cause = self._mask(str(error) or type(error).__name__)
                log.warning(
                    "task %s failed: %s", task.name, cause, exc_info=not isinstance(error, StateError)
                )
                await self._finish(
                    occurrence, cause, lambda row: after_failure(row, meant, started, self._now(), cause)
                )
                return
            if not ran:
                wait = AGAIN_SECONDS
                await self._finish(occurrence, "", lambda row: later(row, meant, self._now(), wait))
                return
            await self._finish(occurrence, "", lambda row: after_success(row, meant, started, self._now()))

    async def _execute(self, agent: AgentRuntime, task: Task) -> bool:
        """False when the worker does not want to now."""
        worker = agent.get_task_worker(task.name) or self._workers.get(task.name)
        if worker is None:
            raise StateError(f'nothing runs tasks called "{task.name}": no plugin has registered a worker')
        try:
            async with asyncio.timeout(self._run_s) as limit:
                if worker.validate is not None and not await worker.validate(agent, None, None):
                    return False
                await worker.execute(agent, task.metadata, task)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise StateError(f"not finished within {self._run_s:g} seconds") from error
        return True

    async def _finish(self, occurrence: Occurrence, error: str, then: Callable[[Task], Task | None]) -> None:
        # Shielded: a stop must not cut between what was done and what we know of it.
        await asyncio.shield(self._records.spawn("record", self._record(occurrence, error, then)))

    async def _record(self, occurrence: Occurrence, error: str, then: Callable[[Task], Task | None]) -> None:
        for attempt in range(1, RECORD_TRIES):
            try:
                return await self._record_once(occurrence, error, then)
            except StoreError as fault:
                # Left to its lease it would run a second time.
                log.error("the end of task %s is not on disk yet: %s", occurrence.task.name, fault)
                await asyncio.sleep(backoff(attempt, base=0.5))
        return await self._record_once(occurrence, error, then)

    async def _record_once(
        self, occurrence: Occurrence, error: str, then: Callable[[Task], Task | None]
    ) -> None:
        task = occurrence.task
        paused = ""

        def following(row: Task) -> Task | None:
            nonlocal paused
            after = _merged(row, occurrence, then(row))
            anew = after is not None and after.state is TaskState.PAUSED and after != row
            paused = after.last_error if after is not None and anew else ""
            return after

        if not await self._store.finish_occurrence(task.id, occurrence.due_at, error=error, then=following):
            log.debug("task %s was finished or deleted meanwhile", task.name)
        elif paused:
            log.error("task %s (%s): %s", task.name, task.id, paused)


def _merged(row: Task, occurrence: Occurrence, following: Task | None) -> Task | None:
    """What somebody changed while it ran stays as they want it: a new time, a pause."""
    moved = row.due_at != occurrence.due_at
    if following is None:
        return row if moved else None
    if moved:
        following = replace(following, due_at=row.due_at, metadata=row.metadata, state=row.state)
    if row.state is not TaskState.ACTIVE:
        following = replace(following, state=row.state)
    return following
