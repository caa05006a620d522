"""A reaction on the message that is being answered, for as long as that takes."""

import logging
from typing import Final

import aiohttp
import discord

from bot_host.connector import ConnectorError, SendRefused, Target
from connectors.discord.rest import Rest, describe
from connectors.discord.spots import THREAD_OF

log = logging.getLogger(__name__)

TIMEOUT_S: Final = 10.0


class Signs:
    """The working reactions of one account. What is refused is left out."""

    def __init__(self, rest: Rest, emoji: str) -> None:
        self._rest = rest
        self._emoji = _plain(emoji)
        self._on: set[tuple[str, str]] = set()

    async def begin(self, target: Target) -> None:
        """Put the reaction, once."""
        place = _message(target)
        if self._emoji and place is not None and place not in self._on:
            self._on.add(place)
            await self._ask("PUT", place)

    async def end(self, target: Target) -> None:
        """Take it away."""
        place = _message(target)
        if place in self._on:
            self._on.discard(place)
            await self._ask("DELETE", place)

    async def _ask(self, method: str, place: tuple[str, str]) -> None:
        try:
            await _request(self._rest, method, place, self._emoji)
        except (discord.DiscordException, aiohttp.ClientError, OSError, ConnectorError) as error:
            log.debug("discord: no reaction: %s", describe(error))


async def put(rest: Rest, target: Target, emoji: str) -> None:
    """Put a reaction on a message, for good. Raises what a request raises, SendRefused."""
    place = _message(target)
    if place is None:
        raise SendRefused("there is no message to react to")
    await _request(rest, "PUT", place, _plain(emoji))


async def _request(rest: Rest, method: str, place: tuple[str, str], emoji: str) -> None:
    await rest.request(
        method,
        "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me",
        timeout=TIMEOUT_S,
        channel_id=place[0],
        message_id=place[1],
        emoji=emoji,
    )


def _plain(emoji: str) -> str:
    """A server's own emoji is `name:id` (resources/message#create-reaction)."""
    return emoji.strip().strip("<>").removeprefix("a:").strip(":")


def _message(target: Target) -> tuple[str, str] | None:
    parent = target.extra.get(THREAD_OF)
    if parent:
        return parent, target.channel_id
    return (target.channel_id, target.reply_to) if target.reply_to else None
