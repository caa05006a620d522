"""Order within a key, concurrency across keys, bounds, interruption."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from bot_host.host import lanes as lanes_module
from bot_host.host.lanes import AGAIN, IDLE, Lanes, Next


async def _nothing() -> list[str]:
    return []


@asynccontextmanager
async def lanes_for(
    work: Callable[[str], Awaitable[Next]],
    *,
    limit: int = 4,
    refill: Callable[[], Awaitable[list[str]]] = _nothing,
) -> AsyncIterator[Lanes[str]]:
    lanes: Lanes[str] = Lanes("test", work, limit=limit, refill=refill)
    try:
        yield lanes
    finally:
        await lanes.close(0)


async def test_a_key_is_worked_on_by_one_at_a_time_and_again_while_there_is_more() -> None:
    left = {"a": 5, "b": 3}
    busy: dict[str, int] = defaultdict(int)
    done: list[str] = []

    async def work(key: str) -> Next:
        assert busy[key] == 0
        busy[key] += 1
        await asyncio.sleep(0)
        busy[key] -= 1
        if left[key] == 0:
            return IDLE
        left[key] -= 1
        done.append(key)
        return AGAIN

    async with lanes_for(work) as lanes:
        for _ in range(3):
            lanes.wake("a")
            lanes.wake("b")
        await lanes.idle()
    assert sorted(done) == ["a"] * 5 + ["b"] * 3


async def test_a_busy_key_does_not_starve_another() -> None:
    order: list[str] = []
    left = {"busy": 50, "quiet": 1}

    async def work(key: str) -> Next:
        if left[key] == 0:
            return IDLE
        left[key] -= 1
        order.append(key)
        await asyncio.sleep(0)
        return AGAIN

    async with lanes_for(work, limit=1) as lanes:
        lanes.wake("busy")
        await asyncio.sleep(0)
        lanes.wake("quiet")
        await lanes.idle()
    assert order.index("quiet") <= 2
    assert order.count("busy") == 50


async def test_a_hung_key_holds_up_nobody_and_no_more_than_the_limit_run() -> None:
    stuck = asyncio.Event()
    done: list[str] = []
    most = 0
    running = 0

    async def work(key: str) -> Next:
        nonlocal most, running
        running += 1
        most = max(most, running)
        try:
            if key == "hung":
                await stuck.wait()
            await asyncio.sleep(0)
            done.append(key)
        finally:
            running -= 1
        return IDLE

    async with lanes_for(work, limit=3) as lanes:
        lanes.wake("hung")
        for n in range(20):
            lanes.wake(f"room {n}")
        while len(done) < 20:
            await asyncio.sleep(0)
        assert "hung" not in done
        stuck.set()
        await lanes.idle()
    assert most == 3
    assert "hung" in done


async def test_a_wake_during_the_work_is_not_forgotten() -> None:
    calls = 0
    entered = asyncio.Event()
    go_on = asyncio.Event()

    async def work(key: str) -> Next:
        nonlocal calls
        calls += 1
        entered.set()
        await go_on.wait()
        return IDLE

    async with lanes_for(work) as lanes:
        lanes.wake("a")
        await entered.wait()
        lanes.wake("a")
        go_on.set()
        await lanes.idle()
    assert calls == 2


async def test_interrupting_begins_the_work_again() -> None:
    calls = 0
    entered = asyncio.Event()

    async def work(key: str) -> Next:
        nonlocal calls
        calls += 1
        if calls == 1:
            entered.set()
            await asyncio.Event().wait()
        return IDLE

    async with lanes_for(work) as lanes:
        lanes.wake("a")
        await entered.wait()
        lanes.interrupt("a")
        await lanes.idle()
    assert calls == 2


async def test_a_failing_key_goes_on_later(caplog: pytest.LogCaptureFixture) -> None:
    async def work(key: str) -> Next:
        if key == "bad":
            raise ValueError("broken")
        return IDLE

    async with lanes_for(work) as lanes:
        lanes.wake("bad")
        lanes.wake("good")
        await lanes.idle()
        assert lanes.running == 0
        assert "lane bad failed" in caplog.text


async def test_work_put_off_comes_back_by_itself() -> None:
    calls: list[str] = []
    came_back = asyncio.Event()

    async def work(key: str) -> Next:
        calls.append(key)
        if len(calls) == 1:
            return Next(after_s=0.01)
        came_back.set()
        return IDLE

    async with lanes_for(work) as lanes:
        lanes.wake("a")
        await came_back.wait()
    assert calls == ["a", "a"]


async def test_after_hold_nothing_begins() -> None:
    calls: list[str] = []

    async def work(key: str) -> Next:
        calls.append(key)
        return IDLE

    async with lanes_for(work) as lanes:
        lanes.hold()
        lanes.wake("a")
        await asyncio.sleep(0)
        assert calls == []


async def test_more_keys_than_are_remembered_are_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes_module, "MAX_READY", 5)
    rows = {f"room {n}" for n in range(40)}

    async def work(key: str) -> Next:
        rows.discard(key)
        return IDLE

    async def refill() -> list[str]:
        return sorted(rows)

    async with lanes_for(work, limit=2, refill=refill) as lanes:
        for key in sorted(rows):
            lanes.wake(key)
        assert lanes.waiting <= 5
        while rows:
            await asyncio.sleep(0)


async def test_a_busy_group_lets_others_begin() -> None:
    order: list[str] = []
    go = asyncio.Event()

    async def work(key: str) -> Next:
        await go.wait()
        order.append(key)
        return IDLE

    lanes: Lanes[str] = Lanes(
        "test", work, limit=1, refill=_nothing, group_of=lambda key: key.partition("/")[0]
    )
    try:
        for n in range(50):
            lanes.wake(f"busy/{n}")
        lanes.wake("alice/0")
        lanes.wake("bob/0")
        go.set()
        await lanes.idle()
    finally:
        await lanes.close(0)
    assert order[0] == "busy/0"
    assert {order.index("alice/0"), order.index("bob/0")} <= {1, 2, 3}
    assert [key for key in order if key.startswith("busy")] == [f"busy/{n}" for n in range(50)]


async def test_a_paused_key_ends_what_it_does_and_begins_nothing_until_it_goes_on() -> None:
    done: list[str] = []
    go = asyncio.Event()

    async def work(key: str) -> Next:
        if key == "a" and not done:
            await go.wait()
        done.append(key)
        return IDLE

    async with lanes_for(work) as lanes:
        lanes.wake("a")
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(go.set)
        async with lanes.paused("a", within_s=60):
            assert done == ["a"]
            assert not lanes.is_free("a")
            lanes.wake("a")
            lanes.wake("b")
            while "b" not in done:
                await asyncio.sleep(0)
            assert done == ["a", "b"]
        await lanes.idle()
        assert done == ["a", "b", "a"]
        assert lanes.is_free("a")


async def test_a_pause_may_interrupt_and_does_not_wait_for_ever() -> None:
    begun = 0

    async def work(key: str) -> Next:
        nonlocal begun
        begun += 1
        if begun <= 2:
            await asyncio.Event().wait()
        return IDLE

    async with lanes_for(work) as lanes:
        lanes.wake("a")
        await asyncio.sleep(0)
        async with lanes.paused("a", within_s=60, interrupt=True):
            assert (begun, lanes.running) == (1, 0)
        await asyncio.sleep(0)
        # What was interrupted begins again, once the pause is over.
        assert (begun, lanes.running) == (2, 1)
        async with lanes.paused("a", within_s=0):
            assert lanes.running == 1
        lanes.interrupt("a")
        await lanes.idle()
        assert begun == 3
