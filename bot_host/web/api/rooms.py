"""`/api/v1/worlds`, `/api/v1/rooms`: where agents are, what is said there, and how they hold themselves."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field, field_validator

from bot_host.kit.clean import clean_text, one_line
from bot_host.runtime import AgentRuntime
from bot_host.types.content import Content
from bot_host.types.errors import StateError
from bot_host.types.ids import UUID, is_uuid
from bot_host.types.outbound import Target
from bot_host.types.places import ROOM_SETTINGS, ParticipantState, Room
from bot_host.types.room_views import RoomState
from bot_host.web.errors import ApiError
from bot_host.web.hub import Hub
from bot_host.web.pages import COUNT, After, Count, page, read
from bot_host.web.rooms import (
    CONSOLE,
    PRIVATE,
    SAID_BY,
    gone_shown,
    person_shown,
    room_shown,
    said_shown,
    state_shown,
    world_shown,
)

TEXT_LIMIT: Final = 20_000
LANGUAGE_LIMIT: Final = 40
NO_CURSOR: Final = "after: this is no cursor of this list; take `next` of the page before"

OfAgent = Annotated[str, Query(max_length=200, description="An agent's name or id; empty: all agents.")]
OnPlatform = Annotated[str, Query(max_length=50, description="Such as `discord`; empty: all platforms.")]
InWorld = Annotated[str, Query(max_length=36, description="A world's id; empty: all worlds.")]
Named = Annotated[str, Query(max_length=200, description="What stands in the name; empty: all.")]
Found = Annotated[
    str,
    Query(
        max_length=200,
        description="What stands in the room's or world's name, or the id of the room or channel.",
    ),
]
RoomId = Annotated[str, Path(max_length=36, description="A room's id.")]


class RoomChange(BaseModel):
    """What is to be changed; what is not named stays as it is."""

    model_config = ConfigDict(extra="forbid")

    state: ParticipantState | None = None
    """How the agent holds itself there: `FOLLOWED`, `MUTED`; null: as the rules say."""
    language: Annotated[str, Field(max_length=LANGUAGE_LIMIT)] | None = None
    """The language of its answers there; null: whatever people write in."""
    mention_only: bool | None = None
    """Whether it answers there only when it is addressed; null: as the bot is configured."""

    @field_validator("language")
    @classmethod
    def _one_line(cls, value: str | None) -> str | None:
        return one_line(clean_text(value), LANGUAGE_LIMIT) or None if value is not None else None


class Saying(BaseModel):
    """What the agent is to say."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT)]
    id: Annotated[str, Field(max_length=36)] | None = None
    """A UUID of the caller's own: the same one again is not sent again."""


def make_router(hub: Hub) -> APIRouter:
    """See the module."""
    router = APIRouter(prefix="/api/v1", tags=["rooms"], dependencies=[Depends(hub.guarded)])
    _add_lists(router, hub)
    _add_room(router, hub)

    @router.post("/agents/{agent}/rooms/{room_id}/send", status_code=202)
    async def send(agent: str, room_id: RoomId, said: Saying) -> dict[str, Any]:
        """Have the agent say something in a room. It is on disk when this answers; then it goes out."""
        runtime = hub.agent(agent)
        hub.check_taking()
        text = clean_text(said.text)
        if not text.strip():
            raise ApiError(400, "text: expected a text that is not empty")
        if said.id is not None and not is_uuid(said.id):
            raise ApiError(400, "id: expected a UUID")
        state = await state_of(hub, room_id)
        room = state.row.room
        if room.agent_id != runtime.agent_id:
            raise ApiError(404, f"{runtime.character.name} has no such room")
        delivery = await hub.host.send_message_to_target(
            runtime,
            Target(source=room.source, room_id=room.id, account=_way_out(state)),
            Content(text=text),
            memory_id=said.id,
            metadata={SAID_BY: CONSOLE},
        )
        await runtime.audit("message sent", room.id, {"memory_id": delivery.memory.id}, actor=CONSOLE)
        return {"id": delivery.memory.id, "room_id": room.id}

    return router


def _add_lists(router: APIRouter, hub: Hub) -> None:
    @router.get("/worlds")
    async def worlds(
        agent: OfAgent = "",
        platform: OnPlatform = "",
        text: Named = "",
        count: Count = COUNT,
        after: After = "",
    ) -> dict[str, Any]:
        """Servers, workspaces, groups and private chats, by name."""
        place = read(after, str, str)
        found = await hub.host.store.world_rows(
            agent_id=agent_id_of(hub, agent),
            platform=platform or None,
            text=clean_text(text).strip() or None,
            after=(place[0], an_id(place[1])) if place is not None else None,
            count=count + 1,
        )
        return page(found, count, place=lambda row: [row.world.name, row.world.id], show=world_shown)

    @router.get("/rooms")
    async def rooms(
        agent: OfAgent = "",
        platform: OnPlatform = "",
        world: InWorld = "",
        text: Found = "",
        count: Count = COUNT,
        after: After = "",
    ) -> dict[str, Any]:
        """Channels, threads and private chats; those first in which something was said last."""
        place = read(after, str, str)
        if world and not is_uuid(world):
            raise ApiError(400, "world: expected the id of a world")
        found = await hub.host.store.room_rows(
            agent_id=agent_id_of(hub, agent),
            platform=platform or None,
            world_id=world or None,
            text=clean_text(text).strip() or None,
            after=(a_moment(place[0]), an_id(place[1])) if place is not None else None,
            count=count + 1,
        )
        return page(found, count, place=lambda row: [row.at.isoformat(), row.room.id], show=room_shown)


def _add_room(router: APIRouter, hub: Hub) -> None:
    @router.get("/rooms/{room_id}")
    async def room(room_id: RoomId) -> dict[str, Any]:
        """One room: how the agent holds itself there, what is set, who may hear of it, what waits."""
        return state_shown(await state_of(hub, room_id))

    @router.patch("/rooms/{room_id}")
    async def change(room_id: RoomId, given: RoomChange) -> dict[str, Any]:
        """Follow or mute a room, set its language, or whether the agent answers only when addressed."""
        state = await state_of(hub, room_id)
        runtime = hub.agent(state.row.room.agent_id)
        await _change(runtime, state.row.room, given)
        return state_shown(await state_of(hub, room_id))

    @router.get("/rooms/{room_id}/messages")
    async def messages(room_id: RoomId, count: Count = COUNT, after: After = "") -> dict[str, Any]:
        """What was said there as it stands on the platform, newest first.

        Of what was deleted only that it was there is told: `gone`, of the same stretch of time.
        """
        place = read(after, str, int)
        there = await room_of(hub, room_id)
        talk = await hub.host.store.room_talk(
            there.id,
            after=(a_moment(place[0]), a_number(place[1])) if place is not None else None,
            count=count + 1,
        )
        found = page(
            talk.said,
            count,
            place=lambda row: [row.memory.created_at.isoformat(), row.seq],
            show=lambda row: said_shown(row, talk, there),
        )
        return {**found, "gone": [gone_shown(each, talk) for each in talk.gone]}

    @router.get("/rooms/{room_id}/participants")
    async def participants(room_id: RoomId, count: Count = COUNT, after: After = "") -> dict[str, Any]:
        """Who is known to be there, by when they became known."""
        place = read(after, str, str)
        there = await room_of(hub, room_id)
        world = await hub.host.store.find_world(there.world_id) if there.world_id else None
        found = await hub.host.store.room_people(
            there.id,
            after=(a_moment(place[0]), an_id(place[1])) if place is not None else None,
            count=count + 1,
        )
        return page(
            found,
            count,
            place=lambda row: [row.joined_at.isoformat() if row.joined_at else "", row.entity.id],
            show=lambda row: person_shown(row, world),
        )


async def _change(agent: AgentRuntime, room: Room, given: RoomChange) -> None:
    wanted = given.model_dump(mode="json", exclude_unset=True)
    if room.type in PRIVATE and {"state", "mention_only"} & {
        key for key in wanted if wanted[key] is not None
    }:
        raise StateError("state and mention_only are for rooms of several people: in private all is answered")
    settings = {key: wanted[key] for key in ("language", "mention_only") if key in wanted}
    if "state" in wanted:
        await agent.store.set_participant_state(agent.agent_id, room.id, agent.agent_id, given.state)
    if settings:
        # As it is by now: the platform writes there, too.
        now = await agent.store.find_room(room.id) or room
        told = now.metadata.get(ROOM_SETTINGS)
        merged = {**(told if isinstance(told, dict) else {}), **settings}
        kept = {key: value for key, value in merged.items() if value is not None}
        await agent.store.update_room(replace(now, metadata={**now.metadata, ROOM_SETTINGS: kept}))
    if wanted:
        await agent.audit("room settings changed", room.id, wanted, actor=CONSOLE)


def _way_out(state: RoomState) -> str:
    """The account that the room's messages come in through; empty where only the host knows the way."""
    source = state.row.room.source
    return state.account if source and state.account.partition(":")[0] == source else ""


async def state_of(hub: Hub, room_id: str) -> RoomState:
    """Raises ApiError 404."""
    state = await hub.host.store.room_state(room_id) if is_uuid(room_id) else None
    if state is None:
        raise ApiError(404, "there is no such room")
    return state


async def room_of(hub: Hub, room_id: str) -> Room:
    """Raises ApiError 404."""
    room = await hub.host.store.find_room(room_id) if is_uuid(room_id) else None
    if room is None:
        raise ApiError(404, "there is no such room")
    return room


def agent_id_of(hub: Hub, wanted: str) -> UUID | None:
    """By name or id, also of agents that the database knows alone; None: all. Raises ApiError 404."""
    if not wanted:
        return None
    return wanted.lower() if is_uuid(wanted) else hub.agent(wanted).agent_id


def a_moment(text: str) -> datetime:
    """A time in a cursor. Raises ApiError 400."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ApiError(400, NO_CURSOR)
    return found


def a_number(value: int) -> int:
    """A row's number in a cursor. Raises ApiError 400."""
    if not 0 <= value < 2**62:
        raise ApiError(400, NO_CURSOR)
    return value


def an_id(text: str) -> UUID:
    """An id in a cursor. Raises ApiError 400."""
    if not is_uuid(text):
        raise ApiError(400, NO_CURSOR)
    return text
