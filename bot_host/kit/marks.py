"""Where Markdown must not be cut: code fences, links and their like, bold spans, grapheme clusters."""

import bisect
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

Span: TypeAlias = tuple[int, int]
"""Start and end, as in a slice."""

# CommonMark 0.31 section 4.5: at least three of ` or ~; the info string of a ` fence has no `.
_OPENER: Final = re.compile(
    r"(?P<indent>[ ]*)(?P<marker>(?:[-*+]|\d{1,9}[.)])[ ]{1,4})?"
    r"(?P<fence>`{3,}(?=[^`\n]*$)|~{3,})(?P<info>.*)$"
)
_LIST_ITEM: Final = re.compile(r"( *)(?:[-*+]|\d{1,9}[.)])( +)\S")

_ATOM: Final = re.compile(
    r"!?\[(?:[^\[\]]|\[[^\[\]]*+\])*+\]"
    r"(?:\((?:[^()\s]|\([^()\s]*+\))*+(?:\s++\"[^\"\n]*+\")?\s*+\)|\[[^\[\]\n]*+\])"
    r"|<(?:@|#|!|:|/|a:|t:|https?://|mailto:|tel:)[^<>\n]*+>"
    r"|[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s<>。！？，、「」（）]++"
    r"|&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});"
    r"|@[\w.-]++"
)
_TICKS: Final = re.compile(r"`+")
_EMPHASIS: Final = re.compile(r"\*{1,3}|_{1,3}|~~|\|\|")
_ZWJ: Final = "\u200d"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """A fenced code block. `start` … `end` are its lines without the last newline."""

    start: int
    content: int
    """Where the first line of code begins."""
    code_end: int
    """Where the last line of code ends, its newline not counted."""
    close: int
    """Where the closing line begins; `end` when the fence is never closed."""
    end: int
    closed: bool
    indent: int
    marker: bool
    """It opens on the line of a list marker."""
    fence: str
    info: str

    def opener(self) -> str:
        """A line that opens the block again at the start of a text."""
        return " " * min(self.indent, 3) + self.fence + self.info

    def closer(self, *, reopened: bool) -> str:
        """A line that closes the block where it is cut."""
        return " " * (min(self.indent, 3) if reopened else self.indent) + self.fence


def opens_fence(line: str, *, deepest: int = 3) -> re.Match[str] | None:
    """The match when `line` opens a code block, indented by at most `deepest` spaces."""
    if "```" not in line and "~~~" not in line:
        return None
    found = _OPENER.match(line.rstrip("\r"))
    return found if found and len(found["indent"]) <= deepest else None


def _closes(line: str, fence: str, deepest: int) -> bool:
    bare = line.strip()
    return (
        len(bare) >= len(fence)
        and bare == fence[0] * len(bare)
        and len(line) - len(line.lstrip(" ")) <= deepest
    )


def find_fences(text: str) -> list[Fence]:
    """The code blocks of `text`, in order. One that is never closed reaches to the end of the text."""
    if "```" not in text and "~~~" not in text:
        return []
    fences: list[Fence] = []
    depth = 0
    """How far the text of the list item that we are in is indented."""
    lines = _lines(text)
    for start, end in lines:
        line = text[start:end]
        found = opens_fence(line, deepest=depth + 3)
        if found:
            fences.append(_read_fence(text, found, start, end, lines, depth + 3))
            continue
        item = _LIST_ITEM.match(line)
        if item:
            depth = item.end() - 1
        elif line.strip():
            depth = min(depth, len(line) - len(line.lstrip(" ")))
    return fences


def _lines(text: str) -> Iterator[Span]:
    at = 0
    while at <= len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        yield at, end
        at = end + 1


def _read_fence(
    text: str, opener: re.Match[str], start: int, opened: int, lines: Iterator[Span], deepest: int
) -> Fence:
    close = end = len(text)
    closed = False
    for line_start, line_end in lines:
        if _closes(text[line_start:line_end], opener["fence"], deepest):
            close, end, closed = line_start, line_end, True
            break
    content = min(opened + 1, len(text))
    return Fence(
        start=start,
        content=content,
        code_end=max(content, close - 1) if closed else end,
        close=close,
        end=end,
        closed=closed,
        indent=len(opener["indent"]) + len(opener["marker"] or ""),
        marker=bool(opener["marker"]),
        fence=opener["fence"],
        info=opener["info"].rstrip(),
    )


def fences_closed(text: str) -> bool:
    """Whether every code block of `text` is closed."""
    return all(fence.closed for fence in find_fences(text))


def find_atoms(text: str, start: int, end: int) -> list[Span]:
    """Links, addresses, mentions, entities and inline code of one paragraph, in order, not overlapping."""
    code = _code_spans(text, start, end)
    atoms: list[Span] = []
    at = start
    taken = 0
    found = _ATOM.search(text, at, end)
    while found or taken < len(code):
        if found and (taken == len(code) or found.start() < code[taken][0]):
            span = found.span()
        else:
            span = code[taken]
            taken += 1
        if span[0] >= at:
            atoms.append(span)
            at = span[1]
        elif span[1] > at:
            # A link's label holds the beginning of the code: one unit of both.
            at = span[1]
            atoms[-1] = (atoms[-1][0], at)
        if found and found.start() < at:
            found = _ATOM.search(text, at, end)
    return atoms


def _code_spans(text: str, start: int, end: int) -> list[Span]:
    runs = [m.span() for m in _TICKS.finditer(text, start, end)]
    by_length: dict[int, list[int]] = {}
    for left, right in runs:
        by_length.setdefault(right - left, []).append(left)
    spans: list[Span] = []
    at = start
    for left, right in runs:
        if left < at:
            continue
        same = by_length[right - left]
        place = bisect.bisect_right(same, left)
        if place < len(same):
            at = same[place] + right - left
            spans.append((left, at))
    return spans


def find_emphasis(text: str, start: int, end: int, atoms: list[Span]) -> list[Span]:
    """Bold, italic, struck and hidden spans of one paragraph: the outermost, in order."""
    open_at: dict[str, int] = {}
    spans: list[Span] = []
    atom = 0
    for mark in _EMPHASIS.finditer(text, start, end):
        left, right = mark.span()
        while atom < len(atoms) and atoms[atom][1] <= left:
            atom += 1
        if atom < len(atoms) and atoms[atom][0] <= left:
            continue
        before = text[left - 1] if left > start else " "
        after = text[right] if right < end else " "
        token = mark.group()
        if token[0] == "_" and before.isalnum() and after.isalnum():
            continue
        if token in open_at and not before.isspace():
            begun = open_at.pop(token)
            open_at = {key: at for key, at in open_at.items() if at < begun}
            while spans and spans[-1][0] > begun:
                spans.pop()
            spans.append((begun, right))
        elif not after.isspace():
            open_at[token] = left
    return spans


def boundaries(text: str, start: int, end: int) -> Iterator[int]:
    """Each index in `start` + 1 … `end` - 1 where a cut breaks nothing that people see as one character.

    `start` must be such an index itself. Unicode annex 29 in the parts that matter here: combining marks,
    emoji with joiners, modifiers, tags and flags, conjoining Hangul, Indic conjuncts, CR LF, and surrogates
    that stand in pairs.
    """
    flags = 1 if start < end and _is_flag(text[start]) else 0
    for at in range(start + 1, end):
        left, right = text[at - 1], text[at]
        if left < "\u0300" and right < "\u0300":
            if not (left == "\r" and right == "\n"):
                yield at
            continue
        if _is_flag(right):
            flags += 1
            if flags % 2 == 0 or left == _ZWJ:
                continue
        else:
            flags = 0
        if not _joined(left, right):
            yield at


def _joined(left: str, right: str) -> bool:
    return (
        left == _ZWJ
        or _extends(right)
        or _extends_hangul(left, right)
        or ("\ud800" <= left <= "\udbff" and "\udc00" <= right <= "\udfff")
        or (unicodedata.combining(left) == 9 and unicodedata.category(right) == "Lo")
    )


def _extends(char: str) -> bool:
    return (
        unicodedata.category(char) in ("Mn", "Mc", "Me")
        or char in "\u200c\u200d\u0e33\u0eb3\uff9e\uff9f"
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or "\U000e0020" <= char <= "\U000e007f"
    )


def _is_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _extends_hangul(left: str, right: str) -> bool:
    if not ("\u1100" <= right <= "\u11ff"):
        return False
    if right <= "\u115f":
        return "\u1100" <= left <= "\u115f"
    syllable = "\uac00" <= left <= "\ud7a3"
    if right <= "\u11a7":
        return "\u1100" <= left <= "\u11a7"
    return syllable or "\u1160" <= left <= "\u11ff"
