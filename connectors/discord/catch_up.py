"""Reading what was said while the bot was not there.

Discord replays events only within a session. After a start, or a resume that was refused, the messages
since each channel's mark are read from its history, page by page to the end, and handed over as missed.
Edits and deletes of that time are not to be had, nor a first direct message: Discord has no list of those.
Of what is older than `catch_up_max_age` the newest page of each channel is read, to be remembered.

A channel without a mark is given one at its newest message: history from before the bot's first sight of
it is not answered. One that was made since its server is known (a thread opened while the bot was away) is
read from its beginning.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Any, Final

import discord

from bot_host.connector import ChannelType, ConnectorHost, InboundEvent, Mark, RecentRoom, utc_now
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
RECENT_LIMIT: Final = 500
ASLEEP_LIMIT: Final = 25
"""Threads of a server looked into that were archived meanwhile: those in which something was said last."""
DIRECT: Final = "@me"
GAP_PATIENCE_S: Final = 30.0
"""A server that is not told of for so long (an outage at Discord) does not keep a gap open."""

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
        accept_missed: Callable[[list[InboundEvent]], Awaitable[None]],
        decode: Callable[[Json], InboundEvent],
        complete: Callable[[Json], Awaitable[Json]],
        stopping: Callable[[], bool],
    ) -> None:
        self._host = host
        self._rest = rest
        self._skips = config.catch_up == "skip"
        self._max_age = timedelta(seconds=config.catch_up_max_age)
        self._accept = accept
        self._accept_missed = accept_missed
        self._decode = decode
        self._complete = complete
        self._stopping = stopping
        self._recent: list[RecentRoom] = []
        self._live_from = 0
        self._open: set[str] = set()
        self._reading = False
        self._busy = True
        self._closing: asyncio.Task[None] | None = None
        self.dms = Dms(host)

    def begin(self, guild_ids: Iterable[str], *, shard: tuple[int, int] = (0, 1)) -> None:
        """A new session of a shard: these servers, on the first one direct messages, may have a gap."""
        number, total = shard
        others = {place for place in self._open if _shard_of(place, total) != number}
        self._open = {*others, *guild_ids, *([DIRECT] if number == 0 else [])}
        # What comes from now on comes live, too: it is not missed, whatever history shows of it.
        self._live_from = snowflake_at(utc_now())
        if self._closing is not None:
            self._closing.cancel()
        self._busy = True
        self._closing = self._host.tasks.spawn("discord gap", self._give_up_waiting())

    async def _give_up_waiting(self) -> None:
        while self._busy:
            self._busy = self._reading
            await asyncio.sleep(GAP_PATIENCE_S)
        self._closing = None
        self._open.clear()
        self.finished("")

    def finished(self, guild_id: str) -> None:
        """A server is done, or not to be had."""
        self._open.discard(guild_id)
        self._busy, self._reading = True, False
        if self._open:
            return
        if self._closing is not None:
            self._closing.cancel()
        self._live_from = 0
        self._host.caught_up()

    async def direct(self) -> None:
        """Read what was missed in direct messages."""
        self._reading = True
        self._recent = list(await self._host.recent_rooms(limit=RECENT_LIMIT))
        marks: list[tuple[int, str]] = []
        for channel_id in await self.dms.load():
            mark = await self._host.find_mark(mark_name(channel_id))
            marks.append((mark if mark is not None else int(channel_id), channel_id))
        for mark, channel_id in sorted(marks, reverse=True)[:DM_CHECK_LIMIT]:
            if self._stopping():
                return
            await self._read(channel_id, guild_id="", mark=mark)
        self.finished(DIRECT)

    async def guild(self, guild_id: str, book: Book) -> None:
        """Read what was missed in a server's channels."""
        self._reading = True
        if not self._live_from:
            self._live_from = snowflake_at(utc_now())
        seen_name = guild_mark(guild_id)
        seen = await self._host.find_mark(seen_name)
        places = book.places(guild_id)
        for place in places:
            if self._stopping():
                return
            await self._place(place, seen=seen)
        await self._asleep(guild_id, book)
        if seen is None:
            # Ids, not our clock: it may run ahead of Discord's.
            newest = max((int(place.id) for place in places), default=int(guild_id))
            await self._host.set_mark(Mark(name=seen_name, value=newest))
        self.finished(guild_id)

    async def _place(self, place: Place, *, seen: int | None) -> None:
        name = mark_name(place.id)
        mark = await self._host.find_mark(name)
        if mark is None and seen is not None and int(place.id) > seen:
            # A thread has the id of the message that it grew from, so nothing in it is older.
            mark = int(place.id) - 1
        if mark is None:
            await self._host.set_mark(Mark(name=name, value=place.last_message_id or int(place.id)))
        elif place.last_message_id is None or place.last_message_id > mark:
            await self._read(place.id, guild_id=place.guild_id, mark=mark)
            if place.last_message_id is not None:
                await self._host.set_mark(Mark(name=name, value=place.last_message_id))

    async def _asleep(self, guild_id: str, book: Book) -> None:
        """Threads in which people spoke lately, and which Discord does not name: they were archived."""
        asleep = [
            room
            for room in self._recent
            if room.type is ChannelType.THREAD
            and room.server_id == guild_id
            and room.channel_id not in book.channels
        ]
        for room in asleep[:ASLEEP_LIMIT]:
            if self._stopping():
                return
            found = await self._ask("/channels/{channel_id}", channel_id=room.channel_id)
            if found is not None:
                book.learn_channel(found | {"guild_id": guild_id}, in_use=True)
                await self._place(book.channels[room.channel_id], seen=None)

    async def _read(self, channel_id: str, *, guild_id: str, mark: int) -> None:
        oldest = snowflake_at(utc_now() - self._max_age)
        if mark < oldest and not self._skips:
            old = await self._page(channel_id, before=oldest) or []
            await self._take(channel_id, [data for data in old if int(data["id"]) > mark], guild_id)
        after = max(mark, oldest - 1)
        while not self._stopping():
            page = await self._page(channel_id, after=after)
            if page:
                await self._take(channel_id, page, guild_id)
                after = max(int(data["id"]) for data in page)
            if page is None or len(page) < PAGE:
                return

    async def _take(self, channel_id: str, page: list[Json], guild_id: str) -> None:
        # Discord answers newest first, whatever was asked for.
        page = sorted((_placed(data, guild_id) for data in page), key=lambda data: int(data["id"]))
        page = [await self._complete(data) for data in page]
        missed = [data for data in page if int(data["id"]) < self._live_from or not self._live_from]
        live = page[len(missed) :]
        log.debug("discord: %d messages read in channel %s", len(page), channel_id)
        if missed:
            await self._accept_missed([self._decode(data) for data in missed])
        if live:
            await self._accept([self._decode(data) for data in live])

    async def _page(self, channel_id: str, **where: int) -> list[Json] | None:
        """None: it may not be read."""
        params = {"limit": PAGE, **{name: str(value) for name, value in where.items()}}
        page = await self._ask("/channels/{channel_id}/messages", params=params, channel_id=channel_id)
        if page is None:
            log.info("discord: the history of channel %s may not be read; not caught up", channel_id)
            return None
        return list(page)

    async def _ask(self, path: str, *, channel_id: str, params: Json | None = None) -> Any | None:
        """None: refused for good."""
        try:
            return await self._rest.request(
                "GET", path, timeout=REQUEST_TIMEOUT_S, params=params, channel_id=channel_id
            )
        except discord.HTTPException as error:
            if not 400 <= error.status < 500 or error.status in (401, 429):
                raise
            return None


def guild_mark(guild_id: str) -> str:
    """Says since when a server is known."""
    return f"guild:{guild_id}"


def _shard_of(place: str, total: int) -> int:
    """events/gateway#sharding-sharding-formula."""
    return 0 if place == DIRECT else (int(place) >> 22) % total


def _placed(data: Json, guild_id: str) -> Json:
    return data | {"guild_id": guild_id} if guild_id else data
