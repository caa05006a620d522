"""How long to wait before the next try."""

import random


def backoff(attempt: int, *, base: float = 1.0, cap: float = 60.0) -> float:
    """Seconds to wait before try number `attempt` + 1 (`attempt` counts from 1).

    Doubles from `base` up to `cap`, less up to a quarter at random, so that many waiters do not
    come back at the same moment.
    """
    full = min(cap, base * 2.0 ** min(attempt - 1, 30))
    return full * (1.0 - 0.25 * random.random())
