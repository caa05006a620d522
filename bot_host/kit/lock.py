"""One process at a time: a lock that the operating system takes back when its holder dies."""

import asyncio
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    _probe = _lock
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _probe(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


class ProcessLock:
    """Holds `path` (a file of its own, never deleted) for this process.

    Its text is the holder's process id, for whoever is refused.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def held(self) -> bool:
        """Whether it was taken by this object, and not yet let go."""
        return self._descriptor is not None

    @property
    def holder(self) -> str:
        """The process id of whoever holds it, or `unknown`."""
        try:
            return self._path.read_text(encoding="ascii", errors="replace").strip() or "unknown"
        except OSError:
            return "unknown"

    @property
    def is_taken(self) -> bool:
        """Whether anybody holds it now. Raises OSError when the file may not be read."""
        try:
            descriptor = os.open(self._path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            _probe(descriptor)
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return False

    def try_take(self) -> bool:
        """Take it; False when another process has it. Raises OSError when the file cannot be made."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(descriptor)
        except OSError:
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode("ascii"))
        self._descriptor = descriptor
        return True

    async def take(self, *, patience_s: float) -> bool:
        """Take it as soon as it is free; False when `patience_s` seconds passed first."""
        waited = 0.0
        while not self.try_take():
            if waited >= patience_s:
                return False
            await asyncio.sleep(0.2)
            waited += 0.2
        return True

    def release(self) -> None:
        """Let it go. Idempotent."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
