"""The routes that plugins bring, below `/plugins/{plugin}` and `/api/v1/agents/{agent}/plugins/{plugin}`."""

import asyncio
import logging
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path

from bot_host.contracts.plugin import Route
from bot_host.runtime import AgentRuntime
from bot_host.web.auth import Guard
from bot_host.web.errors import ApiError, Json

log = logging.getLogger(__name__)

HANDLER_SECONDS: Final = 60.0
"""What a handler may take until it returns its response."""
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

Found = tuple[AgentRuntime, str, Route, dict[str, Any]]


async def serve_plugin(request: Request, *, agents: Sequence[AgentRuntime], guard: Guard) -> Response:
    """Run the first route of `agents` that fits. Looked up each time: plugins come while the host runs."""
    rest = request.path_params["rest"]
    request.scope["pattern"] = "/plugins/…"
    found = list(_fitting(agents, rest))
    method = "GET" if request.method == "HEAD" else request.method
    chosen = next((each for each in found if each[2].method == method), None)
    if chosen is None:
        await guard.check(request)
        if not found:
            raise HTTPException(404)
        raise HTTPException(405, headers={"Allow": ", ".join(sorted({each[2].method for each in found}))})
    agent, plugin, route, params = chosen
    if not route.public:
        await guard.check(request)
    request.scope["pattern"] = f"/plugins/{plugin}{route.path}"
    request.scope["path_params"] = params
    try:
        async with asyncio.timeout(HANDLER_SECONDS):
            answer = await route.handler(request, agent)
        return answer if isinstance(answer, Response) else Json(answer)
    except HTTPException:
        raise
    except TimeoutError:
        log.error("%s: no answer to %s %s in time", plugin, route.method, route.path)
        raise ApiError(504, f"{plugin} did not answer in time") from None
    except Exception:
        log.exception("%s failed at %s %s", plugin, route.method, route.path)
        raise ApiError(500, f"{plugin} failed; the host's log says why") from None


def _fitting(agents: Sequence[AgentRuntime], rest: str) -> Iterator[Found]:
    for agent in agents:
        for plugin, route in agent.routes:
            # Names may hold a slash (`@owner/plugin`), so they are compared, not cut out.
            if rest != plugin and not rest.startswith(f"{plugin}/"):
                continue
            params = _match(route.path, rest.removeprefix(plugin) or "/")
            if params is not None:
                yield agent, plugin, route, params


def _match(pattern: str, path: str) -> dict[str, Any] | None:
    compiled = _compiled(pattern)
    if compiled is None:
        return None
    regex, convertors = compiled
    match = regex.fullmatch(path)
    return {k: convertors[k].convert(v) for k, v in match.groupdict().items()} if match else None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> tuple[re.Pattern[str], dict[str, Any]] | None:
    try:
        regex, _, convertors = compile_path(pattern)
    except (AssertionError, ValueError, re.error) as error:
        log.error("the path of a plugin's route is wrong and is left out: %s: %s", pattern, error)
        return None
    return regex, convertors
