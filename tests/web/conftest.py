"""A host with a scripted model, and its web server on a free loopback port."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot_host.app.listen import listen
from bot_host.config.schema import WebConfig
from bot_host.host import BotHost
from bot_host.plugin import Plugin
from bot_host.store import make_store
from bot_host.testing import ScriptedModel
from bot_host.types.character import Character
from bot_host.web.server import WebServer


class Site:
    """What a test of the web server touches."""

    def __init__(
        self,
        host: BotHost,
        web: WebServer,
        client: aiohttp.ClientSession,
        model: ScriptedModel,
        agent_id: str,
    ) -> None:
        self.host = host
        self.web = web
        self.client = client
        self.model = model
        self.agent_id = agent_id

    async def get(self, path: str, **how: Any) -> tuple[int, Any, dict[str, str]]:
        """Status, JSON and headers of a GET."""
        return await self.ask("GET", path, **how)

    async def ask(self, method: str, path: str, **how: Any) -> tuple[int, Any, dict[str, str]]:
        """Status, JSON and headers."""
        async with self.client.request(method, self.web.url + path, **how) as answer:
            return answer.status, await answer.json(content_type=None), dict(answer.headers)

    async def say(self, text: str, *, agent: str = "Eliza", **more: Any) -> tuple[int, Any]:
        """Status and JSON of a message."""
        status, body, _ = await self.ask(
            "POST", f"/api/v1/agents/{agent}/messages", json={"text": text, **more}
        )
        return status, body

    async def raw(self, data: bytes) -> bytes:
        """What the server answers to these bytes until it closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.web.port)
        writer.write(data)
        await writer.drain()
        answer = await reader.read()
        writer.close()
        return answer


Sites = Callable[..., AbstractAsyncContextManager[Site]]


@pytest.fixture
def site_at(tmp_path: Path) -> Sites:
    """Opens such a site; `started=False` leaves the agents asleep."""

    @asynccontextmanager
    async def open_site(
        *,
        token: str = "",
        plugins: tuple[Plugin, ...] = (),
        started: bool = True,
        host_class: type[BotHost] = BotHost,
        names: tuple[str, ...] = ("Eliza",),
    ) -> AsyncIterator[Site]:
        model = ScriptedModel()
        host = host_class(store=make_store("sqlite:///bot.db", base=tmp_path), data_dir=tmp_path)
        config = WebConfig(port=0, token=token)
        async with AsyncExitStack() as stack:
            ids = await host.add_agents(
                [
                    {
                        "character": Character(name=name, bio=["Helps."]),
                        "plugins": ["basics", model.plugin, *plugins],
                    }
                    for name in names
                ]
            )
            web = WebServer(host, config, await listen(config))
            stack.push_async_callback(web.stop)
            stack.push_async_callback(host.stop, 5.0)
            stack.callback(model.hold.set)
            await web.start()
            if started:
                await host.start_agents()
            client = await stack.enter_async_context(aiohttp.ClientSession())
            yield Site(host, web, client, model, ids[0])

    return open_site


@pytest.fixture
async def site(site_at: Sites) -> AsyncIterator[Site]:
    """One such site, without a token."""
    async with site_at() as one:
        yield one
