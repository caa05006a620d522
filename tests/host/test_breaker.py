"""A platform in trouble is not hammered: the account waits as a whole, one destination tries."""

import asyncio
from datetime import datetime, timedelta

import pytest

from bot_host.connector import SendLater, SendRefused, SendUnknown
from bot_host.host.breaker import IN_A_ROW, PATIENCE_S, Breaker
from bot_host.kit.clock import utc_now
from bot_host.types.content import Content
from bot_host.types.outbound import Target
from tests.host.conftest import House, Houses
from tests.host.test_hard_moments import until


class Clock:
    def __init__(self) -> None:
        self.now = datetime.fromisoformat("2026-01-01T00:00:00+00:00")

    def __call__(self) -> datetime:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("bot_host.host.breaker.utc_now", clock)
    monkeypatch.setattr("bot_host.host.breaker.backoff", lambda trips: 10.0 * trips)
    return clock


def fail(breaker: Breaker, destination: str, *, whole: bool = False, wait_s: float = 1.0) -> None:
    breaker.failed("fake:1", destination, "busy", whole=whole, wait_s=wait_s)


def test_one_room_in_trouble_holds_nobody_else_up(clock: Clock) -> None:
    breaker = Breaker(lambda destination: None)
    for _ in range(20):
        fail(breaker, "a")
    assert breaker.wait_s("fake:1", "b") == 0.0


def test_several_rooms_in_a_row_are_the_platform(clock: Clock) -> None:
    woken: list[str] = []
    breaker = Breaker(woken.append)
    for number in range(IN_A_ROW):
        assert breaker.wait_s("fake:1", f"{number}") == 0.0
        fail(breaker, f"{number}")
    assert breaker.wait_s("fake:1", "x") == 10.0
    assert breaker.wait_s("fake:2", "x") == 0.0
    clock.go(10.0)
    assert breaker.wait_s("fake:1", "x") == 0.0
    assert breaker.wait_s("fake:1", "y") == PATIENCE_S
    assert breaker.wait_s("fake:1", "x") == 0.0
    fail(breaker, "x")
    assert breaker.wait_s("fake:1", "y") == 20.0
    clock.go(20.0)
    assert breaker.wait_s("fake:1", "y") == 0.0
    breaker.answered("fake:1")
    assert {"x", "y"} <= set(woken)
    assert breaker.wait_s("fake:1", "z") == 0.0
    fail(breaker, "z")
    assert breaker.wait_s("fake:1", "z") == 0.0


def test_a_success_between_failures_counts(clock: Clock) -> None:
    breaker = Breaker(lambda destination: None)
    for number in range(IN_A_ROW * 3):
        fail(breaker, f"{number}")
        if number % 2:
            breaker.answered("fake:1")
    assert breaker.wait_s("fake:1", "x") == 0.0


def test_what_the_platform_says_of_the_account_holds_it_for_that_long(clock: Clock) -> None:
    breaker = Breaker(lambda destination: None)
    fail(breaker, "a", whole=True, wait_s=60.0)
    assert breaker.wait_s("fake:1", "b") == 60.0
    # Others were on their way when it began: their answers make it no longer than they say.
    for name in "cdefg":
        fail(breaker, name, whole=True, wait_s=61.0)
    assert breaker.wait_s("fake:1", "b") == 61.0


def test_one_that_has_nothing_to_try_lets_another_one(clock: Clock) -> None:
    woken: list[str] = []
    breaker = Breaker(woken.append)
    fail(breaker, "a", whole=True)
    clock.go(60.0)
    assert breaker.wait_s("fake:1", "b") == 0.0
    assert breaker.wait_s("fake:1", "c") == PATIENCE_S
    breaker.left("fake:1", "c")
    assert woken == []
    breaker.left("fake:1", "b")
    assert woken == ["c"]
    assert breaker.wait_s("fake:1", "c") == 0.0


async def speak(house: House, room: str) -> asyncio.Task[list[str]]:
    await house.platform.accept()
    target = Target(source="fake", channel_id=room)
    delivery = await house.host.send_message_to_target(house.agent_id, target, Content(text=room))
    return asyncio.create_task(delivery.sent(30))


async def test_a_dead_platform_is_asked_by_one_room_at_a_time(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot_host.host.sender.backoff", lambda attempt: 0.01)
    monkeypatch.setattr("bot_host.host.breaker.backoff", lambda trips: 0.05)
    house.platform.faults = [SendLater("busy") for _ in range(IN_A_ROW + 4)]
    mine = [await speak(house, f"room {number}") for number in range(30)]
    for each in mine:
        assert await each
    assert sorted(text for _, text, _ in house.platform.sent) == sorted(f"room {n}" for n in range(30))
    assert house.platform.tried == 30 + IN_A_ROW + 4


async def test_what_is_said_of_the_account_keeps_all_rooms_from_trying(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot_host.host.breaker.backoff", lambda trips: 0.0)
    house.platform.faults = [SendLater("slow down", after_s=0.3, account=True)]
    first = await speak(house, "first")
    await until(lambda: bool(house.host._desks[0].sender._breaker._accounts))
    mine = [await speak(house, f"room {number}") for number in range(10)]
    assert house.platform.tried == 1
    for each in (first, *mine):
        assert await each
    assert house.platform.tried == 12


async def test_the_account_goes_on_as_soon_as_it_has_logged_in(house: House) -> None:
    house.platform.faults = [SendLater("no connection", after_s=900.0, account=True)]
    first = await speak(house, "first")
    await until(lambda: bool(house.host._desks[0].sender._breaker._accounts))
    second = await speak(house, "second")
    assert house.platform.tried == 1
    await house.host._desks[0].sender.account_opened("fake:1")
    assert await second
    first.cancel()


async def kept(house: House, wanted: bool) -> None:
    """Until the wait is on disk, or not any more."""
    async with asyncio.timeout(10):
        while (await house.store.get_cache(house.agent_id, "held until: fake:1") is not None) != wanted:
            await asyncio.sleep(0.01)


LIMITED = {"after_s": 900.0, "account": True, "limited": True}


async def test_a_login_does_not_shorten_what_the_platform_asked_for(house: House) -> None:
    house.platform.faults = [SendLater("slow down", **LIMITED)]
    first = await speak(house, "first")
    await until(lambda: bool(house.host._desks[0].sender._breaker._accounts))
    second = await speak(house, "second")
    await house.host._desks[0].sender.account_opened("fake:1")
    await house.host._desks[0].sender.flush()
    assert house.platform.tried == 1
    for each in (first, second):
        each.cancel()


async def test_a_restart_does_not_ask_before_its_time(
    house_at: Houses, caplog: pytest.LogCaptureFixture
) -> None:
    """However often the host is killed and started: nothing goes to a platform that wants nothing."""
    async with house_at() as house:
        house.platform.faults = [SendLater("slow down", **LIMITED)]
        first = await speak(house, "first")
        await until(lambda: bool(house.host._desks[0].sender._breaker._accounts))
        second = await speak(house, "second")
        await kept(house, True)
    for each in (first, second):
        each.cancel()
    for _ in range(2):
        caplog.clear()
        async with house_at() as house:
            await house.platform.say("anybody?", room="bob")
            await until(lambda: "its platform asked for that" in caplog.text)
            await house.host._desks[0].sender.flush()
            assert house.platform.tried == 0
            assert await house.store.unsent_count() >= 2


async def test_the_status_says_until_when_and_why(house_at: Houses) -> None:
    async with house_at() as house:
        [connector] = (await house.host.status()).connectors
        assert (connector.held_until, connector.held_because) == (None, "")
        house.platform.faults = [SendLater("slow down", **LIMITED)]
        first = await speak(house, "first")
        await kept(house, True)
        [connector] = (await house.host.status()).connectors
        assert connector.held_until is not None
        assert connector.held_until > utc_now()
        assert connector.held_because == "slow down"
        until_before = connector.held_until
    first.cancel()
    async with house_at() as house:
        await until(lambda: house.host._desks[0].sender.hold_of("fake:1") is not None)
        [connector] = (await house.host.status()).connectors
        assert connector.held_because == "its platform asked for that before the restart"
        assert connector.held_until is not None
        assert abs(connector.held_until - until_before) < timedelta(seconds=1)


async def test_it_is_forgotten_once_the_platform_takes_something(
    house_at: Houses, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bot_host.host.breaker.backoff", lambda trips: 0.0)
    monkeypatch.setattr("bot_host.host.breaker.KEPT_FROM", timedelta(0))
    async with house_at() as house:
        house.platform.faults = [SendLater("slow down", after_s=0.2, account=True, limited=True)]
        assert await (await speak(house, "first"))
        await kept(house, False)
    async with house_at() as house:
        assert await (await speak(house, "second"))
    assert "its platform asked for that" not in caplog.text


@pytest.mark.parametrize("wait_s", [-1.0, 2 * 86400.0])
async def test_a_wait_that_is_over_or_of_another_clock_holds_nothing(house_at: Houses, wait_s: float) -> None:
    async with house_at() as house:
        moment = (utc_now() + timedelta(seconds=wait_s)).isoformat()
        await house.store.set_cache(house.agent_id, "held until: fake:1", moment)
    async with house_at() as house:
        assert await (await speak(house, "hello"))


async def test_rooms_that_are_limited_one_after_the_other_are_remembered_too(
    house_at: Houses, caplog: pytest.LogCaptureFixture
) -> None:
    """Telegram says only of a chat that it is too much, also when all of the bot is meant."""
    async with house_at() as house:
        house.platform.faults = [SendLater("flood", after_s=300.0, limited=True) for _ in range(IN_A_ROW)]
        mine = []
        for number in range(IN_A_ROW):
            mine.append(await speak(house, f"room {number}"))
            await until(lambda n=number: house.platform.tried > n)
        await kept(house, True)
    for each in mine:
        each.cancel()
    async with house_at() as house:
        await house.platform.say("hello")
        await until(lambda: "its platform asked for that" in caplog.text)
        await house.host._desks[0].sender.flush()
        assert house.platform.tried == 0


@pytest.mark.parametrize("fault", [SendRefused("too long"), SendUnknown("no answer")])
async def test_one_rooms_own_trouble_holds_nobody_up(house: House, fault: Exception) -> None:
    house.platform.faults = [fault]
    first = await speak(house, "first")
    await until(lambda: house.platform.tried == 1)
    assert await (await speak(house, "second"))
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
