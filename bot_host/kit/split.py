"""Long Markdown in pieces that each stand for themselves."""

import bisect
import re
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Final, NamedTuple

from bot_host.kit.marks import (
    Fence,
    Span,
    boundaries,
    fences_closed,
    find_atoms,
    find_emphasis,
    find_fences,
)

_BLANK_LINES: Final = re.compile(r"\n(?:[^\S\n]*\n)+")
_SPACE: Final = re.compile(r"\s+")
_UNBREAKABLE: Final = "\u00a0\u202f\u2007\ufeff"
_SENTENCE_END: Final = re.compile(r"[.!?…][\"'”’»)\]*_~]*$")
_WIDE_STOP: Final = re.compile(r"[。！？｡](?:[」』）”’]*)(?=[^\s\u0300-\u036f\u200d\ufe0f」』）”’。！？｡])")
_HEADING: Final = re.compile(r" {0,3}#{1,6}[ \t]")
_SOLID: Final = re.compile(r"\S")
_OPENS: Final = re.compile(r"(?:(?:[-*+]|\d{1,9}[.)]) {1,4})?(?:~{3}|`{3,}+[^`\n]*+(?:\n|\Z))")
_TICKS: Final = re.compile("`+")
_NEARLY_OPENS: Final = re.compile(
    r"^ *(?:(?:[-*+]|\d{1,9}[.)]) {1,4})?(?P<run>`{3,}+)[^`\n]*+(?=`)", re.MULTILINE
)
"""A line that would open a code block if it ended before its further backticks."""
_CODE_RUN: Final = re.compile(r"[^\n`~]?(?:`{3,}|~{3,})\s*[^\n`~]?")
_WIDEST: Final = "x" * 6
"""As long as one character can be: no markup makes one longer ("&quot;")."""
_TRIES: Final = 40
"""How many places are tried before the furthest one is taken as it is."""


class _Rank(IntEnum):
    """Kinds of places to cut, best first."""

    PARAGRAPH = 0
    LINE = 1
    CODE_LINE = 2
    SENTENCE = 3
    WORD = 4
    IN_SPAN = 5
    """Inside bold or italic text, or inside an oversize link or code: at white space."""
    EDGE = 6
    """Inside a word: beside a link, an address, a mention …"""
    CLUSTER = 7


class _Cut(NamedTuple):
    end: int
    """Where the piece before ends."""
    next: int
    """Where the piece after begins."""
    rank: _Rank


def split_markdown(text: str, *, limit: int, measure: Callable[[str], int] = len) -> list[str]:
    """Cut `text` into pieces with `measure(piece) <= limit`, at the best places there are.

    Places, best first: between paragraphs, lines, sentences, words; inside a word (between grapheme
    clusters) only when that word alone is longer than a piece. A link, an address, inline code, a mention,
    an entity counts as a word. A code block that is cut is closed at the end of the piece and opened again,
    with its language, at the start of the next; one that was never closed is closed. Nothing else is added,
    and only white space at the cuts and at both ends of `text` goes. Blank text gives no pieces.

    `measure` says how long a piece is for the platform; it should grow with the text, and is asked about
    each piece as it will be sent. Raises ValueError when not even one character fits.
    """
    whole = text.strip()
    if not whole:
        return []
    splitter = _Splitter(text.rstrip(), limit, measure)
    return list(splitter.pieces())


class _Splitter:
    def __init__(self, text: str, limit: int, measure: Callable[[str], int]) -> None:
        self.text = text
        self.limit = limit
        self.measure = measure
        self.fences = [fence for fence in find_fences(text) if self._can_cut(fence)]
        self._starts = [fence.start for fence in self.fences]
        self._nearly = [(found.end("run"), found.end()) for found in _NEARLY_OPENS.finditer(text)]
        self.atoms: list[Span] = []
        self.cuts: list[_Cut] = []
        self._ends: list[int] = []
        self._ticks = (0, 0, False)
        """The run of backticks looked at last: start, end, whether it would open a code block."""

    def _can_cut(self, fence: Fence) -> bool:
        """A block whose frame fills a piece is handled as plain text."""
        frame = f"{self.text[fence.start : fence.content]}{_WIDEST}\n{fence.closer(reopened=False)}"
        tail = self.text[fence.close : fence.end]
        frames = (frame, f"{fence.opener()}\n{_WIDEST}\n{tail}")
        return all(self.measure(one) <= self.limit for one in frames)

    # Where cuts are possible.

    def _find_cuts(self) -> Iterator[_Cut]:
        at = 0
        for fence in self.fences:
            yield from self._prose_cuts(at, fence.start)
            before = self._trimmed(fence.start)
            if before > 0:
                yield _Cut(before, fence.start, _Rank.PARAGRAPH)
            yield from self._code_cuts(fence)
            at = fence.end
            after = self._skip_space(fence.end)
            if after < len(self.text) and self._fence_at(after) is None:
                yield _Cut(fence.end, after, _Rank.PARAGRAPH)
        yield from self._prose_cuts(at, len(self.text))
        yield _Cut(len(self.text), len(self.text), _Rank.PARAGRAPH)

    def _code_cuts(self, fence: Fence) -> Iterator[_Cut]:
        at = self.text.find("\n", fence.content, fence.code_end)
        while at >= 0:
            yield _Cut(at, at + 1, _Rank.CODE_LINE)
            at = self.text.find("\n", at + 1, fence.code_end)

    def _prose_cuts(self, start: int, end: int) -> Iterator[_Cut]:
        """Cuts of a stretch without code blocks, neither at its start nor at its end."""
        start, end = self._skip_space(start), self._trimmed(end)
        while start < end:
            blank = _BLANK_LINES.search(self.text, start, end)
            stop = self._trimmed(blank.start()) if blank else end
            yield from self._paragraph_cuts(start, stop)
            if blank is None:
                return
            start = self._skip_space(blank.end())
            if start < end:
                heading = _HEADING.match(self.text, self.text.rfind("\n", 0, stop) + 1)
                yield from self._sound(_Cut(stop, start, _Rank.WORD if heading else _Rank.PARAGRAPH))

    def _paragraph_cuts(self, start: int, end: int) -> Iterator[_Cut]:
        atoms = find_atoms(self.text, start, end)
        spans = [s for s in find_emphasis(self.text, start, end, atoms) if s[1] - s[0] <= self.limit]
        self.atoms.extend(atoms)
        inside_atom, inside_span = _Inside(atoms), _Inside(spans)
        for cut in self._spaces(start, end):
            if inside_atom(cut.end, cut.next):
                continue
            if inside_span(cut.end, cut.next):
                cut = _Cut(cut.end, cut.next, _Rank.IN_SPAN)
            yield from self._sound(cut)

    def _spaces(self, start: int, end: int) -> Iterator[_Cut]:
        stops = _WIDE_STOP.finditer(self.text, start, end)
        stop = next(stops, None)
        for space in _SPACE.finditer(self.text, start, end):
            while stop and stop.end() <= space.start():
                yield _Cut(stop.end(), stop.end(), _Rank.SENTENCE)
                stop = next(stops, None)
            if space.group().strip(_UNBREAKABLE):
                yield _Cut(space.start(), space.end(), self._space_rank(space, start))
        while stop:
            if stop.end() < end:
                yield _Cut(stop.end(), stop.end(), _Rank.SENTENCE)
            stop = next(stops, None)

    def _space_rank(self, space: re.Match[str], start: int) -> _Rank:
        if "\n" in space.group():
            heading = _HEADING.match(self.text, max(start, self.text.rfind("\n", 0, space.start()) + 1))
            return _Rank.WORD if heading else _Rank.LINE
        before = self.text[max(start, space.start() - 8) : space.start()]
        if _SENTENCE_END.search(before) and not self.text[space.end()].islower():
            return _Rank.SENTENCE
        return _Rank.WORD

    def _sound(self, cut: _Cut) -> Iterator[_Cut]:
        """No cut that makes a line open a code block: the rest's first one, or the last one before it."""
        if self._fence_at(cut.next) is None and self._opens(cut.next):
            return
        near = bisect.bisect_right(self._nearly, (cut.end, len(self.text))) - 1
        if near >= 0 and cut.end <= self._nearly[near][1] and self._fence_at(cut.end - 1) is None:
            return
        yield cut

    def _opens(self, at: int) -> bool:
        """Whether a line that began here would open a code block."""
        if not self.text.startswith("```", at):
            return _OPENS.match(self.text, at) is not None
        # What follows a run is the same from everywhere in it, and both may be as long as the text.
        start, end, opens = self._ticks
        if not start <= at < end:
            opens = _OPENS.match(self.text, at) is not None
            end = next((found.end() for found in _TICKS.finditer(self.text, at)), at)
            self._ticks = (at, end, opens)
        return opens

    def _skip_space(self, at: int) -> int:
        """The next character that is not white space; the line's start where that matters to a fence."""
        found = _SOLID.search(self.text, at)
        if found is None:
            return len(self.text)
        solid = found.start()
        fence = self._fence_at(solid)
        if fence:
            return fence.start if solid < fence.content else solid
        if self._opens(solid):
            return max(at, self.text.rfind("\n", 0, solid) + 1)
        return solid

    def _trimmed(self, at: int) -> int:
        """`at` moved back over white space."""
        while at > 0 and self.text[at - 1].isspace():
            at -= 1
        return at

    def _fence_at(self, at: int) -> Fence | None:
        place = bisect.bisect_right(self._starts, at) - 1
        if place >= 0 and at < self.fences[place].end:
            return self.fences[place]
        return None

    # Cutting.

    def pieces(self) -> Iterator[str]:
        start = self._skip_space(0)
        if len(self.text) - start <= self.limit and self._fits(start, len(self.text)):
            # As most answers do: no place to cut needs to be looked for.
            yield self._render(start, len(self.text))
            return
        self.cuts = list(self._find_cuts())
        self._ends = [cut.end for cut in self.cuts]
        while start < len(self.text):
            cut = self._choose(start)
            yield self._render(start, cut.end)
            start = cut.next

    def _render(self, start: int, end: int) -> str:
        body = self.text[start:end]
        first = self._fence_at(start)
        reopened = first is not None and (start >= first.content or not first.marker)
        if first and reopened and first.indent > 3 and first.closed and end >= first.end:
            close = first.close - start
            body = body[:close] + body[close : first.end - start].lstrip(" ") + body[first.end - start :]
        if first and start >= first.content:
            body = f"{first.opener()}\n{body}"
        elif first and reopened and first.indent > 3:
            body = body[first.indent - 3 :]
        last = self._fence_at(end - 1) if end > start else first
        if last and (end < last.close or not last.closed):
            body += "\n" + last.closer(reopened=last is first and reopened)
        return body

    def _fits(self, start: int, end: int) -> bool:
        return self.measure(self._render(start, end)) <= self.limit

    def _choose(self, start: int) -> _Cut:
        low = bisect.bisect_right(self._ends, start)
        last = self._furthest(start, low, self._ends)
        if last is None:
            return self._cut_word(start, self.cuts[low].end)
        if self.cuts[last].end == len(self.text):
            return self.cuts[last]
        last = self._spare_fence(start, low, last)
        return self._best(start, self.cuts[low : last + 1])

    def _furthest(self, start: int, low: int, ends: list[int]) -> int | None:
        """The index of the last of `ends` from `low` on that leaves a piece within the limit."""
        guess = max(low, bisect.bisect_right(ends, start + self.limit) - 1)
        step = max(1, self.limit // 16)
        good, bad = low - 1, len(ends)
        if self._fits(start, ends[guess]):
            good = guess
            while good + 1 < bad:
                probe = max(good + 1, bisect.bisect_right(ends, ends[good] + step) - 1)
                if not self._fits(start, ends[probe]):
                    bad = probe
                    break
                good, step = probe, step * 2
        else:
            bad = guess
        while bad - good > 1:
            middle = (good + bad) // 2
            if self._fits(start, ends[middle]):
                good = middle
            else:
                bad = middle
        return good if good >= low else None

    def _spare_fence(self, start: int, low: int, last: int) -> int:
        """Cut before a code block rather than in it, when it fits into a piece of its own."""
        fence = self._fence_at(self.cuts[last].end)
        if fence is None or fence.start <= start or self.cuts[last].end <= fence.start:
            return last
        before = bisect.bisect_right(self._ends, fence.start) - 1
        if before >= low and self._fits(fence.start, fence.end):
            return before
        return last

    def _best(self, start: int, cuts: list[_Cut]) -> _Cut:
        """The best of `cuts`, of which the last one fits."""
        left: dict[_Rank, list[_Cut]] = {}
        for cut in cuts:
            left.setdefault(cut.rank, []).append(cut)
        for _ in range(_TRIES):
            cut = _prefer(start, left)
            piece = self._render(start, cut.end)
            if fences_closed(piece) and self.measure(piece) <= self.limit:
                return cut
            left[cut.rank].pop()
            if not left[cut.rank]:
                del left[cut.rank]
            if not left:
                break
        return cuts[-1]

    def _cut_word(self, start: int, end: int) -> _Cut:
        """A cut inside a word, or a line of code, that is longer than a piece."""
        fence = self._fence_at(start)
        if fence:
            end = min(end, fence.code_end)
        width = self.limit + 64
        while True:
            stop = min(end, start + width)
            width *= 2
            cuts = list(self._inner_cuts(start, stop, fence))
            if stop == end or not self._fits(start, cuts[-1].end if cuts else stop):
                break
        last = self._furthest(start, 0, [cut.end for cut in cuts]) if cuts else None
        if last is None:
            cuts = list(self._raw_cuts(start, min(end, start + self.limit + 1), fence))
            last = self._furthest(start, 0, [cut.end for cut in cuts]) if cuts else None
        if last is None:
            raise ValueError(f"a limit of {self.limit} has no room for one character")
        return self._best(start, cuts[: last + 1])

    def _raw_cuts(self, start: int, stop: int, fence: Fence | None) -> Iterator[_Cut]:
        """Cuts between code points, for what people see as one character and is longer than a piece."""
        for at in range(self._begin(start, fence) + 1, stop):
            if fence or not self.text[at].isspace():
                yield _Cut(at, at, _Rank.CLUSTER)

    @staticmethod
    def _begin(start: int, fence: Fence | None) -> int:
        return max(start, fence.content) if fence else start

    def _inner_cuts(self, start: int, stop: int, fence: Fence | None) -> Iterator[_Cut]:
        begin = self._begin(start, fence)
        barriers = self._code_barriers(begin, stop) if fence else self._barriers(begin, stop)
        inside = _Inside(barriers)
        edges = {edge for span in barriers for edge in span}
        for at in boundaries(self.text, begin, stop):
            if inside(at, at):
                continue
            if fence:
                yield _Cut(at, at, _Rank.IN_SPAN if self.text[at - 1] in " \t" else _Rank.CLUSTER)
            elif not self.text[at].isspace():
                space = self.text[at - 1].isspace()
                rank = _Rank.IN_SPAN if space else _Rank.EDGE if at in edges else _Rank.CLUSTER
                cut = _Cut(self._trimmed(at), at, rank)
                if cut.end > start:
                    yield from self._sound(cut)

    def _code_barriers(self, start: int, stop: int) -> list[Span]:
        """Runs that would be read as the closing line, with what keeps them from it."""
        return [found.span() for found in _CODE_RUN.finditer(self.text, start, stop)]

    def _barriers(self, start: int, stop: int) -> list[Span]:
        """What must stay whole between `start` and `stop`: atoms, or an oversize atom's own parts."""
        found: list[Span] = []
        place = max(0, bisect.bisect_right(self.atoms, (start, start)) - 1)
        while place < len(self.atoms) and self.atoms[place][0] < stop:
            left, right = self.atoms[place]
            place += 1
            if right <= start:
                continue
            if left >= start and self._whole(left, right):
                found.append((left, right))
                continue
            if self.text[left] in "[!<`":
                parts = find_atoms(self.text, max(start, left + 2), min(right, stop + self.limit))
                found.extend(part for part in parts if self._whole(*part))
        return found

    def _whole(self, start: int, end: int) -> bool:
        # No markup makes a character more than six units long ("&quot;").
        return (end - start) * 6 <= self.limit or self.measure(self.text[start:end]) <= self.limit


class _Inside:
    """Whether a stretch lies inside one of some ordered spans; asked in order, answered in one pass."""

    def __init__(self, spans: list[Span]) -> None:
        self._spans = spans
        self._at = 0

    def __call__(self, start: int, end: int) -> bool:
        while self._at < len(self._spans) and self._spans[self._at][1] <= start:
            self._at += 1
        return self._at < len(self._spans) and self._spans[self._at][0] < end


def _prefer(start: int, cuts: dict[_Rank, list[_Cut]]) -> _Cut:
    """The last cut of the best kind that does not leave the piece too short."""
    latest = {rank: some[-1] for rank, some in cuts.items()}
    furthest = max(latest.values(), key=lambda cut: cut.end)
    length = furthest.end - start
    for floor in (0.5, 0.2, 0.0):
        for rank in _Rank:
            if rank >= _Rank.IN_SPAN and floor and any(r < _Rank.IN_SPAN for r in latest):
                continue
            found = latest.get(rank)
            share = min(floor, 0.3) if rank is _Rank.PARAGRAPH else floor
            if found and found.end - start >= share * length:
                return found
    return furthest
