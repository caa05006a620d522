"""The schedules of the config file, as tasks."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from bot_host.config.schema import ScheduleConfig
from bot_host.host.task_workers import PROMPT, TEXT
from bot_host.runtime import AgentRuntime
from bot_host.types.ids import UUID, as_id, create_unique_uuid, is_uuid
from bot_host.types.task import Misfire, Task, TaskState

SCHEDULE: Final = "schedule"
"""Tag of the tasks that come from the config file."""


async def sync_schedules(agent: AgentRuntime, schedules: Iterable[ScheduleConfig]) -> None:
    """Make an agent's tasks what its `[[agents.schedules]]` say.

    An id is made of the content, so that a restart changes nothing, a changed schedule replaces its task and
    a removed one takes it along. One that failures have paused goes on. Raises StateError, StoreError.
    """
    wanted: dict[UUID, Task] = {}
    twins: Counter[str] = Counter()
    for schedule in schedules:
        content = json.dumps(schedule.model_dump(mode="json"), sort_keys=True)
        key = f"schedule:{hashlib.sha256(content.encode()).hexdigest()}:{twins[content]}"
        twins[content] += 1
        task = _task(agent.agent_id, create_unique_uuid(agent.agent_id, key), schedule)
        wanted[task.id] = task
    known = {task.id: task for task in await agent.get_tasks(tags=(SCHEDULE,))}
    for task_id in known.keys() - wanted.keys():
        await agent.delete_task(task_id)
    for task_id, task in wanted.items():
        if task_id not in known:
            await agent.create_task(task)
        elif known[task_id].state is TaskState.PAUSED and known[task_id].failures:
            await agent.update_task(task_id, {"state": TaskState.ACTIVE})


def room_id_of(agent_id: UUID, room: str) -> UUID:
    """The room that an admin means: by its id, or by a platform's own id of a channel, as in elizaOS."""
    return as_id(room) if is_uuid(room) else create_unique_uuid(agent_id, room)


def _task(agent_id: UUID, task_id: UUID, schedule: ScheduleConfig) -> Task:
    metadata: dict[str, Any] = {}
    if schedule.room:
        metadata |= {"room_id": room_id_of(agent_id, schedule.room), "room": schedule.room}
    else:
        metadata["target"] = dict(schedule.target)
    metadata |= {"prompt": schedule.prompt} if schedule.prompt else {"text": schedule.text}
    return Task(
        id=task_id,
        agent_id=agent_id,
        name=PROMPT if schedule.prompt else TEXT,
        description=(schedule.prompt or schedule.text)[:100],
        tags=(SCHEDULE,),
        metadata=metadata,
        every_s=float(schedule.every) if schedule.every else None,
        cron=schedule.cron,
        time_zone=schedule.time_zone,
        misfire=Misfire(schedule.misfire),
    )
