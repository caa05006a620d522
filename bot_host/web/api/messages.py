"""`/api/v1/agents/{agent}/messages`: saying something to an agent, and what was said."""

import logging

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from bot_host.types.errors import StoreError
from bot_host.web.errors import ApiError, Json
from bot_host.web.history import read_history
from bot_host.web.hub import Hub
from bot_host.web.messages import Conversation, read_ask

log = logging.getLogger(__name__)


def make_router(hub: Hub) -> APIRouter:
    """See the module."""
    router = APIRouter(prefix="/api/v1", tags=["messages"], dependencies=[Depends(hub.guarded)])
    conversation = Conversation(hub.host, tasks=hub.tasks)

    @router.post("/agents/{agent}/messages")
    async def say(request: Request, agent: str) -> Response:
        """Say something; the answer, whole or as server-sent events."""
        runtime = hub.agent(agent)
        hub.check_taking()
        return await conversation.respond(runtime, await read_ask(request, runtime.agent_id))

    @router.get("/agents/{agent}/messages")
    async def history(request: Request, agent: str) -> Response:
        """What was said in a room of the web, oldest first."""
        try:
            return Json(await read_history(request, hub.agent(agent)))
        except StoreError as error:
            log.error("messages could not be read for the web: %s", error)
            raise ApiError(503, "the database does not answer; the host's log says why") from error

    return router
