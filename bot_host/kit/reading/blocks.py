"""What a document is made of: headings, paragraphs, items, code, tables. Plain text and Markdown as such."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

AT_ONCE: Final = 16_384
"""Characters of one block; a longer paragraph comes as several, so that none is ever held as a whole."""

_HEADING: Final = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE: Final = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")
_DASHES: Final = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")


class BlockKind(StrEnum):
    """How a block is cut, and what stands between it and the next."""

    HEADING = "heading"
    TEXT = "text"
    ITEM = "item"
    CODE = "code"
    TABLE = "table"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A part of a document that belongs together."""

    kind: BlockKind = BlockKind.TEXT
    text: str
    level: int = 0
    """Of a heading, 1 the outermost."""
    title: str = ""
    """Of a heading, without marks; a heading without text is a place, like a page."""
    header: str = ""
    """Of a table: its first rows, to be said again where it is cut. They stand in the first block's text."""


def heading(title: str, level: int) -> Block:
    """A heading as Markdown writes it."""
    flat = " ".join(title.split())
    return Block(kind=BlockKind.HEADING, text=f"{'#' * level} {flat}", level=level, title=flat)


def place(name: str) -> Block:
    """A page or the like: something to name, and nothing that stands in the text."""
    return Block(kind=BlockKind.HEADING, text="", level=1, title=name)


def row(cells: Iterable[str]) -> str:
    """A table's row as Markdown writes it."""
    flat = (" ".join(cell.split()).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(flat)} |"


def table(rows: Iterable[list[str]]) -> Iterator[Block]:
    """A table, block by block. The first row is its header; empty rows are left out."""
    header, lines, size = "", list[str](), 0
    for cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        line = row(cells)
        if not header:
            header = line
        lines.append(line)
        size += len(line)
        if size >= AT_ONCE:
            yield Block(kind=BlockKind.TABLE, text="\n".join(lines), header=header)
            lines, size = [], 0
    if lines:
        yield Block(kind=BlockKind.TABLE, text="\n".join(lines), header=header)


def text_blocks(lines: Iterable[str]) -> Iterator[Block]:
    """Paragraphs of plain text: what stands between empty lines."""
    held, size = list[str](), 0
    for line in lines:
        if line.strip():
            held.append(line.rstrip())
            size += len(line)
        if held and (size >= AT_ONCE or not line.strip()):
            yield Block(text="\n".join(held))
            held, size = [], 0
    if held:
        yield Block(text="\n".join(held))


def markdown_blocks(lines: Iterable[str]) -> Iterator[Block]:
    """The blocks of Markdown, in order."""
    reader = _Markdown()
    for line in lines:
        yield from reader.take(line.rstrip("\r\n"))
    yield from reader.flush()


class _Markdown:
    """Reads line by line, and holds one block at the most."""

    def __init__(self) -> None:
        self._held: list[str] = []
        self._size = 0
        self._kind = BlockKind.TEXT
        self._fence = ""
        self._header = ""

    def take(self, line: str) -> Iterator[Block]:
        if self._fence:
            yield from self._take_code(line)
        elif fence := _FENCE.match(line):
            yield from self.flush()
            self._fence, self._kind = fence[1], BlockKind.CODE
            self._hold(line)
        elif not line.strip():
            yield from self.flush()
        elif found := _HEADING.match(line):
            yield from self.flush()
            yield Block(
                kind=BlockKind.HEADING,
                text=line.strip(),
                level=len(found[1]),
                title=" ".join((found[2] or "").split()),
            )
        elif line.lstrip().startswith("|") or (self._kind is BlockKind.TABLE and "|" in line):
            yield from self._take_row(line)
        else:
            yield from self._take_text(line)

    def _take_code(self, line: str) -> Iterator[Block]:
        fence = self._fence
        self._hold(line)
        closing = line.strip()
        if closing.startswith(fence) and not closing.strip(fence[0]):
            self._fence = ""
            yield from self.flush()
        elif self._size >= AT_ONCE:
            yield from self.flush()
            self._fence, self._kind = fence, BlockKind.CODE

    def _take_row(self, line: str) -> Iterator[Block]:
        if self._kind is not BlockKind.TABLE:
            yield from self.flush()
            self._kind, self._header = BlockKind.TABLE, line
        elif _DASHES.match(line) and len(self._held) == 1:
            self._header = f"{self._header}\n{line}"
        self._hold(line)
        if self._size >= AT_ONCE:
            header = self._header
            yield from self.flush()
            self._kind, self._header = BlockKind.TABLE, header

    def _take_text(self, line: str) -> Iterator[Block]:
        if self._kind is BlockKind.TABLE:
            yield from self.flush()
        under = _UNDERLINE.match(line)
        if under and len(self._held) == 1:
            title = self._held[0].strip()
            level = 1 if under[1][0] == "=" else 2
            self._held, self._size = [], 0
            text = f"{title}\n{line.strip()}"
            yield Block(kind=BlockKind.HEADING, text=text, level=level, title=" ".join(title.split()))
            return
        self._hold(line)
        if self._size >= AT_ONCE:
            yield from self.flush()

    def _hold(self, line: str) -> None:
        self._held.append(line.rstrip())
        self._size += len(line) + 1

    def flush(self) -> Iterator[Block]:
        if self._held:
            yield Block(kind=self._kind, text="\n".join(self._held), header=self._header)
        self._held, self._size, self._kind, self._header, self._fence = [], 0, BlockKind.TEXT, "", ""
