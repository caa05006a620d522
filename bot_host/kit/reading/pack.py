"""Blocks as fragments: as much as belongs together, with the headings above it, none longer than a limit."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from bot_host.kit.reading.blocks import Block, BlockKind

TOKENS: Final = 400
"""Of a fragment, about; what is repeated from the one before it comes on top."""
ENOUGH: Final = 100
"""Tokens. A heading begins a new fragment, unless the one before it is smaller than that."""
OVERLAP: Final = 60
"""Tokens of the last sentences before a cut, which the next fragment begins with once more."""
TITLE: Final = 120
"""Characters of a heading in the path."""
BYTES: Final = 4
"""Of a token, about: four letters of English, two of Cyrillic, one and a third of Chinese characters."""

_SENTENCE: Final = re.compile(r"""[.!?…]["'”’)\]]*\s+|[。！？]["”’」』）]*\s*|\n+""")
_BLANK: Final = re.compile(r"\s(?=\S*\Z)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """A part of a document, small enough to be found and shown."""

    path: tuple[str, ...] = ()
    """The headings above it, outermost first."""
    text: str
    overlap: str = ""
    """The end of the fragment before, or a table's header: said again so that it is understood alone."""

    @property
    def whole(self) -> str:
        """As it is shown and searched."""
        return f"{self.overlap}\n{self.text}" if self.overlap else self.text


def tokens(text: str) -> int:
    """About how many tokens a text has."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES)


def fragments(blocks: Iterable[Block], *, limit: int = TOKENS) -> Iterator[Fragment]:
    """Pack blocks, in order. Nothing is lost: the texts one after the other are those of the blocks."""
    packer = _Packer(limit)
    for block in blocks:
        yield from packer.take(block)
    yield from packer.emit(last=True)


@dataclass(slots=True)
class _Part:
    text: str
    kind: BlockKind


class _Packer:
    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._above: list[tuple[int, str]] = []
        self._parts: list[_Part] = []
        self._size = 0
        self._path: tuple[str, ...] | None = None
        """What the paths of all that is held have in common."""
        self._waiting: list[_Part] = []
        """Headings: they go with what comes below them."""
        self._overlap = ""

    def take(self, block: Block) -> Iterator[Fragment]:
        if block.kind is BlockKind.HEADING:
            yield from self._head(block)
            return
        if tokens(block.text) + self._waiting_size() <= self._limit:
            yield from self._put(_Part(block.text, block.kind))
            return
        if self._size >= min(ENOUGH, self._limit):
            yield from self.emit()
        for number, piece in enumerate(cut(block, self._limit - min(self._waiting_size(), self._limit // 2))):
            if number:
                yield from self.emit(again=block.header if block.kind is BlockKind.TABLE else None)
            yield from self._put(_Part(piece, block.kind))

    def _head(self, block: Block) -> Iterator[Fragment]:
        if self._parts and self._size >= min(ENOUGH, self._limit):
            yield from self.emit()
            self._overlap = ""
        self._above = [each for each in self._above if each[0] < block.level]
        if block.title:
            self._above.append((block.level, block.title[:TITLE]))
        if block.text:
            for piece in _cut_text(block.text, self._limit // 2):
                self._waiting.append(_Part(piece, block.kind))
        if self._waiting_size() > self._limit // 2:  # headings without end, and nothing below them
            for part in self._waiting:
                yield from self._hold(part)
            self._waiting = []

    def _waiting_size(self) -> int:
        return sum(tokens(part.text) for part in self._waiting)

    def _put(self, part: _Part) -> Iterator[Fragment]:
        if self._parts and self._size + self._waiting_size() + tokens(part.text) > self._limit:
            yield from self.emit()
        waiting, self._waiting = self._waiting, []
        for each in (*waiting, part):
            yield from self._hold(each)

    def _hold(self, part: _Part) -> Iterator[Fragment]:
        if self._parts and self._size + tokens(part.text) > self._limit:
            yield from self.emit()
        self._parts.append(part)
        self._size += tokens(part.text)
        path = tuple(title for _, title in self._above)
        self._path = path if self._path is None else _common(self._path, path)

    def emit(self, *, again: str | None = None, last: bool = False) -> Iterator[Fragment]:
        if last:
            self._parts += self._waiting
            self._waiting = []
        if self._parts:
            path = tuple(title for _, title in self._above) if self._path is None else self._path
            text = _joined(self._parts)
            yield Fragment(path=path, text=text, overlap=self._overlap)
            spoken = self._parts[-1].kind in (BlockKind.TEXT, BlockKind.ITEM)
            self._overlap = _ending(text) if spoken else ""
        if again is not None:
            self._overlap = again if tokens(again) <= 2 * OVERLAP else ""
        self._parts, self._size, self._path = [], 0, None


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    same = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        same += 1
    return one[:same]


def _joined(parts: list[_Part]) -> str:
    text = parts[0].text
    for before, part in pairwise(parts):
        close = before.kind is part.kind and part.kind in (BlockKind.ITEM, BlockKind.TABLE)
        text += ("\n" if close else "\n\n") + part.text
    return text


def cut(block: Block, limit: int) -> Iterator[str]:
    """A block that is too long, in pieces: code and tables by lines, text by sentences, at last anywhere."""
    if block.kind in (BlockKind.CODE, BlockKind.TABLE):
        return _gather(block.text.splitlines(keepends=True), limit)
    return _cut_text(block.text, limit)


def _cut_text(text: str, limit: int) -> Iterator[str]:
    return _gather(_sentences(text), limit)


def _sentences(text: str) -> Iterator[str]:
    at = 0
    for end in _SENTENCE.finditer(text):
        yield text[at : end.end()]
        at = end.end()
    yield text[at:]


def _gather(units: Iterable[str], limit: int) -> Iterator[str]:
    held, size = "", 0
    for unit in units:
        for piece in _bounded(unit, limit):
            more = tokens(piece)
            if held and size + more > limit:
                yield held.rstrip("\n")
                held, size = "", 0
            held += piece
            size += more
    if held.strip():
        yield held.rstrip("\n")


def _bounded(text: str, limit: int) -> Iterator[str]:
    while tokens(text) > limit:
        part = text.encode("utf-8", "replace")[: max(limit, 1) * BYTES].decode("utf-8", "ignore")
        blank = _BLANK.search(part)
        at = blank.end() if blank and blank.end() > len(part) // 2 else len(part)
        yield text[:at]
        text = text[at:]
    if text:
        yield text


def _ending(text: str) -> str:
    """The last whole sentences of a text, as many as there is room for; empty where they are too long."""
    kept = ""
    for sentence in reversed(list(_sentences(text[-4 * OVERLAP * BYTES :]))):
        if tokens(sentence + kept) > OVERLAP:
            break
        kept = sentence + kept
    return kept.strip() if len(kept) < len(text) else ""
