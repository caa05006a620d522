"""Floor 8: the HTTP API. Its libraries are loaded by `make_web`, not before."""

import socket
from importlib import import_module

from bot_host.app.listen import Web
from bot_host.config.schema import WebConfig
from bot_host.host import BotHost


def make_web(host: BotHost, config: WebConfig, sockets: list[socket.socket]) -> Web:
    """The web server of a host, not started. Loads Starlette and uvicorn."""
    web: Web = import_module("bot_host.web.server").WebServer(host, config, sockets)
    return web


__all__ = ["make_web"]
