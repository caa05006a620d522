"""A whole house on the fake Discord, whose model calls the action that a test wants."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot_host.host import BotHost
from bot_host.store import make_store
from bot_host.testing import ScriptedModel
from bot_host.types.character import Character
from bot_host.types.models import TextResult, ToolCall
from connectors.discord.client import DiscordConnector
from connectors.discord.config import DiscordConfig
from connectors.discord.gateway import Pace
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord_model import Channel, Guild, Json, User

PACE = Pace(identify_s=0.05, retry_base_s=0.05)


class Bench:
    """A server with one channel, a member, and the agent in it."""

    def __init__(self, fake: FakeDiscord, host: BotHost, model: ScriptedModel) -> None:
        self.fake = fake
        self.host = host
        self.model = model
        self.ada: User = fake.add_user("ada", global_name="Ada")
        self.bob: User = fake.add_user("bob", global_name="Bob")
        self.guild: Guild = fake.add_guild("Workshop", members=[self.ada, self.bob])
        self.general: Channel = fake.add_channel(self.guild, "general")
        self._asked = 0

    async def ask(
        self,
        action: str,
        arguments: Json | None = None,
        *,
        by: User | None = None,
        where: Channel | None = None,
        text: str = "please do",
        **more: Any,
    ) -> str:
        """What the action told the model, when somebody wanted it."""
        self._asked += 1
        place, end = where or self.general, f"answer {self._asked}."
        call = ToolCall(id=f"c{self._asked}", name=action, arguments=json.dumps(arguments or {}))
        self.model.answers = [TextResult(text="", tool_calls=(call,)), end]
        mention = f"{self.fake.bot.mention} " if place.guild else ""
        self.fake.say(place, by or self.ada, mention + text, **more)
        await self.fake.wait_for_message(place, containing=end)
        last = self.model.requests[-1].messages[-1]
        assert last.role == "tool", last
        return str(last.content)

    def offered(self) -> set[str]:
        """The names of the actions that the model was offered last."""
        offers = [request.tools for request in self.model.requests if request.tools]
        return {tool.name for tool in offers[-1]}

    def reads(self, channel: Channel) -> int:
        """How often a channel's messages were asked for, after the gateway's own catching up."""
        path = f"/channels/{channel.id}/messages"
        calls = self.fake.calls_of("GET /channels/{channel_id}/messages")
        return sum(call.path.endswith(path) and "after" not in call.payload for call in calls)


@asynccontextmanager
async def bench(folder: Path, **config: Any) -> AsyncIterator[Bench]:
    """The bench, connected."""
    async with FakeDiscord() as fake:
        model = ScriptedModel()
        host = BotHost(store=make_store("sqlite:///bot.db", base=folder), data_dir=folder)
        it = Bench(fake, host, model)
        try:
            [agent_id] = await host.add_agents(
                [{"character": Character(name="Eliza", bio=["Helps."]), "plugins": ["basics", model.plugin]}]
            )
            await host.start_agents()
            settings = DiscordConfig(token=fake.token, api_base=fake.api_base, **config)
            connector = DiscordConnector(settings, pace=PACE)
            host.add_connector(connector, settings, name="discord", agent_id=agent_id)
            host.start_connectors()
            await fake.wait_ready()
            yield it
        finally:
            await host.stop(2.0)
