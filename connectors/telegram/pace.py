"""How fast Telegram lets a bot send: waits before it has to ask for them.

https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this: about one message a second in
one chat, with short bursts; 20 a minute in one group; 30 a second over all chats.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

BURST: Final = 5
"""Messages that one chat gets at once; then one a second."""
GROUP_LIMIT: Final = 20
GROUP_S: Final = 60.0
ALL_LIMIT: Final = 30
ALL_S: Final = 1.0


class Pace:
    """The messages of one bot in the last minute."""

    def __init__(self, *, strict: bool, clock: Callable[[], float] = time.monotonic) -> None:
        """`strict` off: as fast as can be, until the server asks to wait, as own ones may not."""
        self.strict = strict
        self._clock = clock
        self._all: deque[float] = deque(maxlen=ALL_LIMIT)
        self._chats: OrderedDict[str, deque[float]] = OrderedDict()
        """When the newest messages went out, by chat; those with a newer message stand behind."""

    def wait_s(self, chat_id: str) -> float:
        """Seconds before a message may go there; 0: now, and it is counted."""
        now = self._clock()
        self._forget(now)
        sent = self._chats.get(chat_id, deque(maxlen=GROUP_LIMIT))
        if self.strict:
            wait = max(self._in_chat(sent, now), _full(self._all, ALL_LIMIT, ALL_S, now))
            if chat_id.startswith("-"):
                wait = max(wait, _full(sent, GROUP_LIMIT, GROUP_S, now))
            if wait > 0:
                return wait
        self._all.append(now)
        sent.append(now)
        self._chats[chat_id] = sent
        self._chats.move_to_end(chat_id)
        return 0.0

    def limited(self) -> None:
        """The server has asked to wait."""
        self.strict = True

    def _in_chat(self, sent: deque[float], now: float) -> float:
        """One a second, after a burst. What went out is worked off at that pace."""
        load = 0.0
        for before, at in zip([None, *sent], sent, strict=False):
            load = 1.0 + (0.0 if before is None else max(0.0, load - (at - before)))
        if sent:
            load = max(0.0, load - (now - sent[-1]))
        return max(0.0, load - (BURST - 1))

    def _forget(self, now: float) -> None:
        while self._chats and next(iter(self._chats.values()))[-1] < now - GROUP_S:
            self._chats.popitem(last=False)


def _full(sent: deque[float], limit: int, within_s: float, now: float) -> float:
    """Seconds until fewer than `limit` messages went out in the last `within_s`."""
    return max(0.0, sent[-limit] + within_s - now) if len(sent) >= limit else 0.0
