"""When a task runs next. Pure: no clock is read and nothing is stored here."""

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from bot_host.kit.cron import cron_times
from bot_host.kit.retry import backoff
from bot_host.types.errors import StateError
from bot_host.types.task import Misfire, Task, TaskState

QUEUE: Final = "queue"
"""elizaOS's tag of tasks that the clock runs (5.5-01); one that does not repeat goes when it is done."""
REPEAT: Final = "repeat"
"""elizaOS's tag of tasks that run every `metadata.updateInterval` milliseconds (5.5-03)."""
IMMEDIATE: Final = "immediate"
"""elizaOS's tag of repeating tasks whose first time is now."""
RETRY_OF: Final = "retry_of"
"""In a task's metadata while it is tried again: the time that it should have run at."""
FAILURES: Final = 5
"""In a row; then the task is paused."""
CAUGHT_UP: Final = 100
"""Missed times that `Misfire.ALL` makes up for."""
LATE_S: Final = 60.0
"""What a start may take. Whatever is later was missed."""
SHORTEST_S: Final = 1.0
"""elizaOS looks once a second; an interval of 0 means this there and here."""
RETRY_S: Final = 10.0
RETRY_CAP_S: Final = 3600.0
CAUSE_CHARS: Final = 500


def interval_of(task: Task) -> float | None:
    """Seconds between two times: `every_s`, or elizaOS's `metadata.updateInterval` with the tag `repeat`."""
    if task.every_s is not None:
        return max(SHORTEST_S, task.every_s)
    if task.cron or REPEAT not in task.tags:
        return None
    given = task.metadata.get("updateInterval")
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        return SHORTEST_S
    return max(SHORTEST_S, given / 1000)


def _cron(task: Task, start: datetime, *, reverse: bool = False) -> Iterator[datetime]:
    try:
        return cron_times(task.cron, task.time_zone, start, reverse=reverse)
    except ValueError as error:
        raise StateError(str(error)) from error


def next_time(task: Task, after: datetime) -> datetime | None:
    """The first time of a task that is later than `after`, in UTC; None when there is none.

    Intervals count from `due_at`, in real seconds; cron text as `kit.cron` says. Raises StateError for cron
    text or a time zone that cannot be read.
    """
    if task.cron:
        return next(_cron(task, after), None)
    every = interval_of(task)
    if every is None:
        return task.due_at if task.due_at is not None and task.due_at > after else None
    first = task.due_at or after
    if first > after and task.due_at is not None:
        return first
    return first + timedelta(seconds=every * (math.floor((after - first).total_seconds() / every) + 1))


def as_due(task: Task, now: datetime) -> Task:
    """The task with its first `due_at`, where it has none and the clock is to run it.

    That is for `every_s`, `cron`, and elizaOS's tag `queue`: alone at once, with `repeat` after its
    interval, with `immediate` at once. Other tasks wait for somebody. Raises StateError as `next_time`.
    """
    if task.cron and task.every_s is not None:
        raise StateError("a task has either every_s or cron")
    # Not so when it runs: a row that came into the store otherwise runs as often as is possible.
    if task.every_s is not None and not SHORTEST_S <= task.every_s < math.inf:
        raise StateError(f"a task's every_s is {SHORTEST_S:g} second at least, found {task.every_s:g}")
    if task.cron:
        first = next_time(task, now)
        if first is None:
            raise StateError(f'cron "{task.cron[:60]}" never comes')
    elif task.due_at is not None:
        return task
    elif task.every_s is not None or (QUEUE in task.tags and REPEAT in task.tags):
        wait = 0.0 if IMMEDIATE in task.tags else interval_of(task) or 0.0
        first = now + timedelta(seconds=wait)
    elif QUEUE in task.tags:
        first = now
    else:
        return task
    return task if task.due_at is not None else replace(task, due_at=first)


def meant_for(task: Task, due_at: datetime) -> datetime:
    """The time that an occurrence stands for: its own, or that of which it is a new try."""
    given = task.metadata.get(RETRY_OF)
    if task.due_at != due_at or not isinstance(given, str):
        return due_at
    try:
        meant = datetime.fromisoformat(given)
    except ValueError:
        return due_at
    return meant if meant.tzinfo is not None else due_at


def is_missed(task: Task, due_at: datetime, now: datetime) -> bool:
    """Whether `Misfire.SKIP` forgets this occurrence: it is late, and nobody has tried it."""
    late = (now - due_at).total_seconds() > LATE_S
    return task.misfire is Misfire.SKIP and late and RETRY_OF not in task.metadata


def after_success(task: Task, meant: datetime, started: datetime, ended: datetime) -> Task | None:
    """The task when an occurrence went well; None: it is done for good and goes.

    `task` is the row as it is now. Times that passed meanwhile are treated as its `misfire` says.
    """
    fresh = replace(task, failures=0, last_error="", last_run_at=started, metadata=_plain(task))
    return _onwards(fresh, meant, started, ended)


def after_missed(task: Task, meant: datetime, now: datetime) -> Task | None:
    """The task when an occurrence was forgotten because it is too late for it."""
    after = _onwards(replace(task, metadata=_plain(task)), meant, now, now)
    if after is None or after.state is not TaskState.DONE:
        return after
    return replace(after, last_error=f"missed: nobody ran it at {meant:%Y-%m-%d %H:%M} UTC")


def after_failure(task: Task, meant: datetime, started: datetime, ended: datetime, cause: str) -> Task:
    """The task when an occurrence failed: tried again later, or paused with the cause."""
    failures = task.failures + 1
    cause = cause[:CAUSE_CHARS]
    failed = replace(
        task,
        failures=failures,
        last_error=cause,
        last_run_at=started,
        updated_at=ended,
        metadata=_plain(task),
    )
    if failures >= FAILURES:
        return replace(
            failed, state=TaskState.PAUSED, last_error=f"paused after {failures} failures: {cause}"
        )
    return later(failed, meant, ended, backoff(failures, base=RETRY_S, cap=RETRY_CAP_S))


def later(task: Task, meant: datetime, now: datetime, wait_s: float) -> Task:
    """The same occurrence again in `wait_s` seconds; it goes on standing for the time it was meant for."""
    return replace(
        task,
        due_at=now + timedelta(seconds=wait_s),
        updated_at=now,
        metadata={**task.metadata, RETRY_OF: meant.isoformat()},
    )


def _plain(task: Task) -> dict[str, Any]:
    return {key: value for key, value in task.metadata.items() if key != RETRY_OF}


def _onwards(task: Task, meant: datetime, started: datetime, ended: datetime) -> Task | None:
    task = replace(task, due_at=meant, updated_at=ended)
    after = {Misfire.SKIP: ended, Misfire.ONCE: max(meant, started), Misfire.ALL: meant}[task.misfire]
    try:
        following = next_time(task, max(after, meant))
        if task.misfire is Misfire.ALL and following is not None:
            following = max(following, _oldest_kept(task, ended) or following)
    except StateError as error:
        return replace(task, state=TaskState.PAUSED, last_error=f"paused: {error}"[:CAUSE_CHARS])
    if following is not None:
        return replace(task, due_at=following)
    return None if QUEUE in task.tags else replace(task, state=TaskState.DONE)


def _oldest_kept(task: Task, now: datetime) -> datetime | None:
    """The earliest of the last CAUGHT_UP times up to now."""
    every = interval_of(task)
    if every is not None:
        assert task.due_at is not None
        passed = math.floor((now - task.due_at).total_seconds() / every)
        return task.due_at + timedelta(seconds=every * max(1, passed - CAUGHT_UP + 1))
    if not task.cron:
        return None
    return min(islice(_cron(task, now, reverse=True), CAUGHT_UP), default=None)


def resumed(task: Task, now: datetime) -> Task:
    """A paused or finished task that goes on: with a clean record, at a time that has not been run."""
    task = replace(task, state=TaskState.ACTIVE, failures=0, last_error="", metadata=_plain(task))
    if task.due_at is None or task.due_at > now:
        return as_due(task, now)
    if task.cron or interval_of(task) is not None:
        return replace(task, due_at=next_time(task, now))
    return replace(task, due_at=now)
