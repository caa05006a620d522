"""Tasks in the database: claimed once for each due time, whatever is killed in between."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from bot_host.types.ids import UUID
from bot_host.types.task import Occurrence, Task


class Tasks(Protocol):
    """Each method is one whole transaction."""

    async def create_task(self, task: Task) -> bool:
        """False when its id is known (nothing changes)."""

    async def find_task(self, task_id: UUID) -> Task | None:
        """One task."""

    async def get_tasks(
        self,
        agent_id: UUID,
        *,
        room_id: UUID | None = None,
        entity_id: UUID | None = None,
        name: str | None = None,
        tags: Sequence[str] = (),
    ) -> list[Task]:
        """Tasks that fit, with all of `tags`, by time of making."""

    async def update_task(self, task: Task) -> bool:
        """Replace what is not an id; False when there is no such task."""

    async def delete_task(self, task_id: UUID) -> bool:
        """Delete it with its record of occurrences."""

    async def next_due(self, agent_ids: Sequence[UUID]) -> datetime | None:
        """When to look again: the nearest `due_at` of active tasks of these agents; overdue ones count.

        A task under way counts with the end of its lease instead, and a due time that was run already not at
        all, so that whoever waits for this time and then claims never turns in a circle.
        """

    async def claim_due(
        self, agent_ids: Sequence[UUID], now: datetime, *, lease_s: float, limit: int
    ) -> list[Occurrence]:
        """Claim what is due: one occurrence a task, keyed by (task, due_at), in the order of due times.

        A claim whose lease ran out (its process died) is given again with `attempt` counted up. A task
        whose occurrence is claimed and running is not given a second one: no overlap.
        """

    async def finish_occurrence(
        self, task_id: UUID, due_at: datetime, *, error: str, then: Callable[[Task], Task | None]
    ) -> bool:
        """Record an occurrence's end, and what becomes of its task, in one transaction.

        `then` makes the task's next form of its row as it is at that moment (None: delete it). It runs on
        the database's thread, maybe more than once. False when the occurrence was finished already (nothing
        changes).
        """
