"""`/api/v1/summaries`: what was said in rooms, in short."""

from typing import Any

from fastapi import APIRouter, Depends

from bot_host.runtime import AgentRuntime
from bot_host.types.ids import as_id, is_uuid
from bot_host.types.memory_views import Place
from bot_host.web.errors import ApiError
from bot_host.web.hub import Hub
from bot_host.web.pages import COUNT, After, Count, page, read
from bot_host.web.remembered import (
    BY,
    Agent,
    agent_of,
    agent_with,
    cursor_id,
    moment,
    place_told,
)


def make_router(hub: Hub) -> APIRouter:
    """See the module."""
    router = APIRouter(prefix="/api/v1/summaries", tags=["memory"], dependencies=[Depends(hub.guarded)])

    @router.get("")
    async def rooms(agent: Agent = "", count: Count = COUNT, after: After = "") -> dict[str, Any]:
        """Rooms of which there are summaries, latest first."""
        runtime = agent_of(hub, agent)
        place = read(after, str, str)
        found = await runtime.store.summed_rooms(
            runtime.agent_id,
            after=(moment(place[0]), cursor_id(place[1])) if place is not None else None,
            count=count + 1,
        )
        places = await runtime.store.places([each.room_id for each in found])
        return page(
            found,
            count,
            place=lambda each: [each.last_at.isoformat(), each.room_id],
            show=lambda each: {
                "room": place_told(places.get(each.room_id)),
                "parts": each.parts,
                "messages": each.messages,
                "stale": each.stale,
                "last_at": each.last_at.isoformat(),
            },
        )

    @router.get("/{room_id}")
    async def of_room(room_id: str) -> dict[str, Any]:
        """A room's past in short, part by part, oldest first; its audience is the room."""
        runtime, place = await _find(hub, room_id)
        summary = await runtime.store.room_summary(place.room.id)
        return {
            "room": place_told(place),
            "parts": [
                {
                    "id": each.id,
                    "level": each.level,
                    "state": each.state,
                    "text": each.text,
                    "first_at": each.first_at.isoformat(),
                    "last_at": each.last_at.isoformat(),
                    "messages": each.count,
                    "tokens": each.tokens,
                    "model": each.model,
                    "made_at": each.made_at.isoformat(),
                }
                for each in summary.parts
            ],
            "not_in_any": summary.between,
        }

    @router.post("/{room_id}/rebuild", status_code=202)
    async def rebuild(room_id: str) -> dict[str, Any]:
        """Have all of a room's summaries made anew from what is stored of it now."""
        runtime, place = await _find(hub, room_id)
        if not runtime.summaries.provider:
            raise ApiError(
                409,
                "nobody could make new ones: summaries are off, or no language model is set up",
            )
        parts = await runtime.store.renew_summaries(place.room.id)
        await runtime.audit("summaries made anew", place.room.id, {"parts": parts}, actor=BY)
        runtime.summaries.look(place.room.id, runtime.get_conversation_length())
        return {"parts": parts}

    return router


async def _find(hub: Hub, room_id: str) -> tuple[AgentRuntime, Place]:
    key = as_id(room_id) if is_uuid(room_id) else ""
    place = (await hub.host.store.places([key])).get(key) if key else None
    runtime = agent_with(hub, place.room.agent_id) if place is not None else None
    if place is None or runtime is None:
        raise ApiError(404, "there is no such room")
    return runtime, place
