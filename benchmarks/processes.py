"""Processes that are measured from outside, and work that gets a process of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

ROOT: Final = Path(__file__).resolve().parent.parent
TICKS: Final = os.sysconf("SC_CLK_TCK")
PATIENCE_S: Final = 60.0
"""A process that has not answered for so long has failed."""


def alone(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in a fresh process: what it imports and keeps is no other measurement's."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *args, **kwargs).result()


def cpu_s(pid: int) -> float:
    """Seconds of processor time that a process has used: user and system, all its threads (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mb(pid: int | str = "self") -> float:
    """Resident memory of a process, in MB of 1,000,000 bytes (proc(5), status, VmRSS)."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"process {pid} has no memory")


def environment(**extra: str) -> dict[str, str]:
    """An environment without this machine's own tokens, keys and proxies."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), "API_PORT": "0", **extra}


class Child:
    """A Python program under way, its output read line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.pid = process.pid
        self.lines: list[str] = []
        self._news = asyncio.Condition()
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            async with self._news:
                self.lines.append(line.decode("utf-8", "replace").rstrip())
                self._news.notify_all()
        async with self._news:
            self.lines.append("(ended)")
            self._news.notify_all()

    async def wait_line(self, part: str) -> None:
        """Until a line with `part` was printed. RuntimeError when the program ends without."""

        def found() -> bool:
            return any(part in line for line in self.lines) or self.lines[-1:] == ["(ended)"]

        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(found)
        if not any(part in line for line in self.lines):
            raise RuntimeError(f"the program ended without {part!r}:\n" + "\n".join(self.lines))

    async def say(self, line: str) -> None:
        """Type a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        await self.process.stdin.drain()

    async def end(self) -> None:
        """SIGTERM, and wait."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
        await self._reader


@asynccontextmanager
async def program(*arguments: str, cwd: Path, env: Mapping[str, str]) -> AsyncIterator[Child]:
    """`python ARGUMENTS` in `cwd`; it has ended when this is left. Errors and output are one stream."""
    child = Child(
        await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            cwd=cwd,
            env=dict(env),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    )
    try:
        yield child
    finally:
        await child.end()


def middle(values: Sequence[float]) -> float:
    """The median."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
