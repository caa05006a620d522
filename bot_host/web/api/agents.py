"""`/api/v1/agents`: who is there, who they are, and changing that."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bot_host.app.created import create_agent, delete_agent
from bot_host.config.character_text import Kind, to_text, values_of
from bot_host.runtime import AgentRuntime
from bot_host.types.errors import ConfigError
from bot_host.web.abilities import abilities_of
from bot_host.web.agent_answers import IfMatch, answer, author, expected, short, whole
from bot_host.web.api import versions
from bot_host.web.characters import NOTE_LENGTH, Characters, changes, hidden, read
from bot_host.web.chat.connector import WebConnector
from bot_host.web.errors import ApiError
from bot_host.web.hub import Hub

TEXT_LIMIT: Final = 1024 * 1024
"""Characters of a character."""


class Described(BaseModel):
    """A character: its values, or the text of its file."""

    model_config = ConfigDict(extra="forbid")

    character: dict[str, Any] | None = None
    """As in a character file; secrets as `***` are kept."""
    text: Annotated[str, Field(max_length=TEXT_LIMIT)] | None = None
    format: Kind = "toml"
    """Of `text`."""


class Changed(Described):
    """A whole character in the place of the one that is."""

    version: int | None = None
    """The one that was changed; another one meanwhile is a conflict (409)."""
    into_file: bool = False
    """Write it into the character's file; otherwise the database keeps it until the file changes."""
    note: Annotated[str, Field(max_length=NOTE_LENGTH)] = ""


class Patched(BaseModel):
    """Some keys of a character."""

    model_config = ConfigDict(extra="forbid")

    character: dict[str, Any]
    version: int | None = None
    into_file: bool = False
    note: Annotated[str, Field(max_length=NOTE_LENGTH)] = ""


def make_router(hub: Hub) -> APIRouter:
    """See the module."""
    router = APIRouter(prefix="/api/v1", tags=["agents"], dependencies=[Depends(hub.guarded)])
    characters = Characters(hub)

    @router.get("/agents")
    async def agents() -> dict[str, Any]:
        """The agents of this host, with what they have used today (UTC)."""
        return {"agents": await _listed(hub, characters)}

    @router.post("/agents", status_code=201)
    async def create(given: Described) -> dict[str, Any]:
        """Create an agent and start it. Its file is in `agents` of the data folder."""
        hub.check_taking()
        if hub.loaded is None:
            raise ApiError(409, "this host was made by code: add agents there, with `add_agents`")
        character = read(given.character, given.text, given.format)
        if character.secrets or character.settings.get("secrets"):
            raise ApiError(400, "secrets: they are not taken here; put them into .env beside config.toml")
        agent_id, path = await create_agent(hub.host, hub.loaded, character)
        characters.add(agent_id, path)
        return await whole(characters, hub.host.get_agent(agent_id))

    @router.get("/agents/{agent}")
    async def look(agent: str, response: Response) -> dict[str, Any]:
        """One agent: its character, secrets as `***`, as values and as the text of a file."""
        found = await whole(characters, hub.agent(agent))
        response.headers["ETag"] = f'"{found["version"]}"'
        return found

    @router.put("/agents/{agent}")
    async def change(
        request: Request, response: Response, agent: str, given: Changed, if_match: IfMatch = ""
    ) -> dict[str, Any]:
        """Give it another character, at once. Plugins that it names come with its next start."""
        runtime = hub.agent(agent)
        backup = await characters.change(
            runtime,
            read(given.character, given.text, given.format),
            by=author(request),
            note=given.note,
            expected=expected(given.version, if_match),
            into_file=given.into_file,
        )
        return await answer(characters, runtime, response, backup)

    @router.patch("/agents/{agent}")
    async def change_some(
        request: Request, response: Response, agent: str, given: Patched, if_match: IfMatch = ""
    ) -> dict[str, Any]:
        """Change some keys of its character, at once."""
        runtime = hub.agent(agent)
        before = {**values_of(hidden(runtime.character)), "id": runtime.agent_id}
        backup = await characters.change(
            runtime,
            read({**before, **given.character}, None, "toml"),
            by=author(request),
            note=given.note,
            expected=expected(given.version, if_match),
            into_file=given.into_file,
        )
        return await answer(characters, runtime, response, backup)

    @router.delete("/agents/{agent}", status_code=204)
    async def delete(agent: str) -> Response:
        """Delete an agent that was created here; what it knows stays in the database."""
        runtime = hub.agent(agent)
        path = characters.file_of(runtime)
        if path is None or not characters.is_created(runtime):
            raise ApiError(
                409,
                f"{runtime.character.name} is in the configuration: take its [[agents]] table out of "
                "config.toml and start the host again",
            )
        used = [each.name for each in hub.host.connectors if each.agent_id == runtime.agent_id]
        used = [name for name in used if name.partition("[")[0] != WebConnector.platform]
        if used:
            raise ApiError(
                409,
                f"{runtime.character.name} answers on {', '.join(used)}: name another agent there in "
                "config.toml, and start the host again",
            )
        characters.forget(runtime.agent_id)
        await delete_agent(hub.host, runtime.agent_id, path)
        return Response(status_code=204)

    @router.post("/agents/{agent}/start")
    async def start(agent: str) -> dict[str, Any]:
        """Start it: it answers what came in meanwhile, too."""
        hub.check_taking()
        runtime = hub.agent(agent)
        await hub.host.start_agents([runtime.agent_id])
        return short(runtime)

    @router.post("/agents/{agent}/stop")
    async def stop(agent: str) -> dict[str, Any]:
        """Stop it, until it is started or the host is. What comes in meanwhile waits."""
        runtime = hub.agent(agent)
        await hub.host.stop_agents([runtime.agent_id])
        return short(runtime)

    @router.get("/agents/{agent}/abilities")
    async def abilities(agent: str) -> dict[str, Any]:
        """What it can do: actions and who may use them, commands, providers, evaluators, models."""
        return abilities_of(hub.host, hub.agent(agent))

    @router.post("/characters/check")
    async def check(given: Described, agent: str = "") -> dict[str, Any]:
        """Whether a character is right, in the same words as `check`; and it as values and as text.

        `agent`: whose it is to be, so that `***` stands for what is there.
        """
        try:
            character = read(given.character, given.text, given.format)
            if agent:
                changes(hub.agent(agent).character, character)
        except ConfigError as error:
            return {"ok": False, "faults": [line.strip() for line in str(error).splitlines()]}
        shown = hidden(character)
        return {
            "ok": True,
            "faults": [],
            "character": values_of(shown),
            "text": to_text(shown, given.format),
        }

    router.include_router(versions.make_router(hub, characters))
    return router


async def _listed(hub: Hub, characters: Characters) -> list[dict[str, Any]]:
    found = []
    agents = hub.host.get_agents()
    stores = {id(agent.store): agent.store for agent in agents if agent.started}
    today = {}
    for store in stores.values():
        today.update(await store.day_use([agent.agent_id for agent in agents], day=datetime.now(UTC)))
    for agent in agents:
        used = today.get(agent.agent_id)
        found.append(
            {
                **short(agent),
                "bio": agent.character.bio[:1],
                "plugins": [plugin.name for plugin in agent.given_plugins],
                "models": models_of(agent),
                "connectors": [
                    {"name": each.name, "state": each.state.value}
                    for each in hub.host.connectors
                    if each.agent_id == agent.agent_id
                ],
                "today": {
                    "turns": used.turns if used else 0,
                    "tokens": used.tokens if used else 0,
                    "cost": used.cost if used else 0.0,
                },
                "created_here": characters.is_created(agent),
            }
        )
    return found


def models_of(agent: AgentRuntime) -> list[str]:
    """The providers of text models that it asks, first asked first."""
    return list(
        dict.fromkeys(name for kind in ("TEXT_LARGE", "TEXT_SMALL") for name in agent.models.providers(kind))
    )
