"""Long Markdown in pieces that each stand for themselves."""

from collections.abc import Callable


def split_markdown(text: str, *, limit: int, measure: Callable[[str], int] = len) -> list[str]:
    """Cut `text` into pieces with `measure(piece) <= limit`, at the best places there are."""
    raise NotImplementedError(measure, limit, text)
