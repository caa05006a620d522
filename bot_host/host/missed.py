"""What was said while nobody listened: answered, only remembered, or left out; and one line about it."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from bot_host.contracts.connector_config import ConnectorConfig
from bot_host.contracts.store import Store
from bot_host.host.inbox import HostInbox
from bot_host.kit.clock import utc_now
from bot_host.types.ids import UUID
from bot_host.types.inbound import Account, InboundEvent, InboundMessage, Skipped

log = logging.getLogger(__name__)

FRESH: Final = timedelta(seconds=60)
"""A message of a running host's short break is nobody's past: it is treated as live."""
TOO_OLD: Final = "too old"
NOTED: Final = "caught up, not answered"
SKIPPED: Final = "missed, not taken in"


class Missed:
    """One account's staleness policy, and the count of what became of a gap's messages."""

    def __init__(
        self, store: Store, inbox: HostInbox, config: ConnectorConfig, *, name: str, began: datetime
    ) -> None:
        """`began`: when this process began to listen (our clock)."""
        self._store = store
        self._inbox = inbox
        self._policy = config.catch_up
        self._max_age = timedelta(seconds=config.catch_up_max_age)
        self._name = name
        self._began = began
        self._counts: Counter[str] = Counter()

    async def accept(self, agent_id: UUID, account: Account, events: Sequence[InboundEvent]) -> None:
        """Take events of a gap in. Raises StoreError."""
        keys = [event.event_key for event in events if isinstance(event, InboundMessage)]
        known = await self._store.known_events(account.key, keys) if keys else set()
        counts: Counter[str] = Counter()
        judged: list[InboundEvent] = []
        for event in events:
            if not isinstance(event, InboundMessage):
                judged.append(event)
            elif event.event_key in known:
                # Goes in all the same: as a duplicate it moves its mark.
                counts["known"] += 1
                judged.append(event)
            else:
                what, outcome = self._judge(event)
                counts[what] += 1
                judged.append(outcome)
        await self._inbox.accept(agent_id, account, judged, missed=True)
        self._counts += counts

    def _judge(self, message: InboundMessage) -> tuple[str, InboundMessage | Skipped]:
        age = utc_now() - message.sent_at
        if self._policy == "skip" and not self._is_fresh(message, age):
            skipped = Skipped(reason=SKIPPED, event_key=message.event_key, mark=message.mark)
            return "skipped", skipped
        if age > self._max_age:
            return "too old", replace(message, unanswered=TOO_OLD)
        if self._policy == "note" and not self._is_fresh(message, age):
            return "noted", replace(message, unanswered=NOTED)
        return "to answer", message

    def _is_fresh(self, message: InboundMessage, age: timedelta) -> bool:
        return message.sent_at >= self._began and age < FRESH

    def close(self) -> None:
        """The gap is closed: say what became of it."""
        counts, self._counts = self._counts, Counter()
        new = counts.total() - counts["known"]
        if not new:
            log.debug("%s caught up: nothing new", self._name)
            return
        log.info(
            "%s caught up: %d missed messages: %d to answer, %d only noted (%d of them too old), %d skipped",
            self._name,
            new,
            counts["to answer"],
            counts["noted"] + counts["too old"],
            counts["too old"],
            counts["skipped"],
        )
