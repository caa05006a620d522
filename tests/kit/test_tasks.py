"""Supervised tasks."""

import asyncio
import logging

import pytest

from bot_host.kit.tasks import Supervisor


async def value(result: int) -> int:
    return result


async def test_spawn_names_the_task_and_gives_its_result() -> None:
    async with Supervisor("owner") as tasks:
        task = tasks.spawn("work", value(3))
        assert task.get_name() == "owner/work"
        assert len(tasks) == 1
        assert await task == 3
        assert await tasks.wait()
        assert len(tasks) == 0


async def test_a_failure_is_logged_with_the_name_and_ends_only_its_task(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gate = asyncio.Event()

    async def fail() -> None:
        raise ValueError("broken on purpose")

    async with Supervisor("owner") as tasks:
        bad = tasks.spawn("bad", fail())
        good = tasks.spawn("good", gate.wait())
        with caplog.at_level(logging.ERROR):
            await asyncio.wait([bad])
        assert not good.done()
        gate.set()
        assert await good
    [record] = [r for r in caplog.records if r.name == "bot_host.kit.tasks"]
    assert "owner/bad" in record.getMessage()
    assert "broken on purpose" in record.getMessage()
    assert record.exc_info is not None


async def test_cancelling_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    async with Supervisor("owner") as tasks:
        task = tasks.spawn("idle", asyncio.Event().wait())
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()
    assert not caplog.records


async def test_wait_ends_nothing_when_time_is_up() -> None:
    async with Supervisor("owner") as tasks:
        task = tasks.spawn("idle", asyncio.Event().wait())
        assert await tasks.wait(timeout=0.001) is False
        assert not task.done()
    assert task.cancelled()


async def test_close_gives_grace_then_cancels_and_awaits() -> None:
    tasks = Supervisor("owner")
    gate = asyncio.Event()
    cleaned = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.set()

    async def quick() -> str:
        await gate.wait()
        return "done"

    slow, fast = tasks.spawn("slow", stubborn()), tasks.spawn("fast", quick())
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(gate.set)
    await tasks.close(grace=0.05)
    assert fast.result() == "done"
    assert slow.cancelled()
    assert cleaned.is_set()


async def test_nothing_starts_after_close() -> None:
    tasks = Supervisor("owner")
    await tasks.close()
    await tasks.close()
    with pytest.raises(RuntimeError, match="owner is closed"):
        tasks.spawn("late", value(1))


async def test_a_task_may_close_its_own_supervisor() -> None:
    tasks = Supervisor("owner")
    other = tasks.spawn("other", asyncio.Event().wait())

    async def end() -> str:
        await tasks.close()
        return "closed"

    assert await tasks.spawn("end", end()) == "closed"
    assert other.cancelled()
