"""The addresses that connectors bring, below `/{platform}`: what platforms call.

They stand outside the web token, as each checks a secret of its own, and answer under any name, as calls come
through a proxy under the public one: a page of another site knows none of the secrets.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from bot_host.contracts.connector_http import HttpAnswer, HttpConnector, HttpRequest, HttpRoute
from bot_host.host import BotHost
from bot_host.host.runner import Runner
from bot_host.kit.logs import log_context
from bot_host.web.console import PAGES
from bot_host.web.errors import ApiError
from bot_host.web.plugin_routes import METHODS

log = logging.getLogger(__name__)

BODY_SECONDS: Final = 10.0
"""What a body may take to arrive."""
HANDLER_SECONDS: Final = 30.0
"""What one account may take to answer; platforms wait for seconds only."""
REFUSALS: Final = (401, 403)
OURS: Final = frozenset({"api", "v1", "health", "metrics", "plugins", "console", *PAGES})
"""First parts of the host's own addresses: a connector of such a name would take the Host check off them."""

Found = tuple[Runner, HttpRoute]


class OpenRoute(Route):
    """All addresses that `is_open` knows, with any method."""

    def __init__(
        self, endpoint: Callable[[Request], Awaitable[Response]], *, is_open: Callable[[str], bool]
    ) -> None:
        super().__init__("/{path:path}", endpoint, methods=[*METHODS])
        self._is_open = is_open

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """See Starlette. What nobody has is left for the other routes' refusals."""
        if scope["type"] != "http" or not self._is_open(scope["path"]):
            return Match.NONE, {}
        return super().matches(scope)


def split_path(path: str) -> tuple[str, str]:
    """The platform's name, and the path below it: `/slack/events` as `slack` and `/events`."""
    platform, slash, rest = path.removeprefix("/").partition("/")
    return platform, slash + rest


def find_routes(host: BotHost, path: str) -> Iterator[Found]:
    """Who has an address. Looked up each time: connectors may learn their addresses when they log in."""
    platform, below = split_path(path)
    if platform in OURS:
        return
    for runner in host.connectors:
        if runner.connector.platform != platform or not isinstance(runner.connector, HttpConnector):
            continue
        try:
            routes = list(runner.connector.http_routes())
        except Exception:
            log.exception("%s: its addresses cannot be served", runner.name)
            continue
        yield from ((runner, route) for route in routes if route.path == below)


async def serve_connector(request: Request, host: BotHost, *, draining: bool) -> Response:
    """Ask the accounts that have the address, one after the other, until one takes the request."""
    path = request.scope["path"]
    found = list(find_routes(host, path))
    if not found:
        raise HTTPException(404)
    request.scope["pattern"] = path
    method = "GET" if request.method == "HEAD" else request.method
    fitting = [each for each in found if each[1].method == method]
    if not fitting:
        raise HTTPException(405, headers={"Allow": ", ".join(sorted({each[1].method for each in found}))})
    if draining:
        raise ApiError(503, "the host is stopping")
    asked = HttpRequest(
        method=method,
        path=split_path(path)[1],
        query=dict(request.query_params),
        headers=dict(request.headers),
        body=await _body(request),
    )
    refusal: HttpAnswer | None = None
    for runner, route in fitting:
        answer = await _ask(runner, route, asked)
        if answer is None:
            continue
        if answer.status not in REFUSALS:
            return _response(answer)
        refusal = refusal or answer
    if refusal is None:
        raise HTTPException(404)
    return _response(refusal)


async def _body(request: Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.body()
    except TimeoutError:
        raise ApiError(408, "the body did not arrive in time", headers={"Connection": "close"}) from None
    except ClientDisconnect:
        raise ApiError(400, "the body is not whole") from None


async def _ask(runner: Runner, route: HttpRoute, asked: HttpRequest) -> HttpAnswer | None:
    with log_context(connector=runner.name):
        try:
            async with asyncio.timeout(HANDLER_SECONDS):
                return await route.handler(asked)
        except TimeoutError:
            log.error("%s: no answer to %s %s in time", runner.name, route.method, route.path)
            return HttpAnswer(status=503)
        except Exception:
            log.exception("%s failed at %s %s", runner.name, route.method, route.path)
            return HttpAnswer(status=500)


def _response(answer: HttpAnswer) -> Response:
    return Response(
        answer.body, answer.status, headers=dict(answer.headers), media_type=answer.content_type or None
    )
