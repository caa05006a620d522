"""Supervised tasks: each has a name and an owner, and none fails unseen."""

import asyncio
import contextvars
import logging
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Final, Self, TypeVar

log = logging.getLogger(__name__)
T = TypeVar("T")

CANCEL_SECONDS: Final = 5.0


class Supervisor:
    """Owns a set of tasks: keeps them referenced, logs a failure with the task's name, ends them together.

    A task that raises ends only itself; the failure is logged with its traceback. An owner that must
    know about a failure awaits the task that `spawn` returned.
    """

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    @property
    def is_closed(self) -> bool:
        """Whether it starts no more tasks."""
        return self._closed

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(
        self, name: str, work: Coroutine[Any, Any, T], *, context: contextvars.Context | None = None
    ) -> asyncio.Task[T]:
        """Start `work` as a task called `owner/name`. Raises RuntimeError after `close`.

        Without `context` the task sees the caller's context variables (its log fields), as at asyncio.
        """
        if self._closed:
            work.close()
            raise RuntimeError(f"{self.owner} is closed and starts no task: {name}")
        task = asyncio.get_running_loop().create_task(work, name=f"{self.owner}/{name}", context=context)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            log.error("task %s failed: %s", task.get_name(), error, exc_info=error)

    async def wait(self, timeout: float | None = None) -> bool:
        """Wait until every task has ended; False when `timeout` (seconds) passed first. Ends nothing."""
        tasks = set(self._tasks)
        if not tasks:
            return True
        _, pending = await asyncio.wait(tasks, timeout=timeout)
        return not pending

    async def close(self, grace: float = 0.0) -> None:
        """Take no new tasks, give those under way `grace` seconds, then cancel and await the rest.

        A task that does not end within `CANCEL_SECONDS` of its cancellation is named in the log and left.
        """
        self._closed = True
        if grace > 0:
            await self.wait(grace)
        tasks = {task for task in self._tasks if task is not asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=CANCEL_SECONDS)
            for task in left:
                log.error("task %s does not end when it is cancelled and is left behind", task.get_name())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
