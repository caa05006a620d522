"""What would keep a Discord bot silent by its config, though its token works."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

import aiohttp
import discord

from bot_host.connector import AccessKind, CheckLine, ConnectorError, split_entry
from connectors.discord.advice import content_advice, invite_link
from connectors.discord.config import DiscordConfig
from connectors.discord.rest import LoginClient, Rest, describe
from connectors.discord.standing import faults, remarks, standings

log = logging.getLogger(__name__)

MOST: Final = 20
"""Ids of the allow list that are looked for."""
TIMEOUT_S: Final = 15.0
_FAULTS: Final = (
    discord.DiscordException,
    aiohttp.ClientError,
    OSError,
    ConnectorError,
    KeyError,
    TypeError,
    ValueError,
)
"""What a request may end in; the last three: an answer that is not Discord's."""
_SERVER, _CHANNEL, _USER = "/guilds/{id}", "/channels/{id}", "/users/{id}"
_PLACES: Final = {
    "": (_SERVER, _CHANNEL, _USER),
    AccessKind.SERVER: (_SERVER,),
    AccessKind.CHANNEL: (_CHANNEL,),
    AccessKind.USER: (_USER,),
}
"""What an id may be, in the order of asking. A bot sees only servers and channels that it is in."""


async def silences(rest: Rest, config: DiscordConfig) -> Sequence[CheckLine]:
    """One line for each; none where Discord cannot be asked. Never raises."""
    # Roles cannot be asked for without their server.
    entries = [entry for entry in map(split_entry, config.allow) if entry[0] in _PLACES]
    try:
        client = await rest.log_in()
        missing = [id for kind, id in entries[:MOST] if await _is_missing(rest, _PLACES[kind], id)]
        places, _ = await standings(rest, config)
    except _FAULTS as error:
        log.debug("discord: could not look for what makes the bot silent: %s", describe(error))
        return []
    found = list(faults(places))
    # A channel that it cannot see is told of by name where the server says that it is there.
    known = {each.id for each in places}
    missing = [id for id in missing if id not in known]
    if not config.mention_only and _lacks_content(client):
        found.append(
            CheckLine(
                name="discord intents",
                ok=False,
                detail="mention_only = false, but the message content intent is off: in servers only "
                "mentions and replies carry text",
                advice=content_advice(client.application_id),
            )
        )
    if missing:
        alone = len(missing) == len(config.allow)
        found.append(
            CheckLine(
                name="discord allow",
                ok=not alone,
                detail=("no room matches the allow list: " if alone else "")
                + f"the bot sees no server, channel or user {', '.join(missing)}",
                advice=f"invite it ({invite_link(client.application_id or 0, config)}), give it the "
                "permission View Channel, or correct the ids in allow (that of a role is written role:ID)",
            )
        )
    return found


async def standing_lines(rest: Rest, config: DiscordConfig) -> Sequence[CheckLine]:
    """What `check` says besides of the bot's permissions; nothing where Discord cannot be asked."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            client = await rest.log_in()
            places, servers = await standings(rest, config)
    except _FAULTS as error:
        log.debug("discord: could not look at the permissions: %s", describe(error))
        return []
    return list(remarks(places, servers, config, application_id=client.application_id or 0))


def _lacks_content(client: LoginClient) -> bool:
    application = client.application
    if application is None or not client.flags_known:
        return False
    flags = application.flags
    return not (flags.gateway_message_content or flags.gateway_message_content_limited)


async def _is_missing(rest: Rest, paths: Sequence[str], id: str) -> bool:
    for path in paths:
        try:
            await rest.request("GET", path, timeout=TIMEOUT_S, id=id)
        except (discord.NotFound, discord.Forbidden):
            continue
        return False
    return True
