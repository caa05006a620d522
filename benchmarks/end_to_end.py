"""CPU a message of the whole program over the fake platforms, beside a bare bot on the same library.

    python -m benchmarks.end_to_end [messages]

The host is started as an admin would, from a config.toml. The bare bot (`benchmarks/bare`) hands each message
to the same model by the openai package and stores nothing. Host, bare bot and fakes are processes of their
own; only the processor time of the bots counts. They take turns, a hundred messages each, and the median of
the rounds is shown.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.processes import alone, cpu_s, middle
from benchmarks.programs import start_bare, start_host
from benchmarks.rows import Row, show
from benchmarks.stages import PLATFORMS, stage, talk
from tests.fakes.openai import FakeOpenAI

TITLE = "End to end over the fake platforms"
ROUND = 100
WARM_UP = 20


async def _compare(platform: str, messages: int, people: int) -> dict[str, float]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        model = await stack.enter_async_context(FakeOpenAI())
        theirs = await stack.enter_async_context(stage(platform, people))
        ours = await stack.enter_async_context(stage(platform, people))
        host = await start_host(stack, folder, [ours], model)
        bare = await start_bare(stack, folder, theirs, model)
        each = min(ROUND, messages) // people * people
        cpu: dict[str, list[float]] = {"host": [], "bare": []}
        wall: dict[str, list[float]] = {"host": [], "bare": []}
        for one in (ours, theirs):
            await talk(one, min(WARM_UP, each) // people * people or people, people)
        for _ in range(max(1, messages // each)):
            for name, one, child in (("bare", theirs, bare), ("host", ours, host)):
                spent, began = cpu_s(child.pid), time.perf_counter()
                await talk(one, each, people)
                cpu[name].append((cpu_s(child.pid) - spent) / each * 1000)
                wall[name].append((time.perf_counter() - began) / each * 1000)
    return {
        "host": middle(cpu["host"]),
        "bare": middle(cpu["bare"]),
        "host_wall": middle(wall["host"]),
        "bare_wall": middle(wall["bare"]),
    }


def compare(platform: str, messages: int, people: int) -> dict[str, float]:
    """Milliseconds a message of host and bare bot: CPU, and time until the answer."""
    return asyncio.run(_compare(platform, messages, people))


def rows(messages: int = 600, people_at_once: tuple[int, ...] = (1, 10)) -> Iterator[Row]:
    """All measurements."""
    for people in people_at_once:
        how = "one person" if people == 1 else f"{people} people at once"
        for platform in PLATFORMS:
            ms = alone(compare, platform, messages, people)
            ratio = ms["host"] / ms["bare"] if ms["bare"] else 0.0
            yield Row(
                f"{platform}, {how}: host / bare bot",
                f"{ratio:.2f} ×",
                f"CPU {ms['host']:.2f} / {ms['bare']:.2f} ms,"
                f" wall {ms['host_wall']:.1f} / {ms['bare_wall']:.1f} ms",
            )


if __name__ == "__main__":
    show(TITLE, rows(*map(int, sys.argv[1:2])))
