"""Markdown as models write it, turned into Telegram's HTML style (core.telegram.org/bots/api#html-style).

A real parser reads the Markdown; whatever is not one of the tags below is escaped text, so that nothing in a
model's answer can break the markup or mention somebody by id.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from connectors.telegram.spoilers import add_spoilers

_SPANS: Final = {"strong": "b", "em": "i", "s": "s", "spoiler": "tg-spoiler"}
_SAFE_LINKS: Final = ("http://", "https://")
"""Other schemes are shown as text: `tg://user?id=` would mention a person."""
_BULLETS: Final = ("•", "◦", "▪")
_RULE: Final = "———"
_MAX_NESTING: Final = 60

_LONG_QUOTE: Final = 1000
"""Characters of a quote that is shown folded, to be opened by a tap."""

_parser = add_spoilers(
    MarkdownIt("commonmark", {"html": False, "maxNesting": _MAX_NESTING}).enable(["table", "strikethrough"])
)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A piece of Markdown, ready to be sent."""

    html: str
    text: str
    """What people see: the HTML without tags and references."""


def utf16_len(text: str) -> int:
    """Telegram's measure: UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def shorten_utf16(text: str, limit: int) -> str:
    """`text`, or its beginning with an ellipsis, in at most `limit` UTF-16 code units."""
    if utf16_len(text) <= limit:
        return text
    units = text.encode("utf-16-le", "surrogatepass")[: 2 * (limit - 1)]
    return units.decode("utf-16-le", "ignore") + "…"


def render(markdown: str) -> Rendered:
    """Pure. Never fails: text that is no Markdown, or nested beyond reason, comes out as text."""
    writer = _Writer()
    try:
        tokens = _parser.parse(markdown)
        if any(token.level >= _MAX_NESTING - 1 for token in tokens):
            # The parser leaves out what is nested deeper.
            return Rendered(escape(markdown, quote=False), markdown)
        writer.blocks(SyntaxTreeNode(tokens).children)
    except RecursionError:
        return Rendered(escape(markdown, quote=False), markdown)
    return Rendered("".join(writer.html).strip("\n"), "".join(writer.text).strip("\n"))


class _Writer:
    """Writes HTML and the visible text side by side."""

    def __init__(self) -> None:
        self.html: list[str] = []
        self.text: list[str] = []
        self._open: list[str] = []

    def put(self, text: str) -> None:
        self.html.append(escape(text, quote=False))
        self.text.append(text)

    def start(self, tag: str, attributes: str = "") -> bool:
        """Open a tag, unless the text is inside one of its kind already (Telegram nests no quotes)."""
        if tag in self._open:
            return False
        self._open.append(tag)
        self.html.append(f"<{tag}{attributes}>")
        return True

    def end(self, tag: str) -> None:
        self._open.remove(tag)
        self.html.append(f"</{tag}>")

    def blocks(
        self, nodes: Iterable[SyntaxTreeNode], *, depth: int = 0, indent: str = "", tight: bool = False
    ) -> None:
        """Blocks one below the other, with an empty line between, except in tight lists."""
        first = True
        for node in nodes:
            if not first:
                self.put("\n" if tight else "\n\n")
                self.put(indent)
            first = False
            self._block(node, depth=depth, indent=indent)

    def _block(self, node: SyntaxTreeNode, *, depth: int, indent: str) -> None:
        if node.type in ("paragraph", "heading"):
            bold = node.type == "heading" and self.start("b")
            self._inline(node.children[0].children if node.children else [], indent)
            if bold:
                self.end("b")
        elif node.type in ("fence", "code_block"):
            self._code(node)
        elif node.type in ("bullet_list", "ordered_list"):
            self._list(node, depth=depth, indent=indent)
        elif node.type == "blockquote":
            self._quote(node, depth=depth, indent=indent)
        elif node.type == "hr":
            self.put(_RULE)
        elif node.type == "table":
            self._table(node)
        else:
            self.put(node.content)

    def _quote(self, node: SyntaxTreeNode, *, depth: int, indent: str) -> None:
        quoted, opening, before = self.start("blockquote"), len(self.html) - 1, len(self.text)
        self.blocks(node.children, depth=depth, indent=indent)
        if quoted:
            if sum(map(len, self.text[before:])) > _LONG_QUOTE:
                self.html[opening] = "<blockquote expandable>"
            self.end("blockquote")

    def _code(self, node: SyntaxTreeNode) -> None:
        language = node.info.split()[0] if node.type == "fence" and node.info.split() else ""
        self.html.append("<pre>")
        if language:
            self.html.append(f'<code class="language-{escape(language)}">')
        self.put(node.content.rstrip("\n"))
        self.html.append("</code></pre>" if language else "</pre>")

    def _list(self, node: SyntaxTreeNode, *, depth: int, indent: str) -> None:
        tight = _is_tight(node)
        start = int(node.attrGet("start") or 1) if node.type == "ordered_list" else 0
        for number, item in enumerate(node.children):
            if number:
                self.put("\n" if tight else "\n\n")
                self.put(indent)
            bullet = f"{start + number}." if node.type == "ordered_list" else _BULLETS[depth % len(_BULLETS)]
            self.put(f"{bullet} ")
            self.blocks(item.children, depth=depth + 1, indent=indent + "  ", tight=tight)

    def _table(self, node: SyntaxTreeNode) -> None:
        rows = [
            [_plain(cell.children[0].children if cell.children else []) for cell in row.children]
            for part in node.children
            for row in part.children
        ]
        widths = [max(_width(row[i]) for row in rows if i < len(row)) for i in range(len(rows[0]))]
        rows.insert(1, ["-" * width for width in widths])
        lines = [
            " | ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=False))
            for row in rows
        ]
        self.html.append("<pre>")
        self.put("\n".join(line.rstrip() for line in lines))
        self.html.append("</pre>")

    def _inline(self, nodes: Iterable[SyntaxTreeNode], indent: str) -> None:
        for node in nodes:
            if node.type in _SPANS:
                opened = self.start(_SPANS[node.type])
                self._inline(node.children, indent)
                if opened:
                    self.end(_SPANS[node.type])
            elif node.type == "link":
                self._link(node, indent)
            elif node.type == "image":
                address = str(node.attrGet("src") or "")
                self._address(_plain(node.children) or address, address)
            elif node.type == "code_inline":
                self.html.append("<code>")
                self.put(node.content)
                self.html.append("</code>")
            elif node.type in ("softbreak", "hardbreak"):
                self.put("\n" + indent)
            else:
                self.put(node.content)

    def _link(self, node: SyntaxTreeNode, indent: str) -> None:
        address = str(node.attrGet("href") or "")
        if not address.lower().startswith(_SAFE_LINKS):
            self._inline(node.children, indent)
            if address and address != _plain(node.children):
                self.put(f" ({address})")
            return
        opened = self.start("a", f' href="{escape(address)}"')
        before = len(self.text)
        self._inline(node.children, indent)
        if not "".join(self.text[before:]).strip():
            self.put(address)
        if opened:
            self.end("a")

    def _address(self, label: str, address: str) -> None:
        if not address.lower().startswith(_SAFE_LINKS):
            self.put(label if label == address or not address else f"{label} ({address})")
        elif self.start("a", f' href="{escape(address)}"'):
            self.put(label)
            self.end("a")
        else:
            self.put(label)


def _is_tight(items: SyntaxTreeNode) -> bool:
    """Whether a list has no empty lines between its blocks; the parser then hides its paragraphs."""
    blocks = (block for item in items.children for block in item.children)
    return all(_opening(block).hidden for block in blocks if block.type == "paragraph")


def _opening(node: SyntaxTreeNode) -> Token:
    assert node.nester_tokens is not None
    return node.nester_tokens.opening


def _plain(nodes: Iterable[SyntaxTreeNode]) -> str:
    """Inline nodes without any markup."""
    parts = []
    for node in nodes:
        if node.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif node.type == "text" or node.type == "code_inline" or not node.children:
            parts.append(node.content)
        else:
            parts.append(_plain(node.children))
    return "".join(parts)


def _width(text: str) -> int:
    """Columns in a monospace font."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )
