"""uvicorn, by its parts: it takes no signals, makes no loop, sets up no logging."""

import logging
import socket
from typing import Final

from uvicorn import Config, Server

from bot_host.app.listen import close_all, own_address
from bot_host.config.schema import Loaded, WebConfig
from bot_host.host import BotHost
from bot_host.kit.tasks import Supervisor
from bot_host.web.app import Api

log = logging.getLogger(__name__)

STOP_SECONDS: Final = 5
"""What answers under way may take once the host has stopped."""
CONNECTIONS: Final = 512
"""At a time; more are refused with 503."""


class WebServer:
    """The HTTP API of a host, on sockets that listen already."""

    def __init__(
        self,
        host: BotHost,
        config: WebConfig,
        sockets: list[socket.socket],
        *,
        loaded: Loaded | None = None,
    ) -> None:
        self._sockets = sockets
        self._tasks = Supervisor("web")
        self._api = Api(host, config, tasks=self._tasks, loaded=loaded)
        self._stopped = False
        self.port = sockets[0].getsockname()[1]
        self._url = own_address(config, self.port)
        self._server = Server(
            Config(
                self._api.app,
                lifespan="off",
                loop="none",
                # The one that is always there, so that every machine runs what the tests ran.
                http="h11",
                ws="none",
                interface="asgi3",
                log_config=None,
                # Its warnings are about requests that make no sense: any stranger could fill the log.
                log_level="error",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                limit_concurrency=CONNECTIONS,
                timeout_graceful_shutdown=STOP_SECONDS,
            )
        )

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""
        return self._url

    async def start(self) -> None:
        """Answer requests. `serve` would take the signals (invariant I7), so its parts are used."""
        self._api.hub.chat.open()
        self._api.hub.tracing.open()
        config = self._server.config
        config.load()
        self._server.lifespan = config.lifespan_class(config)
        await self._server.startup(sockets=self._sockets)
        log.info("web on: %s", self.url)

    def drain(self) -> None:
        """The host is stopping: not ready, and no new messages."""
        self._api.hub.draining = True

    async def stop(self) -> None:
        """Finish what is under way within `STOP_SECONDS`, close the sockets. Idempotent."""
        self.drain()
        if self._stopped:
            return
        self._stopped = True
        self._api.hub.chat.close()
        self._api.hub.tracing.close()
        if self._server.started:
            await self._server.shutdown(sockets=self._sockets)
        close_all(self._sockets)
        await self._tasks.close()
