"""`/api/v1/status`: what the host is doing now."""

import asyncio
from typing import Any, Final

from fastapi import APIRouter, Depends

from bot_host.types.errors import StoreError
from bot_host.web.errors import ApiError
from bot_host.web.hub import Hub

STORE_SECONDS: Final = 5.0


def make_router(hub: Hub) -> APIRouter:
    """See the module."""
    router = APIRouter(prefix="/api/v1", tags=["status"], dependencies=[Depends(hub.guarded)])

    @router.get("/status")
    async def status() -> dict[str, Any]:
        """Connectors, agents, lanes and queues, and how what came in has ended."""
        try:
            async with asyncio.timeout(STORE_SECONDS):
                found = await hub.host.status()
        except (StoreError, TimeoutError) as error:
            raise ApiError(503, "the database does not answer") from error
        return {**found.to_dict(), "stopping": hub.draining}

    return router
