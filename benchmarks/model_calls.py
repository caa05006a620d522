"""How often the model is asked for one addressed message, counted at the model's server.

    python -m benchmarks.model_calls [messages]

Direct messages on each platform, to the program as an admin starts it. Calls of every kind count.
"""

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.processes import alone
from benchmarks.programs import start_host
from benchmarks.rows import Row, show
from benchmarks.stages import PLATFORMS, stage, talk
from tests.fakes.openai import FakeOpenAI

TITLE = "Model calls for one addressed message"


async def _count(messages: int) -> dict[str, float]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        model = await stack.enter_async_context(FakeOpenAI())
        stages = [await stack.enter_async_context(stage(name, 1)) for name in PLATFORMS]
        host = await start_host(stack, folder, stages, model)
        calls = {}
        for one in stages:
            before = len(model.requests)
            await talk(one, messages, 1)
            calls[one.name] = (len(model.requests) - before) / messages
        before = len(model.requests)
        await host.end()
        # What was asked for after the last answer belongs to a message, too.
        calls[PLATFORMS[-1]] += (len(model.requests) - before) / messages
        return calls


def count(messages: int) -> dict[str, float]:
    """Calls a message, by platform."""
    return asyncio.run(_count(messages))


def rows(messages: int = 50) -> Iterator[Row]:
    """All measurements."""
    for name, calls in alone(count, messages).items():
        yield Row(name, f"{calls:.2f}")


if __name__ == "__main__":
    show(TITLE, rows(*map(int, sys.argv[1:2])))
