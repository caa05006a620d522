"""`/api/v1/agents`: who is there."""

from typing import Any

from fastapi import APIRouter, Depends

from bot_host.types.agents import AgentStatus
from bot_host.web.hub import Hub


def make_router(hub: Hub) -> APIRouter:
    """See the module."""
    router = APIRouter(prefix="/api/v1", tags=["agents"], dependencies=[Depends(hub.guarded)])

    @router.get("/agents")
    async def agents() -> dict[str, Any]:
        """The agents of this host."""
        return {
            "agents": [
                {
                    "id": agent.agent_id,
                    "name": agent.character.name,
                    "status": AgentStatus.ACTIVE if agent.started else AgentStatus.INACTIVE,
                }
                for agent in hub.host.get_agents()
            ]
        }

    return router
