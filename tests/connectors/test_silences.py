"""What keeps a bot silent though its token works: found at the platform, and told with the way out."""

from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import CheckLine, SelfChecking
from connectors.discord.advice import needed_flags
from connectors.discord.client import DiscordConnector
from connectors.discord.config import DiscordConfig
from connectors.discord.permissions import (
    FILES,
    HISTORY,
    LINKS,
    PIN,
    POLLS,
    REACT,
    SEND,
    SEND_IN_THREADS,
    THREADS,
    VIEW,
)
from connectors.slack.client import SlackConnector
from connectors.telegram.client import TelegramConnector
from connectors.telegram.config import TelegramConfig
from tests.connectors.slack_helpers import config_for
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord_model import CATEGORY, FORUM, allow_and_deny
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


async def test_discord_channels_of_the_allow_list_that_the_bot_cannot_answer_in() -> None:
    async with FakeDiscord() as fake:
        guild = fake.add_guild("Garden")
        everyone, ours = guild.roles[guild.id], fake.bot_role(guild)
        board, rules, ideas = (
            fake.add_channel(guild, "board"),
            fake.add_channel(guild, "rules"),
            fake.add_channel(guild, "ideas", type=FORUM),
        )
        allow = [board.id, rules.id, ideas.id]
        assert await of(discord(fake, allow=allow)) == []
        allow_and_deny(board, everyone, deny=VIEW)
        allow_and_deny(rules, everyone, deny=SEND | HISTORY)
        allow_and_deny(ideas, everyone, deny=SEND_IN_THREADS)
        found = await of(discord(fake, allow=allow))
        assert {(line.name, line.ok) for line in found} == {("discord permissions", False)}
        assert [line.detail for line in found] == [
            "in #board of Garden, which stands in allow, the bot lacks View Channel, Read Message History, "
            "Send Messages",
            "in #rules of Garden, which stands in allow, the bot lacks Read Message History, Send Messages",
            "in #ideas of Garden, which stands in allow, the bot lacks Send Messages in Threads",
        ]
        assert all("Permissions, add the bot's role, switch them on" in line.advice for line in found)
        # Elsewhere what is closed is closed on purpose, unless nothing is left.
        assert await of(discord(fake, allow=[guild.id], deny=[rules.id, ideas.id, board.id])) == []
        [line] = await of(discord(fake, allow=[guild.id], deny=[ideas.id]))
        assert line.detail == "in Garden there is no channel that the bot can both see and write in"
        allow_and_deny(board, ours, allow=VIEW | SEND | HISTORY)
        assert await of(discord(fake, allow=[guild.id])) == []


async def checked(fake: FakeDiscord, **config: Any) -> list[CheckLine]:
    """What `check` finds about servers."""
    connector = discord(fake, **config)
    try:
        found = list(await connector.check())
        assert all(line.ok for line in found)
        return [line for line in found if line.name == "discord servers"]
    finally:
        await connector.close()


async def test_discord_features_that_lack_a_permission() -> None:
    async with FakeDiscord() as fake:
        guild = fake.add_guild("Garden")
        everyone, ours = guild.roles[guild.id], fake.bot_role(guild)
        fake.add_channel(guild, "general")
        rules, _category = fake.add_channel(guild, "rules"), fake.add_channel(guild, "Texts", type=CATEGORY)
        [line] = await checked(fake)
        assert line.detail == "in Garden the bot lacks Pin Messages in every channel"
        assert f"permissions={needed_flags(DiscordConfig())}" in line.advice
        assert await checked(fake, actions=["READ_CHANNEL"]) == []
        ours.permissions = PIN
        assert await checked(fake) == []
        everyone.permissions &= ~POLLS
        allow_and_deny(rules, everyone, deny=FILES | REACT)
        one, two = await checked(fake)
        assert one.detail == "in Garden the bot lacks Create Polls in every channel"
        assert two.detail == "in #rules of Garden the bot lacks Add Reactions, Attach Files"
        allow_and_deny(rules, everyone, deny=SEND)
        details = [line.detail for line in await checked(fake)]
        assert details[1:] == ["in #rules of Garden the bot can read and not write"]
        assert len(await checked(fake, deny=[rules.id])) == 1


async def test_discord_looks_at_ten_servers_at_the_most() -> None:
    async with FakeDiscord() as fake:
        for number in range(11):
            fake.add_channel(fake.add_guild(f"Garden {number}"), "general")
        [line] = await checked(fake, actions=False)
        assert line.detail == "the permissions in 10 of 11 servers were looked at"
        assert len(fake.calls_of("GET /guilds/{guild_id}/channels")) == 10


async def test_the_invite_asks_for_what_is_switched_on_and_nothing_else() -> None:
    none, some, every = (needed_flags(DiscordConfig(actions=on)) for on in (False, ["CREATE_POLL"], True))
    assert none == VIEW | SEND | SEND_IN_THREADS | HISTORY | LINKS | FILES
    assert some == none | POLLS
    assert every == none | POLLS | PIN | THREADS | REACT
    assert needed_flags(DiscordConfig(actions=False, working_reaction="👀", threads="mention")) == (
        none | REACT | THREADS
    )
    assert needed_flags(DiscordConfig(actions=False, failed_reaction="⚠️")) == none | REACT
    async with FakeDiscord() as fake:
        connector = discord(fake, actions=["CREATE_POLL"])
        found = {line.name: line.detail for line in await connector.check()}
        await connector.close()
    assert f"permissions={some}" in found["discord invite"]


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
