"""`/api/v1/agents/{agent}/conversations`: the console's chat, as any other client may use it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from bot_host.kit.clean import clean_text, one_line
from bot_host.runtime import AgentRuntime
from bot_host.types.content import Media
from bot_host.types.errors import StoreError
from bot_host.types.ids import UUID, create_unique_uuid, is_uuid, new_id
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.places import Room
from bot_host.web.chat.connector import WebConnector, room_of
from bot_host.web.chat.rooms import Watch
from bot_host.web.chat.shown import shown
from bot_host.web.errors import ApiError
from bot_host.web.hub import Hub
from bot_host.web.messages import EVENT_STREAM, PING_SECONDS, event
from bot_host.web.pages import COUNT, After, Count, page, read

log = logging.getLogger(__name__)

TEXT_LIMIT: Final = 100_000
NAME_LIMIT: Final = 80
FILES: Final = 10
MANY_AT_ONCE: Final = 20
"""Messages that may have come in at the same moment."""
ANSWERED_WITHIN: Final = timedelta(days=1)
"""So long after a question its answer is still shown as its own."""
Place = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="Any name of the caller's own.")]


class FileRef(BaseModel):
    """A file that was put to `/api/v1/files`."""

    model_config = ConfigDict(extra="forbid")

    file: Annotated[str, Field(max_length=200)]
    name: Annotated[str, Field(max_length=200)] = "file"
    type: Annotated[str, Field(max_length=100)] = ""
    size: int | None = None


class Said(BaseModel):
    """A message."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(max_length=TEXT_LIMIT)] = ""
    attachments: Annotated[list[FileRef], Field(max_length=FILES)] = []


class Renamed(BaseModel):
    """What a conversation is to be called."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=NAME_LIMIT)]


def make_router(hub: Hub) -> APIRouter:
    """See the module."""
    router = APIRouter(
        prefix="/api/v1/agents/{agent}/conversations", tags=["chat"], dependencies=[Depends(hub.guarded)]
    )

    @router.get("")
    async def conversations(agent: str, count: Count = COUNT, after: After = "") -> dict[str, Any]:
        """The console's conversations with an agent, newest first."""
        runtime = hub.agent(agent)
        place = read(after, str, str)
        since = (_time(place[0]), _id(place[1])) if place is not None else None
        found = await runtime.store.conversations(_world(runtime), after=since, count=count + 1)
        return page(
            found,
            count,
            place=lambda each: [each.last_at.isoformat(), each.room.id],
            show=lambda each: {
                "id": each.room.channel_id,
                "name": each.room.name,
                "room_id": each.room.id,
                "last_at": each.last_at.isoformat(),
            },
        )

    @router.patch("/{conversation}")
    async def rename(agent: str, conversation: Place, given: Renamed) -> dict[str, Any]:
        """Call a conversation something else."""
        runtime = hub.agent(agent)
        room = await _room(runtime, conversation)
        name = one_line(clean_text(given.name), NAME_LIMIT)
        await runtime.store.update_room(_named(room, name))
        return {"id": conversation, "name": name}

    @router.delete("/{conversation}", status_code=204)
    async def forget(agent: str, conversation: Place) -> Response:
        """Delete a conversation with all that was said in it."""
        runtime = hub.agent(agent)
        await _room(runtime, conversation)
        await _connector(hub, runtime).stop_turn(conversation)
        await runtime.store.delete_room(room_of(runtime.agent_id, conversation))
        return Response(status_code=204)

    @router.get("/{conversation}/messages")
    async def messages(
        agent: str, conversation: Place, count: Count = COUNT, after: After = ""
    ) -> dict[str, Any]:
        """What was said, newest first."""
        runtime = hub.agent(agent)
        place = read(after, str, str)
        until = _time(place[0]) if place is not None else None
        room_id = room_of(runtime.agent_id, conversation)
        # Of one moment there may be several: those that were shown are left out by their ids.
        found = await runtime.store.get_memories(room_id, count=count + MANY_AT_ONCE, until=until)
        rows = sorted(found, key=lambda each: (each.created_at, each.id), reverse=True)
        if place is not None:
            rows = [each for each in rows if (each.created_at, each.id) < (until, place[1])]
        return await _page(runtime, room_id, rows, count)

    @router.post("/{conversation}/messages", status_code=202)
    async def say(agent: str, conversation: Place, said: Said) -> dict[str, Any]:
        """Say something. It is on disk when this answers; what comes of it is told by `events`."""
        runtime = hub.agent(agent)
        hub.check_taking()
        text = clean_text(said.text)
        if not text.strip() and not said.attachments:
            raise ApiError(400, "text: expected a text that is not empty, or attachments")
        connector = _connector(hub, runtime)
        files = [_media(each) for each in said.attachments]
        memory_id, key = await connector.say(conversation, text, files)
        room = await runtime.store.find_room(room_of(runtime.agent_id, conversation))
        if room is not None and not room.name:
            name = one_line(text, NAME_LIMIT) or files[0].title or conversation
            await runtime.store.update_room(_named(room, name))
        connector.feed.tell(conversation, "message", id=memory_id)
        return {"id": memory_id, "key": key}

    @router.patch("/{conversation}/messages/{key}")
    async def edit(agent: str, conversation: Place, key: str, said: Said) -> dict[str, Any]:
        """Change what was said; the answer follows it, for a quarter of an hour after it was given."""
        runtime = hub.agent(agent)
        hub.check_taking()
        memory = await _message(runtime, conversation, key)
        text = clean_text(said.text)
        if not text.strip() and not memory.content.attachments:
            raise ApiError(400, "text: expected a text that is not empty")
        connector = _connector(hub, runtime)
        await connector.edit_message(key, memory.content.model_copy(update={"text": text}))
        connector.feed.tell(conversation, "message", id=memory.id)
        return {"id": memory.id, "key": key}

    @router.delete("/{conversation}/messages/{key}", status_code=204)
    async def delete(agent: str, conversation: Place, key: str) -> Response:
        """Take back what was said; its answer goes with it."""
        runtime = hub.agent(agent)
        memory = await _message(runtime, conversation, key)
        connector = _connector(hub, runtime)
        await connector.delete_message(key)
        connector.feed.tell(conversation, "gone", id=memory.id)
        return Response(status_code=204)

    @router.post("/{conversation}/messages/{key}/retry", status_code=202)
    async def retry(agent: str, conversation: Place, key: str) -> dict[str, Any]:
        """Say the same again in its place; the answer that there is goes."""
        runtime = hub.agent(agent)
        hub.check_taking()
        memory = await _message(runtime, conversation, key)
        connector = _connector(hub, runtime)
        files = [
            each.model_copy(update={"file": each.url.removeprefix("file:"), "reading": None})
            for each in memory.content.attachments
        ]
        await connector.delete_message(key)
        connector.feed.tell(conversation, "gone", id=memory.id)
        memory_id, new_key = await connector.say(conversation, memory.content.text, files)
        connector.feed.tell(conversation, "message", id=memory_id)
        return {"id": memory_id, "key": new_key}

    @router.post("/{conversation}/stop", status_code=204)
    async def stop(agent: str, conversation: Place) -> Response:
        """Stop the answer that is being made."""
        await _connector(hub, hub.agent(agent)).stop_turn(conversation)
        return Response(status_code=204)

    @router.get(
        "/{conversation}/events",
        response_class=StreamingResponse,
        responses={200: {"content": {EVENT_STREAM: {}}}},
    )
    async def events(agent: str, conversation: Place) -> Response:
        """What happens there, as server-sent events.

        `message`: one is new or has changed, whole; `chunk`: more of an answer that is being written;
        `replaced`: that answer reads so now; `gone`; `typing`; `action`: the agent does something; `run`;
        `over`: a message has its outcome; `reload`: too much was missed, ask for the messages again.
        """
        runtime = hub.agent(agent)
        connector = _connector(hub, runtime)
        return StreamingResponse(
            _events(hub, runtime, connector, conversation),
            media_type=EVENT_STREAM,
            headers={"X-Accel-Buffering": "no"},
        )

    return router


async def _events(
    hub: Hub, agent: AgentRuntime, connector: WebConnector, conversation: str
) -> AsyncIterator[bytes]:
    with Watch(agent, connector, conversation), connector.feed.follow(conversation) as feed:
        yield event("hello", {"conversation": conversation})
        while not hub.draining:
            try:
                async with asyncio.timeout(PING_SECONDS):
                    name, data = await feed.get()
            except TimeoutError:
                yield b": still here\n\n"
                continue
            try:
                if name == "message":
                    data = await _one(agent, conversation, str(data["id"])) or data
                    name = "message" if "text" in data else "gone"
                yield event(name, data)
            except StoreError as error:
                log.warning("a page could not be told of a message: %s", error)
                yield event("reload", {})


async def _one(agent: AgentRuntime, conversation: str, memory_id: UUID) -> dict[str, Any] | None:
    memory = await agent.store.find_memory(memory_id)
    if memory is None:
        return None
    found = await _page(agent, room_of(agent.agent_id, conversation), [memory], 1)
    only: dict[str, Any] = found["items"][0]
    return only


async def _page(agent: AgentRuntime, room_id: UUID, rows: Sequence[Memory], count: int) -> dict[str, Any]:
    asked = [each.content.in_reply_to for each in rows if each.content.in_reply_to]
    # Questions are a little older than their answers.
    since = min((each.created_at for each in rows), default=datetime.now(UTC)) - ANSWERED_WITHIN
    found = await agent.store.endings(room_id, [*(each.id for each in rows), *asked], since=since)
    by_message = {each.memory_id: each for each in found}
    answered_by = {each.reply_id: each for each in found if each.reply_id is not None}
    return page(
        rows,
        count,
        place=lambda each: [each.created_at.isoformat(), each.id],
        show=lambda each: shown(each, by_message.get(each.id), answered_by),
    )


async def _room(agent: AgentRuntime, conversation: str) -> Room:
    room = await agent.store.find_room(room_of(agent.agent_id, conversation))
    if room is None:
        raise ApiError(404, "there is no such conversation")
    return room


async def _message(agent: AgentRuntime, conversation: str, key: str) -> Memory:
    memory_id = create_unique_uuid(agent.agent_id, key) if is_uuid(key) else ""
    memory = await agent.store.find_memory(memory_id) if memory_id else None
    if (
        memory is None
        or memory.type is not MemoryType.MESSAGE
        or memory.room_id != room_of(agent.agent_id, conversation)
    ):
        raise ApiError(404, "there is no such message of yours in this conversation")
    return memory


def _connector(hub: Hub, agent: AgentRuntime) -> WebConnector:
    return hub.chat.of(agent)


def _named(room: Room, name: str) -> Room:
    return replace(room, name=name)


def _world(agent: AgentRuntime) -> UUID:
    return create_unique_uuid(agent.agent_id, "web-console")


def _media(ref: FileRef) -> Media:
    return Media(
        id=new_id(),
        file=ref.file,
        title=ref.name,
        file_name=ref.name,
        mime_type=ref.type or None,
        size=ref.size,
    )


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ApiError(400, "after: this is no cursor of this list; take `next` of the page before")
    return found


def _id(text: str) -> UUID:
    if not is_uuid(text):
        raise ApiError(400, "after: this is no cursor of this list; take `next` of the page before")
    return text
