"""`/api/v1/memories`: searched as the agent searches, shown, put right, deleted."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import Response

from bot_host.app.retention import in_words
from bot_host.kit.clean import clean_text
from bot_host.runtime import AgentRuntime
from bot_host.types.hearing import Hearing
from bot_host.types.ids import is_uuid
from bot_host.types.knowledge import Audience
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.search import SearchHit
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
    hidden,
    id_or_none,
    place_told,
)

DEEPEST: Final = 500
"""So many hits of one search are shown at the most."""
ROOMS: Final = 20
DERIVED: Final = 50
TEXT_LIMIT: Final = 2000
CORRECTABLE: Final = frozenset({MemoryType.FACT, MemoryType.DESCRIPTION, MemoryType.CUSTOM})
"""Kinds whose words are the agent's own."""
OF_SOURCES: Final = frozenset({MemoryType.DOCUMENT, MemoryType.FRAGMENT})
Since = Annotated[AwareDatetime | None, Query(description="Said at this time or later.")]
Until = Annotated[AwareDatetime | None, Query(description="Said at this time or earlier.")]
Types = Annotated[list[MemoryType], Query(max_length=len(MemoryType), description="Only of these kinds.")]
Wanted = Annotated[
    str, Query(min_length=1, max_length=TEXT_LIMIT, description="What to look for, in any words.")
]
Heard = Annotated[str, Query(max_length=36, description="A room's id: only what the agent might say there.")]


class Correction(BaseModel):
    """What is to be put right of a memory; what is not given stays."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str | None, Field(min_length=1, max_length=TEXT_LIMIT)] = None
    audience: Audience | None = None
    confidence: Annotated[float | None, Field(ge=0, le=1)] = None


def make_router(hub: Hub) -> APIRouter:
    """See the module."""
    router = APIRouter(prefix="/api/v1/memories", tags=["memory"], dependencies=[Depends(hub.guarded)])

    @router.get("")
    async def search(
        q: Wanted,
        agent: Agent = "",
        types: Types = [],  # noqa: B006 - FastAPI copies it
        room: RoomId = "",
        person: Person = "",
        heard: Heard = "",
        since: Since = None,
        until: Until = None,
        count: Count = COUNT,
        after: After = "",
    ) -> dict[str, Any]:
        """Search by words and by meaning, as the agent does; best first, 500 at the most.

        `words` and `meaning` of a hit say at which place of which list it stood. `heard` leaves what
        everybody in that room may hear. `model`: whose vectors were compared; empty: words alone.
        """
        runtime = agent_of(hub, agent)
        place = read(after, int)
        begin = place[0] if place is not None else 0
        if not 0 <= begin <= DEEPEST:
            raise ApiError(400, "after: this is no cursor of this list; take `next` of the page before")
        heard_in, person_id = id_or_none(heard, "heard"), id_or_none(person, "person")
        room_id = id_or_none(room, "room")
        hearing = await _hearing(runtime, heard_in) if heard_in else None
        query = await runtime.query_embedding(q)
        hits = await runtime.store.search_memories(
            runtime.agent_id,
            text=q,
            embedding=query[0] if query else None,
            model=query[1] if query else None,
            types=types,
            room_id=room_id,
            entity_ids=[person_id] if person_id else [],
            start=since,
            end=until,
            hearing=hearing,
            count=min(begin + count, DEEPEST) + 1,
        )
        count = min(count, DEEPEST - begin) or 1
        shown = hits[begin : begin + count + 1] if begin < DEEPEST else []
        told = await Told.of(runtime, [hit.memory for hit in shown])
        numbered = list(enumerate(shown, begin + 1))
        found = page(
            numbered, count, place=lambda each: [each[0]], show=lambda each: _hit(told, each[0], each[1])
        )
        if begin + count >= DEEPEST:
            found["next"] = None
        return {**found, "model": query[1] if query else ""}

    @router.get("/rooms")
    async def rooms(
        agent: Agent = "", q: Annotated[str, Query(max_length=200)] = "", id: RoomId = ""
    ) -> dict[str, Any]:
        """Up to 20 rooms of an agent whose name, or whose world's, has `q` in it; or the one of an `id`."""
        runtime = agent_of(hub, agent)
        if room_id := id_or_none(id, "id"):
            places = await runtime.store.places([room_id])
            return {
                "items": [
                    place_told(each) for each in places.values() if each.room.agent_id == runtime.agent_id
                ]
            }
        worlds = {each.id: each.name for each in await runtime.store.get_worlds(runtime.agent_id)}
        wanted = q.strip().casefold()
        fitting = [
            each.id
            for each in await runtime.store.get_rooms(runtime.agent_id)
            if wanted in each.name.casefold() or wanted in worlds.get(each.world_id or "", "").casefold()
        ]
        places = await runtime.store.places(fitting[:ROOMS])
        return {"items": [place_told(places[each]) for each in fitting[:ROOMS] if each in places]}

    @router.get("/state")
    async def state(agent: Agent = "") -> dict[str, Any]:
        """What there is beside messages, how the vectors are, and how long things are kept."""
        runtime = agent_of(hub, agent)
        vectors = await runtime.embedding_status()
        kept = hub.loaded.config.retention if hub.loaded is not None else None
        return {
            "agent": {"id": runtime.agent_id, "name": runtime.character.name},
            "counts": await runtime.store.count_learned(runtime.agent_id),
            "embeddings": {
                "model": vectors.model,
                "dimensions": vectors.dimensions,
                "provider": vectors.provider,
                "next_model": vectors.next_model,
                "done": vectors.done,
                "total": vectors.total,
                "error": hidden(hub, vectors.error),
                "waiting": vectors.queue.waiting,
                "failed": vectors.queue.failed,
                "failures": [
                    {"id": memory_id, "error": hidden(hub, error)}
                    for memory_id, error in vectors.queue.failures
                ],
            },
            "summaries": {"provider": runtime.summaries.provider},
            "retention": None if kept is None else {"words": in_words(kept), **kept.model_dump()},
        }

    @router.get("/{memory_id}")
    async def get(memory_id: str) -> dict[str, Any]:
        """One memory, with some of what was derived from it."""
        runtime, memory = await _find(hub, memory_id)
        derived = await runtime.store.derived(memory.id, after=None, count=DERIVED)
        told = await Told.of(runtime, [memory, *(each.memory for each in derived)])
        return {
            **told.memory(memory),
            "agent": {"id": runtime.agent_id, "name": runtime.character.name},
            "derived": [told.memory(each.memory) for each in derived],
        }

    @router.patch("/{memory_id}")
    async def correct(memory_id: str, given: Correction) -> dict[str, Any]:
        """Put right what was learned: its words, who may hear of it, how sure it is.

        The words of messages stay as they were said; who may hear of them can be changed.
        """
        runtime, memory = await _find(hub, memory_id)
        wanted = given.model_dump(exclude_none=True)
        if not wanted:
            raise ApiError(400, "nothing is to be changed: give text, audience or confidence")
        if memory.type in OF_SOURCES:
            raise ApiError(409, "it is read from a source of knowledge: change the source instead")
        if given.text is not None:
            if memory.type not in CORRECTABLE:
                raise ApiError(409, "a message stays as it was said; it can be deleted")
            wanted["text"] = clean_text(given.text).strip()
            if not wanted["text"]:
                raise ApiError(400, "text: it is empty; delete what is not true at all")
        if given.confidence is not None and memory.type is not MemoryType.FACT:
            raise ApiError(409, "only facts are more or less sure")
        if not await runtime.store.correct_memory(memory.id, **wanted):
            raise ApiError(404, "there is no such memory any more")
        await runtime.audit("memory corrected", memory.id, {"changed": sorted(wanted)}, actor=BY)
        runtime_, now = await _find(hub, memory_id)
        if "text" in wanted:
            await runtime.queue_embedding_generation(now, "high")
        told = await Told.of(runtime_, [now])
        return told.memory(now)

    @router.delete("/{memory_id}", status_code=204)
    async def delete(memory_id: str) -> Response:
        """Delete a memory, with what was learned from it. On the platform a message stays."""
        runtime, memory = await _find(hub, memory_id)
        if memory.type in OF_SOURCES:
            raise ApiError(409, "it is read from a source of knowledge: remove the source instead")
        await runtime.store.delete_memories([memory.id])
        await runtime.audit("memory deleted", memory.id, {"type": memory.type.value}, actor=BY)
        return Response(status_code=204)

    return router


async def _hearing(agent: AgentRuntime, room_id: str) -> Hearing:
    room = await agent.store.find_room(room_id)
    if room is None or room.agent_id != agent.agent_id:
        raise ApiError(404, f"heard: {agent.character.name} knows no such room")
    return await agent.store.hearing_in(agent.agent_id, room_id)


async def _find(hub: Hub, memory_id: str) -> tuple[AgentRuntime, Memory]:
    memory = await hub.host.store.find_memory(memory_id.lower()) if is_uuid(memory_id) else None
    runtime = agent_with(hub, memory.agent_id) if memory is not None else None
    if memory is None or runtime is None:
        raise ApiError(404, "there is no such memory")
    return runtime, memory


def _hit(told: Told, number: int, hit: SearchHit) -> dict[str, Any]:
    return {
        **told.memory(hit.memory),
        "number": number,
        "similarity": hit.memory.similarity,
        "words": _listed(hit.text_rank, hit.text_similarity),
        "meaning": _listed(hit.vector_rank, hit.vector_similarity),
    }


def _listed(rank: int | None, similarity: float | None) -> dict[str, Any] | None:
    return None if rank is None else {"place": rank, "similarity": similarity}
