"""What a character file says under `knowledge`, as sources (elizaos.md 5.7)."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bot_host.types.character import Character
from bot_host.types.sources import GivenSource, SourceKind

OWN: Final = "character"
"""The location of the texts that stand in the character itself: they are one document."""


def is_address(text: str) -> bool:
    """Whether it is read over the web."""
    return text.lower().startswith(("http://", "https://"))


def source_at(place: str, *, base: Path, title: str = "") -> GivenSource:
    """A file, folder or address by what somebody wrote; relative paths count from `base`."""
    if is_address(place):
        return GivenSource(SourceKind.URL, place, title)
    path = Path(place).expanduser()
    path = Path(base / path).resolve()
    return GivenSource(SourceKind.FOLDER if path.is_dir() else SourceKind.FILE, str(path), title)


def given_knowledge(character: Character, base: Path) -> list[GivenSource]:
    """What a character says; relative paths count from `base`, the folder of its file."""
    texts = [item.strip() for item in character.knowledge if isinstance(item, str) and item.strip()]
    found = [GivenSource(SourceKind.TEXT, OWN, character.name, "\n\n".join(texts))] if texts else []
    return [*found, *_places(character.knowledge, base)]


def shared_knowledge(character: Character, base: Path) -> list[GivenSource]:
    """What of it is marked `shared`: the other agents of the host know it too."""
    marked = [item for item in character.knowledge if isinstance(item, Mapping) and item.get("shared")]
    return list(_places(marked, base))


def _places(items: Sequence[Any], base: Path) -> Iterator[GivenSource]:
    for item in items:
        if isinstance(item, Mapping):
            place = item.get("path") or item.get("directory")
            yield source_at(str(place), base=base)


def missing(given: Sequence[GivenSource]) -> list[str]:
    """The paths among them that are not there."""
    paths = (each.location for each in given if each.kind in (SourceKind.FILE, SourceKind.FOLDER))
    return [path for path in paths if not Path(path).exists()]
