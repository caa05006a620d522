"""Old rows are deleted once a day, each kind after its own time, and the log says so in a line."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot_host.host import sweeper
from bot_host.host.sweeper import LONG_AGO, START_S, keep_swept, sweep, wait_s
from bot_host.kit.clock import utc_now
from bot_host.types.errors import StoreError
from bot_host.types.inbound import Mark
from bot_host.types.knowledge import LogEntry
from bot_host.types.retention import RETENTION_MARKS, SWEPT_AT, Retention
from tests.host.conftest import House, house, house_at

__all__ = ["house", "house_at"]

NIGHT = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)
DAY = timedelta(days=1)


async def fill(house: House, *ages: int) -> None:
    for age in ages:
        entry = LogEntry(agent_id=house.agent_id, type=str(age), created_at=NIGHT - age * DAY)
        await house.store.add_log(entry)


async def left(house: House) -> set[str]:
    return {entry.type for entry in await house.store.get_logs(house.agent_id, count=1000)}


async def test_each_kind_goes_after_its_own_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "BATCH", 2)
    monkeypatch.setattr(sweeper, "PAUSE_S", 0.0)
    await fill(house, 1, 89, 91, 100, 500)
    assert await sweep(house.store, Retention(), NIGHT) == {"logs": 3}
    assert await left(house) == {"1", "89"}
    assert await house.store.find_mark(RETENTION_MARKS, SWEPT_AT) == NIGHT.timestamp()
    assert await sweep(house.store, Retention(logs=0), NIGHT + 900 * DAY) == {}
    assert await left(house) == {"1", "89"}


async def test_what_people_value_stays_by_default(house: House) -> None:
    await house.platform.say("my cat is called Ptolemy")
    await house.platform.wait_sent()
    await house.host.finish_pending()
    swept = await sweep(house.store, Retention(), utc_now() + 5000 * DAY)
    assert swept.keys() == {"runs", "outbox"}
    texts = [each.content.text for each in await house.store.list_memories(house.agent_id)]
    assert "my cat is called Ptolemy" in texts
    assert (await house.store.audit_rows(host_runs=True)).violations == ()


async def test_all_of_it_goes_where_messages_go(house: House) -> None:
    await house.platform.say("my cat is called Ptolemy", message_id="4711")
    await house.platform.wait_sent()
    await house.host.finish_pending()
    swept = await sweep(house.store, Retention(messages=365), utc_now() + 5000 * DAY)
    assert swept == {"messages": 2, "runs": 1, "outbox": 1, "inbox": 1}
    audited = await house.store.audit_rows(host_runs=True)
    assert (audited.violations, audited.balance.received) == ((), 1)
    # And the talk goes on.
    await house.platform.say("hello")
    assert (await house.platform.wait_sent(2))[1] == "echo: hello"


async def test_keys_of_messages_outlive_what_platforms_repeat(house: House) -> None:
    """Also where somebody sets it past the check of the configuration."""
    await house.platform.say("hello")
    await house.platform.wait_sent()
    await house.host.finish_pending()
    soon = Retention(messages=1, runs=1, steps=1, outbox=1, inbox=1)
    assert "inbox" not in await sweep(house.store, soon, utc_now() + 6 * DAY)
    assert (await sweep(house.store, soon, utc_now() + 8 * DAY))["inbox"] == 1


@pytest.mark.parametrize(
    ("last", "seconds"),
    [
        (None, START_S),
        (NIGHT - LONG_AGO - DAY, START_S),
        (NIGHT - timedelta(hours=23), 1800.0),
        (NIGHT - timedelta(hours=1), 1800.0),
    ],
)
async def test_when_it_is_due(house: House, last: datetime | None, seconds: float) -> None:
    if last is not None:
        mark = Mark(name=SWEPT_AT, value=int(last.timestamp()))
        await house.store.set_mark(RETENTION_MARKS, mark)
    assert await wait_s([house.store], Retention(hour=3), NIGHT) == seconds


async def test_after_its_hour_it_is_due_tomorrow(house: House) -> None:
    await house.store.set_mark(RETENTION_MARKS, Mark(name=SWEPT_AT, value=int(NIGHT.timestamp())))
    assert await wait_s([house.store], Retention(hour=2), NIGHT) == 23.5 * 3600


class Enough(Exception):
    pass


def naps(monkeypatch: pytest.MonkeyPatch, count: int) -> list[float]:
    """The sweeper's sleeps take no time; after so many it is enough."""
    slept: list[float] = []

    async def nap(seconds: float) -> None:
        if len(slept) == count:
            raise Enough
        slept.append(seconds)

    monkeypatch.setattr("bot_host.host.sweeper.asyncio", _Asyncio(nap))
    return slept


class _Asyncio:
    def __init__(self, sleep: Any) -> None:
        self.sleep = sleep


async def test_one_line_of_log_tells_what_went(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    old = LogEntry(agent_id=house.agent_id, type="x", created_at=utc_now() - 91 * DAY)
    await house.store.add_log(old)
    slept = naps(monkeypatch, 1)
    with caplog.at_level(logging.INFO), pytest.raises(Enough):
        await keep_swept(lambda: [house.store], Retention())
    assert slept == [START_S]
    lines = [record.message for record in caplog.records if record.name == "bot_host.host.sweeper"]
    assert lines == ["old rows were deleted, as [retention] says: 1 logs"]


async def test_a_database_that_does_not_answer_is_asked_again_later(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    slept = naps(monkeypatch, 3)

    async def busy(*_: Any, **__: Any) -> Any:
        raise StoreError("the database is busy")

    monkeypatch.setattr(house.store, "sweep", busy)
    with pytest.raises(Enough):
        await keep_swept(lambda: [house.store], Retention())
    assert slept == [START_S, sweeper.AGAIN_S, START_S]
    assert "old rows could not be deleted: the database is busy" in caplog.text


async def test_the_host_runs_it_and_stops_it(house: House) -> None:
    task = house.host._sweeping
    assert isinstance(task, asyncio.Task)
    assert not task.done()
    await house.host.stop(0.0)
    assert task.cancelled() or task.done()
