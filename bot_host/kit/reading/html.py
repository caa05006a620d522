"""HTML as blocks: what people read on a page, without menus, scripts and what is hidden from them."""

import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from typing import Final

from bot_host.kit.reading.blocks import Block, BlockKind, heading, table

ENOUGH: Final = 200
"""Characters in `<main>` or `<article>` for which the rest of the page is left out."""
DEEP: Final = 2000
"""Elements within each other; what is deeper is read as if it stood there."""

_SKIPPED: Final = frozenset(
    {
        "script",
        "style",
        "noscript",
        "template",
        "svg",
        "math",
        "nav",
        "footer",
        "aside",
        "form",
        "button",
        "select",
        "iframe",
        "object",
        "canvas",
        "audio",
        "video",
        "dialog",
    }
)
_VOID: Final = frozenset(
    {
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
    }
)
_BREAKS: Final = frozenset(
    {
        "address",
        "article",
        "blockquote",
        "body",
        "center",
        "dd",
        "details",
        "dl",
        "dt",
        "div",
        "fieldset",
        "figcaption",
        "figure",
        "header",
        "hr",
        "html",
        "li",
        "main",
        "ol",
        "p",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
        "pre",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "title",
    }
)
_HEADINGS: Final = frozenset(f"h{level}" for level in range(1, 7))
_CELLS: Final = frozenset({"td", "th"})
_ENDED_BY: Final = {
    "li": (frozenset({"p"}), frozenset({"li"})),
    "p": (frozenset({"p"}),),
    "dt": (frozenset({"p"}), frozenset({"dt", "dd"})),
    "dd": (frozenset({"p"}), frozenset({"dt", "dd"})),
    "td": (_CELLS,),
    "th": (_CELLS,),
    "tr": (_CELLS, frozenset({"tr"})),
}
"""Elements whose end need not be written: which others end them by beginning, innermost first."""
_OF_TABLES: Final = frozenset({"table", "tbody", "thead", "tfoot", "tr"})
_IN_TABLES: Final = frozenset({"td", "th", "tr", "p", "tbody", "thead", "tfoot"})
_BLANKS: Final = re.compile(r"\s+")
_HIDDEN: Final = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])|opacity\s*:\s*0(?![.\d])",
    re.IGNORECASE,
)


def html_blocks(pieces: Iterable[str]) -> tuple[str, Iterator[Block]]:
    """The page's title, and its blocks in order."""
    parser = _Page()
    for piece in pieces:
        parser.feed(piece)
    parser.close()
    parser.end_block()
    return parser.title, parser.blocks()


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self._all: list[tuple[Block, bool]] = []
        self._open: list[tuple[str, bool]] = []
        """Names of the elements that are open, and whether each is skipped."""
        self._skipping = 0
        self._main = 0
        self._words: list[str] = []
        self._kind = BlockKind.TEXT
        self._pre = 0
        self._in_title = False
        self._tables: list[list[list[str]]] = []
        """Rows of each table that is open, innermost last."""

    def blocks(self) -> Iterator[Block]:
        """All, or those of the main part alone where there is one."""
        main = sum(len(block.text) for block, inside in self._all if inside)
        return (block for block, inside in self._all if inside or main < ENOUGH)

    # -- what the parser tells --------------------------------------------------------------------------

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        for implied in _ENDED_BY.get(tag, ()):
            if self._open and self._open[-1][0] in implied:
                self.handle_endtag(self._open[-1][0])
        if tag in _BREAKS:
            self._break(tag)
        if tag == "title" and not self.title and not self._skipping:
            self._in_title = True
        if tag == "br":
            self._words.append("\n")
        if tag in _VOID:
            if tag == "img" and not self._skipping and (alt := dict(attrs).get("alt")):
                self._words.append(f" {alt} ")
            return
        skipped = self._is_skipped(tag, dict(attrs))
        if len(self._open) < DEEP:
            self._open.append((tag, skipped))
            self._skipping += skipped
            self._main += tag in ("main", "article")
        if not self._skipping:
            self._begin(tag)

    def handle_endtag(self, tag: str) -> None:
        """An element ends, and with it those in it that were left open."""
        if tag == "title":
            self._in_title = False
        if tag in _VOID or not any(name == tag for name, _ in self._open):
            return
        while tag in _OF_TABLES and self._open[-1][0] in _IN_TABLES and self._open[-1][0] != tag:
            self.handle_endtag(self._open[-1][0])
        if not self._skipping and tag in _BREAKS:
            self._end(tag)
        while self._open:
            name, skipped = self._open.pop()
            self._skipping -= skipped
            self._main -= name in ("main", "article")
            if name == "pre" and self._pre and not skipped:
                self._pre -= 1
            if name == tag:
                break

    def handle_data(self, data: str) -> None:
        """Text."""
        if self._in_title:
            self.title = " ".join(f"{self.title}{data}".split())[:200]
        elif not self._skipping:
            self._words.append(data if self._pre else _BLANKS.sub(" ", data))

    # -- what is made of it -----------------------------------------------------------------------------

    def _is_skipped(self, tag: str, attrs: dict[str, str | None]) -> bool:
        if tag in _SKIPPED or (tag == "header" and not self._main):
            return True
        # What nobody sees on the page is no knowledge, and a way to whisper to models.
        hidden = "hidden" in attrs or (attrs.get("aria-hidden") or "").lower() == "true"
        return hidden or bool(_HIDDEN.search(attrs.get("style") or ""))

    def _begin(self, tag: str) -> None:
        if tag == "pre":
            self._pre += 1
        elif tag == "table":
            self._tables.append([])
        elif tag == "tr" and self._tables:
            self._tables[-1].append([])
        elif tag == "li":
            self._kind = BlockKind.ITEM

    def _break(self, tag: str) -> None:
        if not self._skipping and not (self._tables and tag not in ("table", "tr", "td", "th")):
            self.end_block()

    def _end(self, tag: str) -> None:
        text = "".join(self._words)
        if tag in _HEADINGS and not self._tables:
            self._words = []
            if text.strip():
                self._add(heading(text, int(tag[1])))
        elif tag == "pre" and not self._tables:
            self._words = []
            if text.strip():
                self._add(Block(kind=BlockKind.CODE, text=f"```\n{text.strip(chr(10))}\n```"))
        elif tag == "table" and self._tables:
            self._words = []
            rows = self._tables.pop()
            if self._tables:
                # A table in a table's cell is the cell's text.
                self._words = [" ".join(cell for row in rows for cell in row)]
                return
            for block in table(rows):
                self._add(block)
        elif tag in ("td", "th") and self._tables:
            self._words = []
            if not self._tables[-1]:
                self._tables[-1].append([])
            self._tables[-1][-1].append(text)
        else:
            self._break(tag)

    def end_block(self) -> None:
        """A paragraph is over."""
        if self._tables and self._words:
            return  # the cell's end takes them
        text, self._words = "".join(self._words), []
        kind, self._kind = self._kind, BlockKind.TEXT
        if self._pre:
            self._words = [text] if text else []
            return
        flat = "\n".join(" ".join(line.split()) for line in text.split("\n"))
        flat = re.sub(r"\n{2,}", "\n", flat).strip() if "\n" in flat else flat
        if flat:
            self._add(Block(kind=kind, text=f"- {flat}" if kind is BlockKind.ITEM else flat))
        else:
            self._kind = kind

    def _add(self, block: Block) -> None:
        self._all.append((block, self._main > 0))
