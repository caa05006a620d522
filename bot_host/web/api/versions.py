"""`/api/v1/agents/{agent}/versions`: an agent's character as it was."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from bot_host.config.character_text import to_text, values_of
from bot_host.runtime import AgentRuntime
from bot_host.types.agents import CharacterVersion
from bot_host.web.agent_answers import IfMatch, answer, author, expected
from bot_host.web.characters import Characters, hidden
from bot_host.web.errors import ApiError
from bot_host.web.hub import Hub
from bot_host.web.pages import COUNT, After, Count, page, read
from bot_host.web.version_diff import as_character, difference


class Restored(BaseModel):
    """Which version was looked at."""

    model_config = ConfigDict(extra="forbid")

    version: int | None = None


def make_router(hub: Hub, characters: Characters) -> APIRouter:
    """See the module. Who includes it guards it."""
    router = APIRouter(prefix="/agents/{agent}/versions")

    @router.get("")
    async def versions(agent: str, count: Count = COUNT, after: After = "") -> dict[str, Any]:
        """Its character as it was, newest first: the first one is as it is."""
        runtime = hub.agent(agent)
        place = read(after, int)
        found = await runtime.store.character_versions(
            runtime.agent_id, after=place[0] if place else None, count=count + 1
        )
        return page(found, count, place=lambda each: [each.number], show=_version)

    @router.get("/{number}")
    async def version(agent: str, number: int, against: int | None = None) -> dict[str, Any]:
        """One version, and how its text differs from another one's: from the one before by default."""
        runtime = hub.agent(agent)
        found = await _find(runtime, number)
        other = number - 1 if against is None else against
        base = await runtime.store.character_version(runtime.agent_id, other) if other > 0 else None
        if base is None and against is not None:
            raise ApiError(404, f"there is no version {other} (any more)")
        character = hidden(as_character(found))
        return {
            **_version(found),
            "character": values_of(character),
            "text": to_text(character, "toml"),
            "against": base.number if base is not None else None,
            "difference": difference(base, found),
        }

    @router.post("/{number}/restore")
    async def restore(
        request: Request,
        response: Response,
        agent: str,
        number: int,
        given: Restored,
        if_match: IfMatch = "",
    ) -> dict[str, Any]:
        """Make its character what it was then, as a new version. The file is left as it is."""
        runtime = hub.agent(agent)
        backup = await characters.change(
            runtime,
            as_character(await _find(runtime, number)),
            by=author(request),
            note=f"as in version {number}",
            expected=expected(given.version, if_match),
        )
        return await answer(characters, runtime, response, backup)

    return router


def _version(each: CharacterVersion) -> dict[str, Any]:
    return {
        "number": each.number,
        "keys": list(each.keys),
        "by": each.by,
        "note": each.note,
        "made_at": each.made_at.isoformat(),
    }


async def _find(agent: AgentRuntime, number: int) -> CharacterVersion:
    found = await agent.store.character_version(agent.agent_id, number) if 0 < number < 2**31 else None
    if found is None:
        raise ApiError(404, f"there is no version {number} (any more)")
    return found
