"""Reading what was said while the bot was not there.

Discord replays events only within a session. After a start, or a resume that was refused, the messages
since each channel's mark are read from its history and go the same way in as live ones. Edits and deletes
of that time are not to be had.

A channel without a mark is given one at its newest message: history from before the bot's first sight of
it is not answered. One that was made since its server is known (a thread opened while the bot was away) is
read from its beginning.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

import discord

from bot_host.connector import ConnectorHost, InboundEvent, Mark, utc_now
from connectors.discord.config import DiscordConfig
from connectors.discord.decode import mark_name, snowflake_at
from connectors.discord.places import Book, Place
from connectors.discord.rest import Rest

log = logging.getLogger(__name__)

PAGE: Final = 100
REQUEST_TIMEOUT_S: Final = 60.0
DM_INDEX_LIMIT: Final = 1000
DM_CHECK_LIMIT: Final = 200
"""Direct message channels looked into at a start: those in which something was said last."""

Json = dict[str, Any]


class Dms:
    """The direct message channels that wrote to the bot, kept as marks.

    Discord has no list of them for bots, and the host's marks cannot be listed: so `dm:0`, `dm:1` … hold
    channel ids, and `dm-count` says how many there are.
    """

    def __init__(self, host: ConnectorHost) -> None:
        self._host = host
        self._known: dict[str, None] = {}
        self._count = 0
        self._loaded = False

    async def load(self) -> list[str]:
        """The last `DM_INDEX_LIMIT` channel ids."""
        if not self._loaded:
            self._count = await self._host.find_mark("dm-count") or 0
            for number in range(max(0, self._count - DM_INDEX_LIMIT), self._count):
                value = await self._host.find_mark(f"dm:{number}")
                if value is not None:
                    self._known[str(value)] = None
            self._loaded = True
        return list(self._known)

    async def remember(self, channel_id: str) -> None:
        """Add a channel, before its first message goes in. One that fell out of sight is added again."""
        await self.load()
        if channel_id in self._known:
            return
        await self._host.set_mark(Mark(name=f"dm:{self._count}", value=int(channel_id)))
        await self._host.set_mark(Mark(name="dm-count", value=self._count + 1))
        self._count += 1
        self._known[channel_id] = None
        while len(self._known) > DM_INDEX_LIMIT:
            del self._known[next(iter(self._known))]


class CatchUp:
    """Brings the channels of one account up to date."""

    def __init__(
        self,
        *,
        host: ConnectorHost,
        rest: Rest,
        config: DiscordConfig,
        accept: Callable[[list[InboundEvent]], Awaitable[None]],
        decode: Callable[[Json], InboundEvent],
        stopping: Callable[[], bool],
    ) -> None:
        self._host = host
        self._rest = rest
        self._answer = config.catch_up == "answer"
        self._max_age = timedelta(seconds=config.catch_up_max_age)
        self._accept = accept
        self._decode = decode
        self._stopping = stopping
        self.dms = Dms(host)

    async def guild(self, guild_id: str, book: Book) -> None:
        """Read what was missed in a server's channels."""
        seen_name = f"guild:{guild_id}"
        seen = await self._host.find_mark(seen_name)
        places = book.places(guild_id)
        for place in places:
            if self._stopping():
                return
            await self._place(place, seen=seen)
        if seen is None:
            # Ids, not our clock: it may run ahead of Discord's.
            newest = max((int(place.id) for place in places), default=int(guild_id))
            await self._host.set_mark(Mark(name=seen_name, value=newest))

    async def _place(self, place: Place, *, seen: int | None) -> None:
        name = mark_name(place.id)
        mark = await self._host.find_mark(name)
        if mark is None and seen is not None and int(place.id) > seen:
            # A thread has the id of the message that it grew from, so nothing in it is older.
            mark = int(place.id) - 1
        if mark is None or not self._answer:
            newest = place.last_message_id or int(place.id)
            if mark is None or newest > mark:
                await self._host.set_mark(Mark(name=name, value=newest))
        elif place.last_message_id is None or place.last_message_id > mark:
            await self._read(place.id, guild_id=place.guild_id, mark=mark)
            if place.last_message_id is not None:
                await self._host.set_mark(Mark(name=name, value=place.last_message_id))

    async def direct(self) -> None:
        """Read what was missed in direct messages."""
        marks: list[tuple[int, str]] = []
        for channel_id in await self.dms.load():
            mark = await self._host.find_mark(mark_name(channel_id))
            marks.append((mark if mark is not None else int(channel_id), channel_id))
        now = snowflake_at(utc_now())
        for mark, channel_id in sorted(marks, reverse=True)[:DM_CHECK_LIMIT]:
            if self._stopping():
                return
            if self._answer:
                await self._read(channel_id, guild_id="", mark=mark)
            else:
                await self._host.set_mark(Mark(name=mark_name(channel_id), value=now))

    async def _read(self, channel_id: str, *, guild_id: str, mark: int) -> None:
        oldest = snowflake_at(utc_now() - self._max_age)
        after = max(mark, oldest)
        while not self._stopping():
            try:
                page = await self._page(channel_id, after)
            except discord.HTTPException as error:
                if not 400 <= error.status < 500 or error.status in (401, 429):
                    raise
                log.info("discord: the history of channel %s may not be read; not caught up", channel_id)
                return
            if page:
                # Discord answers newest first, whatever was asked for.
                events = [self._decode(_placed(data, guild_id)) for data in reversed(page)]
                log.info("discord: %d missed messages in channel %s", len(page), channel_id)
                await self._accept(events)
                after = max(int(data["id"]) for data in page)
            if len(page) < PAGE:
                return

    async def _page(self, channel_id: str, after: int) -> list[Json]:
        page = await self._rest.request(
            "GET",
            "/channels/{channel_id}/messages",
            timeout=REQUEST_TIMEOUT_S,
            params={"after": str(after), "limit": PAGE},
            channel_id=channel_id,
        )
        return list(page)


def _placed(data: Json, guild_id: str) -> Json:
    return data | {"guild_id": guild_id} if guild_id else data
