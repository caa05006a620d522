"""Parts that do not go out however often they are tried: after a bound they end."""

from collections import Counter
from datetime import timedelta
from typing import Final

from bot_host.kit.clock import utc_now
from bot_host.types.turn import OutboxRow

TRIES: Final = 20
GIVE_UP_AFTER: Final = timedelta(hours=6)
"""Longer than most outages; what is older answers nobody, and holds up those behind it.

Both bounds count: a host that was down for a day has not tried.
"""
BUGS_OF_ONE_PART: Final = 5
"""Tries of one part that end in a connector's own fault before it is given up."""


class Patience:
    """Counts the tries of each part that did not go out."""

    def __init__(self) -> None:
        self._tries: Counter[int] = Counter()
        self._bugs: Counter[int] = Counter()

    def put_off(self, row: OutboxRow) -> str:
        """It is put off once more. Why it is given up; empty: it is tried again."""
        self._tries[row.seq] += 1
        tries = max(self._tries[row.seq], row.attempts)
        if tries < TRIES or utc_now() - row.created_at < GIVE_UP_AFTER:
            return ""
        return f"given up after {tries} tries in {GIVE_UP_AFTER.total_seconds() / 3600:g} hours or more"

    def bug(self, row: OutboxRow) -> bool:
        """The connector failed by itself. True: once too often."""
        self._bugs[row.seq] += 1
        return self._bugs[row.seq] >= BUGS_OF_ONE_PART

    def ended(self, seq: int) -> None:
        """It was sent, or will never be."""
        self._tries.pop(seq, None)
        self._bugs.pop(seq, None)
