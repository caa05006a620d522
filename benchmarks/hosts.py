"""A host in this process, with an instant model and a platform without a network."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot_host.connector import ConnectorConfig
from bot_host.host import BotHost
from bot_host.runtime import AgentOptions
from bot_host.store import make_store
from bot_host.testing import FakePlatform, ScriptedModel
from bot_host.types.character import Character

CHARACTER = Character(name="Bench", bio=["A helpful assistant."])
DATABASE = "sqlite:///bench.db"


@asynccontextmanager
async def open_host(folder: Path) -> AsyncIterator[tuple[BotHost, FakePlatform]]:
    """A started host on the file `bench.db` in `folder`, connected to the platform.

    Each message is answered by itself (`busy_mode = "each"`), so that as many are handled as were said.
    """
    model = ScriptedModel()
    platform = FakePlatform(limit=4000)
    host = BotHost(store=make_store(DATABASE, base=folder), data_dir=folder)
    try:
        [agent_id] = await host.add_agents(
            [
                {
                    "character": CHARACTER,
                    "plugins": ["basics", model.plugin],
                    "options": AgentOptions(busy_mode="each"),
                }
            ]
        )
        await host.start_agents()
        host.add_connector(platform, ConnectorConfig(), name="fake", agent_id=agent_id)
        host.start_connectors()
        yield host, platform
    finally:
        await host.stop()


async def exchange(platform: FakePlatform, messages: int, room: str) -> None:
    """So many messages in one room, each after the answer to the one before."""
    begun = len(platform.sent)
    for number in range(1, messages + 1):
        await platform.say(f"message {number}: how are you today?", room=room)
        await platform.wait_sent(begun + number)
