"""A folder of files with names that nobody can choose: what is put in gets a random name.

Whoever asks for a file names it by that name alone. No path comes in from outside, so that no text of a model
or plugin can make the host read another file (invariant I6).
"""

import asyncio
import os
import re
import secrets
import stat
import time
from collections.abc import Set
from pathlib import Path
from typing import Final

FOLDER: Final = "media"
KEPT_S: Final = 86400.0
"""A file stays so long; shorter where the folder is full, longer where it is still to be sent."""
YOUNG_S: Final = 3600.0
"""Younger files stay however full it is: a turn may be about to send them."""
MOST_BYTES: Final = 2 * 1024**3
"""Of all files together."""
_NAME: Final = re.compile(r"[0-9a-f]{32}\.[a-z0-9]{1,8}")


class MediaFolder:
    """See the module. Made when the first file comes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def made(self) -> bool:
        """Whether anything was ever put in."""
        return self._path.is_dir()

    async def save(self, data: bytes, *, ending: str = "") -> str:
        """Put a file in; its name. `ending`: of the name that people know it by. Raises OSError."""
        clean = re.sub(r"[^a-z0-9]", "", ending.lower())[:8] or "bin"
        name = f"{secrets.token_hex(16)}.{clean}"
        await asyncio.to_thread(self._write, name, data)
        return name

    def _write(self, name: str, data: bytes) -> None:
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = self._path / f".{name}"
        try:
            with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(self._path / name)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise

    def path_of(self, name: str) -> Path | None:
        """Where a file lies, whether it is there or not; None for what is no name of ours."""
        return self._path / name if _NAME.fullmatch(name) else None

    async def read(self, name: str) -> bytes | None:
        """A file's bytes; None: there is no such file."""
        path = self.path_of(name)
        return None if path is None else await asyncio.to_thread(_read, path)

    async def delete(self, names: Set[str]) -> int:
        """Delete these files; how many were there. Raises OSError."""
        return await asyncio.to_thread(self._delete, names)

    def _delete(self, names: Set[str]) -> int:
        there = [path for name in names if (path := self.path_of(name)) is not None and path.is_file()]
        for path in there:
            path.unlink(missing_ok=True)
        return len(there)

    async def sweep(self, *, needed: Set[str], kept_s: float = KEPT_S) -> int:
        """Delete what is old, and the oldest where there is too much, but nothing `needed`; how many."""
        return await asyncio.to_thread(self._sweep, needed, kept_s)

    def _sweep(self, needed: Set[str], kept_s: float) -> int:
        now = time.time()
        found: list[tuple[float, int, Path]] = []
        try:
            entries = list(os.scandir(self._path))
        except FileNotFoundError:
            return 0
        for entry in entries:
            known = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(known.st_mode) and _NAME.fullmatch(entry.name.removeprefix(".")):
                found.append((known.st_mtime, known.st_size, Path(entry.path)))
        total = sum(size for _, size, _ in found)
        deleted = 0
        for made_at, size, path in sorted(found):
            age = now - made_at
            if path.name in needed or age < YOUNG_S or (age < kept_s and total <= MOST_BYTES):
                continue
            path.unlink(missing_ok=True)
            total -= size
            deleted += 1
        return deleted


def _read(path: Path) -> bytes | None:
    try:
        # Not through a link that somebody put there.
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
            return file.read() if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None
    except OSError:
        return None
