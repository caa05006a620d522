"""Lines from a file descriptor, without ever blocking the event loop."""

import asyncio
import logging
import os
import select
import threading
from typing import Final

log = logging.getLogger(__name__)

CHUNK: Final = 65_536
"""Bytes asked for at a time."""
QUEUED: Final = 100
"""Lines that may wait; then nothing more is read."""
LINE_LIMIT: Final = 1_048_576
"""Bytes after which a line without an end is taken as one."""


class LineReader:
    """Reads lines from `fd` (terminal, pipe or file) in a daemon thread of its own.

    Not `sys.stdin`: a thread that waits in its `readline` holds a lock that the interpreter wants at exit.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._room = threading.Semaphore(QUEUED)
        self._stopped = threading.Event()
        self._wake: tuple[int, int] | None = None
        self._closing = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to read; no-op when begun. Must be called from the running loop."""
        if self._thread is not None:
            return
        self._loop = asyncio.get_running_loop()
        # Windows can wait for sockets only: there a stopped thread stays in its read until the process ends.
        self._wake = os.pipe() if os.name == "posix" else None
        self._thread = threading.Thread(target=self._read, name="terminal input", daemon=True)
        self._thread.start()

    async def next(self) -> str | None:
        """The next line without its end; None at the end of input, or when stopped."""
        line = await self._lines.get()
        if line is None or self._stopped.is_set():
            self._lines.put_nowait(None)
            return None
        self._room.release()
        return line

    def stop(self) -> None:
        """Read no more; `next` gives None from now on. Idempotent."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self._room.release()
        self._lines.put_nowait(None)
        with self._closing:
            if self._wake is not None:
                os.write(self._wake[1], b"x")

    def _read(self) -> None:
        pending = bytearray()
        try:
            while not self._stopped.is_set() and (data := self._read_some()):
                pending += data
                if not self._hand_over(pending):
                    return
            if pending:
                self._put(bytes(pending))
        finally:
            self._tell(None)
            with self._closing:
                for end in self._wake or ():
                    os.close(end)
                self._wake = None

    def _read_some(self) -> bytes:
        while True:
            try:
                if self._wake is not None:
                    ready, _, _ = select.select([self._fd, self._wake[0]], [], [])
                    if self._wake[0] in ready:
                        return b""
                return os.read(self._fd, CHUNK)
            except BlockingIOError:
                continue
            except (OSError, ValueError) as error:
                # A terminal that is hung up answers EIO, a closed one EBADF: the end of input.
                log.debug("input ended: %s", error)
                return b""

    def _hand_over(self, pending: bytearray) -> bool:
        """Put each whole line of `pending` in the queue; False when stopped."""
        *lines, rest = pending.split(b"\n")
        while len(rest) > LINE_LIMIT:
            lines.append(rest[:LINE_LIMIT])
            rest = rest[LINE_LIMIT:]
        pending[:] = rest
        return all(self._put(bytes(line)) for line in lines)

    def _put(self, line: bytes) -> bool:
        self._room.acquire()
        if self._stopped.is_set():
            return False
        return self._tell(line.decode("utf-8", "replace").removesuffix("\r"))

    def _tell(self, line: str | None) -> bool:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(self._lines.put_nowait, line)
        except RuntimeError:  # the loop is closed
            return False
        return True
