"""The whole program under steady talk and passing faults for long: nothing may grow.

    python -m benchmarks.soak --minutes 30

`python -m bot_host` with Discord, Telegram and Slack connected, against the fakes. On each platform some
people talk, each waiting for the answer; every five seconds connections are cut or requests refused. Every
half minute the talk rests for a moment, and what the process has is counted: memory, asyncio tasks, file
descriptors, threads, and rows that are pending. At the end `verify` is asked. The exit code is 1 when there
are a good many tasks, descriptors or threads more than after the warm-up, rows are left, the books do not
balance, or memory has grown by a fifth.
"""

import argparse
import asyncio
import itertools
import json
import os
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import Child, environment, program, rss_mb
from benchmarks.programs import CHARACTER, model_config
from benchmarks.stages import PLATFORMS, DiscordStage, SlackStage, Stage, TelegramStage, stage, talk
from tests.fakes.discord import SEND
from tests.fakes.openai import FakeOpenAI

PEOPLE = 5
"""On each platform."""
SAMPLE_S = 30.0
WARM_UP = 0.2
"""The part of the time after which growth counts."""
REST_S = 1.5
PAUSE_S = 0.2
"""Between two rounds of talk: a steady load, not the most that goes."""
MEMORY_GROWTH = 1.2
MARGIN = {"tasks": 3, "descriptors": 8, "threads": 2}
"""Pools hold as many connections as were needed at once; a leak in thousands of messages is more."""

WATCH = '''"""Writes down how many asyncio tasks there are, whenever the process gets SIGUSR1."""

import asyncio
import json
import signal
from pathlib import Path

from bot_host.plugin import Plugin


def count():
    tasks = sorted(task.get_name() for task in asyncio.all_tasks())
    Path("counted.new").write_text(json.dumps(tasks), encoding="utf-8")
    Path("counted.new").rename("counted")


async def init(config, agent):
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, count)


plugin = Plugin(name="watch", init=init)
'''


@dataclass(frozen=True)
class Sample:
    """What the process has at a quiet moment."""

    at_s: float
    messages: int
    memory_mb: float
    tasks: int
    descriptors: int
    threads: int
    pending: int

    def line(self) -> str:
        return (
            f"{self.at_s:6.0f} s  {self.messages:7d} messages  {self.memory_mb:6.1f} MB"
            f"  {self.tasks:3d} tasks  {self.descriptors:3d} descriptors  {self.threads:2d} threads"
            f"  {self.pending:d} rows pending"
        )


def _pending(folder: Path) -> int:
    database = sqlite3.connect(folder / "data" / "bot_host.db", timeout=20)
    try:
        counted = database.execute(
            "SELECT (SELECT count(*) FROM inbox WHERE state <> 'done')"
            " + (SELECT count(*) FROM outbox WHERE state IN ('pending', 'sending'))"
        ).fetchone()
    finally:
        database.close()
    return int(counted[0])


async def _sample(host: Child, folder: Path, began: float, messages: int) -> Sample:
    await asyncio.sleep(REST_S)
    counted = folder / "counted"
    counted.unlink(missing_ok=True)
    host.process.send_signal(signal.SIGUSR1)
    async with asyncio.timeout(30):
        while not counted.exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.02)
    return Sample(
        at_s=time.monotonic() - began,
        messages=messages,
        memory_mb=rss_mb(host.pid),
        tasks=len(json.loads(counted.read_text(encoding="utf-8"))),
        descriptors=len(os.listdir(f"/proc/{host.pid}/fd")),
        threads=len(os.listdir(f"/proc/{host.pid}/task")),
        pending=_pending(folder),
    )


def _disturb(on: Stage, number: int) -> None:
    """A passing fault, another one each time; none that makes Telegram repeat an answer."""
    if isinstance(on, DiscordStage):
        discord = on.fake
        faults = (
            discord.cut,
            discord.reconnect,
            lambda: discord.fail(SEND, 503),
            lambda: discord.drop(SEND, "after"),
            discord.send_garbage,
        )
        faults[number % len(faults)]()
    elif isinstance(on, TelegramStage):
        telegram = on.fake
        trouble = (
            telegram.cut,
            lambda: telegram.fail("getUpdates", status=502),
            lambda: telegram.flood("sendMessage", retry_after=1),
        )
        trouble[number % len(trouble)]()
    elif isinstance(on, SlackStage):
        slack = on.fake
        slack_faults = (
            slack.socket_mode.drop,
            lambda: slack.rate_limit("chat.postMessage", 1),
            lambda: slack.drop("chat.postMessage", "after"),
        )
        slack_faults[number % len(slack_faults)]()


def _forget(on: Stage) -> None:
    """What the fake wrote down: it would grow, and slow the measurement down."""
    assert isinstance(on, DiscordStage | TelegramStage | SlackStage)
    on.fake.calls.clear()
    if not isinstance(on, SlackStage):
        on.fake.sent.clear()


async def _talk_on(stages: Sequence[Stage], model: FakeOpenAI, until: float, disturbed: int) -> int:
    """Talk till a moment; how many messages that were."""
    said = 0
    faults = itertools.count(disturbed)
    next_fault = time.monotonic() + 5.0
    while time.monotonic() < until:
        if time.monotonic() >= next_fault:
            number = next(faults)
            _disturb(stages[number % len(stages)], number // len(stages))
            next_fault = time.monotonic() + 5.0
        async with asyncio.TaskGroup() as group:
            for on in stages:
                group.create_task(talk(on, PEOPLE, PEOPLE))
        said += PEOPLE * len(stages)
        await asyncio.sleep(PAUSE_S)
    for on in stages:
        _forget(on)
    model.requests.clear()
    return said


async def _verify(folder: Path, env: dict[str, str]) -> int:
    async with program("-m", "bot_host", "verify", "--config", "config.toml", cwd=folder, env=env) as asked:
        code = await asked.process.wait()
    print("\n".join(line for line in asked.lines if line != "(ended)"))
    return code


def _grown(samples: Sequence[Sample], seconds: float) -> list[str]:
    settled = next(sample for sample in samples if sample.at_s >= seconds * WARM_UP)
    last = samples[-1]
    found = [
        f"{what}: {getattr(settled, what)} after the warm-up, {getattr(last, what)} at the end"
        for what, margin in MARGIN.items()
        if getattr(last, what) > getattr(settled, what) + margin
    ]
    if last.pending:
        found.append(f"{last.pending} rows are pending")
    if last.memory_mb > settled.memory_mb * MEMORY_GROWTH:
        found.append(f"memory: {settled.memory_mb:.1f} to {last.memory_mb:.1f} MB")
    return found


async def soak(minutes: float, *, sample_s: float = SAMPLE_S) -> list[str]:
    """Run it; what grew, in words."""
    seconds = minutes * 60
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        model = await stack.enter_async_context(FakeOpenAI())
        stages = [await stack.enter_async_context(stage(name, PEOPLE)) for name in PLATFORMS]
        (folder / "bench.toml").write_text(CHARACTER, encoding="utf-8")
        (folder / "watch.py").write_text(WATCH, encoding="utf-8")
        config = model_config(model) + "".join(one.config() for one in stages)
        config += '[[agents]]\ncharacter = "bench.toml"\nplugins = ["watch.py"]\nbusy_mode = "each"\n'
        (folder / "config.toml").write_text(config, encoding="utf-8")
        env = environment(**{name: value for one in stages for name, value in one.tokens().items()})
        async with program("-m", "bot_host", "--config", "config.toml", cwd=folder, env=env) as host:
            for one in stages:
                await host.wait_line(f"{one.name} on: connected as")
                await one.connected()
            samples: list[Sample] = []
            began, messages = time.monotonic(), 0
            while not samples or samples[-1].at_s < seconds:
                until = min(time.monotonic() + sample_s, began + seconds)
                messages += await _talk_on(stages, model, until, len(samples) * 5)
                samples.append(await _sample(host, folder, began, messages))
                print(samples[-1].line(), flush=True)
        found = _grown(samples, seconds)
        if await _verify(folder, env):
            found.append("verify found something")
        return found


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    found = asyncio.run(soak(parser.parse_args().minutes))
    print("\n".join(f"GROWN  {line}" for line in found) or "nothing has grown")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
