"""What the pages of all platforms have in common: scenes are played, and what people see is written down."""

import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.journeys.party import Party, party

FOLDER = Path(__file__).parent.parent.parent / "docs" / "connectors"
MADE_BY = "Made by `python -m tests.transcripts` from runs of `python -m bot_host` against a fake"


@dataclass(frozen=True)
class Script:
    """The scenes of one platform, and the page that they make."""

    platform: str
    """The seat that is taken, which is also the beginning of the page's name."""
    head: str
    stage: Callable[[Party], Any]
    """What people see there; each scene gets one of its own."""
    scenes: Sequence[Callable[[Any], Awaitable[Sequence[str]]]]
    """A scene's name becomes its title, and its docstring stands below that."""

    @property
    def page(self) -> Path:
        """Where it is kept."""
        return FOLDER / f"{self.platform}-transcripts.md"


def words(text: str, *, cut: int = 0) -> str:
    """A text within a quoted block; at most `cut` characters of it, where that is given."""
    return (text[:cut] if cut else text).replace("\n", "  \n> ")


def bubble(name: str, text: str, *, note: str = "", above: str = "") -> list[str]:
    """A message as people see it: who, what, and what the platform shows beside and above it."""
    marked = f" *({note})*" if note else ""
    return [*([f"> *{above}*"] if above else []), f"> **{name}**{marked}: {text}".rstrip(), ">"]


async def make_page(script: Script) -> str:
    """The whole page of a platform."""
    parts = [script.head]
    for scene in script.scenes:
        with tempfile.TemporaryDirectory() as folder:
            async with party(Path(folder), script.platform) as p:
                lines = await scene(script.stage(p))
        title = getattr(scene, "__name__", "").replace("_", " ").capitalize()
        told = "\n".join(lines).replace(">\n\n", "\n").rstrip("> \n")
        parts.append(f"## {title}\n\n{scene.__doc__}\n\n{told}\n")
    return "\n".join(parts)
