"""A host with one agent, a platform without a network and a model that says what the test wants."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import ConnectorConfig
from bot_host.host import BotHost
from bot_host.runtime import AgentOptions
from bot_host.store import make_store
from bot_host.testing import FakePlatform, ScriptedModel
from bot_host.types.character import Character


class House:
    """What a test of the host touches."""

    def __init__(self, host: BotHost, platform: FakePlatform, model: ScriptedModel, agent_id: str) -> None:
        self.host = host
        self.platform = platform
        self.model = model
        self.agent_id = agent_id
        self.store = host.store


Houses = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture
def house_at(tmp_path: Path) -> Houses:
    """Opens a host on the test's database; again and again, as restarts do."""

    @asynccontextmanager
    async def open_house(
        *,
        answers: tuple[Any, ...] = (),
        options: AgentOptions | None = None,
        config: ConnectorConfig | None = None,
        model: ScriptedModel | None = None,
        platform: FakePlatform | None = None,
        grace: float = 5.0,
    ) -> AsyncIterator[House]:
        model = model or ScriptedModel(*answers)
        platform = platform or FakePlatform()
        host = BotHost(store=make_store("sqlite:///bot.db", base=tmp_path), data_dir=tmp_path)
        try:
            [agent_id] = await host.add_agents(
                [
                    {
                        "character": Character(name="Eliza", bio=["Helps."]),
                        "plugins": ["basics", model.plugin],
                        "options": options,
                    }
                ]
            )
            await host.start_agents()
            host.add_connector(platform, config or ConnectorConfig(), name="fake", agent_id=agent_id)
            host.start_connectors()
            yield House(host, platform, model, agent_id)
        finally:
            model.hold.set()
            platform.hold_sends.set()
            await host.stop(grace)

    return open_house


@pytest.fixture
async def house(house_at: Houses) -> AsyncIterator[House]:
    """One such host."""
    async with house_at() as one:
        yield one
