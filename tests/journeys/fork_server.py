"""A process that has imported the whole program and forks a copy of itself for each command asked of it.

`python fork_server.py FD` is started by tests/journeys/forked.py and serves the socket FD. Importing all
that a host with three platforms needs takes well over a second of processor time, a fork some milliseconds.
From the fork on a copy is a process like any other: its own folder, environment, streams and signals, and an
interpreter that ends as every interpreter does. Only the imports are not its own.
"""

import gc
import importlib
import json
import os
import runpy
import selectors
import socket
import sys
import threading
from typing import Any, Final

IMPORTED: Final = (
    "bot_host.cli",
    "bot_host.plugins.basics",
    "bot_host.plugins.offline",
    "bot_host.plugins.openai.client",
    "bot_host.plugins.openai.probe",
    "bot_host.plugins.reminders",
    "bot_host.web.server",
    "connectors.discord.client",
    "connectors.discord.live",
    "connectors.slack.client",
    "connectors.slack.live",
    "connectors.telegram.client",
    "connectors.telegram.live",
    "connectors.terminal",
    "httpcore2",
    "openai.resources.chat.completions",
    "openai.resources.embeddings",
    "uvicorn.lifespan.off",
    "uvicorn.protocols.http.h11_impl",
)
READY: Final = b"ready"
STATUS_BYTES: Final = 4
"""Of an exit code, on its pipe."""


class Server:
    """Forks, and says how each copy ended."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ)

    def serve(self) -> dict[str, Any] | None:
        """None when the other end is gone; in a copy: what it has to do."""
        while True:
            for key, _ in self._selector.select():
                if key.data is not None:
                    self._reap(key.fd, *key.data)
                    continue
                # One request is small and comes in one piece: the socket keeps the borders of messages.
                message, fds, _, _ = socket.recv_fds(self._control, 1 << 20, 4)
                if not message:
                    return None
                if self._fork(fds) == 0:
                    return json.loads(message)  # type: ignore[no-any-return]

    def _fork(self, fds: list[int]) -> int:
        assert threading.active_count() == 1, "a fork would lose the other threads"
        pid = os.fork()
        if pid == 0:
            self._become_copy(fds)
            return 0
        *streams, status = fds
        for fd in streams:
            os.close(fd)
        self._selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, status))
        self._control.send(str(pid).encode())
        return pid

    def _become_copy(self, fds: list[int]) -> None:
        *streams, status = fds
        for number, fd in enumerate(streams):
            os.dup2(fd, number)
            os.close(fd)
        os.close(status)
        for key in self._selector.get_map().values():
            if key.data is not None:
                os.close(key.fd)
                os.close(key.data[1])
        self._selector.close()
        self._control.close()

    def _reap(self, pidfd: int, pid: int, status: int) -> None:
        self._selector.unregister(pidfd)
        os.close(pidfd)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        try:
            os.write(status, code.to_bytes(STATUS_BYTES, "big", signed=True))
        except BrokenPipeError:
            pass  # nobody waits for it any more
        os.close(status)


def become(work: dict[str, Any]) -> None:
    """Do what `python PROGRAM ARGUMENTS` does."""
    os.chdir(work["cwd"])
    os.environ.clear()
    os.environ.update(work["env"])
    program, *arguments = work["program"]
    if program == "-m":
        module, *arguments = arguments
        sys.path[0] = os.getcwd()
        sys.argv[:] = [module, *arguments, *work["arguments"]]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = os.path.dirname(program)
        sys.argv[:] = [program, *arguments, *work["arguments"]]
        runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    for name in IMPORTED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    control = socket.socket(fileno=int(sys.argv[1]))
    control.send(READY)
    given = Server(control).serve()
    if given is not None:
        become(given)
