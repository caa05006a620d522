"""Answers that are good for a few seconds: what is asked several times in a row is asked once."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Final

KEPT: Final = 128


class Fresh:
    """Answers by key, with their age. Bounded; None is never kept."""

    def __init__(self, seconds: float, *, kept: int = KEPT) -> None:
        self._seconds = seconds
        self._kept = kept
        self._known: OrderedDict[str, tuple[float, Any]] = OrderedDict()

    async def get(self, key: str, ask: Callable[[], Awaitable[Any]]) -> Any:
        """What was answered just now, or what `ask` answers. Raises as `ask`."""
        at, answer = self._known.get(key, (0.0, None))
        if answer is not None and time.monotonic() - at < self._seconds:
            return answer
        answer = await ask()
        self._known[key] = (time.monotonic(), answer)
        self._known.move_to_end(key)
        while len(self._known) > self._kept:
            self._known.popitem(last=False)
        return answer
