"""`/api/v1/entities`: people and bots, as agents know them."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query

from bot_host.kit.clean import clean_text
from bot_host.types.ids import is_uuid
from bot_host.web.api.rooms import agent_id_of, an_id
from bot_host.web.errors import ApiError
from bot_host.web.hub import Hub
from bot_host.web.pages import COUNT, After, Count, page, read
from bot_host.web.rooms import known_of, person_shown

SHOWN: Final = 100
"""Rooms, facts and contacts of one person; the memory page has all of them."""

Agent = Annotated[str, Query(max_length=200, description="An agent's name or id; empty: the first agent.")]
Begins = Annotated[str, Query(max_length=200, description="How one of their names begins; empty: all.")]


def make_router(hub: Hub) -> APIRouter:
    """See the module."""
    router = APIRouter(prefix="/api/v1/entities", tags=["people"], dependencies=[Depends(hub.guarded)])

    @router.get("")
    async def entities(
        agent: Agent = "", name: Begins = "", count: Count = COUNT, after: After = ""
    ) -> dict[str, Any]:
        """Whom an agent knows, by name. Each is named once, by the first name that fits."""
        agents = hub.host.get_agents()
        agent_id = agent_id_of(hub, agent) or (agents[0].agent_id if agents else None)
        if agent_id is None:
            raise ApiError(404, "there is no agent")
        place = read(after, str, str)
        found = await hub.host.store.people_by_name(
            agent_id,
            begins=clean_text(name).strip(),
            after=(place[0], an_id(place[1])) if place is not None else None,
            count=count + 1,
        )
        return page(found, count, place=lambda row: [row.name, row.entity.id], show=person_shown)

    @router.get("/{entity_id}")
    async def entity(
        entity_id: Annotated[str, Path(max_length=36, description="An entity's id.")],
    ) -> dict[str, Any]:
        """Somebody: names, accounts, rooms, and up to a hundred facts and contacts, the newest first."""
        person = await hub.host.store.person_view(entity_id, count=SHOWN) if is_uuid(entity_id) else None
        if person is None:
            raise ApiError(404, "nobody is known by this id")
        return known_of(person)

    return router
