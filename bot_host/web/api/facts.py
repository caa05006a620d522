"""`/api/v1/facts`, `/api/v1/relationships`: what an agent has learned of people."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from bot_host.kit.clean import clean_text, one_line
from bot_host.runtime import AgentRuntime
from bot_host.types.ids import is_uuid
from bot_host.types.knowledge import Audience, Relationship
from bot_host.web.errors import ApiError
from bot_host.web.hub import Hub
from bot_host.web.pages import COUNT, After, Count, page, read
from bot_host.web.remembered import (
    BY,
    Agent,
    Person,
    RoomId,
    Told,
    agent_of,
    agent_with,
    cursor_id,
    id_or_none,
    moment,
)

TAGS: Final = 20
TAG: Final = 60
Ears = Annotated[Audience | None, Query(description="Only what is for these ears.")]


class LinkCorrection(BaseModel):
    """What is to be put right of a relationship; what is not given stays."""

    model_config = ConfigDict(extra="forbid")

    tags: Annotated[list[Annotated[str, Field(max_length=TAG)]] | None, Field(max_length=TAGS)] = None
    audience: Audience | None = None
    confidence: Annotated[float | None, Field(ge=0, le=1)] = None


def make_router(hub: Hub) -> APIRouter:
    """See the module."""
    router = APIRouter(prefix="/api/v1", tags=["memory"], dependencies=[Depends(hub.guarded)])

    @router.get("/facts")
    async def facts(
        agent: Agent = "",
        person: Person = "",
        room: RoomId = "",
        audience: Ears = None,
        count: Count = COUNT,
        after: After = "",
    ) -> dict[str, Any]:
        """Facts, newest first. They are put right and deleted as memories (`/api/v1/memories/{id}`).

        `person` is who told it; `about` of a fact says whom it is about, where that is somebody else.
        """
        runtime = agent_of(hub, agent)
        place = read(after, str, int)
        found = await runtime.store.facts(
            runtime.agent_id,
            entity_id=id_or_none(person, "person"),
            room_id=id_or_none(room, "room"),
            audience=audience,
            after=(moment(place[0]), place[1]) if place is not None else None,
            count=count + 1,
        )
        told = await Told.of(runtime, [each.memory for each in found])
        return page(
            found,
            count,
            place=lambda each: [each.memory.created_at.isoformat(), each.seq],
            show=lambda each: told.memory(each.memory),
        )

    @router.get("/relationships")
    async def relationships(
        agent: Agent = "", person: Person = "", count: Count = COUNT, after: After = ""
    ) -> dict[str, Any]:
        """How people stand to each other as the agent sees it, latest first."""
        runtime = agent_of(hub, agent)
        place = read(after, str, str)
        found = await runtime.store.relationships(
            runtime.agent_id,
            entity_id=id_or_none(person, "person"),
            after=(moment(place[0]), cursor_id(place[1])) if place is not None else None,
            count=count + 1,
        )
        told = await Told.of(runtime, relationships=found)
        return page(
            found,
            count,
            place=lambda each: [each.updated_at.isoformat(), each.id],
            show=told.relationship,
        )

    @router.patch("/relationships/{relationship_id}")
    async def correct(relationship_id: str, given: LinkCorrection) -> dict[str, Any]:
        """Put a relationship right: what it is (`tags`), who may hear of it, how sure it is."""
        runtime, link = await _find(hub, relationship_id)
        wanted = given.model_dump(exclude_none=True)
        if not wanted:
            raise ApiError(400, "nothing is to be changed: give tags, audience or confidence")
        if given.tags is not None:
            tags = [one_line(clean_text(tag), TAG) for tag in given.tags]
            wanted["tags"] = list(dict.fromkeys(tag for tag in tags if tag))
        now = await runtime.store.correct_relationship(link.id, **wanted)
        if now is None:
            raise ApiError(404, "there is no such relationship any more")
        await runtime.audit("relationship corrected", link.id, {"changed": sorted(wanted)}, actor=BY)
        return (await Told.of(runtime, relationships=[now])).relationship(now)

    @router.delete("/relationships/{relationship_id}", status_code=204)
    async def delete(relationship_id: str) -> Response:
        """Delete a relationship."""
        runtime, link = await _find(hub, relationship_id)
        await runtime.store.delete_relationship(link.id)
        await runtime.audit("relationship deleted", link.id, {}, actor=BY)
        return Response(status_code=204)

    return router


async def _find(hub: Hub, relationship_id: str) -> tuple[AgentRuntime, Relationship]:
    known = is_uuid(relationship_id)
    link = await hub.host.store.find_relationship_by_id(relationship_id.lower()) if known else None
    runtime = agent_with(hub, link.agent_id) if link is not None else None
    if link is None or runtime is None:
        raise ApiError(404, "there is no such relationship")
    return runtime, link
