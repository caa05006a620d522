"""The real command as a subprocess, seen from outside: its log, its output, its exit code."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

from tests.journeys.forked import Forked, fits, fork

PATIENCE_S = 40.0
"""A journey that waits longer than this has failed; no journey needs a fraction of it."""


def clean_environment(**extra: str) -> dict[str, str]:
    """An environment without this machine's own tokens, proxies and keys."""
    kept = {
        key: os.environ[key]
        for key in ("PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT", "PYTHONPATH")
        if key in os.environ
    }
    # Journeys run side by side: each host takes a free port for its web server.
    own = {"PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "error::ResourceWarning", "API_PORT": "0"}
    return {**kept, **own, **extra}


class HostProcess:
    """`python -m bot_host …` under way."""

    def __init__(self, process: asyncio.subprocess.Process | Forked) -> None:
        self.process = process
        self.log: list[str] = []
        self.out = b""
        self._news = asyncio.Condition()
        self._readers = [
            asyncio.get_running_loop().create_task(self._read_log()),
            asyncio.get_running_loop().create_task(self._read_out()),
        ]
        self._ended = False

    async def _read_log(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            async with self._news:
                self.log.append(line.decode("utf-8", "replace").rstrip("\n"))
                self._news.notify_all()

    async def _read_out(self) -> None:
        assert self.process.stdout is not None
        while chunk := await self.process.stdout.read(4096):
            async with self._news:
                self.out += chunk
                self._news.notify_all()
        async with self._news:
            self._ended = True
            self._news.notify_all()

    @property
    def text(self) -> str:
        """What was printed on standard output."""
        return self.out.decode("utf-8", "replace")

    async def wait_log(self, *parts: str) -> str:
        """Wait for a log line that contains all parts."""

        def found() -> str | None:
            return next((line for line in self.log if all(part in line for part in parts)), None)

        return await self._wait(found, f"log line with {parts}")

    async def wait_out(self, part: str) -> str:
        """Wait until standard output contains a text."""
        return await self._wait(lambda: self.text if part in self.text else None, f"output {part!r}")

    async def _wait(self, found: Callable[[], str | None], what: str) -> str:
        async def wait() -> str:
            async with self._news:
                await self._news.wait_for(lambda: found() or self._ended)
            if not found():
                await asyncio.wait([self._readers[0]])
            return found() or ""

        try:
            result = await asyncio.wait_for(wait(), PATIENCE_S)
        except TimeoutError:
            result = ""
        assert result, f"no {what}\n--- log\n{self.all_log}\n--- out\n{self.text}"
        return result

    @property
    def all_log(self) -> str:
        """The whole log so far."""
        return "\n".join(self.log)

    async def say(self, line: str | bytes) -> None:
        """Type a line on standard input."""
        assert self.process.stdin is not None
        data = line if isinstance(line, bytes) else line.encode()
        self.process.stdin.write(data + b"\n")
        await self.process.stdin.drain()

    def end_of_input(self) -> None:
        """Close standard input."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def signal(self, number: int = signal.SIGTERM) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    async def end(self) -> int:
        """Wait for the process to end by itself; its exit code."""
        try:
            code = await asyncio.wait_for(self.process.wait(), PATIENCE_S)
        except TimeoutError:
            raise AssertionError(f"the host did not end\n{self.all_log}") from None
        await asyncio.gather(*self._readers)
        for left in (
            "Unclosed",
            "was never retrieved",
            "was destroyed but it is pending",
            "was never awaited",
        ):
            assert left not in self.all_log, self.all_log
        return code

    async def stop(self) -> int:
        """SIGTERM, and wait."""
        self.signal()
        return await self.end()

    async def kill(self) -> None:
        """`kill -9`, and wait."""
        self.process.kill()
        await self.process.wait()
        await asyncio.gather(*self._readers)

    async def close(self) -> None:
        """Close the pipes of a process that has ended."""
        await asyncio.gather(*self._readers)
        assert self.process.stdin is not None
        self.process.stdin.close()
        with contextlib.suppress(ConnectionError):
            await self.process.stdin.wait_closed()


@contextlib.asynccontextmanager
async def bot_host(
    *arguments: str,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    program: Sequence[str] = ("-m", "bot_host"),
    fresh: bool = False,
) -> AsyncIterator[HostProcess]:
    """Start `python -m bot_host ARGUMENTS` in `cwd`; it is gone at the end, whatever happened.

    `program` is what stands before the arguments. `fresh`: an interpreter that has imported nothing yet, as
    an admin's; else, where the system can, a copy of one that has (tests/journeys/fork_server.py).
    """
    process = await _start(program, arguments, cwd, dict(env or clean_environment()), fresh)
    host = HostProcess(process)
    try:
        yield host
    finally:
        if process.returncode is None:
            await host.kill()
        await host.close()


async def _start(
    program: Sequence[str], arguments: Sequence[str], cwd: Path, env: dict[str, str], fresh: bool
) -> asyncio.subprocess.Process | Forked:
    if not fresh and fits(env, of=clean_environment()):
        return await fork(program, arguments, cwd=cwd, env=env, of=clean_environment())
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *program,
        *arguments,
        cwd=cwd,
        env=env,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
