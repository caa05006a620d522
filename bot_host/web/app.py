"""The addresses that the host answers at."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from bot_host.config.schema import WebConfig
from bot_host.host import BotHost
from bot_host.kit.names import did_you_mean
from bot_host.kit.tasks import Supervisor
from bot_host.runtime import AgentRuntime
from bot_host.types.agents import AgentStatus
from bot_host.types.errors import StoreError
from bot_host.web.auth import Guard
from bot_host.web.connector_routes import OpenRoute, find_routes, serve_connector
from bot_host.web.door import Door
from bot_host.web.errors import ApiError, Json, on_fault, on_http_error
from bot_host.web.history import read_history
from bot_host.web.messages import Conversation, read_ask
from bot_host.web.plugin_routes import METHODS, serve_plugin

log = logging.getLogger(__name__)

STORE_SECONDS: Final = 5.0
"""What the database may take to answer a health check."""

Endpoint = Callable[[Request], Awaitable[Response]]


class Api:
    """The endpoints over one host."""

    def __init__(self, host: BotHost, config: WebConfig, *, tasks: Supervisor) -> None:
        self._host = host
        self._guard = Guard(config.token)
        self._conversation = Conversation(host, tasks=tasks)
        self.draining = False
        """The host is stopping."""
        routes = [
            Route("/health/live", self._live),
            Route("/health/ready", self._ready),
            Route("/api/v1/agents", self._guarded(self._agents)),
            Route("/api/v1/status", self._guarded(self._status)),
            Route("/api/v1/agents/{agent}/messages", self._guarded(self._messages), methods=["GET", "POST"]),
            Route("/api/v1/agents/{agent}/plugins/{rest:path}", self._agent_plugin, methods=[*METHODS]),
            Route("/plugins/{rest:path}", self._plugin, methods=[*METHODS]),
            OpenRoute(self._connector, is_open=self._is_open),
        ]
        starlette = Starlette(
            routes=routes, exception_handlers={HTTPException: on_http_error, Exception: on_fault}
        )
        starlette.router.redirect_slashes = False
        self.app: ASGIApp = Door(starlette, config, is_open=self._is_open)
        """The ASGI application."""

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        async def checked(request: Request) -> Response:
            self._guard.check(request)
            return await endpoint(request)

        return checked

    async def _live(self, request: Request) -> Response:
        return Json({"status": "live"})

    async def _ready(self, request: Request) -> Response:
        """Everybody may read it: no names, and no more figures than a monitor needs."""
        why = self._not_ready()
        if not why:
            try:
                async with asyncio.timeout(STORE_SECONDS):
                    figures = await self._host.figures()
            except Exception as error:  # noqa: BLE001 - whatever it is, the answer is no
                log.warning("the database does not answer: %s", error or type(error).__name__)
                why = "the database does not answer"
        if why:
            return Json({"status": "not ready", "reason": why}, status_code=503)
        balance = figures.balance()
        return Json(
            {
                "status": "ready",
                "pending": balance.pending,
                "unsent": figures.outbox.depth,
                "balanced": balance.balanced,
            }
        )

    def _not_ready(self) -> str:
        """Why messages would not be answered now, as far as the host itself knows; empty when they would."""
        if self.draining:
            return "the host is stopping"
        agents = self._host.get_agents()
        waiting = sum(not agent.started for agent in agents)
        if waiting or not agents:
            return f"{waiting} of {len(agents)} agents are not started"
        return ""

    async def _status(self, request: Request) -> Response:
        try:
            async with asyncio.timeout(STORE_SECONDS):
                status = await self._host.status()
        except (StoreError, TimeoutError) as error:
            raise ApiError(503, "the database does not answer") from error
        return Json({**status.to_dict(), "stopping": self.draining})

    async def _agents(self, request: Request) -> Response:
        return Json(
            {
                "agents": [
                    {
                        "id": agent.agent_id,
                        "name": agent.character.name,
                        "status": AgentStatus.ACTIVE if agent.started else AgentStatus.INACTIVE,
                    }
                    for agent in self._host.get_agents()
                ]
            }
        )

    async def _messages(self, request: Request) -> Response:
        agent = self._find(request.path_params["agent"])
        if request.method != "POST":
            return await self._history(request, agent)
        if self.draining:
            raise ApiError(503, "the host is stopping")
        ask = await read_ask(request, agent.agent_id)
        return await self._conversation.respond(agent, ask)

    async def _history(self, request: Request, agent: AgentRuntime) -> Response:
        try:
            return Json(await read_history(request, agent))
        except StoreError as error:
            log.error("messages could not be read for the web: %s", error)
            raise ApiError(503, "the database does not answer; the host's log says why") from error

    def _find(self, wanted: str) -> AgentRuntime:
        """By id, then by name. Raises ApiError."""
        agents = self._host.get_agents()
        for agent in agents:
            if agent.agent_id == wanted.lower():
                return agent
        named = self._host.get_agent_by_name(wanted)
        if named is None:
            known = [agent.character.name for agent in agents]
            raise ApiError(404, f'there is no agent "{wanted}"{did_you_mean(wanted, known)}')
        return named

    def _is_open(self, path: str) -> bool:
        return next(find_routes(self._host, path), None) is not None

    async def _connector(self, request: Request) -> Response:
        return await serve_connector(request, self._host, draining=self.draining)

    async def _agent_plugin(self, request: Request) -> Response:
        wanted = request.path_params["agent"]
        try:
            agents = [self._find(wanted)]
        except ApiError:
            self._guard.check(request)
            raise
        return await serve_plugin(request, agents=agents, guard=self._guard)

    async def _plugin(self, request: Request) -> Response:
        """Of the first agent that has the plugin, or of the one that `?agent=` names."""
        wanted = request.query_params.get("agent")
        if wanted:
            request.path_params["agent"] = wanted
            return await self._agent_plugin(request)
        return await serve_plugin(request, agents=self._host.get_agents(), guard=self._guard)
