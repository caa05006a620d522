"""`/api/v1/people`, `/api/v1/entities/{id}/…`: who is known, what is held of them, handed over or erased."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from bot_host.runtime import AgentRuntime
from bot_host.types.ids import as_id, create_unique_uuid, is_uuid
from bot_host.types.places import Entity
from bot_host.web.errors import ApiError
from bot_host.web.hub import Hub
from bot_host.web.pages import COUNT, After, Count, page, read
from bot_host.web.remembered import BY, Agent, accounts_of, agent_of, agent_with, cursor_id, name_of

NOT_COVERED: Final = (
    "Not covered: what others said about them, backups and log files, and what the platforms keep."
)
Linked = Annotated[bool, Query(description="Also the accounts that they have linked with this one.")]


def make_router(hub: Hub) -> APIRouter:
    """See the module."""
    router = APIRouter(prefix="/api/v1", tags=["people"], dependencies=[Depends(hub.guarded)])

    @router.get("/people")
    async def people(
        agent: Agent = "",
        q: Annotated[
            str, Query(max_length=200, description="How a name begins, an id, or PLATFORM:ID.")
        ] = "",
        count: Count = COUNT,
        after: After = "",
    ) -> dict[str, Any]:
        """People whom an agent knows, by name."""
        runtime = agent_of(hub, agent)
        place = read(after, str, str)
        exact = await _exact(runtime, q.strip()) if place is None and q.strip() else []
        if exact:
            return {"items": [_shown(each) for each in exact], "next": None}
        found = await runtime.store.people_named(
            runtime.agent_id,
            q.strip(),
            after=(place[0], cursor_id(place[1])) if place is not None else None,
            count=count + 1,
        )
        return page(
            found,
            count,
            place=lambda each: [each.name, each.entity.id],
            show=lambda each: _shown(each.entity),
        )

    @router.get("/entities/{entity_id}/held")
    async def held(entity_id: str) -> dict[str, Any]:
        """What is held of somebody: rows by table, and the accounts that they have linked."""
        runtime, entity = await _find(hub, entity_id)
        counts = await runtime.store.held(entity.id)
        _, *others = await runtime.store.linked_entities(entity.id)
        known = await runtime.store.get_entities(others)
        return {
            "person": _shown(entity),
            "agent": {"id": runtime.agent_id, "name": runtime.character.name},
            "held": counts,
            "linked": [_shown(known[each]) for each in others if each in known],
            "not_covered": NOT_COVERED,
        }

    @router.get("/entities/{entity_id}/export")
    async def export(entity_id: str, linked: Linked = False) -> Response:
        """All that is held of somebody, as the zip file that /mydata gives them."""
        runtime, entity = await _find(hub, entity_id)
        ids = await runtime.store.linked_entities(entity.id) if linked else [entity.id]
        archive = await hub.host.export_person(runtime.agent_id, ids)
        if not archive.parts:
            raise ApiError(404, "nothing is held of them")
        await runtime.audit("person exported", entity.id, {"accounts": len(ids)}, actor=BY)
        headers = {"Content-Disposition": f'attachment; filename="mydata-{entity.id}.zip"'}
        return Response(archive.parts[0], media_type="application/zip", headers=headers)

    @router.delete("/entities/{entity_id}")
    async def erase(
        entity_id: str,
        confirm: Annotated[str, Query(max_length=500, description="Their name, or their entity's id.")] = "",
        linked: Linked = False,
    ) -> dict[str, Any]:
        """Erase all that is held of somebody, for good, as /forgetme does; a receipt for each account."""
        runtime, entity = await _find(hub, entity_id)
        if confirm.strip().casefold() not in {name_of(entity).casefold(), entity.id} - {""}:
            called = name_of(entity) or entity.id
            raise ApiError(409, f"confirm: to erase them for good, give their name: {called}")
        me, *others = await runtime.store.linked_entities(entity.id)
        # Others first, as with /forgetme: cut off in between, it can be said again.
        receipts = await hub.host.erase_person(runtime.agent_id, [*(others if linked else []), me])
        counts = {"accounts": len(receipts), "rows": sum(sum(each.values()) for each in receipts.values())}
        await runtime.audit("person erased", "", counts, actor=BY)
        return {
            "erased": [{"id": each, "rows": rows} for each, rows in receipts.items()],
            "not_covered": NOT_COVERED,
        }

    @router.post("/entities/{entity_id}/part")
    async def part(entity_id: str) -> dict[str, Any]:
        """Take an account out of the person that it was linked with: nothing is recalled across any more."""
        runtime, entity = await _find(hub, entity_id)
        others = await runtime.store.unlink(entity.id, by=BY)
        if not others:
            raise ApiError(409, "it is linked with no other account")
        return {"parted_from": others}

    return router


async def _exact(agent: AgentRuntime, wanted: str) -> list[Entity]:
    """Those whom an id means: the entity's, or a platform's, with or without the platform before it."""
    platform, _, rest = wanted.partition(":")
    ids = [create_unique_uuid(agent.agent_id, text) for text in (wanted, rest) if text]
    if is_uuid(wanted):
        ids.insert(0, as_id(wanted))
    known = await agent.store.get_entities(ids)
    found = [each for each in known.values() if each.agent_id == agent.agent_id and each.id != agent.agent_id]
    if rest:
        found = [each for each in found if platform in each.metadata] or found
    return found


async def _find(hub: Hub, entity_id: str) -> tuple[AgentRuntime, Entity]:
    entity = await hub.host.store.find_entity(as_id(entity_id)) if is_uuid(entity_id) else None
    runtime = agent_with(hub, entity.agent_id) if entity is not None else None
    if entity is None or runtime is None:
        raise ApiError(404, "nobody is known by this id")
    if entity.id == entity.agent_id:
        raise ApiError(409, "this is the agent itself, not a person")
    return runtime, entity


def _shown(entity: Entity) -> dict[str, Any]:
    return {
        "id": entity.id,
        "name": name_of(entity),
        "names": list(entity.names),
        "accounts": accounts_of(entity),
    }
