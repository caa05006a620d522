"""Accounts that nothing goes out by for a while: one tries, the others wait for how it fares."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bot_host.kit.clock import utc_now
from bot_host.kit.retry import backoff

log = logging.getLogger(__name__)

IN_A_ROW: Final = 3
"""Destinations of one account that fail one after the other, none succeeding between them."""
PATIENCE_S: Final = 60.0
"""How long somebody waits at the most for the one that tries. It is over sooner when that succeeds."""


@dataclass(slots=True)
class _Account:
    failing: set[str] = field(default_factory=set)
    trips: int = 0
    """Times in a row that it was held; 0: it is not."""
    until: datetime | None = None
    trying: str = ""
    waiting: set[str] = field(default_factory=set)


class Breaker:
    """Holds a whole account back when the platform, and not one room, is in trouble.

    A platform that limits, refuses or loses everything is asked by one destination at a time, with growing
    waits. Rooms alone in trouble have their own waits, on their rows.
    """

    def __init__(self, wake: Callable[[str], None]) -> None:
        """`wake` is called with each destination that waited, when the account is well again."""
        self._wake = wake
        self._accounts: dict[str, _Account] = {}

    def wait_s(self, account: str, destination: str) -> float:
        """Seconds before this destination may send; 0: now, perhaps as the one that tries."""
        state = self._accounts.get(account)
        if state is None or state.until is None:
            return 0.0
        left = (state.until - utc_now()).total_seconds()
        if left <= 0 and state.trying in ("", destination):
            state.trying = destination
            return 0.0
        state.waiting.add(destination)
        return left if left > 0 else PATIENCE_S

    def failed(self, account: str, destination: str, why: str, *, whole: bool, wait_s: float) -> None:
        """A send was put off for `wait_s`. `whole`: the platform said so of everything."""
        state = self._accounts.setdefault(account, _Account())
        state.failing.add(destination)
        tried = state.trying == destination
        if tried:
            state.trying = ""
        if state.until is not None and not tried:
            # It had left before the hold began, and says nothing new but how long.
            if whole:
                state.until = max(state.until, utc_now() + timedelta(seconds=wait_s))
            return
        if not whole and len(state.failing) < IN_A_ROW:
            return
        state.trips += 1
        hold_s = max(backoff(state.trips), wait_s if whole else 0.0)
        state.until = utc_now() + timedelta(seconds=hold_s)
        level = logging.WARNING if state.trips == 1 else logging.DEBUG
        log.log(level, "nothing goes out by %s for %.0f s: %s", account, hold_s, why)

    def answered(self, account: str) -> None:
        """The platform took or refused something, or the account has logged in: it is well."""
        state = self._accounts.pop(account, None)
        if state is None or state.until is None:
            return
        log.info("messages go out by %s again", account)
        for destination in state.waiting:
            self._wake(destination)

    def left(self, account: str, destination: str) -> None:
        """The one that was to try has nothing to send after all."""
        state = self._accounts.get(account)
        if state is not None and state.trying == destination:
            state.trying = ""
            for other in state.waiting:
                self._wake(other)
            state.waiting.clear()
