"""Messages through the whole host with an instant model: our own CPU, on a file.

    python -m benchmarks.messages [messages]

One room in sequence (the next message comes after the answer), and 100 rooms at once.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.hosts import exchange, open_host
from benchmarks.processes import alone
from benchmarks.rows import Row, show

TITLE = "Messages through the host, instant model, SQLite on a file"
WARM_UP = 50


async def _measure(rooms: int, messages: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        async with open_host(Path(folder)) as (host, platform):
            await exchange(platform, min(WARM_UP, messages), "warm")
            await host.finish_pending()
            begun, each = len(platform.sent), max(1, messages // rooms)
            cpu, wall = time.process_time(), time.perf_counter()

            async def one_room(room: int) -> None:
                for number in range(each):
                    await platform.say(f"message {number}: how are you today?", room=f"room {room}")

            if rooms == 1:
                await exchange(platform, messages, "room 0")
            else:
                async with asyncio.TaskGroup() as group:
                    for room in range(rooms):
                        group.create_task(one_room(room))
            await platform.wait_sent(begun + each * rooms)
            await host.finish_pending()
            done = each * rooms
            return (time.process_time() - cpu) / done * 1000, done / (time.perf_counter() - wall)


def measure(rooms: int, messages: int) -> tuple[float, float]:
    """Milliseconds of CPU a message, and messages a second."""
    return asyncio.run(_measure(rooms, messages))


def rows(messages: int = 2000) -> Iterator[Row]:
    """All measurements."""
    for name, rooms in (("one room, in sequence", 1), ("100 rooms at once", 100)):
        cpu, rate = alone(measure, rooms, messages)
        yield Row(name, f"{cpu:.2f} ms CPU", f"{rate:.0f} messages/s")


if __name__ == "__main__":
    show(TITLE, rows(*map(int, sys.argv[1:2])))
