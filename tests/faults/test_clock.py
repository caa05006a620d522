"""The machine's clock is set back or forward by a day, while the host runs and between two of its lives."""

from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import SendLater
from bot_host.runtime import AgentOptions
from bot_host.runtime.config import Limits
from tests.host.conftest import Houses
from tests.host.conftest import house_at as house_at
from tests.host.test_hard_moments import until
from tests.host.test_host import inbox_of

DAY = timedelta(days=1)


class Clock:
    """Replaces the one place that asks the machine what time it is."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self, zone: tzinfo) -> datetime:
        return datetime.now(zone) + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    one = Clock()
    monkeypatch.setattr("bot_host.kit.clock.datetime", one)
    return one


@pytest.fixture(params=[-DAY, DAY], ids=["back", "forward"])
def jump(request: pytest.FixtureRequest) -> Any:
    return request.param


async def test_messages_around_a_jump_are_answered_once_in_order(
    clock: Clock, jump: timedelta, house_at: Houses
) -> None:
    async with house_at() as house:
        for number in range(6):
            await house.platform.say(f"message {number}")
            if number == 2:
                clock.ahead = jump
        await house.host.finish_pending()
        said = [text for _, text, _ in house.platform.sent]
        # Those that came together are answered together, by the newest.
        assert said[-1] == "echo: message 5"
        assert said == sorted(set(said))
        asked = [message.content for message in house.model.requests[-1].messages if message.role == "user"]
        assert asked[-1].endswith("message 5")


async def test_a_part_that_waits_for_its_time_does_not_wait_for_the_clock(
    clock: Clock, jump: timedelta, house_at: Houses
) -> None:
    async with house_at() as house:
        house.platform.faults = [SendLater("slow down", after_s=0.3)]
        await house.platform.say("hello")
        await until(lambda: not house.platform.faults)
        clock.ahead = jump
        assert await house.platform.wait_sent() == ["echo: hello"]


async def test_what_waits_over_a_restart_and_a_jump_is_answered(
    clock: Clock, jump: timedelta, house_at: Houses, tmp_path: Path
) -> None:
    async with house_at() as house:
        house.model.hold.clear()
        await house.platform.say("hello")
        await house.model.wait_asked()
        await house.host.stop(0.0)
    clock.ahead = jump
    async with house_at() as house:
        assert await house.platform.wait_sent() == ["echo: hello"]
        await house.platform.say("and now?", message_id="2")
        await house.platform.wait_sent(2)
        await house.host.finish_pending()
    assert [row[:2] for row in inbox_of(tmp_path)] == [("done", "answered")] * 2


async def test_a_part_that_was_put_off_goes_out_after_a_restart_and_a_jump(
    clock: Clock, jump: timedelta, house_at: Houses
) -> None:
    async with house_at() as house:
        house.platform.faults = [SendLater("slow down", after_s=3600)]
        await house.platform.say("hello")
        await until(lambda: not house.platform.faults)
        await house.host.stop(0.0)
    clock.ahead = jump
    async with house_at() as house:
        assert await house.platform.wait_sent() == ["echo: hello"]


async def test_limits_do_not_count_what_stands_in_the_future(
    clock: Clock, jump: timedelta, house_at: Houses, tmp_path: Path
) -> None:
    options = AgentOptions(limits=Limits(entity_messages_per_minute=2))
    async with house_at(options=options) as house:
        for number in range(1, 3):
            await house.platform.say(f"message {number}")
            await house.platform.wait_sent(number)
        await house.host.finish_pending()
        clock.ahead = jump
        await house.platform.say("a day later or earlier")
        assert (await house.platform.wait_sent(3))[-1] == "echo: a day later or earlier"
