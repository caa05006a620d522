"""What an event leaves out and the API tells: the roles of a message's author, and unknown channels."""

import logging
from typing import Any, Final

import aiohttp
import discord

from bot_host.connector import ConnectorError
from connectors.discord.places import Book
from connectors.discord.rest import Rest, describe
from connectors.discord.rules import Rules

log = logging.getLogger(__name__)

LOOKUP_TIMEOUT_S: Final = 15.0
MEMBERS: Final = 2000
LOST_CHANNELS: Final = 200

Json = dict[str, Any]


class Lookups:
    """Asks each thing once."""

    def __init__(self, rest: Rest, book: Book, rules: Rules) -> None:
        self._rest = rest
        self._book = book
        self._rules = rules
        self._members: dict[tuple[str, str], Json] = {}
        """Of authors of what was missed: server and user; forgotten with each new session."""
        self._lost_channels: set[str] = set()
        """Those that the API does not tell of."""

    def forget_members(self) -> None:
        """Their roles may have changed."""
        self._members.clear()

    async def with_member(self, data: Json) -> Json:
        """A message of history with its author's roles, where the config asks for some of that server's.

        Raises what a request raises that may go better later.
        """
        guild_id, author = str(data.get("guild_id") or ""), data.get("author") or {}
        known = self._book.guilds.get(guild_id)
        if known is None or "member" in data or author.get("bot") or data.get("webhook_id"):
            return data
        if not self._rules.role_ids & known.roles.keys():
            return data | {"member": {"roles": []}}
        key = (guild_id, str(author.get("id")))
        if key not in self._members:
            self._members[key] = await self._ask_member(*key)
            if len(self._members) > MEMBERS:
                self._members.pop(next(iter(self._members)))
        return data | {"member": self._members[key]}

    async def _ask_member(self, guild_id: str, user_id: str) -> Json:
        try:
            found = await self._rest.request(
                "GET",
                "/guilds/{guild_id}/members/{user_id}",
                timeout=LOOKUP_TIMEOUT_S,
                guild_id=guild_id,
                user_id=user_id,
            )
        except discord.HTTPException as error:
            if not 400 <= error.status < 500 or error.status in (401, 429):
                raise
            return {"roles": []}  # left the server
        return {"roles": list(found.get("roles", ())), "nick": found.get("nick")}

    def knows(self, data: Json) -> bool:
        """Whether nothing is to be found out about the channel of an event."""
        channel_id = str(data["channel_id"])
        return (
            not data.get("guild_id") or channel_id in self._book.channels or channel_id in self._lost_channels
        )

    async def learn_channel(self, data: Json) -> None:
        """Look the channel of an event up, and write it into the book."""
        channel_id = str(data["channel_id"])
        try:
            found = await self._rest.request(
                "GET", "/channels/{channel_id}", timeout=LOOKUP_TIMEOUT_S, channel_id=channel_id
            )
            self._book.learn_channel(found | {"guild_id": data["guild_id"]}, in_use=True)
        except (discord.DiscordException, aiohttp.ClientError, OSError, ConnectorError) as error:
            log.info("discord: channel %s could not be looked up: %s", channel_id, describe(error))
            if len(self._lost_channels) < LOST_CHANNELS:
                self._lost_channels.add(channel_id)
