"""`/v1/chat/completions`, `/v1/models`: agents for clients of OpenAI's form, by name as the model."""

import asyncio
import logging
import time
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header
from starlette.responses import Response, StreamingResponse

from bot_host.host.result import MessageResult
from bot_host.kit.clean import one_line
from bot_host.runtime import AgentRuntime
from bot_host.types.errors import StoreError
from bot_host.types.ids import UUID, is_uuid, new_id
from bot_host.web.completions.answers import Answer
from bot_host.web.completions.asked import Asked, Line, Refused, attach, read
from bot_host.web.completions.conversations import Conversations, take_over
from bot_host.web.completions.shape import ID_LIMIT, Completion
from bot_host.web.errors import ApiError, Json
from bot_host.web.hub import Hub
from bot_host.web.messages import EVENT_STREAM, NAME_LIMIT, Ask, Chunks, Conversation, place_of

log = logging.getLogger(__name__)

HEADER: Final = "X-Conversation-Id"
BEGUN: Final = int(time.time())
"""OpenAI's form wants a date of each model: agents have none, so it is the process's."""

ConversationId = Annotated[
    str,
    Header(
        alias=HEADER,
        max_length=ID_LIMIT,
        description="The conversation, by any name of the client's own; the same as `room_id` of messages.",
    ),
]

_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/json": {"schema": {"type": "object"}}, EVENT_STREAM: {}}},
    500: {
        "description": "The agent could not answer.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OpenAIError"}}},
    },
}


def make_router(hub: Hub) -> APIRouter:
    """See the module."""
    router = APIRouter(prefix="/v1", tags=["openai"], dependencies=[Depends(hub.guarded)])
    desk = _Desk(hub)

    @router.get("/models")
    async def models() -> dict[str, Any]:
        """The agents, as models."""
        return {"object": "list", "data": [_model(agent) for agent in hub.host.get_agents()]}

    @router.get("/models/{model:path}")
    async def model(model: str) -> dict[str, Any]:
        """One agent, as a model."""
        return _model(_agent(hub, model))

    @router.post("/chat/completions", responses=_ANSWERS)
    async def complete(given: Completion, conversation: ConversationId = "") -> Response:
        """Say something to an agent: the last message. Whole, or as server-sent chunks with `stream`.

        Earlier messages that the agent does not know are taken over once as context; its own memory of the
        conversation counts. System messages are instructions for this answer and leave its character alone.
        """
        return await desk.complete(given, conversation)

    return router


class _Desk:
    """Takes requests, and remembers which conversations they make."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._messages = Conversation(hub.host, tasks=hub.tasks)
        self._known = Conversations()

    async def complete(self, given: Completion, conversation: str) -> Response:
        agent = _agent(self._hub, given.model)
        self._hub.check_taking()
        asked = read(given)
        ask = self._ask(agent, given, asked, _utf8(conversation))
        await self._messages.check(agent, ask)
        files = await attach(self._hub.host, asked.parts)
        try:
            await take_over(agent, ask.room_id, ask.entity_id, asked.earlier)
        except StoreError as error:
            log.error("an earlier conversation could not be taken over: %s", error)
            raise ApiError(503, "the message was not taken; the host's log says why") from error
        answer = Answer(message_id=ask.message_id, room_id=ask.room_id, model=agent.character.name)
        headers = {HEADER: ask.room_id}
        said = (*asked.earlier, Line(mine=False, text=asked.text))
        ask = replace(ask, files=files)

        def told(result: MessageResult, text: str) -> None:
            lines = [*said, Line(mine=True, text=text)] if text.strip() else said
            self._known.note(agent.agent_id, ask.entity_id, lines, ask.room_id)

        chunks = Chunks()
        turn = self._hub.tasks.spawn(
            "message", self._messages.hand_over(agent, ask, chunks.add if ask.stream else None)
        )
        if ask.stream:
            wanted = given.stream_options is not None and bool(given.stream_options.include_usage)
            return StreamingResponse(
                answer.stream(turn, chunks, with_usage=wanted, told=told),
                media_type=EVENT_STREAM,
                headers={**headers, "X-Accel-Buffering": "no"},
            )
        result = await asyncio.shield(turn)
        if isinstance(result, ApiError):
            raise result
        body = answer.whole(result)
        told(result, result.processing.text)
        return Json(body, headers=headers)

    def _ask(self, agent: AgentRuntime, given: Completion, asked: Asked, conversation: str) -> Ask:
        agent_id, user = agent.agent_id, given.user or ""
        entity_id = _place(agent_id, "user", user, "user")
        if conversation:
            room_id = _place(agent_id, HEADER, conversation, "room")
        else:
            room_id = self._known.take(agent_id, entity_id, asked.earlier) or new_id()
        names = {"entity_id": user, "room_id": conversation}
        return Ask(
            message_id=new_id(),
            text=asked.text,
            entity_id=entity_id,
            room_id=room_id,
            user_name="",
            stream=bool(given.stream),
            given={
                key: one_line(name, NAME_LIMIT) for key, name in names.items() if name and not is_uuid(name)
            },
            instructions=asked.instructions,
        )


def _place(agent_id: UUID, param: str, name: str, kind: str) -> UUID:
    try:
        return place_of(agent_id, {param: name}, param, kind)
    except ApiError as error:
        error.param = param
        raise


def _utf8(header: str) -> str:
    # Headers are read as Latin-1; the same name in JSON is another text then.
    return header.encode("latin-1", "replace").decode("utf-8", "replace")


def _agent(hub: Hub, wanted: str) -> AgentRuntime:
    try:
        return hub.agent(wanted)
    except ApiError as error:
        raise Refused("model", error.detail, status=404, code="model_not_found") from None


def _model(agent: AgentRuntime) -> dict[str, Any]:
    return {"id": agent.character.name, "object": "model", "created": BEGUN, "owned_by": "bot-host"}
