"""Work for later: once, at intervals, by the clock."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot_host.kit.clock import utc_now
from bot_host.types.ids import UUID, new_id


class TaskState(StrEnum):
    """Whether a task runs."""

    ACTIVE = "active"
    PAUSED = "paused"
    """By hand, or after too many failures; `last_error` says which."""
    DONE = "done"


class Misfire(StrEnum):
    """What to do about the times that passed while nobody ran the task."""

    SKIP = "skip"
    """Forget them; go on with the next. Up to 60 seconds late is not missed: a start may take that."""
    ONCE = "once"
    """Run once for all of them."""
    ALL = "all"
    """Run once for each (at most 100)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A row of work (elizaos.md 3.3-06, 5.5). The row is the truth: clocks only wake whoever looks at it.

    At most one of `every_s` and `cron` is set; neither: it runs once, at `due_at`. A task without
    `due_at` and without the tag `queue` waits for somebody (a choice) and is never run by the clock.
    """

    id: UUID = field(default_factory=new_id)
    agent_id: UUID
    name: str
    """Which worker runs it."""
    description: str = ""
    room_id: UUID | None = None
    world_id: UUID | None = None
    entity_id: UUID | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    state: TaskState = TaskState.ACTIVE
    due_at: datetime | None = None
    """The next time, aware UTC."""
    every_s: float | None = None
    cron: str = ""
    """Five fields, weekdays by name or 0-7 with 0 and 7 as Sunday."""
    time_zone: str = "UTC"
    """For `cron`."""
    misfire: Misfire = Misfire.ONCE
    failures: int = 0
    """In a row."""
    last_error: str = ""
    last_run_at: datetime | None = None
    created_at: datetime = field(default_factory=utc_now)
    updated_at: datetime = field(default_factory=utc_now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One due time of a task, claimed by whoever runs it. Keyed by (task, due time): never run twice."""

    task: Task
    due_at: datetime
    attempt: int
    """From 1."""
