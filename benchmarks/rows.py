"""One line of the table, and how it is printed."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

_WIDTHS = (50, 16, 44)


@dataclass(frozen=True, slots=True)
class Row:
    """A figure that was measured."""

    what: str
    figure: str
    more: str = ""
    """Other figures of the same measurement."""

    def line(self) -> str:
        """As it stands in the table."""
        return "  ".join(
            text.ljust(width) for text, width in zip(asdict(self).values(), _WIDTHS, strict=True)
        ).rstrip()


def heading(title: str) -> str:
    """The line above a part's rows."""
    return f"\n{title}\n{'-' * len(title)}"


def show(title: str, rows: Iterator[Row]) -> None:
    """Print a part, each row as soon as it is there."""
    print(heading(title), flush=True)
    for row in rows:
        print(row.line(), flush=True)
