"""What came in tells what is wrong at the platform, though tokens and settings look right."""

from collections.abc import Sequence
from typing import Any

from bot_host.connector import CheckLine, Heard, LiveChecking, Seen, utc_now
from connectors.discord.client import DiscordConnector
from connectors.discord.config import DiscordConfig
from connectors.slack.client import SlackConnector
from connectors.telegram.client import TelegramConnector
from connectors.telegram.config import TelegramConfig
from tests.connectors.slack_helpers import config_for
from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack
from tests.fakes.telegram import FakeTelegram


def seen(count: int) -> Seen:
    return Seen(count=count, last_at=utc_now() if count else None)


def heard(*, direct: int = 0, shared: int = 0, unaddressed: int = 0, **skipped: int) -> Heard:
    """What was received; `skipped` by reason, with _ for a space."""
    return Heard(
        since=utc_now(),
        direct=seen(direct),
        shared=seen(shared),
        unaddressed=seen(unaddressed),
        skipped={reason.replace("_", " "): seen(count) for reason, count in skipped.items()},
    )


async def found(connector: Any, heard: Heard) -> dict[str, CheckLine]:
    assert isinstance(connector, LiveChecking)
    try:
        lines: Sequence[CheckLine] = await connector.compare(heard)
    finally:
        await connector.close()
    return {line.name: line for line in lines}


async def test_discord_messages_without_text_while_direct_ones_come_in() -> None:
    async with FakeDiscord(message_content="off") as fake:
        fake.add_guild("Garden", members=[])

        def bot(**config: Any) -> DiscordConnector:
            urls = {"api_base": fake.api_base, "gateway_url": fake.gateway_url}
            return DiscordConnector(DiscordConfig(token=fake.token, **urls, **config))

        without = heard(direct=4, shared=2, no_text=30)
        line = (await found(bot(), without))["discord live content"]
        assert (line.ok, line.detail.partition(",")[0]) == (
            True,
            "30 messages of servers came without their text",
        )
        assert "Message Content Intent" in line.advice
        assert not (await found(bot(mention_only=False), without))["discord live content"].ok
        # Pictures alone have no text either.
        fine = heard(direct=4, shared=20, unaddressed=9, no_text=3)
        assert set(await found(bot(), fine)) == {"discord live servers"}
        addressed = heard(shared=9)
        assert set(await found(bot(), addressed)) == {"discord live servers"}
        assert not (await found(bot(mention_only=False), addressed))["discord live content"].ok
        assert (await found(bot(mention_only=False), heard(shared=1)))["discord live content"].ok
        line = (await found(bot(), heard(direct=1)))["discord live channels"]
        assert "View Channel" in line.advice


async def test_discord_without_a_server_is_told_how_to_be_invited() -> None:
    async with FakeDiscord() as fake:
        urls = {"api_base": fake.api_base, "gateway_url": fake.gateway_url}
        lines = await found(DiscordConnector(DiscordConfig(token=fake.token, **urls)), heard(direct=1))
        assert set(lines) == {"discord live servers"}
        assert (lines["discord live servers"].detail, lines["discord live servers"].ok) == (
            "in 0 servers",
            True,
        )
        assert "oauth2/authorize" in lines["discord live servers"].advice
        assert await found(DiscordConnector(DiscordConfig(token="wrong.token", **urls)), heard()) == {}


async def test_telegram_groups_that_keep_their_old_privacy() -> None:
    async with FakeTelegram() as fake:

        def bot(**config: Any) -> TelegramConnector:
            return TelegramConnector(TelegramConfig(token=fake.bot.token, api_base=fake.url, **config))

        fake.bot.sees_all = True
        line = (await found(bot(mention_only=False), heard(shared=9)))["telegram live groups"]
        assert not line.ok
        assert line.advice == "remove the bot from each group and add it again"
        assert (await found(bot(mention_only=False), heard(shared=1)))["telegram live groups"].ok
        assert await found(bot(mention_only=False), heard(shared=9, unaddressed=1)) == {}
        assert await found(bot(), heard(shared=9)) == {}
        fake.bot.sees_all = False
        assert await found(bot(mention_only=False), heard(shared=9)) == {}
        line = (await found(bot(allow=["-1001"]), heard(direct=3)))["telegram live groups"]
        assert (line.ok, "see that it is a member" in line.advice) == (True, True)
        assert await found(bot(allow=["4711"]), heard(direct=3)) == {}


async def test_slack_events_that_never_came() -> None:
    async with FakeSlack() as fake:

        def app(**config: Any) -> SlackConnector:
            return SlackConnector(config_for(fake, **config))

        assert set(await found(app(), heard(direct=3))) == {"slack live channels"}
        assert set(await found(app(), heard(shared=3, unaddressed=1))) == {"slack live direct"}
        assert await found(app(dm_policy="off"), heard(shared=3, unaddressed=1)) == {}
        assert await found(app(), heard(direct=1, shared=3, unaddressed=1)) == {}
        mentions = heard(direct=1, shared=9)
        line = (await found(app(), mentions))["slack live events"]
        assert (line.ok, "message.channels" in line.detail) == (True, True)
        assert not (await found(app(mention_only=False), mentions))["slack live events"].ok
        assert await found(app(), heard()) == {}
