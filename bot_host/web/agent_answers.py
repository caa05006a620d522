"""What the addresses of agents read and answer alike."""

from typing import Annotated, Any

from fastapi import Header
from starlette.requests import Request
from starlette.responses import Response

from bot_host.runtime import AgentRuntime
from bot_host.types.agents import AgentStatus
from bot_host.web.characters import Characters
from bot_host.web.errors import ApiError

IfMatch = Annotated[
    str, Header(max_length=100, description='The version that was changed, as `ETag` gave it: `"3"`.')
]


def short(agent: AgentRuntime) -> dict[str, Any]:
    """An agent in a list."""
    return {
        "id": agent.agent_id,
        "name": agent.character.name,
        "status": AgentStatus.ACTIVE if agent.started else AgentStatus.INACTIVE,
    }


async def whole(characters: Characters, agent: AgentRuntime) -> dict[str, Any]:
    """An agent with its character."""
    return {**short(agent), **await characters.show(agent)}


async def answer(
    characters: Characters, agent: AgentRuntime, response: Response, backup: str
) -> dict[str, Any]:
    """An agent after a change. `backup`: the copy of its file as it was."""
    found = await whole(characters, agent)
    response.headers["ETag"] = f'"{found["version"]}"'
    return {**found, "backup": backup}


def expected(version: int | None, if_match: str) -> int | None:
    """The version that somebody changed, by the body or by `If-Match`. Raises ApiError 400."""
    if version is not None or not if_match or if_match == "*":
        return version
    number = if_match.removeprefix("W/").strip('"')
    if not number.isascii() or not number.isdigit():
        raise ApiError(400, 'If-Match: expected a version as `ETag` gave it, like "3"')
    return int(number)


def author(request: Request) -> str:
    """Who changes something: the console's pages, or another caller."""
    # Browsers say so with each request, and pages cannot change it.
    return "console" if "sec-fetch-site" in request.headers else "api"
