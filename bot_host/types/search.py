"""What a search among memories finds."""

from dataclasses import dataclass

from bot_host.types.memory import Memory


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """A memory that was found, and by which of the two lists. The better hit has the higher score."""

    memory: Memory
    """Its `similarity` is the cosine where there is one, else that of the text."""
    score: float
    """Of both lists together: the sum of 1 / (60 + rank)."""
    text_rank: int | None = None
    """Place in the full-text list, 1 is the first; None: not in it."""
    text_similarity: float | None = None
    """Compared with the best of that list, which has 1."""
    vector_rank: int | None = None
    """Place in the list by vectors; None: not in it."""
    vector_similarity: float | None = None
    """The cosine, -1 to 1."""
