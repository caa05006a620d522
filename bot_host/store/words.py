"""Any text as a full-text query.

FTS5's tokenizer cuts at what is no letter or digit. Scripts that are written without spaces give it one long
word a sentence, and emoji none: such queries are looked for letter by letter instead.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from bot_host.kit.clean import clean_text

WORDS_LIMIT: Final = 32
"""Different words of a query that are looked for; a bound, as anything may be pasted into a search."""
WORD_LENGTH: Final = 256
"""Characters; longer words are left out, longer pieces cut."""
_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u30ff\u3100-\u312f\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
"""Thai, Lao, Burmese, Khmer, Chinese characters, kana, bopomofo."""
_RUNS: Final = re.compile(f"([{_UNSPACED}]+)")
_CUTS: Final = re.compile(r"[\s!-/:-@\[-`{-~]+")
"""White space and ASCII's punctuation; what other signs there are is left to the tokenizer."""
_SPECIAL: Final = re.compile(r"([\\%_])")
_ESCAPED: Final = r"\\\1"


@dataclass(frozen=True, slots=True)
class Words:
    """What to look for: whole words, or pieces of text when there are any."""

    whole: tuple[str, ...]
    pieces: tuple[str, ...]

    @property
    def match(self) -> str:
        """For FTS5: any of the words. Each is quoted, so that nothing in it is an operator."""
        return " OR ".join(f'"{word.replace(chr(34), chr(34) * 2)}"' for word in self.whole)

    @property
    def alternatives(self) -> str:
        """For PostgreSQL's `websearch_to_tsquery`: without marks, as `bot_host_words` indexes them."""
        return _bare(" or ".join(f'"{word.replace(chr(34), " ")}"' for word in self.whole))

    @property
    def patterns(self) -> list[str]:
        """For LIKE with a backslash as its escape."""
        return [f"%{_SPECIAL.sub(_ESCAPED, piece)}%" for piece in self.pieces]


def words_of(query: str) -> Words:
    """The words and pieces of a query; both empty when there is nothing to look for."""
    query = clean_text(query)
    if not _RUNS.search(query):
        words = [word for word in _CUTS.split(query) if any(map(str.isalnum, word))]
        if words:
            return Words(_first([word for word in words if len(word) <= WORD_LENGTH]), ())
    return Words((), _first([piece[:WORD_LENGTH] for chunk in query.split() for piece in _pieces(chunk)]))


def _bare(text: str) -> str:
    return re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFKD", text))


def _pieces(chunk: str) -> list[str]:
    """A word as it is; of a run without spaces each two neighbours, since nobody says where words end."""
    pieces = []
    for i, part in enumerate(_RUNS.split(chunk)):
        if i % 2 == 0 or len(part) < 2:
            pieces.append(part)
        else:
            pieces += [part[at : at + 2] for at in range(len(part) - 1)]
    return [piece for piece in pieces if piece]


def _first(words: list[str]) -> tuple[str, ...]:
    return tuple(list(dict.fromkeys(words))[:WORDS_LIMIT])
