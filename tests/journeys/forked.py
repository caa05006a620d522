"""Processes of tests/journeys/fork_server.py, used like those of asyncio's subprocesses."""

import asyncio
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from tests.journeys.fork_server import READY, STATUS_BYTES

SERVER = Path(__file__).with_name("fork_server.py")
READ_AT_START = ("PYTHON", "LANG", "LC_", "TZ")
"""Variables that an interpreter reads once, at its start."""


def fits(env: Mapping[str, str], of: Mapping[str, str]) -> bool:
    """Whether a copy of a process with the environment `of` can stand for a fresh one with `env`."""
    return sys.platform == "linux" and _of_start(env) == _of_start(of)


def _of_start(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(READ_AT_START)}


class Client:
    """A server and its socket. The server ends when this end of the socket does."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, str(SERVER), str(theirs.fileno())]
            self._server = subprocess.Popen(command, env=dict(env), pass_fds=[theirs.fileno()])
        self._lock = threading.Lock()
        self._is_ready = False

    def wait_ready(self) -> None:
        """Until it has imported what it has to."""
        with self._lock:
            if not self._is_ready:
                assert self._socket.recv(len(READY)) == READY, "the fork server did not start"
                self._is_ready = True

    def fork(self, work: Mapping[str, object], fds: Sequence[int]) -> int:
        """The new process's id. `fds`: its standard streams, and where its exit code goes."""
        socket.send_fds(self._socket, [json.dumps(work).encode()], list(fds))
        answer = self._socket.recv(64)
        assert answer, "the fork server is gone"
        return int(answer)

    def close(self) -> None:
        """End the server, and wait for that."""
        self._socket.close()
        self._server.wait()


@cache
def _client(env: frozenset[tuple[str, str]]) -> Client:
    client = Client(dict(env))
    atexit.register(client.close)
    return client


class Forked:
    """One such process: the part of asyncio.subprocess.Process that the tests use."""

    def __init__(
        self,
        pid: int,
        stdin: asyncio.StreamWriter,
        stdout: asyncio.StreamReader,
        stderr: asyncio.StreamReader,
        status: asyncio.StreamReader,
    ) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self._end = asyncio.get_running_loop().create_task(self._wait_end(status))

    async def _wait_end(self, status: asyncio.StreamReader) -> int:
        # To the end of the stream: its pipe is closed then.
        code = await status.read()
        assert len(code) == STATUS_BYTES, "the fork server is gone"
        self.returncode = int.from_bytes(code, "big", signed=True)
        self.stdin.close()
        return self.returncode

    async def wait(self) -> int:
        """Until it has ended; its exit code, or the negative number of the signal."""
        return await asyncio.shield(self._end)

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """`kill -9`."""
        self.send_signal(signal.SIGKILL)


async def fork(
    program: Sequence[str],
    arguments: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    of: Mapping[str, str],
) -> Forked:
    """`python PROGRAM ARGUMENTS` in `cwd`, its streams pipes, by a server with the environment `of`."""
    client = _client(frozenset(of.items()))
    await asyncio.to_thread(client.wait_ready)
    work = {"program": list(program), "arguments": list(arguments), "cwd": str(cwd), "env": dict(env)}
    stdin, *outs = (os.pipe() for _ in range(4))
    theirs = [stdin[0], *(write for _, write in outs)]
    try:
        pid = client.fork(work, theirs)
    finally:
        for fd in theirs:
            os.close(fd)
    return Forked(pid, await _writer(stdin[1]), *[await _reader(read) for read, _ in outs])


async def _reader(fd: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb", 0))
    return reader


async def _writer(fd: int) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader())
    transport, _ = await loop.connect_write_pipe(lambda: protocol, os.fdopen(fd, "wb", 0))
    return asyncio.StreamWriter(transport, protocol, None, loop)
