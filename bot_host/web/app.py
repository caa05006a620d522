"""The addresses that the host answers at, put together."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any, Final

from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from bot_host.config.schema import Loaded, WebConfig
from bot_host.host import BotHost
from bot_host.kit.tasks import Supervisor
from bot_host.types.errors import BotHostError
from bot_host.web import console
from bot_host.web.api import (
    agents,
    chat,
    completions,
    costs,
    facts,
    files,
    health,
    knowledge,
    memories,
    messages,
    overview,
    pairings,
    people,
    persons,
    rooms,
    runs,
    session,
    status,
    summaries,
)
from bot_host.web.connector_routes import OpenRoute, find_routes, serve_connector
from bot_host.web.describe import complete, name_of
from bot_host.web.door import Door
from bot_host.web.errors import ApiError, on_fault, on_http_error, on_invalid, on_refusal
from bot_host.web.hub import Hub
from bot_host.web.plugin_routes import METHODS, serve_plugin

ROUTERS: Final[tuple[Callable[[Hub], APIRouter], ...]] = (
    health.make_router,
    session.make_router,
    status.make_router,
    agents.make_router,
    messages.make_router,
    chat.make_router,
    completions.make_router,
    costs.make_router,
    files.make_router,
    runs.make_router,
    rooms.make_router,
    people.make_router,
    memories.make_router,
    facts.make_router,
    persons.make_router,
    summaries.make_router,
    knowledge.make_router,
    overview.make_router,
    pairings.make_router,
)


class Api:
    """The endpoints over one host."""

    def __init__(
        self, host: BotHost, config: WebConfig, *, tasks: Supervisor, loaded: Loaded | None = None
    ) -> None:
        self.hub = Hub(host=host, config=config, tasks=tasks, loaded=loaded)
        # Its own pages of documentation load scripts from elsewhere.
        app = FastAPI(
            title="Bot Host",
            version=version("bot-host"),
            openapi_url=None,
            generate_unique_id_function=name_of,
            exception_handlers={
                HTTPException: on_http_error,
                RequestValidationError: on_invalid,
                BotHostError: on_refusal,
                Exception: on_fault,
            },
        )
        app.router.redirect_slashes = False
        for make_router in ROUTERS:
            app.include_router(make_router(self.hub))
        app.add_api_route(
            "/api/v1/openapi.json",
            self._describe,
            dependencies=[Depends(self.hub.guarded)],
            include_in_schema=False,
        )
        app.router.routes += [
            *console.routes(),
            Route("/api/v1/agents/{agent}/plugins/{rest:path}", self._agent_plugin, methods=[*METHODS]),
            Route("/plugins/{rest:path}", self._plugin, methods=[*METHODS]),
            OpenRoute(self._connector, is_open=self._is_open),
        ]
        self._fastapi = app
        self._description: dict[str, Any] | None = None
        self.app: ASGIApp = Door(app, config, is_open=self._is_open)
        """The ASGI application."""

    async def _describe(self) -> dict[str, Any]:
        if self._description is None:
            self._description = complete(self._fastapi.openapi())
        return self._description

    def _is_open(self, path: str) -> bool:
        return next(find_routes(self.hub.host, path), None) is not None

    async def _connector(self, request: Request) -> Response:
        return await serve_connector(request, self.hub.host, draining=self.hub.draining)

    async def _agent_plugin(self, request: Request) -> Response:
        wanted = request.path_params["agent"]
        try:
            found = [self.hub.agent(wanted)]
        except ApiError:
            await self.hub.guard.check(request)
            raise
        return await serve_plugin(request, agents=found, guard=self.hub.guard)

    async def _plugin(self, request: Request) -> Response:
        """Of the first agent that has the plugin, or of the one that `?agent=` names."""
        wanted = request.query_params.get("agent")
        if wanted:
            request.path_params["agent"] = wanted
            return await self._agent_plugin(request)
        return await serve_plugin(request, agents=self.hub.host.get_agents(), guard=self.hub.guard)
