"""Who came and went lately: some platforms tell it twice, by a notice and by an event of its own."""

from collections import OrderedDict
from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Final

from bot_host.kit.clock import utc_now

TWICE_WITHIN: Final = timedelta(seconds=60)
MOST: Final = 4096


class Comings:
    """The newest comings and goings."""

    def __init__(self) -> None:
        self._told: OrderedDict[Hashable, tuple[bool, datetime]] = OrderedDict()

    def is_news(self, who: Hashable, *, joined: bool) -> bool:
        """Whether this was not told a moment ago."""
        now = utc_now()
        before = self._told.pop(who, None)
        if before is not None and before[0] is joined and now - before[1] < TWICE_WITHIN:
            self._told[who] = before
            return False
        self._told[who] = joined, now
        while len(self._told) > MOST:
            self._told.popitem(last=False)
        return True
