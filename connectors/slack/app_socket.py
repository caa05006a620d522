"""The one websocket of an app that is installed in several workspaces: hands envelopes on, one by one."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackClientError
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot_host.connector import HttpAnswer, LoginError, Supervisor
from connectors.slack.client import LOST_PATIENCE_S, WATCH_S
from connectors.slack.config import SlackConfig
from connectors.slack.errors import login_error
from connectors.slack.intake import Socket
from connectors.slack.opening import hang_up, opened

log = logging.getLogger(__name__)

FAULTS: Final = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError)
OK: Final = 200

Take = Callable[[str, dict[str, Any], Mapping[str, str]], Awaitable[HttpAnswer]]
"""Takes one envelope in; 200 when it is on disk, with what is to be acknowledged besides."""


class AppSocket:
    """One connection, from its URL to its loss."""

    def __init__(self, config: SlackConfig, web: AsyncWebClient, take: Take) -> None:
        self._config = config
        self._web = web
        self._take = take
        self._refusal: LoginError | None = None
        self._hello = asyncio.Event()
        self._socket = Socket(config.app_token, web, self._refuse)
        self._socket.message_listeners.append(self._on_frame)
        self._socket.socket_mode_request_listeners.append(self._on_request)

    def _refuse(self, error: LoginError) -> None:
        self._refusal = error

    async def stay(
        self, stop: asyncio.Event, *, tasks: Supervisor, stands: Callable[[bool], Awaitable[None]]
    ) -> None:
        """Connect, and return when it is lost for good or `stop` is set. Raises ConnectorError.

        `stands` hears when it does and when it does not.
        """
        try:
            opened = await self._web.apps_connections_open(app_token=self._config.app_token)
            url = str(opened["url"])
        except FAULTS as error:
            raise login_error(error, "app token") from None
        try:
            self._socket.wss_uri = url
            if await self._connect(stop, tasks):
                await self._watch(stop, stands)
        finally:
            await stands(False)
            await self._close()

    async def _connect(self, stop: asyncio.Event, tasks: Supervisor) -> bool:
        async def open_it() -> None:
            await self._socket.connect()  # type: ignore[no-untyped-call]
            await self._hello.wait()

        return await opened(open_it(), stop, tasks)

    async def _watch(self, stop: asyncio.Event, stands: Callable[[bool], Awaitable[None]]) -> None:
        lost_at = 0.0
        while not stop.is_set():
            if self._refusal is not None:
                raise self._refusal
            if self._hello.is_set():
                # The first one, or that of a new socket: what came between them came not to us.
                self._hello.clear()
                await stands(True)
            if await self._socket.is_connected():
                lost_at = 0.0
            elif not lost_at:
                lost_at = time.monotonic()
                await stands(False)
            elif time.monotonic() - lost_at > LOST_PATIENCE_S:
                log.warning("slack: the websocket did not come back; asking for another")
                return
            try:
                async with asyncio.timeout(WATCH_S):
                    await stop.wait()
            except TimeoutError:
                pass

    async def _close(self) -> None:
        self._socket.socket_mode_request_listeners.clear()
        await hang_up(self._socket)

    async def _on_frame(
        self, _client: AsyncBaseSocketModeClient, message: dict[str, Any], _raw: str | None
    ) -> None:
        if message.get("type") == "hello":
            self._hello.set()
        elif message.get("type") == "disconnect":
            log.info("slack: asked to reconnect (%s)", message.get("reason", "no reason"))

    async def _on_request(self, _client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        answer = await self._take(request.type, request.payload, {})
        if answer.status != OK:
            return  # Slack delivers it again.
        told = json.loads(answer.body) if request.accepts_response_payload and answer.body else None
        response = SocketModeResponse(envelope_id=request.envelope_id, payload=told)
        try:
            await self._socket.send_socket_mode_response(response)
        except (ConnectionError, aiohttp.ClientError) as error:
            log.info("slack: not acknowledged (%s); Slack will deliver it again", type(error).__name__)
