"""`/api/v1/knowledge`: what an agent is to know, from files, folders, addresses and texts."""

import logging
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from bot_host.app.knowledge import Knower, NotKnown, find_world, remove
from bot_host.kit.clean import clean_text, one_line
from bot_host.kit.clock import utc_now
from bot_host.runtime import AgentRuntime
from bot_host.runtime.given_knowledge import is_address, missing, source_at
from bot_host.types.events import EventType
from bot_host.types.ids import UUID, as_id, is_uuid
from bot_host.types.sources import PATH, KnowledgeSource, SourceKind, SourceState
from bot_host.types.summary import Numbered
from bot_host.web.errors import ApiError
from bot_host.web.hub import Hub
from bot_host.web.pages import COUNT, After, Count, page, read
from bot_host.web.remembered import BY, Agent, agent_of, agent_with, cursor_id, hidden
from bot_host.web.uploads import UploadUnreadable, text_of

log = logging.getLogger(__name__)

TEXT_LIMIT: Final = 500_000
PLACE_LIMIT: Final = 2000
NAME_LIMIT: Final = 200


class Added(BaseModel):
    """What is to be known: one of `place`, `file` and `text`."""

    model_config = ConfigDict(extra="forbid")

    agent: Annotated[str, Field(max_length=NAME_LIMIT)] = ""
    place: Annotated[str, Field(max_length=PLACE_LIMIT, description="A path on the host, or an address.")] = (
        ""
    )
    file: Annotated[str, Field(max_length=NAME_LIMIT, description="As `POST /api/v1/files` called it.")] = ""
    name: Annotated[str, Field(max_length=NAME_LIMIT, description="What the file is called.")] = ""
    text: Annotated[str, Field(max_length=TEXT_LIMIT, description="The knowledge itself, as Markdown.")] = ""
    title: Annotated[str, Field(max_length=NAME_LIMIT, description="As it is cited.")] = ""
    world: Annotated[
        str, Field(max_length=NAME_LIMIT, description="Only for this world's people: its id or name.")
    ] = ""


def make_router(hub: Hub) -> APIRouter:
    """See the module."""
    router = APIRouter(prefix="/api/v1/knowledge", tags=["knowledge"], dependencies=[Depends(hub.guarded)])

    @router.get("")
    async def sources(agent: Agent = "", count: Count = COUNT, after: After = "") -> dict[str, Any]:
        """Sources by location; of a folder, how many of its files were read. `counts`: of all."""
        runtime = agent_of(hub, agent)
        place = read(after, str, str)
        found = await runtime.store.sources(
            runtime.agent_id,
            after=(place[0], cursor_id(place[1])) if place is not None else None,
            count=count + 1,
        )
        folders: dict[UUID | None, dict[str, int]] = defaultdict(dict)
        total: dict[str, int] = {"sources": 0, "fragments": 0, **dict.fromkeys(SourceState, 0)}
        for each in await runtime.store.source_counts(runtime.agent_id):
            folders[each.parent_id][each.state] = each.count
            total["sources"] += each.count
            total["fragments"] += each.fragments
            total[each.state] += each.count
        worlds = {each.id: each.name for each in await runtime.store.get_worlds(runtime.agent_id)}
        listed = page(
            found,
            count,
            place=lambda each: [each.location, each.id],
            show=lambda each: _shown(hub, each, worlds, folders.get(each.id)),
        )
        return {**listed, "counts": total, "reading": runtime.started}

    @router.post("", status_code=202)
    async def add(given: Added) -> dict[str, Any]:
        """Know something from now on. It is read in the background: its `state` says how far that is.

        The same place again is read anew.
        """
        runtime = agent_of(hub, given.agent)
        if sum(map(bool, (given.place.strip(), given.file, given.text.strip()))) != 1:
            raise ApiError(400, "give one of place, file and text")
        try:
            world = await find_world(runtime.store, runtime.agent_id, given.world.strip())
        except NotKnown as error:
            raise ApiError(400, f"world: {error}") from None
        world_id = world.id if world is not None else None
        source = await _made(hub, runtime, given, world_id)
        added = await runtime.store.add_source(source)
        await _tell(runtime, "knowledge added", added)
        return _shown(hub, added, {world.id: world.name} if world is not None else {}, None)

    @router.post("/{source_id}/read", status_code=202)
    async def again(source_id: str) -> dict[str, Any]:
        """Read a source again now."""
        runtime, source = await _find(hub, source_id)
        added = await runtime.store.add_source(source)
        await runtime.emit_event(EventType.KNOWLEDGE_ADDED, {"source": BY})
        return _shown(hub, added, {}, None)

    @router.get("/{source_id}/fragments")
    async def fragments(source_id: str, count: Count = COUNT, after: After = "") -> dict[str, Any]:
        """What was read of a source, part by part, as it is searched."""
        runtime, source = await _find(hub, source_id)
        place = read(after, int)
        found: list[Numbered] = []
        if source.document_id is not None:
            begin = place[0] if place is not None else None
            found = await runtime.store.derived(source.document_id, after=begin, count=count + 1)
        return page(
            found,
            count,
            place=lambda each: [each.seq],
            show=lambda each: {
                "id": each.memory.id,
                "text": each.memory.content.text,
                "headings": each.memory.metadata.get(PATH) or [],
            },
        )

    @router.delete("/{source_id}")
    async def forget(source_id: str) -> dict[str, Any]:
        """Forget a source with all that was read of it; a folder with all that is in it."""
        runtime, source = await _find(hub, source_id)
        who = Knower(runtime.agent_id, runtime.character.name, runtime.options.knowledge)
        try:
            _, count = await remove(runtime.store, who, source.id)
        except NotKnown as error:
            raise ApiError(409, str(error)) from None
        await _tell(runtime, "knowledge removed", source)
        return {"removed": count}

    return router


async def _made(hub: Hub, agent: AgentRuntime, given: Added, world_id: UUID | None) -> KnowledgeSource:
    title = one_line(clean_text(given.title), NAME_LIMIT)
    fields: dict[str, Any] = {"agent_id": agent.agent_id, "world_id": world_id, "added_by": BY}
    if given.text.strip():
        title = title or one_line(clean_text(given.text.strip().partition("\n")[0]).lstrip("# "), 80)
        return KnowledgeSource(
            **fields,
            kind=SourceKind.TEXT,
            location=f"text: {title}",
            title=title,
            text=clean_text(given.text),
        )
    if given.file:
        name = one_line(clean_text(given.name), NAME_LIMIT) or "file"
        data = await hub.host.read_media(given.file)
        if data is None:
            raise ApiError(404, "file: there is no such file (any more); put it to /api/v1/files first")
        try:
            text = await text_of(data, name=name)
        except UploadUnreadable as error:
            raise ApiError(422, f"{name}: {error}") from None
        title = title or Path(name).stem
        return KnowledgeSource(
            **fields, kind=SourceKind.TEXT, location=f"upload: {name}", title=title, text=text
        )
    place = given.place.strip()
    base = hub.loaded.folder if hub.loaded is not None else Path.cwd()
    source = source_at(place, base=base, title=title)
    if not is_address(place):
        _check_path(hub, Path(source.location))
        if lost := missing([source]):
            raise ApiError(400, f"place: there is no {lost[0]} on the host")
    return KnowledgeSource(**fields, kind=source.kind, location=source.location, title=title)


def _check_path(hub: Hub, path: Path) -> None:
    """What an agent knows it says: files that are likely to hold secrets are for the command line alone."""
    given = [hub.loaded.file, hub.loaded.config.data_dir] if hub.loaded is not None else []
    own = [Path(each).resolve() for each in given if each is not None]
    # Inside them, or around them: a folder is read with all that is in it.
    theirs = any(path.is_relative_to(each) or each.is_relative_to(path) for each in own)
    if theirs or any(part.startswith(".") for part in path.parts):
        raise ApiError(
            400, "place: hidden files, and folders with the host's own, are not read from here; name another"
        )


async def _tell(agent: AgentRuntime, action: str, source: KnowledgeSource) -> None:
    agent.knowledge_changed()
    await agent.emit_event(EventType.KNOWLEDGE_ADDED, {"source": BY})
    await agent.audit(action, source.id, {"location": one_line(source.location, 300)}, actor=BY)


async def _find(hub: Hub, source_id: str) -> tuple[AgentRuntime, KnowledgeSource]:
    source = await hub.host.store.find_source(as_id(source_id)) if is_uuid(source_id) else None
    runtime = agent_with(hub, source.agent_id) if source is not None else None
    if source is None or runtime is None:
        raise ApiError(404, "there is no such source")
    return runtime, source


def _shown(
    hub: Hub, source: KnowledgeSource, worlds: dict[UUID, str], inside: dict[str, int] | None
) -> dict[str, Any]:
    world = {"id": source.world_id, "name": worlds.get(source.world_id, "")} if source.world_id else None
    reading = source.claimed_until is not None and source.claimed_until > utc_now()
    return {
        "id": source.id,
        "kind": source.kind,
        "location": hidden(hub, source.location),
        "title": source.title,
        "state": "reading" if reading else source.state,
        "remark": hidden(hub, source.remark),
        "fragments": source.fragments,
        "size": source.size,
        "origin": source.origin,
        "parent_id": source.parent_id,
        "world": world,
        "added_at": source.added_at.isoformat(),
        "read_at": source.read_at.isoformat() if source.read_at else None,
        "inside": inside,
    }
