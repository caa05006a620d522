"""Tasks, cache and logs by elizaOS's names (2.15, 5.5)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot_host.kit.clock import utc_now
from bot_host.runtime.base import AgentBase
from bot_host.runtime.given import changed, keys_of, made, takes_ids
from bot_host.runtime.schedule import as_due, resumed
from bot_host.types.ids import UUID
from bot_host.types.knowledge import LogEntry
from bot_host.types.task import Task, TaskState


@takes_ids
class RecordMethods(AgentBase):
    """Thin wrappers over the store; see `Knowledge`."""

    # -- tasks ------------------------------------------------------------------------------------------

    async def create_task(self, task: Task | Mapping[str, Any]) -> UUID:
        """Make a task, due as its interval, cron text or tags say; its id. Raises StateError."""
        mine = made(Task, task, agent_id=self.agent_id)
        await self.store.create_task(as_due(mine, utc_now()))
        self.on_task_change()
        return mine.id

    async def get_task(self, task_id: UUID) -> Task | None:
        """One task."""
        found = await self.store.find_task(task_id)
        return found if found is not None and found.agent_id == self.agent_id else None

    async def get_tasks(
        self,
        *,
        room_id: UUID | None = None,
        tags: Sequence[str] = (),
        entity_id: UUID | None = None,
    ) -> list[Task]:
        """Tasks that fit, with all of `tags`."""
        return await self.store.get_tasks(self.agent_id, room_id=room_id, tags=tags, entity_id=entity_id)

    async def get_tasks_by_name(self, name: str) -> list[Task]:
        """Tasks of a worker."""
        return await self.store.get_tasks(self.agent_id, name=name)

    async def update_task(self, task_id: UUID, task: Task | Mapping[str, Any]) -> bool:
        """Replace a task, or the fields that a mapping names; False when there is none.

        A mapping that changes when it runs, without a `due_at`, has the next time counted anew; one that
        makes it active again clears its failures. Raises StateError.
        """
        now = utc_now()
        known = await self.get_task(task_id)
        if known is None:
            return False
        if isinstance(task, Task):
            new = made(Task, task, id=task_id, agent_id=self.agent_id)
        else:
            changes = keys_of(task)
            new = changed(
                Task, known, {"updated_at": now, **changes, "id": task_id, "agent_id": self.agent_id}
            )
            if {"every_s", "cron", "time_zone"} & changes.keys() and "due_at" not in changes:
                new = replace(new, due_at=None)
            if known.state is not TaskState.ACTIVE and new.state is TaskState.ACTIVE:
                new = resumed(new, now)
        done = await self.store.update_task(as_due(new, now))
        self.on_task_change()
        return done

    async def delete_task(self, task_id: UUID) -> None:
        """Delete it."""
        if await self.get_task(task_id) is not None:
            await self.store.delete_task(task_id)

    # -- cache and logs ---------------------------------------------------------------------------------

    async def get_cache(self, key: str) -> Any | None:
        """A JSON value, or None."""
        return await self.store.get_cache(self.agent_id, key)

    async def set_cache(self, key: str, value: Any) -> bool:
        """Put a JSON value."""
        await self.store.set_cache(self.agent_id, key, value)
        return True

    async def delete_cache(self, key: str) -> bool:
        """Forget it."""
        await self.store.delete_cache(self.agent_id, key)
        return True

    async def log(
        self,
        *,
        type: str,
        body: Mapping[str, Any],
        entity_id: UUID | None = None,
        room_id: UUID | None = None,
    ) -> None:
        """Keep a log entry."""
        await self.store.add_log(
            LogEntry(agent_id=self.agent_id, type=type, body=dict(body), entity_id=entity_id, room_id=room_id)
        )

    async def get_logs(
        self,
        *,
        entity_id: UUID | None = None,
        room_id: UUID | None = None,
        type: str | None = None,
        count: int = 10,
        offset: int = 0,
    ) -> list[LogEntry]:
        """Log entries that fit, newest first."""
        return await self.store.get_logs(
            self.agent_id, entity_id=entity_id, room_id=room_id, type=type, count=count, offset=offset
        )

    async def delete_log(self, log_id: UUID) -> None:
        """Delete one."""
        await self.store.delete_log(self.agent_id, log_id)
