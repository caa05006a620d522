"""The host's own web server before connectors that run without the rest of the house."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

from bot_host.app.listen import listen
from bot_host.config.schema import WebConfig
from bot_host.host import BotHost
from bot_host.host.runner import Runner
from bot_host.web.server import WebServer


class _Front(BotHost):
    """A host of others' connectors alone: no agent is here, and nothing is stored."""

    def __init__(self, connectors: Sequence[Any]) -> None:
        super().__init__()
        self._brought = [SimpleNamespace(connector=each, name=each.platform) for each in connectors]

    @property
    def connectors(self) -> Sequence[Runner]:
        return cast(Sequence[Runner], self._brought)


@asynccontextmanager
async def web_front(*connectors: Any) -> AsyncIterator[WebServer]:
    """Serves what they bring, and tells them where."""
    host = _Front(connectors)
    config = WebConfig(port=0)
    web = WebServer(host, config, await listen(config))
    await web.start()
    for connector in connectors:
        connector.use_address(f"{web.url}/{connector.platform}")
    try:
        yield web
    finally:
        await web.stop()
        await host.stop(0)
