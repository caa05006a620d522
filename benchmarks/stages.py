"""Fake platforms with people on them who write to the bot and wait for its answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack
from tests.fakes.telegram import FakeTelegram

PLATFORMS = ("discord", "telegram", "slack")


class Stage(Protocol):
    """One platform, with a private chat for each person."""

    name: str
    answered: int
    """Messages that the bot has sent so far."""

    def config(self) -> str:
        """The connector's table for config.toml."""

    def tokens(self) -> dict[str, str]:
        """Environment variables that switch the connector on."""

    def bare(self) -> dict[str, str]:
        """Environment variables of the bare bot."""

    async def connected(self) -> None:
        """Until a bot is there and will get what is said."""

    async def say(self, person: int, text: str) -> None:
        """A person writes to the bot."""

    async def wait_answered(self, count: int) -> None:
        """Until the bot has sent `count` messages in all."""


class DiscordStage:
    """See `Stage`."""

    name = "discord"

    def __init__(self, fake: FakeDiscord, people: int) -> None:
        self.fake = fake
        self.people = [fake.add_user(f"person{n}") for n in range(people)]
        self.chats = [fake.dm(person) for person in self.people]

    @property
    def answered(self) -> int:
        return len(self.fake.sent)

    def config(self) -> str:
        return (
            f'[connectors.discord]\napi_base = "{self.fake.api_base}"\n'
            f'gateway_url = "{self.fake.gateway_url}"\n'
        )

    def tokens(self) -> dict[str, str]:
        return {"DISCORD_BOT_TOKEN": self.fake.token}

    def bare(self) -> dict[str, str]:
        return {
            "TOKEN": self.fake.token,
            "API_BASE": self.fake.api_base,
            "GATEWAY_URL": self.fake.gateway_url,
        }

    async def connected(self) -> None:
        await self.fake.wait_ready()

    async def say(self, person: int, text: str) -> None:
        self.fake.say(self.chats[person], self.people[person], text)

    async def wait_answered(self, count: int) -> None:
        await self.fake.wait_until(lambda: self.answered >= count, f"{count} answers")


class TelegramStage:
    """See `Stage`."""

    name = "telegram"

    def __init__(self, fake: FakeTelegram, people: int) -> None:
        self.fake = fake
        self.people = [fake.world.user(f"Person {n}") for n in range(people)]
        self.chats = [fake.world.private(person) for person in self.people]

    @property
    def answered(self) -> int:
        return len(self.fake.sent)

    def config(self) -> str:
        return f'[connectors.telegram]\napi_base = "{self.fake.url}"\n'

    def tokens(self) -> dict[str, str]:
        return {"TELEGRAM_BOT_TOKEN": self.fake.token}

    def bare(self) -> dict[str, str]:
        return {"TOKEN": self.fake.token, "API_BASE": self.fake.url}

    async def connected(self) -> None:
        await self.fake.wait_for_call("getUpdates")

    async def say(self, person: int, text: str) -> None:
        await self.fake.say(self.chats[person], self.people[person], text)

    async def wait_answered(self, count: int) -> None:
        await self.fake.wait_for_message(count=count)


class SlackStage:
    """See `Stage`. The fake sorts all posts whenever it is asked, so this one counts calls."""

    name = "slack"

    def __init__(self, fake: FakeSlack, people: int) -> None:
        self.fake = fake
        self.people = [fake.add_user(f"person{n}") for n in range(people)]
        self.chats = [fake.add_im(person) for person in self.people]

    @property
    def answered(self) -> int:
        return sum(call.method == "chat.postMessage" and call.answer is not None for call in self.fake.calls)

    def config(self) -> str:
        return f'[connectors.slack]\napi_base = "{self.fake.api_base}"\n'

    def tokens(self) -> dict[str, str]:
        return {"SLACK_BOT_TOKEN": self.fake.bot_token, "SLACK_APP_TOKEN": self.fake.app_token}

    def bare(self) -> dict[str, str]:
        return {
            "TOKEN": self.fake.bot_token,
            "APP_TOKEN": self.fake.app_token,
            "API_BASE": self.fake.api_base,
        }

    async def connected(self) -> None:
        await self.fake.wait_connected()

    async def say(self, person: int, text: str) -> None:
        await self.fake.say(self.chats[person], self.people[person], text)

    async def wait_answered(self, count: int) -> None:
        await self.fake.wait_until(lambda: self.answered >= count)


@asynccontextmanager
async def stage(name: str, people: int) -> AsyncIterator[Stage]:
    """A platform of that name with so many people."""
    made: Any
    if name == "discord":
        async with FakeDiscord() as discord:
            made = DiscordStage(discord, people)
            yield made
    elif name == "telegram":
        async with FakeTelegram() as telegram:
            made = TelegramStage(telegram, people)
            yield made
    else:
        async with FakeSlack() as slack:
            made = SlackStage(slack, people)
            yield made


async def talk(on: Stage, messages: int, people: int) -> None:
    """`messages` in all, each person waiting for the answer before the next one."""
    begun = on.answered
    for turn in range(messages // people):
        for person in range(people):
            await on.say(person, f"message {turn} of person {person}: how are you today?")
        async with asyncio.timeout(60.0):
            await on.wait_answered(begun + (turn + 1) * people)
