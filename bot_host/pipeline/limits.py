"""`[agents.limits]`: how much of the agent people and rooms may have."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from bot_host.kit.clock import utc_now
from bot_host.runtime.agent import AgentRuntime
from bot_host.types.memory import Memory
from bot_host.types.turn import Use

MINUTE: Final = "limitMinuteMessage"
DAY: Final = "limitDayMessage"
LINES: Final = {
    MINUTE: "You are quicker than I am allowed to be: please give me a minute.",
    DAY: "I have said all that I may say today. Please come back tomorrow.",
}
"""Told once to whoever runs into a limit; a character's `templates` of these names say it their own way."""

ENTITY: Final = "over_limit: messages_per_minute.entity"
ROOM: Final = "over_limit: messages_per_minute.room"
TOKENS: Final = "over_limit: tokens_per_day"
COST: Final = "over_limit: cost_per_day"
REASONS: Final = (ENTITY, ROOM, TOKENS, COST)


class Refusal(NamedTuple):
    """A message that is over a limit."""

    reason: str
    line: str
    """What to tell its sender; empty when they have been told."""


class LimitCheck:
    """The limits as one turn's messages run into them, in order."""

    def __init__(self, agent: AgentRuntime) -> None:
        self._agent = agent
        self._limits = agent.options.limits
        self._let_in: dict[str, int] = {}
        self._told: set[tuple[str, str]] = set()

    async def refuse(self, message: Memory, *, rates_only: bool = False) -> Refusal | None:
        """Why this message is not answered, if it is over a limit. Those who run the bot have none.

        `rates_only`: no model will be asked, so tokens and cost do not matter.
        """
        if not self._limits or message.entity_id in self._agent.owners:
            return None
        now = utc_now()
        use = await self._agent.store.get_use(
            self._agent.agent_id, message.entity_id, message.room_id, now, REASONS
        )
        exceeded = self._exceeded(use, message)
        reason = next((each for each in exceeded if not rates_only or each in (ENTITY, ROOM)), "")
        if not reason:
            for whose in (message.entity_id, message.room_id):
                self._let_in[whose] = self._let_in.get(whose, 0) + 1
            return None
        return Refusal(reason, self._line(reason, use, message, now))

    def _exceeded(self, use: Use, message: Memory) -> Iterator[str]:
        limits = self._limits
        entity = use.entity_messages + self._let_in.get(message.entity_id, 0)
        room = use.room_messages + self._let_in.get(message.room_id, 0)
        for reason, limit, used in (
            (ENTITY, limits.entity_messages_per_minute, entity),
            (ROOM, limits.room_messages_per_minute, room),
            (TOKENS, limits.tokens_per_day, use.tokens),
            (COST, limits.cost_per_day, use.cost),
        ):
            if limit and used >= limit:
                yield reason

    def _line(self, reason: str, use: Use, message: Memory, now: datetime) -> str:
        whose, refused = (
            (message.room_id, use.refused_room) if reason == ROOM else (message.entity_id, use.refused_entity)
        )
        a_minute = reason in (ENTITY, ROOM)
        since = (
            now - timedelta(minutes=1) if a_minute else now.replace(hour=0, minute=0, second=0, microsecond=0)
        )
        last = refused.get(reason)
        if (whose, reason) in self._told or (last is not None and last >= since):
            return ""
        self._told.add((whose, reason))
        template = MINUTE if a_minute else DAY
        return self._agent.character.templates.get(template, LINES[template])
