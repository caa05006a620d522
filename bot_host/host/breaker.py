"""Accounts that nothing goes out by for a while: one tries, the others wait for how it fares."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bot_host.kit.clock import utc_now
from bot_host.kit.retry import backoff
from bot_host.types.errors import SendLater
from bot_host.types.turn import OutboxRow

log = logging.getLogger(__name__)

KEPT_FROM: Final = timedelta(seconds=5)
"""A shorter wait is over before a process is back."""
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
    why: str = ""
    limited: bool = False
    """The platform asked for the wait: a new login does not shorten it."""
    remembered: bool = False
    trying: str = ""
    waiting: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing goes out by an account."""

    until: datetime
    why: str


class Breaker:
    """Holds a whole account back when the platform, and not one room, is in trouble.

    A platform that limits, refuses or loses everything is asked by one destination at a time, with growing
    waits. Rooms alone in trouble have their own waits, on their rows.
    """

    def __init__(self, wake: Callable[[str], None]) -> None:
        """`wake` is called with each destination that waited, when the account is well again."""
        self._wake = wake
        self.remember: Callable[[str, datetime | None], None] = lambda _account, _until: None
        """Hears until when an account's platform wants nothing more, worth keeping over a restart; None: that
        is over."""
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

    def hold_of(self, account: str) -> Hold | None:
        """Until when nothing goes out by an account, and why; None: it is well, or one tries just now."""
        state = self._accounts.get(account)
        if state is None or state.until is None or state.until <= utc_now():
            return None
        return Hold(until=state.until, why=state.why)

    def put_off(self, row: OutboxRow, error: Exception, why: str, *, wait_s: float, platform: bool) -> None:
        """A part is to wait. `platform`: it is not a fault of the connector's own."""
        if not platform:
            self.left(row.account, row.destination)
            return
        later = error if isinstance(error, SendLater) else SendLater(why)
        self.failed(
            row.account, row.destination, why, whole=later.account, wait_s=wait_s, limited=later.limited
        )

    def failed(
        self,
        account: str,
        destination: str,
        why: str,
        *,
        whole: bool,
        wait_s: float,
        limited: bool = False,
    ) -> None:
        """A send was put off for `wait_s`. `whole`: the platform said so of everything.

        `limited`: it asked for this wait, because we ask too much.
        """
        state = self._accounts.setdefault(account, _Account())
        state.failing.add(destination)
        tried = state.trying == destination
        if tried:
            state.trying = ""
        if state.until is not None and not tried:
            # It had left before the hold began, and says nothing new but how long.
            if whole:
                state.until = max(state.until, utc_now() + timedelta(seconds=wait_s))
                self._keep(account, state, limited=limited, wait_s=wait_s)
            return
        if not whole and len(state.failing) < IN_A_ROW:
            return
        state.trips += 1
        hold_s = max(backoff(state.trips), wait_s if whole else 0.0)
        state.until = utc_now() + timedelta(seconds=hold_s)
        state.why = why
        state.limited = limited and whole
        self._keep(account, state, limited=limited, wait_s=wait_s)
        level = logging.WARNING if state.trips == 1 else logging.DEBUG
        log.log(level, "nothing goes out by %s for %.0f s: %s", account, hold_s, why)

    def _keep(self, account: str, state: _Account, *, limited: bool, wait_s: float) -> None:
        # Of several rooms that are limited one after the other the wait of the last counts: within this life
        # shorter waits find out more, but what starts anew asks with all rooms at once.
        wait = timedelta(seconds=wait_s)
        if limited and wait >= KEPT_FROM:
            state.remembered = True
            self.remember(account, utc_now() + wait)

    def hold(self, account: str, until: datetime) -> None:
        """The platform asked an earlier process to wait."""
        state = self._accounts.setdefault(account, _Account())
        state.until = max(until, state.until or until)
        state.trips = max(state.trips, 1)
        state.why = state.why or "its platform asked for that before the restart"
        state.limited = state.remembered = True
        left = (state.until - utc_now()).total_seconds()
        log.warning("nothing goes out by %s for %.0f s: its platform asked for that", account, left)

    def logged_in(self, account: str) -> None:
        """The account is connected, perhaps anew: it is well, unless it was asked to wait."""
        state = self._accounts.get(account)
        if state is None or not state.limited or state.until is None or state.until <= utc_now():
            self.answered(account)

    def answered(self, account: str) -> None:
        """The platform took or refused something: the account is well."""
        state = self._accounts.pop(account, None)
        if state is not None and state.remembered:
            self.remember(account, None)
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
