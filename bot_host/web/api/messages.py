"""`/api/v1/agents/{agent}/messages`: saying something to an agent, and what was said."""

import logging
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bot_host.types.errors import StoreError
from bot_host.types.turn import Outcome
from bot_host.web.errors import ApiError, Json
from bot_host.web.history import COUNT, MOST, read_history
from bot_host.web.hub import Hub
from bot_host.web.messages import EVENT_STREAM, ID_LIMIT, NAME_LIMIT, Conversation, read_ask

log = logging.getLogger(__name__)

Id = Annotated[str | None, Field(max_length=ID_LIMIT)]


class Say(BaseModel):
    """A person's message."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    text: Annotated[str, Field(pattern=r"\S")]
    entity_id: Id = None
    """Who says it: any text of the caller's own, or a UUID of somebody of the web."""
    room_id: Id = None
    """Where: any text of the caller's own, or the UUID of a room of the web."""
    user_name: Annotated[str | None, Field(max_length=NAME_LIMIT)] = None
    """How the agent is to call them."""
    stream: bool = False
    """Answer as server-sent events."""


class Answer(BaseModel):
    """What came of a message."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    message_id: str
    text: str
    """All that was said; empty when nothing was."""
    outcome: Outcome
    reason: str
    """Why it was answered, or was not."""
    run_id: str
    """What `why` knows it by."""


_SAY: Final = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": Say.model_json_schema()}},
    }
}
_EVENTS: Final = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"enum": ["chunk", "done", "error"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": Answer, "content": {EVENT_STREAM: {"schema": _EVENTS}}}
}
_HISTORY: Final = {
    "parameters": [
        {
            "name": name,
            "in": "query",
            "required": False,
            "schema": schema,
            "description": text,
        }
        for name, schema, text in (
            ("room_id", {"type": "string", "maxLength": ID_LIMIT}, "As it was given with the messages."),
            (
                "count",
                {"type": "integer", "minimum": 1, "maximum": MOST, "default": COUNT},
                "How many at the most.",
            ),
            ("before", {"type": "string", "format": "date-time"}, "Only what was said before that time."),
        )
    ]
}


def make_router(hub: Hub) -> APIRouter:
    """See the module."""
    router = APIRouter(prefix="/api/v1", tags=["messages"], dependencies=[Depends(hub.guarded)])
    conversation = Conversation(hub.host, tasks=hub.tasks)

    @router.post("/agents/{agent}/messages", responses=_ANSWERS, openapi_extra=_SAY)
    async def say(request: Request, agent: str) -> Response:
        """Say something; the answer, whole or as server-sent events.

        With `Accept: text/event-stream` or `"stream": true` the events are `chunk` (`message_id`, `text`),
        then `done` (the same as the JSON; its `text` counts) or `error` (a problem).
        """
        runtime = hub.agent(agent)
        hub.check_taking()
        return await conversation.respond(runtime, await read_ask(request, runtime.agent_id))

    @router.get("/agents/{agent}/messages", openapi_extra=_HISTORY)
    async def history(request: Request, agent: str) -> Response:
        """What was said in a room of the web, oldest first."""
        try:
            return Json(await read_history(request, hub.agent(agent)))
        except StoreError as error:
            log.error("messages could not be read for the web: %s", error)
            raise ApiError(503, "the database does not answer; the host's log says why") from error

    return router
