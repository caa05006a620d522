"""What was said in a thread before the agent came into it: asked once, and shown beside the first message.

A thread that begins with a mention is known from its start. Into others the agent is called later: then the
thread's first message and its latest replies go along as others' words (`Content.quotes`), never answered
and never taken for what the speaker says. Which threads are known outlives the process, so that it costs one
look a thread; one more where a gap may have left something out that catching up did not read.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot_host.connector import (
    ConnectorHost,
    InboundEvent,
    InboundMessage,
    Quote,
    StoreError,
    one_line,
)
from connectors.slack.decode import Decoder
from connectors.slack.errors import code_of, fault_of, is_passing
from connectors.slack.events import NEWS, Ids, Self, text_of, ts_to_int
from connectors.slack.files import attachments
from connectors.slack.history import REPLIES, Busy, History
from connectors.slack.names import Lookup
from connectors.slack.text import readable

log = logging.getLogger(__name__)

KEPT: Final = "threads"
MOST: Final = 500
"""Threads that are remembered: the latest ones."""
PAGES: Final = 3
"""Of 200 replies each. What a longer thread says after them is left out."""
LATEST: Final = 20
"""Replies that are shown."""
CHARACTERS: Final = 6_000
"""Of all of them together."""
EACH: Final = 1_500
KEEP_S: Final = 60.0
"""Between two times that what is known is written down for threads that begin with a mention."""
PATIENCE_S: Final = 2.0
"""Slack wants its acknowledgement within three seconds."""

Json = dict[str, Any]
Place = tuple[str, str]
"""Channel and thread."""


class Threads:
    """The threads of one workspace."""

    def __init__(self, history: History, names: Lookup) -> None:
        self._history = history
        self._names = names
        self._known: OrderedDict[Place, None] = OrderedDict()
        self._brought: OrderedDict[Place, tuple[str, list[Quote] | None]] = OrderedDict()
        """For which message it was asked, and what came (None: nothing could be had): a mention comes as two
        events, and what could not be stored comes again."""
        self._kept_at = float("-inf")
        self._unkept = 0
        """Threads that began with a mention since they were written down."""
        self._gap_start = ""
        self._whole: set[Place] = set()
        """Known threads that miss nothing of the last gap."""

    async def load(self, host: ConnectorHost) -> None:
        """Take up what the last process knew. Raises StoreError."""
        told = await host.recall(KEPT)
        for each in told if isinstance(told, list) else ():
            channel, _, thread = str(each).partition("/")
            self._known[channel, thread] = None

    def gap_closed(self, start: str, read: Collection[Place]) -> None:
        """What was missed since `start` has been read there, and nowhere else."""
        self._gap_start, self._whole = start, set(read)

    async def bring(
        self, message: InboundMessage, decoder: Decoder, me: Self, web: AsyncWebClient
    ) -> InboundMessage:
        """The message, with what was said before where the agent does not know it. Never raises for that."""
        place = (message.target.channel_id, message.target.thread_id)
        if message.target.thread_id == message.message_id:
            self.begins(place)
        if not _asks(message) or message.pairing_id:
            return message
        since = ""
        if place in self._known:
            if not self._gap_start or place in self._whole:
                return message
            since = self._gap_start
        asked, quotes = self._brought.get(place, ("", None))
        if asked != message.message_id:
            if quotes is not None:
                return message
            quotes = await self._ask(message, since, decoder, me, web)
            self._brought[place] = (message.message_id, quotes)
            _bound(self._brought)
        if quotes is None:
            return message
        content = message.content
        return replace(message, content=content.model_copy(update={"quotes": [*quotes, *content.quotes]}))

    async def stored(self, events: Sequence[InboundEvent], host: ConnectorHost) -> None:
        """They are on disk: what was shown of their threads is known for good."""
        for event in events:
            if not isinstance(event, InboundMessage):
                continue
            place = (event.target.channel_id, event.target.thread_id)
            asked, quotes = self._brought.get(place, ("", None))
            if asked == event.message_id and quotes is not None:
                del self._brought[place]
                self._whole.add(place)
                self._learn(place)
                await self._keep(host)

    async def _keep(self, host: ConnectorHost) -> None:
        self._unkept, self._kept_at = 0, time.monotonic()
        try:
            await host.remember(KEPT, ["/".join(each) for each in self._known])
        except StoreError as error:
            log.debug("slack: a thread will be asked for again: %s", error)

    async def keep(self, host: ConnectorHost) -> None:
        """Write down what is known by now, once a minute at most. Never raises."""
        if self._unkept and time.monotonic() - self._kept_at >= KEEP_S:
            await self._keep(host)

    def begins(self, place: Place) -> None:
        """There is nothing in that thread that the agent does not know."""
        # Written down with others, later: it costs at most one look too many.
        self._unkept += 1
        self._learn(place)

    def _learn(self, place: Place) -> None:
        self._known[place] = None
        _bound(self._known)

    async def _ask(
        self, message: InboundMessage, since: str, decoder: Decoder, me: Self, web: AsyncWebClient
    ) -> list[Quote] | None:
        """What was said before; None: it could not be had, and is asked for with the next message."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                said = await self._read(message, since)
                said = [each for each in said if not decoder.is_denied(_with_place(each, message))]
                await self._names.fill(Ids(users=tuple({text_of(each, "user") for each in said} - {""})), web)
        except SlackApiError as error:
            log.info("slack: what a thread said before may not be read: %s", code_of(error))
            return None if is_passing(error) else []
        except (Busy, TimeoutError, SlackClientError, aiohttp.ClientError, OSError) as error:
            log.info("slack: what a thread said before is not to be had now: %s", fault_of(error))
            return None
        return list(self._shown(said, message.target.thread_id, me))

    async def _read(self, message: InboundMessage, since: str) -> list[Json]:
        channel, thread, until = message.target.channel_id, message.target.thread_id, message.message_id
        arguments = {"channel": channel, "ts": thread, "latest": until}
        if since:
            arguments["oldest"] = since
        found: list[Json] = []
        cursor = ""
        for _ in range(PAGES):
            page, cursor = await self._history.page(
                REPLIES, {**arguments, "cursor": cursor} if cursor else arguments
            )
            found += page
            if not cursor:
                break
        kept = {str(each.get("ts")): each for each in found if each.get("subtype") not in NEWS}
        order = sorted((ts for ts in kept if _before(ts, until)), key=ts_to_int)
        # Slack puts the first message in front, however old it is.
        return [kept[ts] for ts in order if not since or ts != thread]

    def _shown(self, said: list[Json], thread: str, me: Self) -> Sequence[Quote]:
        first = [each for each in said[:1] if each.get("ts") == thread]
        parent = [self._quote(each, "reply", me) for each in first]
        for quote, each in zip(parent, first, strict=True):
            quote.attachments = attachments(each)
        left = CHARACTERS - sum(len(quote.text) for quote in parent)
        later: list[Quote] = []
        for each in reversed(said[len(first) :][-LATEST:]):
            quote = self._quote(each, "thread", me)
            left -= len(quote.text)
            if left < 0:
                break
            if quote.text:
                later.append(quote)
        return [quote for quote in parent if quote.text or quote.attachments] + later[::-1]

    def _quote(self, message: Json, kind: str, me: Self) -> Quote:
        text = readable(text_of(message, "text"), self._names, own_id="")
        text = text if len(text) <= EACH else f"{text[: EACH - 1]}…"
        return Quote(kind=kind, author=self._author(message, me), text=text)

    def _author(self, message: Json, me: Self) -> str:
        user = text_of(message, "user")
        if user == me.user_id:
            return me.name
        profile = message.get("bot_profile")
        named = text_of(profile, "name") if isinstance(profile, dict) else ""
        return self._names.user(user) or one_line(text_of(message, "username") or named) or user


def _asks(message: InboundMessage) -> bool:
    """Whether it calls the agent into a thread that did not begin with it."""
    target, context = message.target, message.content.mention_context
    if not target.thread_id or target.thread_id == message.message_id or context is None:
        return False
    return context.is_mention or context.is_reply or message.room.channel_id.startswith("D")


def _before(ts: str, until: str) -> bool:
    try:
        return ts_to_int(ts) < ts_to_int(until)
    except ValueError:
        return False


def _with_place(message: Json, asked: InboundMessage) -> Json:
    return {**message, "channel": asked.target.channel_id}


def _bound(known: "OrderedDict[Place, Any]") -> None:
    while len(known) > MOST:
        known.popitem(last=False)
