"""How many tokens a text has, at a guess that is rather too high: for budgets, where too low is the fault.

Byte-pair vocabularies cut words by what they were made from, so each script has a price of its own. The
weights are set by the dearest of three vocabularies that were measured: OpenAI's cl100k_base and o200k_base,
and DeepSeek's; `tests/kit/test_tokens.py` has the figures. English and code come out at 1.4 to 1.8 times what
they are, and scripts that newer vocabularies know well (o200k_base: Hindi, Greek, Thai) at up to four times:
where a true tokenizer is at hand, it is asked before anything is left out.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from math import ceil
from typing import Final, TypeAlias

Count: TypeAlias = Callable[[str], int]
"""Tokens of a text."""

MARGIN: Final = 0.1
"""The part of the true tokens by which `estimate` may be too low, for what people and programs write.

Random letters (base64, a cat on the keyboard): `RANDOM_MARGIN`.
"""
RANDOM_MARGIN: Final = 0.25
_LONG: Final = 256
"""Characters from which a text's tokens are remembered: it is asked for again in the next turn."""

_PIECES: Final = re.compile(r"[a-z]+|[A-Z]+[a-z]*|[0-9]+|[\n\r]+| {2,}|\t+|[!-/:-@\[-`{-~]|[^\x00-\x7f]")
_LETTER: Final = 0.43
"""Of a word of plain letters. English has half of that; Finnish, German and slang have it."""

# First code point beyond the range, tokens a character. Ordered.
_SCRIPTS: Final = (
    (0x0250, 1.2),  # Latin with marks; the plain letters of the word are counted apart
    (0x0370, 2.0),  # sounds, combining marks
    (0x0400, 1.15),  # Greek
    (0x0530, 0.65),  # Cyrillic
    (0x0590, 1.1),  # Armenian
    (0x0600, 1.15),  # Hebrew
    (0x0780, 1.1),  # Arabic
    (0x0900, 1.6),
    (0x0980, 1.3),  # Devanagari
    (0x0E00, 1.65),  # the other scripts of India
    (0x0F00, 1.1),  # Thai, Lao
    (0x1E00, 2.2),  # Tibetan, Georgian, Khmer …
    (0x1F00, 1.5),  # Vietnamese
    (0x2000, 1.5),
    (0x2070, 1.0),  # quotation marks, dashes
    (0x3000, 2.3),  # signs, arrows, boxes
    (0x3040, 1.0),  # punctuation of East Asia
    (0x3100, 1.05),  # kana
    (0x4E00, 2.0),
    (0xA000, 1.65),  # Han
    (0xAC00, 2.0),
    (0xD800, 1.4),  # Hangul
    (0xFE00, 2.0),
    (0xFE10, 1.0),  # variation selectors
    (0x10000, 2.0),  # full-width forms and the like
    (0x110000, 3.3),  # emoji, mathematical letters
)


@lru_cache(maxsize=4096)
def _of_character(character: str) -> float:
    code = ord(character)
    return next(price for end, price in _SCRIPTS if code < end)


def _of_piece(piece: str) -> float:
    first = piece[0]
    if first > "\x7f":
        return _of_character(piece)
    size = len(piece)
    if first.isalpha():
        return max(1.0, size * _LETTER)
    if first.isdigit():
        return ceil(size / 3) + 0.35
    if first in "\n\r\t ":
        return 1.0 + size // 16
    return 0.95


def _estimate(text: str) -> int:
    return ceil(sum(map(_of_piece, _PIECES.findall(text))))


_remembered: Final = lru_cache(maxsize=2048)(_estimate)


def estimate(text: str) -> int:
    """A text's tokens, rather too many than too few."""
    return _remembered(text) if len(text) >= _LONG else _estimate(text)


def surely_within(texts: Iterable[str], limit: int) -> bool:
    """Whether they have at most `limit` tokens by any vocabulary of bytes: no token is less than a byte."""
    left = limit
    for text in texts:
        left -= len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
        if left < 0:
            return False
    return True
