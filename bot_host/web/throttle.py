"""Guessing made slow: each wrong token costs time, and only few may be tried side by side."""

from asyncio import sleep
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from bot_host.web.errors import ApiError

FIRST_S: Final = 0.25
LONGEST_S: Final = 8.0
"""What the first wrong token of an address costs, and the most that one does: each costs twice as much."""
AT_ONCE: Final = 4
"""Of one address: more are refused unread, since a right one would show itself by a quick answer."""
ADDRESSES: Final = 1024
"""That are remembered."""


@dataclass(slots=True)
class _Known:
    failures: int = 0
    waiting: int = 0


class Throttle:
    """Counts wrong tokens by the address that they came from."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Known] = OrderedDict()

    @asynccontextmanager
    async def attempt(self, address: str) -> AsyncIterator["Attempt"]:
        """Around the check of a token. Raises ApiError 429 where too many are under way."""
        known = self._known.setdefault(address, _Known())
        self._known.move_to_end(address)
        while len(self._known) > ADDRESSES:
            self._known.popitem(last=False)
        if known.waiting >= AT_ONCE:
            raise ApiError(
                429,
                "too many wrong tokens from this address; wait a moment",
                headers={"Retry-After": str(round(LONGEST_S))},
            )
        attempt = Attempt()
        known.waiting += 1
        try:
            yield attempt
            if attempt.wrong:
                known.failures += 1
                await sleep(min(LONGEST_S, FIRST_S * 2 ** min(known.failures - 1, 10)))
            else:
                known.failures = 0
        finally:
            known.waiting -= 1


@dataclass(slots=True)
class Attempt:
    """One of them."""

    wrong: bool = False
