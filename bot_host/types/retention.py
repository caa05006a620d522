"""How long rows are kept (`[retention]`)."""

from dataclasses import dataclass
from typing import Final

RETENTION_MARKS: Final = "retention"
"""What the marks of the sweeper stand under, in place of an account."""
SWEPT_AT: Final = "swept at"
"""Its mark of when it went through all tables last; seconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Days, by kind of row; 0: for ever."""

    messages: int = 0
    facts: int = 0
    """0: as long as the message that they were learned from; else so long, with that message or without."""
    runs: int = 90
    steps: int = 30
    logs: int = 90
    audit: int = 0
    inbox: int = 90
    """Only rows whose message, run and steps are gone: an edit or deletion finds its message by them."""
    outbox: int = 90
    cache: int = 0
    media: int = 1
    """Files that were made and sent."""
    hour: int = 3
    """UTC, in which the sweeper goes through the tables."""

    def days(self, key: str) -> int:
        """Of one kind."""
        value: int = getattr(self, key)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class SweptRows:
    """What one step of the sweeper deleted."""

    count: int
    after: str = ""
    """Where the next step goes on; empty: there is nothing more."""
