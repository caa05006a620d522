"""The loop guard: two bots that answer each other must come to an end, in each room, counted from rows."""

import logging
from datetime import timedelta
from typing import Final

from bot_host.kit.clock import utc_now
from bot_host.runtime.agent import AgentRuntime
from bot_host.types.access import BOT_LOOP
from bot_host.types.memory import Memory

log = logging.getLogger(__name__)

WINDOW: Final = timedelta(minutes=5)
"""In which `bots_limit` answers to bots in one room are too many."""
SILENCE: Final = timedelta(minutes=10)
"""That bots get no answer there then, counted from the last one that they got."""


class BotCheck:
    """The guard as one turn's messages run into it, in order."""

    def __init__(self, agent: AgentRuntime, *, limit: int) -> None:
        self._agent = agent
        self._limit = limit
        self._let_in = 0

    async def refuse(self, message: Memory) -> str:
        """Why a message is not answered, when it is a bot's; empty: it may be, and counts from now on."""
        if not message.metadata.get("from_bot"):
            return ""
        now = utc_now()
        use = await self._agent.store.get_bot_use(
            message.room_id, since=now - WINDOW - SILENCE, now=now, count=self._limit, reason=BOT_LOOP
        )
        # The newest of the window: once the limit is reached no further ones are added.
        recent = [at for at in use.answered if now - at < WINDOW]
        burst = len(use.answered) >= self._limit and use.answered[0] - use.answered[-1] < WINDOW
        silent = burst and now - use.answered[0] < SILENCE
        if not silent and len(recent) + self._let_in < self._limit:
            self._let_in += 1
            return ""
        since = use.answered[0] if use.answered else now - WINDOW
        if use.refused_at is None or use.refused_at < since:
            log.warning(
                "bots in this room had %d answers within %d minutes and get none for %d minutes",
                self._limit,
                WINDOW.total_seconds() // 60,
                SILENCE.total_seconds() // 60,
            )
        return BOT_LOOP
