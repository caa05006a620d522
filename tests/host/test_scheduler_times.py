"""When tasks run: intervals, cron text over daylight saving, missed times, failures."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot_host.runtime.schedule import (
    after_failure,
    after_missed,
    after_success,
    as_due,
    is_missed,
    later,
    meant_for,
    next_time,
    resumed,
)
from bot_host.types.errors import StateError
from bot_host.types.ids import new_id
from bot_host.types.task import Misfire, Task, TaskState

AGENT = new_id()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


NOON = at("2026-11-23T12:00+00:00")


def task(**fields: Any) -> Task:
    return Task(**{"agent_id": AGENT, "name": "work", **fields})


def times(cron: str, zone: str, after: datetime, count: int) -> list[str]:
    found = []
    for _ in range(count):
        following = next_time(task(cron=cron, time_zone=zone), after)
        assert following is not None
        assert following.tzinfo is UTC
        found.append(f"{following:%m-%d %H:%M}")
        after = following
    return found


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        # Spring: 02:00 to 03:00 does not exist. Berlin on 29 March, New York on 8 March 2026.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", ["03-29 01:00", "03-30 00:30"]),
        ("30 2 * * *", "America/New_York", "2026-03-07T12:00Z", ["03-08 07:00", "03-09 06:30"]),
        ("0,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", ["03-29 01:00", "03-30 00:00"]),
        ("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:15Z", ["03-29 00:30", "03-29 01:00", "03-29 01:30"]),
        # Autumn: an hour comes twice. Berlin on 25 October, New York on 1 November 2026.
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", ["10-25 00:30", "10-26 01:30"]),
        ("30 1 * * *", "America/New_York", "2026-10-31T12:00Z", ["11-01 05:30", "11-02 06:30"]),
        # From within the second 02:xx: the first one is over, and it does not come again.
        ("50 2 * * *", "Europe/Berlin", "2026-10-25T01:45Z", ["10-26 01:50"]),
        ("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:15Z", ["10-25 00:30", "10-25 01:00", "10-25 01:30"]),
        # The same hour on the wall in summer and in winter.
        ("0 9 * * *", "Europe/Berlin", "2026-10-24T12:00Z", ["10-25 08:00"]),
        ("0 9 * * *", "Europe/Berlin", "2026-10-23T12:00Z", ["10-24 07:00", "10-25 08:00"]),
        # Sunday is 0, 7 and sun; 1 is Monday. 22 November 2026 is a Sunday.
        ("0 9 * * 0", "UTC", "2026-11-18T12:00Z", ["11-22 09:00", "11-29 09:00"]),
        ("0 9 * * 7", "UTC", "2026-11-18T12:00Z", ["11-22 09:00"]),
        ("0 9 * * sun", "UTC", "2026-11-18T12:00Z", ["11-22 09:00"]),
        ("0 9 * * 1-5", "UTC", "2026-11-20T12:00Z", ["11-23 09:00", "11-24 09:00"]),
        ("0 0 29 2 *", "UTC", "2026-11-20T12:00Z", ["02-29 00:00"]),
    ],
)
def test_cron(cron: str, zone: str, after: str, expected: list[str]) -> None:
    assert times(cron, zone, at(after), len(expected)) == expected


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"cron": "0 9 * *"}, "expected five fields"),
        ({"cron": "* * * * * *"}, "expected five fields"),
        ({"cron": "61 * * * *"}, "minute"),
        ({"cron": "0 9 * * 8"}, "day-of-week"),
        ({"cron": "0 9 * * *", "time_zone": "Berlin"}, "no time zone"),
        ({"cron": "0 9 * * *", "time_zone": "../etc/passwd"}, "no time zone"),
        ({"cron": "0 9 * * *", "every_s": 5.0}, "either"),
    ],
)
def test_a_task_that_cannot_be_timed_is_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(StateError, match=why):
        as_due(task(**fields), NOON)


def test_intervals_count_from_the_due_time_in_real_seconds() -> None:
    daily = task(every_s=86400.0, due_at=at("2026-03-28T02:30+01:00"))
    assert next_time(daily, at("2026-03-28T05:00+01:00")) == at("2026-03-29T03:30+02:00")
    assert next_time(daily, at("2026-03-29T03:30+02:00")) == at("2026-03-30T03:30+02:00")
    assert next_time(daily, at("2026-03-01T00:00Z")) == daily.due_at
    assert next_time(task(due_at=NOON), NOON) is None
    assert next_time(task(due_at=NOON), NOON - timedelta(seconds=1)) == NOON


@pytest.mark.parametrize(
    ("fields", "wait"),
    [
        ({"tags": ("queue",)}, 0),
        ({"tags": ("queue", "repeat"), "metadata": {"updateInterval": 90_000}}, 90),
        ({"tags": ("queue", "repeat", "immediate"), "metadata": {"updateInterval": 90_000}}, 0),
        ({"tags": ("queue", "repeat")}, 1),
        ({"tags": ("queue", "repeat"), "metadata": {"updateInterval": float("nan")}}, 1),
        ({"every_s": 30.0}, 30),
        ({"tags": ("repeat",), "metadata": {"updateInterval": 90_000}}, None),
        ({"tags": ("choice",)}, None),
    ],
)
def test_the_first_time(fields: dict[str, Any], wait: float | None) -> None:
    due = as_due(task(**fields), NOON).due_at
    assert due == (None if wait is None else NOON + timedelta(seconds=wait))


@pytest.mark.parametrize(
    ("misfire", "passed_s", "following_s"),
    [
        (Misfire.SKIP, 5, 60),
        (Misfire.ONCE, 5, 60),
        (Misfire.ALL, 5, 60),
        (Misfire.SKIP, 605, 660),
        (Misfire.ONCE, 605, 660),
        (Misfire.ALL, 605, 60),
        (Misfire.ALL, 60 * 1000 + 5, 60 * 901),
    ],
)
@pytest.mark.parametrize("cron", [False, True])
def test_missed_times(misfire: Misfire, passed_s: float, following_s: float, cron: bool) -> None:
    how: dict[str, Any] = {"cron": "* * * * *"} if cron else {"every_s": 60.0}
    one = task(due_at=NOON, misfire=misfire, **how)
    now = NOON + timedelta(seconds=passed_s)
    after = after_success(one, NOON, now, now)
    assert after is not None
    assert after.due_at == NOON + timedelta(seconds=following_s)


def test_all_makes_up_for_the_last_hundred_and_then_goes_on() -> None:
    one: Task | None = task(due_at=NOON, misfire=Misfire.ALL, every_s=60.0)
    now = NOON + timedelta(seconds=60 * 1000 + 5)
    runs = 0
    while one is not None and one.due_at is not None and one.due_at <= now:
        one = after_success(one, one.due_at, now, now)
        runs += 1
    assert runs == 101  # the one that was due, and the last hundred
    assert one is not None
    assert one.due_at == NOON + timedelta(seconds=60 * 1001)


def test_a_run_longer_than_the_interval_is_followed_once() -> None:
    one = task(due_at=NOON, every_s=10.0, misfire=Misfire.ONCE)
    after = after_success(one, NOON, NOON, NOON + timedelta(seconds=35))
    assert after is not None
    assert after.due_at == NOON + timedelta(seconds=10)
    again = after_success(after, after.due_at, NOON + timedelta(seconds=35), NOON + timedelta(seconds=36))
    assert again is not None
    assert again.due_at == NOON + timedelta(seconds=40)


def test_what_does_not_repeat_is_done_or_gone() -> None:
    done = after_success(task(due_at=NOON), NOON, NOON, NOON)
    assert done is not None
    assert done.state is TaskState.DONE
    assert done.last_run_at == NOON
    assert after_success(task(due_at=NOON, tags=("queue",)), NOON, NOON, NOON) is None


def test_skip_forgets_what_is_late_and_says_so() -> None:
    one = task(due_at=NOON, misfire=Misfire.SKIP)
    late = NOON + timedelta(seconds=61)
    assert not is_missed(one, NOON, NOON + timedelta(seconds=59))
    assert is_missed(one, NOON, late)
    assert not is_missed(replace(one, misfire=Misfire.ONCE), NOON, late)
    # A new try of a failed run is late on purpose.
    assert not is_missed(later(one, NOON, NOON, 1.0), NOON, late)
    missed = after_missed(one, NOON, late)
    assert missed is not None
    assert missed.state is TaskState.DONE
    assert missed.last_error == "missed: nobody ran it at 2026-11-23 12:00 UTC"


def test_failures_are_tried_again_ever_later_and_pause_with_the_cause() -> None:
    one = task(due_at=NOON, every_s=3600.0)
    now, waits = NOON, []
    for _ in range(4):
        assert one.due_at is not None
        meant = meant_for(one, one.due_at)
        assert meant == NOON
        one = after_failure(one, meant, now, now, "no luck")
        assert one.state is TaskState.ACTIVE
        assert one.due_at is not None
        waits.append((one.due_at - now).total_seconds())
        now = one.due_at
    assert all(earlier < later_on for earlier, later_on in itertools.pairwise(waits))
    paused = after_failure(one, NOON, now, now, "no luck")
    assert paused.state is TaskState.PAUSED
    assert paused.failures == 5
    assert paused.last_error == "paused after 5 failures: no luck"
    # Once it works, its times are what they would have been.
    well = after_success(one, NOON, now, now)
    assert well is not None
    assert well.due_at == NOON + timedelta(hours=1)
    assert (well.failures, well.last_error, well.metadata) == (0, "", {})


def test_a_paused_task_goes_on_at_a_time_that_was_not_run() -> None:
    now = NOON + timedelta(hours=2, minutes=5)
    paused = task(due_at=NOON, every_s=3600.0, state=TaskState.PAUSED, failures=5, last_error="x")
    again = resumed(paused, now)
    assert again.due_at == NOON + timedelta(hours=3)
    assert (again.state, again.failures, again.last_error) == (TaskState.ACTIVE, 0, "")
    assert resumed(replace(paused, every_s=None), now).due_at == now
    ahead = now + timedelta(days=1)
    assert resumed(replace(paused, due_at=ahead), now).due_at == ahead
