"""The Discord connector, with the real discord.py, against the fake Discord."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot_host.testing.connector import RecordingHost
from bot_host.types.content import ChannelType, Content
from bot_host.types.errors import LoginError, SendLater, SendRefused
from bot_host.types.inbound import (
    InboundDelete,
    InboundEdit,
    InboundMessage,
    InboundPlaces,
    Skipped,
)
from bot_host.types.outbound import Target
from connectors.discord.client import DiscordConnector
from connectors.discord.config import DiscordConfig
from connectors.discord.gateway import Pace
from tests.fakes.discord import HISTORY, SEND, TYPING, FakeDiscord

PACE = Pace(identify_s=0.05, retry_base_s=0.05, heartbeat_s=60.0)


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as server:
        yield server


class Bot:
    """A connector with its host, running."""

    def __init__(self, fake: FakeDiscord, host: RecordingHost, connector: DiscordConnector) -> None:
        self.fake = fake
        self.host = host
        self.connector = connector
        self.running = asyncio.create_task(connector.run(host))

    async def stop(self) -> None:
        await self.connector.stop_intake()
        await asyncio.wait([self.running])
        await self.connector.close()

    async def messages(self, count: int = 1) -> list[InboundMessage]:
        return await self.host.wait_for(InboundMessage, count)


def make(fake: FakeDiscord, *, pace: Pace = PACE, **settings: Any) -> DiscordConnector:
    values = {"token": fake.token, "api_base": fake.api_base, **settings}
    return DiscordConnector(DiscordConfig(**values), pace=pace)


@asynccontextmanager
async def started(
    fake: FakeDiscord, data_dir: Path, *, host: RecordingHost | None = None, pace: Pace = PACE, **settings: Any
) -> AsyncIterator[Bot]:
    host = host or RecordingHost(data_dir)
    bot = Bot(fake, host, make(fake, pace=pace, **settings))
    try:
        yield bot
    finally:
        await bot.stop()
        await host.tasks.close()
    if not bot.running.cancelled() and (error := bot.running.exception()) is not None:
        raise error


async def test_a_direct_message_comes_in_and_an_answer_goes_out(fake: FakeDiscord, tmp_path: Path) -> None:
    ada = fake.add_user("ada", global_name="Ada")
    async with started(fake, tmp_path) as bot:
        account = await bot.host.wait_connected()
        assert (account.key, account.name) == (f"discord:{fake.bot.id}", "hostbot")
        await fake.wait_ready()
        said = fake.say(fake.dm(ada), ada, "hello")
        [message] = await bot.messages()
        assert message.content.text == "hello"
        assert message.content.channel_type is ChannelType.DM
        assert message.sender.name == "Ada"
        assert message.world.key == f"discord-dm-{fake.bot.id}"
        [payload] = bot.connector.encode(Content(text="hi **Ada**"), message.target)
        sent = await bot.connector.send(payload, message.target, key="k1")
        answer = await fake.wait_for_message(fake.dm(ada))
        assert answer["content"] == "hi **Ada**"
        assert sent.platform_message_id == answer["id"] != said["id"]
