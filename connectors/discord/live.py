"""What is wrong with a Discord bot, by what it has really received."""

import logging
from collections.abc import Iterator, Sequence
from typing import Final

import aiohttp
import discord

from bot_host.connector import CheckLine, ConnectorError, Heard, Seen
from connectors.discord.advice import content_advice, invite_link
from connectors.discord.config import DiscordConfig
from connectors.discord.rest import Rest, describe

log = logging.getLogger(__name__)

NO_TEXT: Final = "no text"
"""As decode says it of a message without text and files."""
FEW: Final = 5
"""Messages that say little: all of them may have been meant for the bot."""
TIMEOUT_S: Final = 15.0


async def compare(rest: Rest, config: DiscordConfig, heard: Heard) -> Sequence[CheckLine]:
    """A line for each; none where Discord cannot be asked. Never raises."""
    try:
        client = await rest.log_in()
        guilds = await rest.request("GET", "/users/@me/guilds", timeout=TIMEOUT_S)
    except (discord.DiscordException, aiohttp.ClientError, OSError, ConnectorError) as error:
        log.debug("discord: could not compare: %s", describe(error))
        return []
    application_id = client.application_id
    return [
        _servers(len(guilds), config, application_id or 0),
        *_texts(len(guilds), config, heard, application_id),
    ]


def _servers(guilds: int, config: DiscordConfig, application_id: int) -> CheckLine:
    return CheckLine(
        name="discord live servers",
        ok=True,
        detail=f"in {guilds} servers",
        advice="" if guilds else f"invite it: {invite_link(application_id, config)}",
    )


def _texts(
    guilds: int, config: DiscordConfig, heard: Heard, application_id: int | None
) -> Iterator[CheckLine]:
    empty = heard.skipped.get(NO_TEXT, Seen())
    without_text = empty.count > 0 and not heard.unaddressed.count
    if guilds and without_text:
        yield CheckLine(
            name="discord live content",
            ok=config.mention_only,
            detail=f"{empty.count} messages of servers came without their text, and none came with it that "
            "does not mention the bot",
            advice=content_advice(application_id),
        )
    elif guilds and not heard.shared.count:
        yield CheckLine(
            name="discord live channels",
            ok=True,
            detail="no message was received from a server's channel",
            advice="mention the bot in a channel; if nothing comes, it lacks the permission View Channel",
        )
    elif guilds and not config.mention_only and not heard.unaddressed.count:
        yield CheckLine(
            name="discord live content",
            ok=heard.shared.count < FEW,
            detail=f"of {heard.shared.count} messages in servers each one turned to the bot",
            advice=content_advice(application_id),
        )
