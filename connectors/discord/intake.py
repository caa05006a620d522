"""From the gateway's frames to the host, one after the other."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import Any, Final, TypeVar

import aiohttp
import discord

from bot_host.connector import (
    Account,
    ConnectorError,
    ConnectorHost,
    InboundEvent,
    InboundMembership,
    InboundMessage,
    Mark,
    Skipped,
    StoreError,
    backoff,
    one_line,
)
from connectors.discord.acks import Acks
from connectors.discord.advice import invite_link
from connectors.discord.answering import Answering
from connectors.discord.catch_up import CatchUp, guild_mark
from connectors.discord.config import DiscordConfig
from connectors.discord.decode import (
    View,
    decode_delete,
    decode_edit,
    decode_membership,
    decode_message,
    decode_proxied,
    decode_reaction,
    event_key,
    mark_name,
)
from connectors.discord.gateway import MalformedFrame
from connectors.discord.lookups import Lookups
from connectors.discord.places import Book, Me, clean_name, decode_places
from connectors.discord.proxied import Proxied, Proxies
from connectors.discord.rest import Rest, describe
from connectors.discord.rules import Rules
from connectors.discord.sync import sync_commands

log = logging.getLogger(__name__)

QUEUE_LIMIT: Final = 2000
"""Events that may wait for the disk. Beyond that the connection is given up and read up from history."""
TOGETHER: Final = 50
"""Events that are stored in one transaction at the most."""
RETRY_CAP_S: Final = 30.0
UNKNOWN_LIMIT: Final = 200
"""Kinds of events that are named in the log."""

Json = dict[str, Any]
T = TypeVar("T")

_PLACES: Final = frozenset(
    {
        "GUILD_CREATE",
        "GUILD_UPDATE",
        "GUILD_DELETE",
        "GUILD_ROLE_CREATE",
        "GUILD_ROLE_UPDATE",
        "GUILD_ROLE_DELETE",
        "CHANNEL_CREATE",
        "CHANNEL_UPDATE",
        "CHANNEL_DELETE",
        "THREAD_CREATE",
        "THREAD_UPDATE",
        "THREAD_DELETE",
        "THREAD_LIST_SYNC",
        "GUILD_MEMBER_UPDATE",
    }
)
_MEMBERS: Final = frozenset({"GUILD_MEMBER_ADD", "GUILD_MEMBER_REMOVE"})
_WAITING: Final = "(waiting)"


class Offer(Enum):
    """What became of a frame."""

    TAKEN = auto()
    NO_EVENT = auto()
    """It is about the connection itself."""
    FULL = auto()
    """Too much waits already."""


class Intake:
    """Takes frames synchronously, handles them in one task, in order.

    Everything that touches a channel's mark happens in that task: what was missed is read before the live
    events behind it, so that a mark never jumps over a gap.
    """

    def __init__(
        self,
        *,
        host: ConnectorHost,
        rest: Rest,
        config: DiscordConfig,
        stopping: Callable[[], bool],
        retry_base_s: float,
        acks: Acks | None = None,
        overhear: Callable[[str, Json], bool] = lambda _event, _data: False,
    ) -> None:
        """`overhear` gets each event before it waits its turn, and never raises; True: that was all."""
        self._host = host
        self._rest = rest
        self._config = config
        self._rules = Rules.of(config)
        self._threads = config.threads
        self._stopping = stopping
        self._overhear = overhear
        self._queue: asyncio.Queue[tuple[str, Json] | None] = asyncio.Queue(QUEUE_LIMIT)
        self._retry_base_s = retry_base_s
        self._me: Me | None = None
        self._link = ""
        self._book = Book(role_mentions=config.role_mentions)
        self._lookups = Lookups(rest, self._book, self._rules)
        self._in: set[str] = set()
        """Servers that the bot is known to be in."""
        self._unknown: set[str] = set()
        self._proxies = Proxies()
        self._read: list[tuple[str, InboundEvent]] = []
        """Kinds and events that are read and not yet stored."""
        self._catch_up = CatchUp(
            host=host,
            rest=rest,
            config=config,
            accept=self._accept,
            accept_missed=self._accept_missed,
            decode=self._decode_missed,
            complete=self._lookups.with_member,
            stopping=stopping,
        )
        self._known = asyncio.Event()
        """Set once the host knows who we are."""
        self._application_id = ""
        self._answering = Answering(
            host=host, rest=rest, acks=acks or Acks(), view=self._view_now, started=self._known
        )
        self.overflowed = False
        """The queue was full: nothing is taken any more until `reopen`."""
        self.echoes = False
        """Whether the gateway has given back what the bot said."""

    def reopen(self) -> None:
        """A new connection begins."""
        self.overflowed = False

    def offer(self, frame: str) -> Offer:
        """Take a raw frame. Never waits. Raises MalformedFrame."""
        try:
            payload = json.loads(frame)
            event, data = payload.get("t"), payload.get("d")
        except (ValueError, AttributeError):
            raise MalformedFrame(one_line(frame, 80)) from None
        if not isinstance(event, str) or not isinstance(data, dict):
            return Offer.NO_EVENT
        if self._overhear(event, data):
            return Offer.TAKEN
        if event == "INTERACTION_CREATE":
            if not self._stopping():
                self._answering.offer(data)
            return Offer.TAKEN
        return Offer.TAKEN if self._put(event, data) else Offer.FULL

    def _view_now(self) -> View | None:
        return self._view(self._me) if self._me is not None else None

    def note_waiting(self, why: str) -> None:
        """Tell the host, in order with the events, that the connection is gone for now."""
        self._put(_WAITING, {"why": why})

    def _put(self, event: str, data: Json) -> bool:
        if self.overflowed:
            return False
        try:
            self._queue.put_nowait((event, data))
        except asyncio.QueueFull:
            self.overflowed = True
            return False
        return True

    async def drained(self) -> None:
        """Wait until everything that was taken is handled."""
        await self._queue.join()

    async def finish(self) -> None:
        """Take nothing more and let `run` end after what is queued."""
        self.overflowed = True
        await self._queue.put(None)

    async def run(self) -> None:
        """Handle what is queued, until `finish`. Messages that wait together are stored together."""
        taken = 0
        while True:
            item = await self._queue.get()
            taken += 1
            if item is not None:
                await self._guarded(item[0], self._handle(*item))
            if item is None or self._queue.empty() or len(self._read) >= TOGETHER:
                await self._store()
                for _ in range(taken):
                    self._queue.task_done()
                taken = 0
            if item is None:
                return

    async def _store(self) -> None:
        """Hand over what has been read, in order."""
        read, self._read = self._read, []
        if len(read) > 1:
            try:
                await self._accept([event for _, event in read])
                return
            except Exception:  # noqa: BLE001 - found and named below
                log.debug("discord: %d events cannot be stored together", len(read))
        for kind, event in read:
            # Those that are stored already are known by their keys.
            await self._guarded(kind, self._accept([event]))

    @staticmethod
    async def _guarded(kind: str, work: Awaitable[None]) -> None:
        """One event that cannot be read must not stop the others."""
        try:
            await work
        except Exception as error:
            fault = type(error).__name__
            detail = log.isEnabledFor(logging.DEBUG)
            log.warning(
                "discord: skipped a malformed event of kind %s (%s)", one_line(kind), fault, exc_info=detail
            )

    @staticmethod
    def _malformed(channel_id: str, message_id: str) -> Skipped:
        mark = Mark(name=mark_name(channel_id), value=int(message_id))
        key = event_key(channel_id, message_id)
        return Skipped(reason="malformed", event_key=key, mark=mark, failed=True)

    async def _handle(self, event: str, data: Json) -> None:
        if self._me is not None and event.startswith("MESSAGE_"):
            await self._message(event, data, self._me)
            return
        await self._store()
        if event == "READY":
            await self._start(data)
        elif event in ("RESUMED", "USER_UPDATE"):
            await self._still_there(data)
        elif event == _WAITING:
            self._host.waiting(data["why"])
        elif self._me is None:
            log.warning("discord: skipped %s before READY", one_line(event))
        elif event in _PLACES:
            await self._place(event, data, self._me)
        elif event in _MEMBERS:
            await self._accept([decode_membership(event, data, self._view(self._me))])
        elif event not in self._unknown and len(self._unknown) < UNKNOWN_LIMIT:
            self._unknown.add(event)
            log.info("discord: events of the kind %s are skipped", one_line(event))

    async def _start(self, data: Json) -> None:
        user = data["user"]
        self._me = Me(id=str(user["id"]), name=clean_name(user.get("global_name") or user["username"]))
        # The oldest applications have another id than their bots.
        application = data.get("application") or {}
        self._application_id = str(application.get("id") or self._me.id)
        self._link = invite_link(int(self._application_id), self._config)
        await self._connected(self._me)
        self._lookups.forget_members()
        self._known.set()
        guilds = data.get("guilds", ())
        self._in.update(str(guild["id"]) for guild in guilds)
        number, total = data.get("shard") or (0, 1)
        self._catch_up.begin((str(guild["id"]) for guild in guilds), shard=(number, total))
        if number == 0:
            self._host.tasks.spawn(
                "discord commands", sync_commands(self._host, self._rest, self._application_id)
            )
            await self._until_done("reading missed direct messages", self._catch_up.direct)
        for guild in guilds:
            # Discord itself names servers here, and tells of them by GUILD_CREATE.
            if "channels" in guild:
                await self._place("GUILD_CREATE", guild, self._me)

    async def _still_there(self, data: Json) -> None:
        if self._me is None:
            return
        if data.get("username"):
            name = clean_name(data.get("global_name") or data["username"])
            self._me = Me(id=self._me.id, name=name)
        await self._connected(self._me)

    async def _connected(self, me: Me) -> None:
        account = Account(platform="discord", id=me.id, name=me.name, link=self._link)
        await self._until_done("storing the account", lambda: self._host.connected(account))

    async def _place(self, event: str, data: Json, me: Me) -> None:
        if event == "GUILD_DELETE" and not data.get("unavailable"):
            await self._left(str(data["id"]))
        self._book.learn(event, data, me=me)
        if event == "GUILD_CREATE" and not data.get("unavailable"):
            await self._entered(str(data["id"]))
        news = decode_places(event, data, book=self._book, rules=self._rules, me=me)
        if news is not None:
            await self._accept([news])
        if event in ("GUILD_CREATE", "GUILD_DELETE") and data.get("unavailable"):
            self._catch_up.finished(str(data["id"]))
        elif event == "GUILD_CREATE":
            guild_id = str(data["id"])
            await self._until_done(
                "reading missed messages", lambda: self._catch_up.guild(guild_id, self._book)
            )

    async def _entered(self, guild_id: str) -> None:
        """Say once that the bot was added to a server: while it was running, or since it ran last."""
        here, self._in = guild_id in self._in, self._in | {guild_id}
        mark = await self._until_done("finding", lambda: self._host.find_mark(guild_mark(guild_id)))
        if not here or mark is None:
            world = self._book.world(guild_id)
            await self._accept([InboundMembership(world=world, person=None, joined=True)])

    async def _left(self, guild_id: str) -> None:
        self._in.discard(guild_id)
        await self._accept([InboundMembership(world=self._book.world(guild_id), person=None, joined=False)])

    def _view(self, me: Me) -> View:
        return View(me=me, book=self._book, rules=self._rules, threads=self._threads)

    async def _message(self, event: str, data: Json, me: Me) -> None:
        view = self._view(me)
        decoded: InboundEvent
        if event == "MESSAGE_CREATE":
            self.echoes = self.echoes or str((data.get("author") or {}).get("id")) == me.id
            await self._know_channel(data)
            decoded = self._create(data, view)
            if isinstance(decoded, InboundMessage) and not data.get("guild_id"):
                channel_id = decoded.room.channel_id
                await self._until_done("storing", lambda: self._catch_up.dms.remember(channel_id))
        elif event == "MESSAGE_UPDATE":
            await self._know_channel(data)
            decoded = decode_edit(data, view)
        elif event in ("MESSAGE_DELETE", "MESSAGE_DELETE_BULK"):
            decoded = decode_delete(data)
            ids = data["ids"] if "ids" in data else [data["id"]]
            for pair in self._proxies.gone(str(data["channel_id"]), map(str, ids)):
                self._read.append((event, decoded))
                # After the deletion: a turn under way for the original has ended by then.
                decoded = self._guess(pair, view)
        elif event in ("MESSAGE_REACTION_ADD", "MESSAGE_REACTION_REMOVE"):
            await self._know_channel(data)
            decoded = decode_reaction(data, view, added=event == "MESSAGE_REACTION_ADD")
        else:
            return
        self._read.append((event, decoded))

    def _create(self, data: Json, view: View) -> InboundMessage | Skipped:
        """A new message. One that a webhook repeats for a person is the person's, once theirs is gone."""
        author = data.get("author") or {}
        if not data.get("guild_id") or str(author.get("id")) == view.me.id:
            return self._decode(data, view)
        if not data.get("webhook_id"):
            if not author.get("bot"):
                self._proxies.said(data)
            return self._decode(data, view)
        may_be, pair = self._proxies.copied(data)
        if pair is not None:
            return self._guess(pair, view)
        found = self._decode(data, view)
        if may_be and isinstance(found, InboundMessage):
            return Skipped(reason="webhook", event_key=found.event_key, mark=found.mark)
        return found

    def _guess(self, pair: Proxied, view: View) -> InboundMessage | Skipped:
        try:
            return decode_proxied(pair, view)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("discord: skipped a message that could not be read: %s", describe(error))
            return self._malformed(str(pair.copy["channel_id"]), str(pair.copy["id"]))

    async def _know_channel(self, data: Json) -> None:
        if self._lookups.knows(data):
            return
        # An old thread that woke up, or a channel that was opened to the bot: no event named it.
        await self._store()
        await self._lookups.learn_channel(data)

    def _decode_missed(self, data: Json) -> InboundEvent:
        assert self._me is not None
        return self._decode(data, self._view(self._me))

    def _decode(self, data: Json, view: View) -> InboundMessage | Skipped:
        """The mark moves past a message that cannot be read, or it would be fetched at each start."""
        try:
            return decode_message(data, view)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("discord: skipped a message that could not be read: %s", describe(error))
            return self._malformed(str(data["channel_id"]), str(data["id"]))

    async def _accept(self, events: list[InboundEvent]) -> None:
        await self._until_done("storing what came in", lambda: self._host.accept(*events))

    async def _accept_missed(self, events: list[InboundEvent]) -> None:
        await self._until_done("storing what was missed", lambda: self._host.accept_missed(*events))

    async def _until_done(self, what: str, work: Callable[[], Awaitable[T]]) -> T:
        """Try again until it works: later events wait, so that order and marks hold."""
        attempt = 0
        while True:
            try:
                return await work()
            except (
                StoreError,
                ConnectorError,
                discord.DiscordException,
                aiohttp.ClientError,
                OSError,
            ) as error:
                attempt += 1
                wait = backoff(attempt, base=self._retry_base_s, cap=RETRY_CAP_S)
                log.warning("discord: %s failed (%s); again in %.1f s", what, describe(error), wait)
                await asyncio.sleep(wait)
