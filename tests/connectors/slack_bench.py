"""A whole house on the fake Slack, whose model calls the action that a test wants."""

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
from connectors.slack.client import SlackConnector
from tests.connectors.slack_helpers import config_for
from tests.fakes.slack import FakeChannel, FakeSlack, FakeUser, Json


class Bench:
    """A workspace with one channel, two members, and the agent in it."""

    def __init__(self, fake: FakeSlack, host: BotHost, model: ScriptedModel) -> None:
        self.fake = fake
        self.host = host
        self.model = model
        self.ada: FakeUser = fake.add_user("ada", display_name="Ada")
        self.bob: FakeUser = fake.add_user("bob", display_name="Bob")
        self.general = self.channel("general")
        self._asked = 0

    def channel(
        self, name: str, *members: FakeUser, private: bool = False, with_bot: bool = True
    ) -> FakeChannel:
        """A channel; without members Ada and Bob are in it."""
        made = self.fake.add_channel(name, private=private, with_bot=with_bot)
        made.members |= {member.id for member in members or (self.ada, self.bob)}
        return made

    def said(self, channel: FakeChannel, user: FakeUser, text: str, **fields: Any) -> str:
        """Something that was said there long ago, of which no event came; its id."""
        return str(self.fake.workspace.user_message(channel, user, text, **fields)["ts"])

    async def ask(
        self,
        action: str,
        arguments: Json | None = None,
        *,
        by: FakeUser | None = None,
        where: FakeChannel | None = None,
        text: str = "please do",
        **more: Any,
    ) -> str:
        """What the action told the model, when somebody wanted it."""
        self._asked += 1
        place, end = where or self.general, f"answer {self._asked}."
        call = ToolCall(id=f"c{self._asked}", name=action, arguments=json.dumps(arguments or {}))
        self.model.answers = [TextResult(text="", tool_calls=(call,)), end]
        mention = "" if place.kind == "im" else f"<@{self.fake.bot_user_id}> "
        await self.fake.say(place, by or self.ada, mention + text, **more)
        await self.fake.wait_until(
            lambda: any(end in post["text"] for post in self.fake.posts(channel=place))
        )
        last = self.model.requests[-1].messages[-1]
        assert last.role == "tool", last
        return str(last.content)

    async def confirmed(self, action: str, arguments: Json, **more: Any) -> str:
        """What an action told after the yes of the person who wanted it, in their direct messages."""
        where = self.fake.add_im(more.get("by") or self.ada)
        told = await self.ask(action, arguments, where=where, **more)
        assert "Not done yet" in told, told
        return await self.ask("CONFIRM", text="yes", where=where, **more)

    def offered(self) -> set[str]:
        """The names of the actions that the model was offered last."""
        offers = [request.tools for request in self.model.requests if request.tools]
        return {tool.name for tool in offers[-1]}

    def reads(self, channel: FakeChannel) -> int:
        """How often a channel's messages were asked for."""
        methods = ("conversations.history", "conversations.replies")
        return sum(
            call.method in methods and call.args.get("channel") == channel.id for call in self.fake.calls
        )

    def did(self) -> list[str]:
        """The calls that changed something besides plain answers."""
        changing = (
            "reactions.add",
            "pins.add",
            "pins.remove",
            "chat.update",
            "chat.delete",
            "conversations.open",
        )
        return [call.method for call in self.fake.calls if call.method in changing]


CHANGING = ("reactions.add", "pins.add", "pins.remove", "chat.update", "chat.delete", "conversations.open")


@asynccontextmanager
async def bench(folder: Path, **config: Any) -> AsyncIterator[Bench]:
    """The bench, connected."""
    async with FakeSlack() as fake:
        model = ScriptedModel()
        host = BotHost(store=make_store("sqlite:///bot.db", base=folder), data_dir=folder)
        it = Bench(fake, host, model)
        # Else the bot shows its work by reactions and edits, which are no deeds.
        settings = config_for(fake, streaming=False, **config)
        try:
            [agent_id] = await host.add_agents(
                [{"character": Character(name="Eliza", bio=["Helps."]), "plugins": ["basics", model.plugin]}]
            )
            await host.start_agents()
            host.add_connector(SlackConnector(settings), settings, name="slack", agent_id=agent_id)
            host.start_connectors()
            await fake.wait_connected()
            yield it
        finally:
            await host.stop(2.0)
