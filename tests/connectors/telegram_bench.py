"""A whole house on the fake Telegram, whose model calls the action that a test wants."""

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
from connectors.telegram.client import TelegramConnector
from connectors.telegram.config import TelegramConfig
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_world import GROUP_ANONYMOUS_BOT, Chat, Json, User


class Bench:
    """A group with members, and the agent in it."""

    def __init__(self, fake: FakeTelegram, host: BotHost, model: ScriptedModel) -> None:
        self.fake = fake
        self.host = host
        self.model = model
        self.ada: User = fake.world.user("Ada", username="ada")
        self.bob: User = fake.world.user("Bob", username="bob")
        self.club: Chat = fake.world.supergroup("Club")
        fake.bot.sees_all = True
        self._asked = 0

    def lead(self, user: User, *rights: str, chat: Chat | None = None, **more: Any) -> None:
        """Make somebody an administrator with these rights."""
        given = dict.fromkeys(rights, True)
        self.fake.members.stand(chat or self.club, user, "administrator", **given, **more)

    def lead_bot(self, *rights: str, chat: Chat | None = None) -> None:
        """Make the bot one."""
        self.lead(self.fake.bot.user, *rights, chat=chat)

    async def ask(
        self,
        action: str,
        arguments: Json | None = None,
        *,
        by: User | None = None,
        where: Chat | None = None,
        text: str = "please do",
        anonymous: bool = False,
        **more: Any,
    ) -> str:
        """What the action told the model, when somebody wanted it."""
        self._asked += 1
        place, end = where or self.club, f"answer {self._asked}."
        call = ToolCall(id=f"c{self._asked}", name=action, arguments=json.dumps(arguments or {}))
        self.model.answers = [TextResult(text="", tool_calls=(call,)), end]
        if anonymous:
            more |= {"from": GROUP_ANONYMOUS_BOT, "sender_chat": place.json()}
        addressed = text if place.type == "private" else f"@{self.fake.bot.user.username} {text}"
        await self.fake.say(place, None if anonymous else by or self.ada, addressed, **more)
        await self.fake.wait_for_message(lambda m: m.chat_id == place.id and end in m.text)
        last = self.model.requests[-1].messages[-1]
        assert last.role == "tool", last
        return str(last.content)

    async def confirmed(self, action: str, arguments: Json, **more: Any) -> str:
        """What an action told after the yes of the person who wanted it."""
        told = await self.ask(action, arguments, **more)
        assert "Not done yet" in told, told
        return await self.ask("CONFIRM", text="yes", **more)

    def offered(self) -> set[str]:
        """The names of the actions that the model was offered last."""
        offers = [request.tools for request in self.model.requests if request.tools]
        return {tool.name for tool in offers[-1]}

    def did(self, *methods: str) -> list[str]:
        """The calls that were made of methods that change something."""
        changing = {name.lower() for name in methods or CHANGING}
        return [call.method for call in self.fake.calls if call.method.lower() in changing]


CHANGING = (
    "setMessageReaction",
    "pinChatMessage",
    "unpinChatMessage",
    "sendPoll",
    "createForumTopic",
    "editForumTopic",
    "closeForumTopic",
    "reopenForumTopic",
    "closeGeneralForumTopic",
)


@asynccontextmanager
async def bench(folder: Path, **config: Any) -> AsyncIterator[Bench]:
    """The bench, connected."""
    async with FakeTelegram() as fake:
        model = ScriptedModel()
        host = BotHost(store=make_store("sqlite:///bot.db", base=folder), data_dir=folder)
        it = Bench(fake, host, model)
        owners = [str(it.bob.id)] if config.pop("bob_owns", False) else []
        try:
            [agent_id] = await host.add_agents(
                [{"character": Character(name="Eliza", bio=["Helps."]), "plugins": ["basics", model.plugin]}]
            )
            await host.start_agents()
            settings = TelegramConfig(token=fake.token, api_base=fake.url, owners=owners, **config)
            host.add_connector(
                TelegramConnector(settings, backoff_base_s=0.01),
                settings,
                name="telegram",
                agent_id=agent_id,
            )
            host.start_connectors()
            await fake.wait_for_call("getUpdates")
            yield it
        finally:
            await host.stop(2.0)
