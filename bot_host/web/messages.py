"""`POST /api/v1/agents/{agent}/messages`: a person's message in, the agent's answer out."""

import asyncio
import inspect
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from bot_host.host import BotHost
from bot_host.host.result import MessageResult
from bot_host.kit.clean import one_line
from bot_host.kit.names import did_you_mean
from bot_host.kit.tasks import Supervisor
from bot_host.runtime import AgentRuntime
from bot_host.types.content import Media
from bot_host.types.errors import BotHostError, StateError, StoreError
from bot_host.types.ids import UUID, create_unique_uuid, is_uuid, new_id
from bot_host.types.memory import INSTRUCTIONS
from bot_host.types.places import Entity
from bot_host.web.errors import ApiError, Json, error_body, to_json

log = logging.getLogger(__name__)

SOURCE: Final = "web"
KEYS: Final = ("text", "entity_id", "room_id", "user_name", "stream")
ID_LIMIT: Final = 256
NAME_LIMIT: Final = 100
PING_SECONDS: Final = 15.0
"""A silent stream says so this often, lest a proxy takes it for dead."""
EVENT_STREAM: Final = "text/event-stream"

OnChunk = Callable[[str, str], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A checked request."""

    message_id: UUID
    text: str
    entity_id: UUID
    room_id: UUID
    user_name: str
    stream: bool
    given: dict[str, str]
    """How the caller calls person and room, where these are no UUIDs: for `why`."""
    files: Sequence[Media] = ()
    instructions: str = ""
    """What the caller's program wants of the answer."""


async def read_ask(request: Request, agent_id: UUID) -> Ask:
    """The request's body, checked. Raises ApiError that names the key."""
    body = await _read_json(request)
    for key in body:
        if key not in KEYS:
            raise ApiError(400, f"{key}: there is no such key{did_you_mean(key, KEYS)}")
    text = _text(body, "text", limit=None)
    if not text.strip():
        raise ApiError(400, "text: expected a text that is not empty")
    stream = body.get("stream", False)
    if not isinstance(stream, bool):
        raise ApiError(400, "stream: expected true or false")
    accepts = request.headers.get("accept", "")
    return Ask(
        message_id=new_id(),
        text=text,
        entity_id=place_of(agent_id, body, "entity_id", "user"),
        room_id=place_of(agent_id, body, "room_id", "room"),
        user_name=one_line(_text(body, "user_name", limit=NAME_LIMIT), NAME_LIMIT),
        stream=stream or EVENT_STREAM in accepts.lower(),
        given={
            key: one_line(body[key], NAME_LIMIT)
            for key in ("entity_id", "room_id")
            if body.get(key) and not is_uuid(body[key])
        },
    )


async def _read_json(request: Request) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        # Also what keeps the forms of other web pages out: a browser asks before it sends this type.
        raise ApiError(415, "Content-Type: expected application/json")
    try:
        data = await request.body()
    except ClientDisconnect:
        raise ApiError(400, "the body ended too early") from None
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        raise ApiError(400, "the body is not JSON in UTF-8") from None
    if not isinstance(body, dict):
        raise ApiError(400, 'the body: expected an object such as {"text": "Hello"}')
    return body


def _text(body: Mapping[str, Any], key: str, *, limit: int | None) -> str:
    value = body.get(key)
    if value is None:
        value = ""
    if not isinstance(value, str):
        raise ApiError(400, f"{key}: expected a text")
    if limit is not None and len(value) > limit:
        raise ApiError(400, f"{key}: expected at most {limit} characters, found {len(value)}")
    return value


def place_of(agent_id: UUID, body: dict[str, Any], key: str, kind: str) -> UUID:
    """The id of a person or room as the caller names it. Raises ApiError."""
    value = _text(body, key, limit=ID_LIMIT)
    if is_uuid(value):
        if value.lower() == agent_id.lower():
            raise ApiError(400, f"{key}: this is the agent's own id")
        return value.lower()
    return create_unique_uuid(agent_id, f"web-{kind}-{value}")


async def _check_is_of_the_web(agent: AgentRuntime, ask: Ask) -> None:
    """Raises ApiError for a person or room that the web did not bring.

    Whoever has the token speaks for people of the web. Were a known person's UUID enough, they would have
    that person's roles; were a room's, they would hear what is said there.
    """
    person = await agent.store.find_entity(ask.entity_id)
    if ask.entity_id in agent.owners or (person is not None and set(person.metadata) != {SOURCE}):
        raise ApiError(403, "entity_id: this person is not one of the web; give any text of your own instead")
    await refuse_foreign_room(agent, ask.room_id)


async def refuse_foreign_room(agent: AgentRuntime, room_id: UUID) -> None:
    """Raises ApiError for a room that the web did not bring, or that is another agent's."""
    room = await agent.store.find_room(room_id)
    if room is not None and (room.source != SOURCE or room.agent_id != agent.agent_id):
        raise ApiError(403, "room_id: this room is not one of the web; give any text of your own instead")


class Conversation:
    """Hands checked requests to agents. Their turns go on when the client leaves."""

    def __init__(self, host: BotHost, *, tasks: Supervisor) -> None:
        self._tasks = tasks
        self._handle: Callable[..., Awaitable[MessageResult]] = host.handle_message
        self._streams = "on_stream_chunk" in inspect.signature(host.handle_message).parameters

    async def respond(self, agent: AgentRuntime, ask: Ask) -> Response:
        """The answer, whole or as a stream of events. Raises ApiError."""
        await self.check(agent, ask)
        if not ask.stream:
            turn = self._tasks.spawn("message", self._outcome(agent, ask, None))
            return _whole(await asyncio.shield(turn))
        return StreamingResponse(
            self._events(agent, ask), media_type=EVENT_STREAM, headers={"X-Accel-Buffering": "no"}
        )

    async def check(self, agent: AgentRuntime, ask: Ask) -> None:
        """Raises ApiError where it would not be taken."""
        if not agent.started:
            raise ApiError(503, f"{agent.character.name} is not started")
        try:
            await _check_is_of_the_web(agent, ask)
        except StoreError as error:
            log.error("message %s of the web was not taken: %s", ask.message_id, error)
            raise ApiError(503, f"message {ask.message_id} was not taken; the host's log says why") from error

    async def _outcome(
        self, agent: AgentRuntime, ask: Ask, on_chunk: OnChunk | None
    ) -> dict[str, Any] | ApiError:
        result = await self.hand_over(agent, ask, on_chunk)
        if isinstance(result, ApiError):
            return result
        done = result.processing
        return {
            "message_id": result.message_id,
            "text": done.text,
            "outcome": done.outcome.value,
            "reason": done.reason,
            "run_id": done.run.id,
        }

    async def hand_over(
        self, agent: AgentRuntime, ask: Ask, on_chunk: OnChunk | None
    ) -> MessageResult | ApiError:
        """Give the agent a message that was checked, and wait. An error is returned: nobody may be there."""
        metadata: dict[str, Any] = {"given": ask.given} if ask.given else {}
        if ask.instructions:
            metadata[INSTRUCTIONS] = ask.instructions
        message = {
            "id": ask.message_id,
            "entity_id": ask.entity_id,
            "room_id": ask.room_id,
            "content": {"text": ask.text, "source": SOURCE, "attachments": list(ask.files)},
            "metadata": metadata,
        }
        extra = {"on_stream_chunk": on_chunk} if on_chunk is not None and self._streams else {}
        try:
            if ask.user_name:
                person = Entity(
                    id=ask.entity_id,
                    agent_id=agent.agent_id,
                    names=(ask.user_name,),
                    metadata={SOURCE: {"id": ask.entity_id, "name": ask.user_name}},
                )
                await agent.store.apply_places(SOURCE, [], [], [person], None)
            return await self._handle(agent, message, **extra)
        except StateError as error:
            return ApiError(503, f"message {ask.message_id}: {error}")
        except BotHostError as error:
            log.error("message %s of the web was not handled: %s", ask.message_id, error)
            return ApiError(503, f"message {ask.message_id} was not taken; the host's log says why")

    async def _events(self, agent: AgentRuntime, ask: Ask) -> AsyncIterator[bytes]:
        chunks = Chunks()
        turn = self._tasks.spawn("message", self._outcome(agent, ask, chunks.add))
        turn.add_done_callback(lambda _: chunks.news.set())
        said = False
        while not turn.done():
            try:
                async with asyncio.timeout(PING_SECONDS):
                    await chunks.news.wait()
            except TimeoutError:
                yield b": still at it\n\n"
            for message_id, text in chunks.take():
                said = True
                yield event("chunk", {"message_id": message_id, "text": text})
        for message_id, text in chunks.take():
            said = True
            yield event("chunk", {"message_id": message_id, "text": text})
        if turn.cancelled():
            yield event("error", error_body(503, f"message {ask.message_id}: the web server was stopped"))
            return
        outcome = turn.result()
        if isinstance(outcome, ApiError):
            yield event("error", error_body(outcome.status_code, outcome.detail))
            return
        if outcome["text"] and not said:
            yield event("chunk", {"message_id": outcome["message_id"], "text": outcome["text"]})
        yield event("done", outcome)


class Chunks:
    """Pieces of the answer that are not sent yet. A slow client gets fewer, longer ones."""

    def __init__(self) -> None:
        self._waiting: dict[str, str] = {}
        self.news = asyncio.Event()

    async def add(self, chunk: str, message_id: str) -> None:
        """As `handle_message` calls it."""
        self._waiting[message_id] = self._waiting.get(message_id, "") + chunk
        self.news.set()

    def take(self) -> list[tuple[str, str]]:
        """What has come since the last time, by message."""
        self.news.clear()
        waiting, self._waiting = self._waiting, {}
        return list(waiting.items())


def _whole(outcome: dict[str, Any] | ApiError) -> Response:
    if isinstance(outcome, ApiError):
        raise outcome
    return Json(outcome)


def event(name: str, data: Any) -> bytes:
    """One server-sent event. JSON has no line breaks, so the data is one line."""
    return b"event: " + name.encode() + b"\ndata: " + to_json(data) + b"\n\n"
