"""Agents: their characters as they were, and what they have used."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import bindparam, select

from bot_host.store import characters
from bot_host.store.columns import InList
from bot_host.store.driver import Driver
from bot_host.store.schema import usage
from bot_host.store.statement import Statement, Unit
from bot_host.store.use import day_of
from bot_host.types.agents import CharacterVersion, DayUse
from bot_host.types.ids import UUID

_u = usage.c
DAY_USE: Final = Statement(
    "views.day_use",
    select(_u.agent_id, _u.turns, _u.tokens, _u.cost).where(
        InList(_u.agent_id, "agent_ids"), _u.day == bindparam("day")
    ),
)


def day_use(agent_ids: Sequence[UUID], day: str) -> Unit[dict[UUID, DayUse]]:
    """See Views."""
    rows = yield DAY_USE(agent_ids=list(agent_ids), day=day)
    return {row[0]: DayUse(turns=row[1], tokens=row[2], cost=row[3]) for row in rows}


class AgentViews:
    """See Views."""

    _driver: Driver

    async def character_version(self, agent_id: UUID, number: int) -> CharacterVersion | None:
        """See Views."""
        return await self._driver.read(partial(characters.version, agent_id, number))

    async def character_versions(
        self, agent_id: UUID, *, after: int | None, count: int
    ) -> list[CharacterVersion]:
        """See Views."""
        return await self._driver.read(partial(characters.versions, agent_id, after, count))

    async def day_use(self, agent_ids: Sequence[UUID], *, day: datetime) -> dict[UUID, DayUse]:
        """See Views."""
        return await self._driver.read(partial(day_use, agent_ids, day_of(day)))
