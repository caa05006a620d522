"""Reading what was said while no socket was open.

Slack delivers an event that nobody acknowledged a few more times, within minutes; what was posted in a longer
gap comes never. So after each `hello` the conversations are read from the moment on up to which everything
was certainly taken in: their history, and the replies of the threads in which people spoke lately or which
show a newer reply. A thread that was silent for long and is unknown to the host is not seen: Slack has no
list of those. Edits and deletes of the gap are not to be had.

It goes on beside the live events, as it may take long (see `history`): an answer to what was missed may come
after one to what was said later.

That moment is the mark `alive`, in microseconds of Slack's clock. It moves once a minute while the socket
stands, nothing waits for the disk and no gap is open; a kill loses no more than that minute.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from bot_host.connector import ConnectorHost, InboundEvent, InboundMessage, Mark, StoreError, backoff
from connectors.slack.config import SlackConfig
from connectors.slack.errors import code_of, fault_of, is_passing
from connectors.slack.events import ts_to_int
from connectors.slack.history import HISTORY, REPLIES, Busy, History, next_cursor

log = logging.getLogger(__name__)

SECOND: Final = 1_000_000
OVERLAP: Final = 60 * SECOND
"""Read again before the moment that is known: a dead socket is noticed late, and events come out of order."""
KEEP_S: Final = 60.0
"""Between two moves of the mark."""
LIST: Final = "users.conversations"
LIST_PAGE: Final = 200
KINDS: Final = ("public_channel,private_channel,mpim", "im")
RECENT: Final = 200
"""Rooms that are asked for as those in which people spoke lately."""
THREADS: Final = 100
"""Threads that are read."""
MOST: Final = 5_000
"""Messages that are read of one conversation; what is older than these is left out."""
NOTED: Final = 100
"""Messages that are read of those that are too old to be answered."""
BATCH: Final = 50
FAULTS: Final = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError)

Json = dict[str, Any]
Place = tuple[str, str]
"""Channel and thread."""


@dataclass(slots=True)
class _Gap:
    """What is to be read."""

    start: int
    end: int
    kinds: dict[str, str] = field(default_factory=dict)
    """The kind of each conversation (`channel`, `im` …)."""
    done: set[Place] = field(default_factory=set)


def ts_of(micros: int) -> str:
    """A moment as Slack writes it."""
    return f"{micros // SECOND}.{micros % SECOND:06d}"


class CatchUp:
    """Closes one account's gaps."""

    def __init__(
        self,
        *,
        host: ConnectorHost,
        history: History,
        config: SlackConfig,
        team_id: str,
        clock_ahead_s: float,
        decode: Callable[[Mapping[str, Any]], Awaitable[InboundEvent]],
        closed: Callable[[str, Collection[Place]], None] = lambda _start, _read: None,
    ) -> None:
        """`clock_ahead_s`: of Slack's clock, before ours. `decode` looks names up first.

        `closed` hears since when something was missed, and where that has been read.
        """
        self._host = host
        self._history = history
        self._skips = config.catch_up == "skip"
        self._max_age = config.catch_up_max_age * SECOND
        self._team_id = team_id
        self._ahead_s = clock_ahead_s
        self._decode = decode
        self._closed = closed
        self._hello = asyncio.Event()
        self._said_hello_at = 0
        self._alive = 0
        """Up to this moment all is taken in; 0: not known yet."""
        self._kept_at = float("-inf")
        self._losses: set[int] = set()
        """Moments from which on something may not have come, though the rest did."""
        self._lost_until = 0
        self._reopening: asyncio.Task[None] | None = None

    def _now(self) -> int:
        return int((time.time() + self._ahead_s) * SECOND)

    def said_hello(self) -> None:
        """A socket opens: what comes from now on comes live."""
        self._said_hello_at = self._now()
        self._hello.set()

    def lost(self, since: float, until: float) -> None:
        """What was said from then to then (seconds) may not have come: it is read when that is over."""
        self._losses.add(int(since * SECOND))
        self._lost_until = max(int(until * SECOND), self._lost_until)
        if self._reopening is None or self._reopening.done():
            self._reopening = self._host.tasks.spawn("slack gap", self._reopen())

    async def _reopen(self) -> None:
        while True:
            left = self._lost_until - self._now()
            if left <= 0:
                break
            await asyncio.sleep(left / SECOND)
        self.said_hello()

    async def still_alive(self) -> None:
        """The socket stands and nothing waits: called every second or so. Raises StoreError."""
        if self._hello.is_set() or not self._alive:
            return
        self._alive = self._now()
        if time.monotonic() - self._kept_at >= KEEP_S:
            await self._keep(self._alive)

    async def _keep(self, micros: int) -> None:
        await self._host.set_mark(Mark(name="alive", value=micros))
        self._kept_at = time.monotonic()

    async def run(self) -> None:
        """Close each gap, until cancelled."""
        attempt = 0
        while True:
            await self._hello.wait()
            try:
                began, losses = self._said_hello_at, self._losses.copy()
                await self._close(began, losses)
            except (StoreError, *FAULTS) as error:
                attempt += 1
                wait = backoff(attempt)
                why = code_of(error) if isinstance(error, SlackApiError) else fault_of(error)
                log.warning("slack: what was missed cannot be read (%s); again in %.0f s", why, wait)
                await asyncio.sleep(wait)
                continue
            except Exception:
                # A bug must not keep the mark from moving for ever (I4).
                log.exception("slack: reading what was missed failed; the gap is given up")
            attempt = 0
            self._losses -= losses
            if began == self._said_hello_at:
                self._hello.clear()
            self._alive = began
            self._host.caught_up()

    async def _close(self, until: int, losses: Collection[int]) -> None:
        since = await self._host.find_mark("since")
        if since is None:
            # What was said before the bot's first sight of the workspace is not answered.
            await self._host.set_mark(Mark(name="since", value=until))
            await self._keep(until)
            return
        alive = min([self._alive or await self._host.find_mark("alive") or since, *losses])
        gap = _Gap(start=max(since, alive - OVERLAP), end=until + SECOND)
        slow = time.monotonic() + KEEP_S
        for place in await self._places(gap):
            if place in gap.done:
                continue
            await self._read(place, gap)
            if time.monotonic() > slow and not place[1]:
                # It takes long: a restart need not begin with the first conversation again.
                await self._host.set_mark(Mark(name=f"read:{place[0]}", value=until))
        self._closed(ts_of(gap.start), gap.done)

    # where

    async def _places(self, gap: _Gap) -> Sequence[Place]:
        """Conversations and threads, those in which people spoke last first."""
        for kinds in KINDS:
            await self._list(kinds, gap)
        found: dict[Place, None] = {}
        threads = 0
        for room in await self._host.recent_rooms(limit=RECENT):
            if room.server_id != self._team_id:
                continue
            if not room.thread_id:
                found[room.channel_id, ""] = None
            elif threads < THREADS:
                threads += 1
                found[room.channel_id, room.thread_id] = None
        return [*found, *((channel, "") for channel in gap.kinds if (channel, "") not in found)]

    async def _list(self, kinds: str, gap: _Gap) -> None:
        cursor = ""
        while True:
            arguments = {"types": kinds, "exclude_archived": "true", "limit": str(LIST_PAGE)}
            try:
                answer = await self._patiently(LIST, {**arguments, "cursor": cursor} if cursor else arguments)
            except SlackApiError as error:
                if is_passing(error):
                    raise
                several = kinds.split(",")
                if len(several) > 1:
                    # One scope is missing: the others' conversations are listed all the same.
                    for kind in several:
                        await self._list(kind, gap)
                    return
                log.info("slack: the conversations of the kind %s are not listed: %s", kinds, code_of(error))
                return
            for channel in answer.get("channels") or ():
                gap.kinds[str(channel.get("id"))] = _kind_of(channel)
            cursor = next_cursor(answer)
            if not cursor:
                return

    # what

    async def _read(self, place: Place, gap: _Gap) -> None:
        channel, thread = place
        gap.done.add(place)
        start = gap.start
        if not thread:
            start = max(start, (await self._host.find_mark(f"read:{channel}") or 0) - OVERLAP)
        try:
            messages = await self._messages(place, start, gap.end)
        except SlackApiError as error:
            if is_passing(error):
                raise
            level = logging.INFO if channel in gap.kinds else logging.DEBUG
            log.log(level, "slack: the history of %s may not be read: %s", channel, code_of(error))
            return
        await self._hand_over(channel, gap.kinds.get(channel, ""), messages)
        for message in messages:
            root = str(message.get("thread_ts") or "")
            newest = str(message.get("latest_reply") or "")
            if root and _micros(newest) > start and (channel, root) not in gap.done:
                await self._read((channel, root), gap)

    async def _messages(self, place: Place, start: int, end: int) -> list[Json]:
        """Oldest first."""
        channel, thread = place
        method = REPLIES if thread else HISTORY
        arguments = {"channel": channel, **({"ts": thread} if thread else {})}
        oldest = max(start, self._now() - self._max_age)
        found: dict[str, Json] = {}
        if start < oldest and not self._skips:
            old = {**arguments, "oldest": ts_of(start), "latest": ts_of(oldest)}
            found.update(_by_ts(await self._pages(method, old, most=NOTED)))
        young = {**arguments, "oldest": ts_of(oldest), "latest": ts_of(end)}
        found.update(_by_ts(await self._pages(method, young, most=MOST)))
        # `replies` begin with the thread's first message, however old it is; that one is in the history.
        found.pop(thread, None)
        return [found[ts] for ts in sorted(found, key=ts_to_int)]

    async def _pages(self, method: str, arguments: Json, *, most: int) -> list[Json]:
        messages: list[Json] = []
        cursor = ""
        while True:
            try:
                page, cursor = await self._history.page(
                    method, {**arguments, "cursor": cursor} if cursor else arguments, most=most
                )
            except Busy as busy:
                await self._wait(busy)
                continue
            messages += page
            if not cursor or len(messages) >= most:
                return messages

    async def _patiently(self, method: str, arguments: Json) -> Json:
        while True:
            try:
                return await self._history.call(method, arguments)
            except Busy as busy:
                await self._wait(busy)

    @staticmethod
    async def _wait(busy: Busy) -> None:
        log.debug("slack: %s", busy)
        # A little longer, so that a message that waits to be sent is looked up before.
        await asyncio.sleep(busy.after_s * 1.02 + 0.1)

    async def _hand_over(self, channel: str, kind: str, messages: list[Json]) -> None:
        events: list[InboundEvent] = []
        for message in messages:
            shown = {**message, "type": "message", "channel": channel}
            event = await self._decode({**shown, "channel_type": kind} if kind else shown)
            if isinstance(event, InboundMessage):
                events.append(event)
        for at in range(0, len(events), BATCH):
            await self._host.accept_missed(*events[at : at + BATCH])


def _micros(ts: object) -> int:
    """A time stamp in microseconds; 0 for what is none."""
    try:
        return ts_to_int(str(ts))
    except ValueError:
        return 0


def _by_ts(messages: list[Json]) -> dict[str, Json]:
    return {str(message["ts"]): message for message in messages if _micros(message.get("ts"))}


def _kind_of(channel: Mapping[str, Any]) -> str:
    for name in ("im", "mpim"):
        if channel.get(f"is_{name}"):
            return name
    return "group" if channel.get("is_private") else "channel"
