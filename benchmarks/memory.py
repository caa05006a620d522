"""Memory of an agent, of a room, and of the idle program.

    python -m benchmarks.memory [rooms [agents]]

An agent and a room are slopes: resident memory before and after adding many, in a process of their own. The
idle program is `python -m bot_host` with Discord, Telegram and Slack connected and the openai provider
configured, all against the fakes.
"""

import asyncio
import gc
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.hosts import exchange, open_host
from benchmarks.processes import alone, rss_mb
from benchmarks.programs import start_host
from benchmarks.rows import Row, show
from benchmarks.stages import PLATFORMS, stage, talk
from bot_host import BotHost, Character
from bot_host.store import make_store
from tests.fakes.openai import FakeOpenAI

TITLE = "Memory (resident, MB of 1,000,000 bytes)"
WARM_UP = 50
AT_ONCE = 100
SETTLE_S = 2.0


def _rss() -> float:
    gc.collect()
    return rss_mb()


async def _rooms(rooms: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        async with open_host(Path(folder)) as (host, platform):
            await exchange(platform, WARM_UP, "warm")
            await host.finish_pending()
            before, said = _rss(), len(platform.sent)
            for first in range(0, rooms, AT_ONCE):
                for room in range(first, min(first + AT_ONCE, rooms)):
                    await platform.say("hello there", room=f"room {room}", person=f"person {room}")
                await platform.wait_sent(said + min(first + AT_ONCE, rooms))
            await host.finish_pending()
            return before, _rss()


def grow_rooms(rooms: int) -> tuple[float, float]:
    """MB before and after so many rooms, each with a person, a message and its answer."""
    return asyncio.run(_rooms(rooms))


async def _agents(agents: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        host = BotHost(store=make_store("sqlite:///bench.db", base=Path(folder)), data_dir=Path(folder))
        try:
            await host.add_agents([{"character": Character(name="First", bio=["One of many."])}])
            await host.start_agents()
            before = _rss()
            await host.add_agents(
                [
                    {"character": Character(name=f"Agent {number}", bio=["One of many."])}
                    for number in range(1, agents)
                ]
            )
            await host.start_agents()
            return before, _rss()
        finally:
            await host.stop()


def grow_agents(agents: int) -> tuple[float, float]:
    """MB with one agent and with so many, with the default plugins and no key."""
    return asyncio.run(_agents(agents))


async def _idle(messages: int) -> tuple[float, float]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        model = await stack.enter_async_context(FakeOpenAI())
        stages = [await stack.enter_async_context(stage(name, 1)) for name in PLATFORMS]
        host = await start_host(stack, folder, stages, model)
        await asyncio.sleep(SETTLE_S)
        idle = rss_mb(host.pid)
        for one in stages:
            await talk(one, messages, 1)
        await asyncio.sleep(SETTLE_S)
        return idle, rss_mb(host.pid)


def idle(messages: int) -> tuple[float, float]:
    """MB of the whole program when it has connected, and after so many messages on each platform."""
    return asyncio.run(_idle(messages))


def rows(rooms: int = 2000, agents: int = 50, messages: int = 200) -> Iterator[Row]:
    """All measurements."""
    quiet, used = alone(idle, messages)
    yield Row(
        "program, three connectors and openai, idle",
        f"{quiet:.0f} MB",
        f"{used:.0f} MB after {messages} messages on each platform",
    )
    one, many = alone(grow_agents, agents)
    yield Row(
        f"an agent (1 to {agents})",
        f"{(many - one) / (agents - 1) * 1000:.0f} kB",
        f"{one:.0f} to {many:.0f} MB",
    )
    none, full = alone(grow_rooms, rooms)
    yield Row(
        f"a room with its person (0 to {rooms:,})",
        f"{(full - none) / rooms * 1000:.1f} kB",
        f"{none:.0f} to {full:.0f} MB",
    )


if __name__ == "__main__":
    show(TITLE, rows(*map(int, sys.argv[1:3])))
