"""Answers in private chats, shown while they are written by sendMessageDraft: nothing of them stays.

A draft is a preview of half a minute, and the message that follows takes its place
(https://core.telegram.org/bots/api#sendmessagedraft). So there is nothing to finish after a kill, and nothing
to take back. Where the server, or a chat, has no drafts, `open` says None, and messages are edited instead.
"""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from telegram.constants import ParseMode
from telegram.error import BadRequest, InvalidToken, NetworkError, RetryAfter, TelegramError

from bot_host.connector import ConnectorHost, Content, Payload, StoreError, Target
from connectors.telegram.config import TelegramConfig
from connectors.telegram.encode import encode
from connectors.telegram.errors import is_bad_markup, retry_after_s, say
from connectors.telegram.places import thread_id_of

log = logging.getLogger(__name__)

START_S: Final = 0.5
"""After the first words. An answer that is there by then needs no preview."""
EVERY_S: Final = 1.1
"""https://core.telegram.org/bots/faq: in a chat not more than one message a second."""
AGAIN_S: Final = 20.0
"""A preview is gone after 30 seconds: while an action runs, say, the same is shown again."""
SETTLE_S: Final = 3.0
"""How long a message waits for a preview on its way, which would else appear below it."""
TROUBLES: Final = 3
"""Requests that fail one after the other; then no more of this answer is shown."""
LONGEST: Final = 10_000
"""Characters of which each step is encoded. The end of a longer answer is not shown before it is sent."""
SHARE: Final = 20.0
"""Encoding takes at most one part in so many of the time."""
REFUSED: Final = 1000
"""Chats without drafts that are remembered."""
KNOWN: Final = "drafts"
METHOD: Final = "sendMessageDraft"

Place = tuple[str, str]
"""Chat and topic."""
Json = dict[str, Any]
Call = Callable[[str, Json], Awaitable[Any]]
"""A method of the Bot API with its parameters. Raises TelegramError."""


class Previews:
    """The previews of one bot."""

    def __init__(self, call: Call, config: TelegramConfig) -> None:
        self.call = call
        self._config = config
        self._host: ConnectorHost | None = None
        self._known = False
        """The server has drafts."""
        self._live: dict[Place, _Preview] = {}
        self._refused: dict[Place, None] = {}
        self._limited: dict[str, float] = {}
        """By chat: the loop time before which nothing more is asked there."""

    def begin(self, host: ConnectorHost) -> None:
        """After a login: find out, beside other work, whether the server has drafts. Never raises."""
        self._host = host
        if self._config.streaming is not False and not self._known:
            host.tasks.spawn("telegram drafts", self._look(host))

    async def _look(self, host: ConnectorHost) -> None:
        try:
            if await host.recall(KNOWN) is True:
                self._known = True
            elif await self._is_there():
                self._known = True
                await host.remember(KNOWN, True)
        except StoreError as error:
            log.info("telegram: whether there are drafts is not remembered (%s)", error)

    async def _is_there(self) -> bool:
        """A draft for nobody: a server that has the method says that the chat is missing."""
        try:
            await self.call(METHOD, {})
        except BadRequest as error:
            return "method" not in error.message.lower()
        except TelegramError as error:
            log.debug("telegram: answers are shown by edits (%s)", say(error))
            return False
        return True

    def open(self, target: Target, *, memory_id: str) -> "_Preview | None":
        """Show an answer that is being written; None: not there, or not by drafts."""
        place = (target.channel_id, target.thread_id)
        if self._config.streaming is False or not self._known or self._host is None:
            return None
        if not target.channel_id.isdecimal() or place in self._refused:
            return None
        self.over(target)
        preview = _Preview(self, target, draft_id=draft_id_of(memory_id))
        self._live[place] = preview
        preview.task = self._host.tasks.spawn("telegram draft", preview.run())
        return preview

    def over(self, target: Target) -> None:
        """The turn there has its outcome: what is said goes out after this."""
        preview = self._live.get((target.channel_id, target.thread_id))
        if preview is not None:
            preview.close()

    async def settle(self, target: Target) -> None:
        """Before a message goes out: a preview of it that is on its way comes first. Never raises."""
        preview = self._live.get((target.channel_id, target.thread_id))
        if preview is None or not preview.closed or preview.task is None:
            return
        _, late = await asyncio.wait([preview.task], timeout=SETTLE_S)
        for task in late:
            task.cancel()

    def ended(self, preview: "_Preview") -> None:
        """Its last request was answered."""
        place = (preview.target.channel_id, preview.target.thread_id)
        if self._live.get(place) is preview:
            del self._live[place]

    def limited(self, chat: str, seconds: float) -> None:
        """Telegram wants nothing from us there for so long."""
        now = asyncio.get_running_loop().time()
        self._limited = {each: until for each, until in self._limited.items() if until > now}
        self._limited[chat] = max(now + seconds, self._limited.get(chat, 0.0))

    def wait_s(self, chat: str) -> float:
        """Seconds that are left of that."""
        return max(0.0, self._limited.get(chat, 0.0) - asyncio.get_running_loop().time())

    def refuse(self, target: Target) -> None:
        """There are no drafts in this place."""
        self._refused[target.channel_id, target.thread_id] = None
        if len(self._refused) > REFUSED:
            del self._refused[next(iter(self._refused))]

    async def lacking(self) -> None:
        """The server has no drafts any more."""
        self._known = False
        if self._host is not None:
            try:
                await self._host.remember(KNOWN, False)
            except StoreError as error:
                log.info("telegram: that there are no drafts is not remembered (%s)", error)


@dataclass(eq=False)
class _Preview:
    """One answer in the making. A `RevisableStream`, which never waits and never raises."""

    owner: Previews
    target: Target
    draft_id: int
    text: str = ""
    task: asyncio.Task[None] | None = None
    _shown: Payload | None = None
    _troubles: int = 0
    _slowed: float = 1.0
    _cost_s: float = 0.0
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def closed(self) -> bool:
        """Nothing more of it is to be shown."""
        return self._over.is_set()

    async def write(self, chunk: str) -> None:
        """More text."""
        await self.replace(self.text + chunk)

    async def replace(self, text: str) -> None:
        """The answer reads like this."""
        self.text = text
        self._news.set()

    async def abandon(self) -> None:
        """The answer is not coming, or begins again. What is shown goes by itself."""
        self.close()

    def close(self) -> None:
        """Show nothing more."""
        self._over.set()
        self._news.set()

    async def run(self) -> None:
        """Show the newest text at Telegram's pace, until it is over."""
        try:
            await self._news.wait()
            await self._rest(START_S)
            while not self.closed and await self._show():
                await self._rest(max(EVERY_S * self._slowed, self._cost_s * SHARE))
                await self._wait_for_news()
        finally:
            self.close()
            self.owner.ended(self)

    async def _rest(self, seconds: float) -> None:
        """For so long, or as long as Telegram wants, or until it is over."""
        try:
            async with asyncio.timeout(max(seconds, self.owner.wait_s(self.target.channel_id))):
                await self._over.wait()
        except TimeoutError:
            pass

    async def _wait_for_news(self) -> None:
        try:
            async with asyncio.timeout(AGAIN_S):
                await self._news.wait()
        except TimeoutError:
            self._shown = None

    async def _show(self) -> bool:
        """Whether more of it may be shown."""
        self._news.clear()
        payload = self._payload()
        if self.owner.wait_s(self.target.channel_id) > 0 or payload is None or payload == self._shown:
            return True
        try:
            await self._ask(payload)
        except RetryAfter as error:
            log.info("telegram: the answer is shown more slowly: %s", say(error))
            self._slowed *= 2
            self.owner.limited(self.target.channel_id, retry_after_s(error))
            self._news.set()
        except InvalidToken as error:
            log.info("telegram: answers are shown by edits from now on (%s)", say(error))
            await self.owner.lacking()
            return False
        except BadRequest as error:
            log.info("telegram: no drafts in chat %s (%s)", self.target.channel_id, say(error))
            self.owner.refuse(self.target)
            return False
        except TelegramError as error:
            log.info("telegram: the answer is not shown before it is sent (%s)", say(error))
            self._troubles += 1
            return isinstance(error, NetworkError) and self._troubles < TROUBLES
        else:
            self._shown, self._troubles = payload, 0
        return True

    async def _ask(self, payload: Payload) -> None:
        where: Json = {"chat_id": int(self.target.channel_id), "draft_id": self.draft_id}
        if (thread := thread_id_of(self.target)) is not None:
            where["message_thread_id"] = thread
        try:
            await self.owner.call(METHOD, {**where, "text": payload["html"], "parse_mode": ParseMode.HTML})
        except TelegramError as error:
            if not is_bad_markup(error):
                raise
            await self.owner.call(METHOD, {**where, "text": payload["plain"]})

    def _payload(self) -> Payload | None:
        """What is to be shown: of an answer of several messages the last one; None: nothing yet."""
        begun = time.perf_counter()
        # As the pipeline cleans the finished text; models copy the name from the history.
        name = re.escape(self.target.extra.get("agent", ""))
        text = re.sub(rf"\A\s*{name}:\s+", "", self.text[:LONGEST]) if name else self.text[:LONGEST]
        payloads = encode(Content(text=text.strip()), self.target)
        self._cost_s = time.perf_counter() - begun
        return {key: payloads[-1][key] for key in ("html", "plain")} if payloads else None


def draft_id_of(memory_id: str) -> int:
    """Any number but 0; the same for the same answer, which makes Telegram animate its changes."""
    return int(memory_id.replace("-", "")[:7] or "0", 16) or 1
