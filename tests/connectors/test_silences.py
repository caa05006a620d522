"""What keeps a bot silent though its token works: found at the platform, and told with the way out."""

from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import CheckLine, SelfChecking
from connectors.discord.client import DiscordConnector
from connectors.discord.config import DiscordConfig
from connectors.slack.client import SlackConnector
from connectors.telegram.client import TelegramConnector
from connectors.telegram.config import TelegramConfig
from tests.connectors.slack_helpers import config_for
from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack
from tests.fakes.telegram import FakeTelegram


async def of(connector: Any) -> list[CheckLine]:
    """What a connector finds."""
    assert isinstance(connector, SelfChecking)
    try:
        return list(await connector.silences())
    finally:
        await connector.close()


def telegram(fake: FakeTelegram, **config: Any) -> TelegramConnector:
    return TelegramConnector(TelegramConfig(token=fake.bot.token, api_base=fake.url, **config))


async def test_telegram_privacy_where_all_is_to_be_seen() -> None:
    async with FakeTelegram() as fake:
        assert await of(telegram(fake)) == []
        [line] = await of(telegram(fake, mention_only=False))
        assert (line.name, line.ok) == ("telegram privacy", False)
        assert "/setprivacy, Disable" in line.advice
        fake.bot.sees_all = True
        assert await of(telegram(fake, mention_only=False)) == []


async def test_telegram_groups_that_the_bot_is_not_in() -> None:
    async with FakeTelegram() as fake:
        here = str(fake.world.supergroup("Garden").id)
        assert await of(telegram(fake, allow=[here, f"{here}-7", "4711"])) == []
        [line] = await of(telegram(fake, allow=[here, "-100987-3", "-100987"]))
        assert (line.ok, line.detail) == (True, "the bot is not in -100987")
        [line] = await of(telegram(fake, allow=["-100987", "-100987-3"]))
        assert (line.ok, line.detail) == (False, "no room matches the allow list: the bot is not in -100987")
        fake.bot.can_join_groups = False
        names = [line.name for line in await of(telegram(fake, allow=[here]))]
        assert names == ["telegram groups"]


async def test_telegram_that_cannot_be_asked() -> None:
    async with FakeTelegram() as fake:
        fake.fail("getMe", status=502, times=5)
        assert await of(telegram(fake, mention_only=False)) == []


def discord(fake: FakeDiscord, **config: Any) -> DiscordConnector:
    return DiscordConnector(
        DiscordConfig(token=fake.token, api_base=fake.api_base, gateway_url=fake.gateway_url, **config)
    )


async def test_discord_content_where_all_is_to_be_seen() -> None:
    async with FakeDiscord(message_content="off") as fake:
        assert await of(discord(fake)) == []
        [line] = await of(discord(fake, mention_only=False))
        assert (line.name, line.ok) == ("discord intents", False)
        assert f"/applications/{fake.bot.id}/bot" in line.advice
    async with FakeDiscord() as fake:
        assert await of(discord(fake, mention_only=False)) == []


async def test_discord_places_that_the_bot_does_not_see() -> None:
    async with FakeDiscord() as fake:
        ada = fake.add_user("ada")
        guild = fake.add_guild("Garden", members=[ada])
        channel = fake.add_channel(guild, "general")
        assert await of(discord(fake, allow=[guild.id, channel.id, ada.id])) == []
        [line] = await of(discord(fake, allow=[guild.id, "999"]))
        assert (line.ok, line.detail) == (True, "the bot sees no server, channel or user 999")
        [line] = await of(discord(fake, allow=["998", "999"]))
        assert not line.ok
        assert line.detail.startswith("no room matches the allow list: ")
        assert "https://discord.com/oauth2/authorize" in line.advice


async def test_discord_that_cannot_be_asked() -> None:
    async with FakeDiscord() as fake:
        config = {"token": "wrong.token", "mention_only": False}
        connector = DiscordConnector(
            DiscordConfig(api_base=fake.api_base, gateway_url=fake.gateway_url, **config)  # type: ignore[arg-type]
        )
        assert await of(connector) == []


async def test_slack_scopes_and_channels_that_the_app_is_not_in() -> None:
    async with FakeSlack() as fake:
        here = fake.add_channel("general")
        outside = fake.add_channel("secret", with_bot=False)
        team = str((await SlackConnector(config_for(fake)).check())[0].account)
        assert await of(SlackConnector(config_for(fake, allow=[here.id, team, "U123"]))) == []
        [line] = await of(SlackConnector(config_for(fake, allow=[here.id, outside.id])))
        assert (line.ok, line.detail) == (True, f"the app is not in {outside.id}")
        assert "/invite" in line.advice
        [line] = await of(SlackConnector(config_for(fake, allow=["C404", "T404"])))
        assert (line.ok, line.detail) == (
            False,
            "no room matches the allow list: the app is not in C404, T404",
        )
        fake.scopes = [scope for scope in fake.scopes if scope != "channels:history"]
        [line] = await of(SlackConnector(config_for(fake)))
        assert (line.name, line.ok) == ("slack scopes", False)
        assert "channels:history" in line.detail


async def test_slack_that_cannot_be_asked() -> None:
    async with FakeSlack() as fake:
        config = config_for(fake, allow=["C404"], bot_token="xoxb-wrong")
    assert await of(SlackConnector(config)) == []


@pytest.mark.parametrize("ids", [60])
async def test_a_long_list_is_not_asked_for_to_its_end(ids: int, tmp_path: Path) -> None:
    async with FakeTelegram() as fake:
        [line] = await of(telegram(fake, allow=[f"-{n + 1}" for n in range(ids)]))
        assert line.detail.count(",") == 19
        assert len(fake.called("getChat")) == 20
