"""Floor 8: the console and the HTTP API. Its libraries are loaded by `make_web`, not before."""

import socket
from importlib import import_module

from bot_host.app.listen import Web
from bot_host.config.schema import Loaded, WebConfig
from bot_host.host import BotHost


def make_web(
    host: BotHost, config: WebConfig, sockets: list[socket.socket], *, loaded: Loaded | None = None
) -> Web:
    """The web server of a host, not started. Loads FastAPI and uvicorn.

    `loaded`: the configuration that the process runs by, for what is shown of it.
    """
    web: Web = import_module("bot_host.web.server").WebServer(host, config, sockets, loaded=loaded)
    return web


__all__ = ["make_web"]
