"""A thousand rooms at once: order within each, nothing that grows, and how long we ourselves take.

The figures are printed (`-rP` shows them), not asserted: machines differ.
"""

import asyncio
import gc
import time
from collections import defaultdict

import pytest

from benchmarks.processes import rss_mb
from bot_host.runtime import AgentOptions
from bot_host.testing import FakePlatform
from bot_host.types.outbound import Payload, Sent, Target
from tests.host.conftest import Houses
from tests.host.conftest import house_at as house_at

ROOMS = 1000
EACH = AgentOptions(busy_mode="each")


class Clock(FakePlatform):
    """Says numbered messages, and notes when each came in and when its answer went out."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self._came: dict[str, float] = {}
        self._left: dict[str, float] = {}

    async def say_in(self, room: int) -> None:
        self.count += 1
        text = f"{self.count}"
        self._came[text] = time.perf_counter()
        await self.say(text, room=f"room {room}", person=f"person {room}")

    async def send(self, payload: Payload, target: Target, *, key: str) -> Sent:
        self._left[payload["text"].removeprefix("echo: ")] = time.perf_counter()
        return await super().send(payload, target, key=key)

    async def all_answered(self) -> list[float]:
        """The milliseconds that each message took since this was asked last, shortest first."""
        await self.wait_sent(self.count)
        took = sorted((left - self._came.pop(text)) * 1000 for text, left in self._left.items())
        self._left.clear()
        return took

    def check_order(self) -> None:
        """Each message answered once, in each room in the order in which they were said."""
        rooms: dict[str, list[int]] = defaultdict(list)
        for target, text, _ in self.sent:
            rooms[target.channel_id].append(int(text.removeprefix("echo: ")))
        assert sum(map(len, rooms.values())) == self.count
        for room, numbers in rooms.items():
            assert numbers == sorted(set(numbers)), room


def shown(what: str, waits: list[float]) -> str:
    half, most = waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
    return f"{what}: {len(waits)} messages, p50 {half:.1f} ms, p99 {most:.1f} ms, {rss_mb():.0f} MB"


def tasks() -> int:
    gc.collect()
    return len(asyncio.all_tasks())


@pytest.mark.slow
async def test_a_thousand_rooms_at_once_keep_their_order_and_leave_nothing_behind(house_at: Houses) -> None:
    platform = Clock()
    async with house_at(options=EACH, platform=platform) as house:
        await platform.say_in(0)
        await platform.all_answered()
        await house.host.finish_pending()
        before = tasks()
        for _ in range(2):
            async with asyncio.TaskGroup() as group:
                for room in range(ROOMS):
                    group.create_task(platform.say_in(room))
            print(shown("a burst of 1,000 rooms", await platform.all_answered()))
        await house.host.finish_pending()
        platform.check_order()
        [desk] = house.host._desks
        for lanes in (desk.lanes, desk.sender.lanes):
            assert (lanes.running, lanes.waiting) == (0, 0)
        assert tasks() <= before


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_minute_of_a_thousand_rooms(house_at: Houses) -> None:
    """100 messages a second, from each of 1,000 rooms in turn."""
    platform = Clock()
    async with house_at(options=EACH, platform=platform) as house:
        memory: list[float] = []
        began = time.perf_counter()
        for number in range(6000):
            due = began + number / 100
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await platform.say_in(number % ROOMS)
            if number % 1500 == 1499:
                gc.collect()
                memory.append(rss_mb())
        print(shown("a minute of 1,000 rooms", await platform.all_answered()), memory)
        await house.host.finish_pending()
        platform.check_order()
        # Every room has been seen after ten seconds: from then on only the test's own lists grow.
        assert memory[-1] - memory[0] < 30
