"""What lies on the disk, looked at without trust: only plain files, and never without end."""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

READ: Final = frozenset(
    {
        *(".txt", ".text", ".md", ".markdown", ".mdown", ".mkd", ".mdx", ".rst", ".adoc", ".org", ".log"),
        *(".html", ".htm", ".xhtml", ".xml", ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".yaml", ".yml"),
        *(".toml", ".pdf", ".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".tex", ".srt", ".vtt"),
    }
)
"""Endings of files that are read in a folder; a single file may have any."""
ENTRIES: Final = 100_000
"""Entries of a folder that are looked at."""
_PIECE: Final = 1024 * 1024


class NotReadable(Exception):
    """The message says why, in words for anybody."""


class NotThere(NotReadable):
    """There is no such file any more."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a folder."""

    files: tuple[Path, ...]
    left_out: int
    """Beyond the limit, or of kinds that are not read."""


def opened(path: Path, *, max_bytes: int) -> BinaryIO:
    """A file to read. Raises NotThere, NotReadable. Blocks."""
    try:
        # A pipe would wait for its writer.
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        raise NotThere("there is no such file") from None
    except OSError as error:
        raise NotReadable(f"it cannot be opened: {error.strerror}") from None
    found = os.fstat(number)
    if not stat.S_ISREG(found.st_mode):
        os.close(number)
        raise NotReadable("it is no file")
    if found.st_size > max_bytes:
        os.close(number)
        raise NotReadable(f"it has {found.st_size:,} bytes, and {max_bytes:,} are read at the most")
    return os.fdopen(number, "rb")


def changed_at(path: Path) -> str:
    """When it was changed, and how large it is, as a text to compare. Raises as `opened`. Blocks."""
    try:
        found = path.stat()
    except FileNotFoundError:
        raise NotThere("there is no such file") from None
    except OSError as error:
        raise NotReadable(f"it cannot be looked at: {error.strerror}") from None
    return f"{found.st_mtime_ns}:{found.st_size}"


def fingerprint(file: BinaryIO) -> tuple[str, int]:
    """A hash of all that is in it, and its size; the file is at its beginning then. Blocks."""
    said, size = hashlib.sha256(), 0
    while piece := file.read(_PIECE):
        said.update(piece)
        size += len(piece)
    file.seek(0)
    return said.hexdigest(), size


def listing(folder: Path, *, most: int) -> Listing:
    """The files in a folder and those in it, by name. What begins with a dot is left out, and so are links.

    Raises NotThere, NotReadable. Blocks.
    """
    if not folder.exists():
        raise NotThere("there is no such folder")
    if not folder.is_dir():
        raise NotReadable("it is no folder")
    files: list[Path] = []
    left_out = 0
    for seen, path in enumerate(_walk(folder)):
        if seen >= ENTRIES:
            raise NotReadable(f"it has more than {ENTRIES:,} entries")
        if path.suffix.lower() in READ and len(files) < most:
            files.append(path)
        else:
            left_out += 1
    return Listing(tuple(files), left_out)


def _walk(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise NotReadable(f"{folder.name} cannot be listed: {error.strerror}") from None
    for entry in entries:
        # A link may lead out of the folder, or round in circles.
        if entry.name.startswith(".") or entry.is_symlink():
            continue
        if entry.is_dir():
            yield from _walk(Path(entry.path))
        elif entry.is_file():
            yield Path(entry.path)
