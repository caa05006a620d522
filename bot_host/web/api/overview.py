"""`/api/v1/overview`: how the host is, what was done lately, and what needs somebody's attention."""

import asyncio
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import APIRouter, Depends

from bot_host.kit.clean import one_line
from bot_host.kit.clock import utc_now
from bot_host.runtime.pairing import to_dict
from bot_host.types.costs import Beats, CostsBy
from bot_host.types.errors import StoreError
from bot_host.types.models import ModelType
from bot_host.types.turn import Outcome
from bot_host.web.api.status import STORE_SECONDS
from bot_host.web.errors import ApiError
from bot_host.web.hub import Hub

FAILED: Final = 5
CLOSED: Final = 10
WAITING: Final = 20
REASON_CHARACTERS: Final = 300
FAILING: Final = 0.05
"""A smaller part of calls fails now and then anywhere, and was tried again."""
OFFLINE: Final = "offline"
"""The provider that is a demonstration."""


def make_router(hub: Hub) -> APIRouter:
    """See the module."""
    router = APIRouter(prefix="/api/v1", tags=["status"], dependencies=[Depends(hub.guarded)])

    @router.get("/overview")
    async def overview() -> dict[str, Any]:
        """`status`, the last hour and the last day, and what needs attention.

        `cost` is in US dollars and null where no call had a price. Lists are short: of `failed` the newest
        of the last day, of `closed` the newest rooms that take nothing, of `pairings` those who wait.
        """
        try:
            async with asyncio.timeout(STORE_SECONDS):
                return await _look(hub)
        except (StoreError, TimeoutError) as error:
            raise ApiError(503, "the database does not answer") from error

    return router


async def _look(hub: Hub) -> dict[str, Any]:
    store, now = hub.host.store, utc_now()
    status = await hub.host.status()
    day = now - timedelta(days=1)
    hour = await store.beats(now - timedelta(hours=1))
    failed = await store.failed_messages(day, count=FAILED)
    closed = await store.closed_places(count=CLOSED)
    waiting = await store.waiting_pairings(now, count=WAITING)
    return {
        "status": {**status.to_dict(), "stopping": hub.draining},
        "hour": _told(hour),
        "day": _told(await store.beats(day)),
        "failing_models": await _failing(hub, hour, now),
        "demonstrations": _demonstrations(hub),
        "failed": [
            asdict(each)
            | {
                "received_at": each.received_at.isoformat(),
                "reason": one_line(each.reason, REASON_CHARACTERS),
            }
            for each in failed
        ],
        "closed": [
            asdict(each.closed)
            | {
                "name": each.name,
                "closed_at": each.closed.closed_at.isoformat(),
                "reason": one_line(each.closed.reason, REASON_CHARACTERS),
            }
            for each in closed
        ],
        "pairings": [to_dict(each) for each in waiting],
    }


def _told(beats: Beats) -> dict[str, Any]:
    told = asdict(beats)
    messages = sum(told[outcome.value] for outcome in Outcome)
    unknown = beats.unpriced and not beats.cost
    return told | {"messages": messages, "cost": None if unknown else round(beats.cost, 9)}


async def _failing(hub: Hub, hour: Beats, now: datetime) -> list[dict[str, Any]]:
    """Providers some of whose calls failed today, as long as many have failed in the last hour."""
    if not hour.failed_calls or hour.failed_calls < hour.calls * FAILING:
        return []
    # An hour reaches back into yesterday.
    since = (now - timedelta(hours=1)).date()
    spent = await hub.host.store.costs(CostsBy.MODEL, since=str(since), until=str(now.date()), count=100)
    sums: dict[str, list[int]] = {}
    for each in spent:
        calls = sums.setdefault(each.source, [0, 0])
        calls[0] += each.failed
        calls[1] += each.calls
    return [
        {"provider": name, "failed": failed, "calls": calls}
        for name, (failed, calls) in sorted(sums.items())
        if failed
    ]


def _demonstrations(hub: Hub) -> list[str]:
    """Agents that answer by fixed patterns, as no model is there."""
    return [
        agent.character.name
        for agent in hub.host.get_agents()
        if agent.started and agent.models.providers(ModelType.TEXT_LARGE)[:1] == [OFFLINE]
    ]
