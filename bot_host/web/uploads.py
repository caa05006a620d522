"""Files that are to be known, as text: the database has it then, and no file needs to be kept."""

import tempfile
from pathlib import PurePath
from typing import Final

from bot_host.kit.clean import clean_text
from bot_host.kit.reading.child import DocumentUnreadable, reading

PLAIN: Final = frozenset({".md", ".markdown", ".txt", ".text"})
TEXT_BYTES: Final = 20_000_000
"""Of the text of one file."""


class UploadUnreadable(Exception):
    """The message says why."""


async def text_of(data: bytes, *, name: str) -> str:
    """A file's text as Markdown, with the headings that it has. Raises UploadUnreadable."""
    if PurePath(name).suffix.lower() in PLAIN:
        try:
            return _some(clean_text(data.decode("utf-8-sig")))
        except UnicodeDecodeError:
            pass  # in another encoding: the reader guesses it
    parts: list[str] = []
    size = 0
    above: tuple[str, ...] = ()
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        try:
            async with reading(file, name=name) as document:
                async for fragment in document.fragments:
                    parts += _headings(above, fragment.path, fragment.text)
                    above = fragment.path
                    parts.append(fragment.text)
                    size += len(fragment.text)
                    if size > TEXT_BYTES:
                        raise UploadUnreadable("there is too much text in it: split it into several files")
        except DocumentUnreadable as error:
            raise UploadUnreadable(str(error)) from None
    return _some(clean_text("\n\n".join(parts)))


def _headings(before: tuple[str, ...], now: tuple[str, ...], text: str) -> list[str]:
    """Those that begin here, and do not stand in the text itself."""
    same = 0
    while same < min(len(before), len(now)) and before[same] == now[same]:
        same += 1
    lines = (f"{'#' * (level + 1)} {title}" for level, title in enumerate(now) if level >= same)
    return [line for line in lines if line.lstrip("# ") not in text[:500]]


def _some(text: str) -> str:
    if not text.strip():
        raise UploadUnreadable("there is no text in it")
    return text
