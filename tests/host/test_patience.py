"""A part that never goes out does not hold up its room for ever."""

import asyncio
import logging
from datetime import timedelta
from pathlib import Path

import pytest

from bot_host.connector import SendLater, SendRefused, SendUnknown
from bot_host.host.doubts import UNKNOWN
from bot_host.kit.clock import utc_now
from bot_host.store import make_store
from bot_host.testing import FakePlatform
from tests.host.conftest import House, Houses
from tests.host.test_breaker import speak
from tests.host.test_hard_moments import until

TRIES = 3


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot_host.host.sender.backoff", lambda attempt: 0.0)
    monkeypatch.setattr("bot_host.host.breaker.backoff", lambda trips: 0.0)
    monkeypatch.setattr("bot_host.host.patience.TRIES", TRIES)
    monkeypatch.setattr("bot_host.host.patience.GIVE_UP_AFTER", timedelta(0))


async def outcome(sending: asyncio.Task[list[str]]) -> str:
    try:
        await sending
    except SendRefused as error:
        return str(error)
    return ""


async def test_after_enough_tries_it_ends_with_the_reason_and_the_next_goes_out(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.platform.hold_sends.clear()
    house.platform.faults = [SendLater("busy") for _ in range(TRIES)]
    first = await speak(house, "room")
    second = await speak(house, "room")
    house.platform.hold_sends.set()
    assert await outcome(first) == f"given up after {TRIES} tries in 0 hours or more: busy"
    assert await second
    assert house.platform.tried == TRIES + 1
    [line] = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert line.endswith(f"cannot be sent: given up after {TRIES} tries in 0 hours or more: busy")
    patience = house.host._desks[0].sender._patience
    assert not patience._tries


async def test_not_before_its_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot_host.host.patience.GIVE_UP_AFTER", timedelta(hours=1))
    house.platform.faults = [SendLater("busy") for _ in range(3 * TRIES)]
    assert await (await speak(house, "room"))
    assert house.platform.tried == 3 * TRIES + 1


async def test_not_after_a_long_time_alone(house_at: Houses, tmp_path: Path) -> None:
    """A host that was down for a day has not tried for a day."""
    async with house_at() as house:
        house.platform.faults = [SendLater("busy", after_s=900.0)]
        first = await speak(house, "room")
        await until(lambda: house.platform.tried == 1)
        await house.host.finish_pending()
    first.cancel()
    # Before the host looks at it: otherwise it waits for the quarter of an hour.
    async with make_store("sqlite:///bot.db", base=tmp_path) as store:
        await store.mark_later(1, utc_now(), "busy")
    platform = FakePlatform()
    platform.faults = [SendLater("busy") for _ in range(TRIES - 2)]
    async with house_at(platform=platform) as house:
        assert await house.platform.wait_sent() == ["room"]


async def test_one_of_unknown_fate_ends_as_unknown(house_at: Houses) -> None:
    async with house_at() as house:
        house.platform.faults = [SendUnknown("no answer") for _ in range(TRIES)]
        first = await speak(house, "room")
        assert UNKNOWN in await outcome(first)
        assert await (await speak(house, "room"))
