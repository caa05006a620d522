"""How two versions of a character differ."""

import difflib
from typing import Any, Final

from bot_host.config.character_text import to_text
from bot_host.config.characters import make_character
from bot_host.types.agents import CharacterVersion
from bot_host.types.character import Character
from bot_host.web.characters import hidden

AROUND: Final = 2
"""Lines that are shown around a change."""
MARKS: Final = {"+": "new", "-": "gone", " ": "same", "@": "gap"}


def as_character(version: CharacterVersion) -> Character:
    """A version as a character. Raises CharacterError for one that does not fit any more."""
    return make_character(version.character)


def difference(before: CharacterVersion | None, after: CharacterVersion) -> list[dict[str, Any]]:
    """Lines of their texts: `mark` is new, gone, same or gap. Nothing for a version with none before it."""
    if before is None:
        return []
    old, new = (to_text(hidden(as_character(each)), "toml").splitlines() for each in (before, after))
    # The first two name the files.
    lines = list(difflib.unified_diff(old, new, lineterm="", n=AROUND))[2:]
    return [{"mark": MARKS[line[0]], "text": "" if line[0] == "@" else line[1:]} for line in lines]
