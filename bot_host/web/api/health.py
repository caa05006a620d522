"""`/health/…`: for monitors, open to everybody, and so without names."""

import asyncio
import logging
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from bot_host.web.errors import Json
from bot_host.web.hub import Hub

log = logging.getLogger(__name__)

STORE_SECONDS: Final = 5.0
"""What the database may take to answer a health check."""


def make_router(hub: Hub) -> APIRouter:
    """See the module."""
    router = APIRouter(prefix="/health", tags=["health"])

    async def live() -> dict[str, Any]:
        """Whether the process answers."""
        return {"status": "live"}

    async def ready() -> Response:
        """Whether messages would be answered now; 503 and the reason if not."""
        why = _not_ready(hub)
        if not why:
            try:
                async with asyncio.timeout(STORE_SECONDS):
                    figures = await hub.host.figures()
            except Exception as error:  # noqa: BLE001 - whatever it is, the answer is no
                log.warning("the database does not answer: %s", error or type(error).__name__)
                why = "the database does not answer"
        if why:
            return Json({"status": "not ready", "reason": why}, status_code=503)
        balance = figures.balance()
        return Json(
            {
                "status": "ready",
                "pending": balance.pending,
                "unsent": figures.outbox.depth,
                "balanced": balance.balanced,
            }
        )

    # As a monitor may ask by HEAD, and one description of each is enough.
    router.add_api_route("/live", live)
    router.add_api_route("/live", live, methods=["HEAD"], include_in_schema=False)
    router.add_api_route("/ready", ready, responses=_NOT_READY)
    router.add_api_route("/ready", ready, methods=["HEAD"], include_in_schema=False)
    return router


_NOT_READY: Final[dict[int | str, dict[str, Any]]] = {
    503: {"description": "Not now; `reason` says why.", "content": {"application/json": {}}}
}


def _not_ready(hub: Hub) -> str:
    """Why messages would not be answered now, as far as the host itself knows; empty when they would."""
    if hub.draining:
        return "the host is stopping"
    agents = hub.host.get_agents()
    waiting = sum(not agent.started for agent in agents)
    if waiting or not agents:
        return f"{waiting} of {len(agents)} agents are not started"
    return ""
