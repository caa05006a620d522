"""Text to tokens and back.

With the `tiktoken` package and its vocabulary already on the disk: OpenAI's own tokens (o200k_base). It is
never downloaded: a bot that starts must not wait for, or tell of itself to, a server that nobody configured.

Otherwise an estimate, the same as the offline plugin's.
"""

import hashlib
import importlib
import importlib.util
import logging
import os
from pathlib import Path
from typing import Any, Final, Protocol

from bot_host.plugin import ModelError, clean_text, from_pieces, to_pieces

log = logging.getLogger(__name__)

_VOCABULARY: Final = "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"


class Tokens(Protocol):
    """A way to count tokens."""

    def encode(self, text: str) -> list[int]:
        """The tokens of a text."""

    def decode(self, tokens: list[int]) -> str:
        """The text of tokens. Raises ModelError for numbers that are none."""


class Pieces:
    """The estimate (`bot_host.kit.pieces`)."""

    def encode(self, text: str) -> list[int]:
        """The tokens of a text; lone surrogates are read as U+FFFD, and NUL is left out."""
        return to_pieces(text)

    def decode(self, tokens: list[int]) -> str:
        """The text of tokens. Raises ModelError for numbers that are none."""
        try:
            return from_pieces(tokens)
        except ValueError as error:
            raise ModelError(str(error)) from None


class _Tiktoken:
    def __init__(self, encoding: Any) -> None:
        self._encoding = encoding

    def encode(self, text: str) -> list[int]:
        # Whatever looks like a special token in a user's text is text.
        return list(self._encoding.encode(clean_text(text), disallowed_special=()))

    def decode(self, tokens: list[int]) -> str:
        try:
            return str(self._encoding.decode(tokens))
        except (KeyError, ValueError, TypeError, OverflowError) as error:
            raise ModelError("these are no tokens of this tokenizer") from error


def load_tokens() -> Tokens:
    """The best way at hand. Reads files and imports: call it in a thread."""
    if importlib.util.find_spec("tiktoken") is None or not _is_cached():
        return Pieces()
    try:
        module: Any = importlib.import_module("tiktoken")
        return _Tiktoken(module.get_encoding("o200k_base"))
    except (ImportError, OSError, ValueError) as error:
        log.warning("tiktoken cannot be used, token counts are estimates: %s", type(error).__name__)
        return Pieces()


def _is_cached() -> bool:
    """Whether the vocabulary is where tiktoken looks for it before it downloads (tiktoken/load.py)."""
    for name in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        if name in os.environ:
            key = hashlib.sha1(_VOCABULARY.encode(), usedforsecurity=False).hexdigest()
            return bool(os.environ[name]) and (Path(os.environ[name]) / key).is_file()
    return False
