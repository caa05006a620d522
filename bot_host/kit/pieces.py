"""An estimate of tokens: pieces of whole characters of at most four bytes of UTF-8, each a token.

That is near the usual four letters a token for English, and one for each character of Chinese or Japanese.
Only the count is meant to be used; the numbers mean nothing to a model. Encoding and decoding give back the
text, and every run of tokens decodes to whole characters.
"""

from collections.abc import Iterable
from typing import Final

from bot_host.kit.clean import clean_text

_PIECE: Final = 4


def to_pieces(text: str) -> list[int]:
    """The tokens of a text; lone surrogates are read as U+FFFD, and NUL is left out."""
    found: list[int] = []
    piece = b""
    for character in clean_text(text):
        more = character.encode()
        if len(piece) + len(more) > _PIECE:
            found.append(_number(piece))
            piece = b""
        piece += more
    if piece:
        found.append(_number(piece))
    return found


def from_pieces(tokens: Iterable[int]) -> str:
    """The text of tokens. Raises ValueError for numbers that are none."""
    try:
        return b"".join(_bytes(token) for token in tokens).decode()
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise ValueError("these are no tokens of this tokenizer") from None


def _number(piece: bytes) -> int:
    """The bytes of a piece as a number, behind a leading 1."""
    return int.from_bytes(b"\x01" + piece, "big")


def _bytes(token: int) -> bytes:
    raw = token.to_bytes(_PIECE + 1, "big").lstrip(b"\x00")
    if raw[:1] != b"\x01" or len(raw) < 2:
        raise ValueError
    return raw[1:]
