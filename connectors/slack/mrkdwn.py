"""Markdown as Slack's mrkdwn. https://docs.slack.dev/messaging/formatting-message-text

Why our own renderer and not always Slack's `markdown` block or `markdown_text`: the documentation promises
for mrkdwn, and only for it, that `&lt;` is never the start of a mention, so this is the one way in which a
model's `<!channel>` certainly stays text, in code too, without spoiling what people copy out of a code block.
It also works on every Slack (GovSlack, old clients), and knows no limit of 13,200 characters for all blocks.
What it costs: headings become bold lines, tables become aligned text in a code block. A message with these is
a `markdown` block (see `markdown`), and this text is what notifications and old clients show of it.

Every `<` that this module writes itself begins an http, https, mailto or tel address; all others are escaped.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

DEEPEST: Final = 40
"""Levels of nesting that are rendered; markdown-it drops what is deeper, so deeper text stays as it is."""
GAP: Final = "\u200b"
"""A zero-width space: Slack sees a style only between spaces or punctuation, which Chinese text has not."""

_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False, "maxNesting": DEEPEST}).enable(
    ["table", "strikethrough"]
)
_STYLES: Final = {"strong": "*", "em": "_", "s": "~"}
_LINK: Final = re.compile(r"(?:https?://|mailto:|tel:)\S+", re.IGNORECASE)
_UNSAFE_IN_URL: Final = {ord("<"): "%3C", ord(">"): "%3E", ord("|"): "%7C"}
_TASK: Final = re.compile(r"^\[([ xX])\] ")


def escape(text: str) -> str:
    """`text` with the three characters that mean something to Slack as entities: nothing in it is live."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def render(markdown: str) -> str:
    """`markdown` as mrkdwn in which nothing notifies anybody."""
    tokens = _MARKDOWN.parse(markdown)
    if any(token.level >= DEEPEST - 1 for token in tokens):
        return escape(markdown)
    return _blocks(SyntaxTreeNode(tokens).children).strip("\n") or escape(markdown)


def is_rich(markdown: str) -> bool:
    """Whether there is a heading or a table in it."""
    tokens = _MARKDOWN.parse(markdown)
    deep = any(token.level >= DEEPEST - 1 for token in tokens)
    return not deep and any(token.type in ("heading_open", "table_open") for token in tokens)


def _blocks(nodes: Iterable[SyntaxTreeNode], *, gap: str = "\n\n") -> str:
    return gap.join(text for text in (_block(node) for node in nodes) if text)


def _block(node: SyntaxTreeNode) -> str:
    kind = node.type
    if kind == "paragraph":
        return _inline(node.children)
    if kind == "heading":
        return _inline(node.children, bold=True)
    if kind in ("fence", "code_block"):
        return _code(node.content)
    if kind == "blockquote":
        return _quote(_blocks(node.children))
    if kind in ("bullet_list", "ordered_list"):
        return _list(node)
    if kind == "table":
        return _code("\n".join(_table(node)))
    if kind == "hr":
        return "———"
    return escape(node.content)


def _code(content: str) -> str:
    body = escape(content.rstrip("\n")).replace("```", f"``{GAP}`")
    return f"```\n{body}\n```" if body.strip() else ""


def _quote(text: str) -> str:
    # Slack has no code block inside of a quote: the block stands between two quotes instead.
    lines, code = [], False
    for line in text.split("\n"):
        fence = line.startswith("```")
        lines.append(line if code or fence else f"> {line}".rstrip())
        code = code != fence
    return "\n".join(lines)


def _list(node: SyntaxTreeNode) -> str:
    ordered = node.type == "ordered_list"
    number = int(node.attrs.get("start", 1)) if ordered else 0
    items = []
    for item in node.children:
        text = _blocks(item.children, gap="\n")
        task = _TASK.match(text)
        mark = f"{number}. " if ordered else "• "
        if task:
            mark, text = ("☐ " if task[1] == " " else "☑ "), text[task.end() :]
        items.append(mark + _indent(text))
        number += 1
    return "\n".join(items)


def _indent(text: str) -> str:
    lines, code = [], False
    for place, line in enumerate(text.split("\n")):
        fence = line.startswith("```")
        lines.append(line if place == 0 or code or fence or not line else f"    {line}")
        code = code != fence
    return ("\n" if text.startswith("```") else "") + "\n".join(lines)


def _table(node: SyntaxTreeNode) -> list[str]:
    rows = [
        [_plain(cell.children) for cell in row.children] for part in node.children for row in part.children
    ]
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        " | ".join(
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
    return [lines[0], "-+-".join("-" * width for width in widths), *lines[1:]]


def _width(text: str) -> int:
    """Columns in a fixed-width font."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def _plain(nodes: Sequence[SyntaxTreeNode]) -> str:
    """The words alone, not escaped."""
    pieces = []
    for node in nodes:
        if node.type in ("softbreak", "hardbreak"):
            pieces.append(" ")
        elif node.type == "image" or not node.children:
            pieces.append(node.content)
        else:
            pieces.append(_plain(node.children))
    return "".join(pieces)


class _Line:
    """Inline text under construction: styles are closed at line ends, and kept apart from letters."""

    def __init__(self) -> None:
        self._text = ""
        self._styles: list[tuple[str, int]] = []
        """Marks that are open, and where their text begins."""
        self._closed = False

    def write(self, text: str) -> None:
        if self._closed and text[:1] and not _is_border(text[0]):
            self._text += GAP
        self._closed = False
        self._text += text

    def open(self, mark: str) -> None:
        if self._text and not _is_border(self._text[-1]):
            self._text += GAP
        self._closed = False
        self._text += mark
        self._styles.append((mark, len(self._text)))

    def close(self) -> None:
        mark, start = self._styles.pop()
        if len(self._text) == start:
            self._text = self._text[: -len(mark)]
            return
        self._text += mark
        self._closed = True

    def styled(self, mark: str) -> bool:
        return any(mark == open for open, _ in self._styles)

    def line_break(self) -> None:
        open_styles = [mark for mark, _ in self._styles]
        for _ in open_styles:
            self.close()
        self._text = self._text.rstrip(" ") + "\n"
        self._closed = False
        for mark in open_styles:
            self.open(mark)

    def take(self) -> str:
        return self._text


def _is_border(char: str) -> bool:
    return char in "*_~" or char.isspace() or unicodedata.category(char)[0] in "PZ"


def _inline(nodes: Sequence[SyntaxTreeNode], *, bold: bool = False) -> str:
    line = _Line()
    if bold:
        line.open("*")
    _spans(nodes, line)
    if bold:
        line.close()
    return line.take()


def _spans(nodes: Iterable[SyntaxTreeNode], line: _Line) -> None:
    for node in nodes:
        kind = node.type
        if kind == "inline":
            _spans(node.children, line)
        elif kind in ("softbreak", "hardbreak"):
            line.line_break()
        elif kind in _STYLES:
            _styled(node, line)
        elif kind == "code_inline":
            _inline_code(node.content, line)
        elif kind == "link":
            line.write(_link(str(node.attrs.get("href", "")), _plain(node.children)))
        elif kind == "image":
            line.write(_link(str(node.attrs.get("src", "")), node.content))
        else:
            line.write(escape(node.content))


def _styled(node: SyntaxTreeNode, line: _Line) -> None:
    mark = _STYLES[node.type]
    if line.styled(mark):
        _spans(node.children, line)
        return
    line.open(mark)
    _spans(node.children, line)
    line.close()


def _inline_code(content: str, line: _Line) -> None:
    line.open("`")
    # A backtick would end the code; this one only looks like it.
    line.write(escape(content).replace("`", "ˋ"))
    line.close()


def _link(url: str, label: str) -> str:
    label = " ".join(label.split())
    # `<` before anything else than an address would be a mention: [x](!channel) must stay text.
    if not _LINK.fullmatch(url):
        return escape(f"{label} ({url})" if url and url != label else label)
    safe = escape(url.translate(_UNSAFE_IN_URL))
    if not label or label == url:
        return f"<{safe}>"
    return f"<{safe}|{escape(label)}>"
