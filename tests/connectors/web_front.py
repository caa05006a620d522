"""The host's own web server before connectors that run without the rest of the house."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

from bot_host.app.listen import listen
from bot_host.config.schema import WebConfig
from bot_host.host import BotHost
from bot_host.web.server import WebServer


async def _nobody(_message: object) -> None:
    """No agent is here."""


@asynccontextmanager
async def web_front(*connectors: Any) -> AsyncIterator[WebServer]:
    """Serves what they bring, and tells them where."""
    runners = [SimpleNamespace(connector=each, name=each.platform) for each in connectors]
    config = WebConfig(port=0)
    host = cast(
        BotHost,
        SimpleNamespace(
            connectors=runners, handle_message=_nobody, get_agents=list, on=lambda *_given: lambda: None
        ),
    )
    web = WebServer(host, config, await listen(config))
    await web.start()
    for connector in connectors:
        connector.use_address(f"{web.url}/{connector.platform}")
    try:
        yield web
    finally:
        await web.stop()
