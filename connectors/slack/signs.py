"""Signs of life while an answer is being written. Slack has no typing indicator for bots; this comes closest.

In a thread: the status line of `assistant.threads.setStatus` ("is typing…"), which since March 2026 needs no
more than `chat:write` and works in channels.
https://docs.slack.dev/changelog/2026/03/05/set-status-scope-update
An app that is one of Slack's agents says so by `agents.sessions.setStatus` instead, which shows a stop
button.
https://docs.slack.dev/ai/agent-sessions
Where there is no thread, or where Slack refused the status: an hourglass on the message that is being
answered, which goes when the answer is there. A refusal is remembered, so that no turn waits for it again:
for good when it is about the app, else for one conversation, or one message. Nothing here ever raises for it.
"""

import logging
from collections import OrderedDict
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot_host.connector import Target
from connectors.slack.errors import ABOUT_THE_APP, PASSING, code_of

log = logging.getLogger(__name__)

STATUS: Final = "is typing…"
HOURGLASS: Final = "hourglass_flowing_sand"
MOST: Final = 1_000
"""Refused conversations and standing signs that are remembered."""
ABOUT_THE_MESSAGE: Final = frozenset(
    {"invalid_thread_ts", "message_not_found", "bad_timestamp", "too_many_emoji", "too_many_reactions"}
)
DONE: Final = frozenset({"already_reacted", "no_reaction"})

STATUS_METHOD: Final = "assistant.threads.setStatus"
SESSION_METHOD: Final = "agents.sessions.setStatus"
BUSY, IDLE = "processing", "active"
_Sign = tuple[str, str, str]
"""Method, channel, and the thread or message."""


class Signs:
    """Shows and clears."""

    def __init__(self) -> None:
        self._off: dict[str, str] = {}
        """Methods that the app may not use, and why."""
        self._refused: OrderedDict[tuple[str, str], None] = OrderedDict()
        """Method and channel, or method and message."""
        self._shown: OrderedDict[_Sign, None] = OrderedDict()
        self.has_sessions = False
        """The app is one of Slack's agents, as far as its scopes tell."""
        self._has_had_one = False
        """Slack has taken a session: it knows them, whatever it refuses later."""
        self._titles: OrderedDict[tuple[str, str], str] = OrderedDict()

    def name(self, place: tuple[str, str], title: str) -> None:
        """What a session in this channel and thread is called, unless it has a name already."""
        self._titles.setdefault(place, title)
        if len(self._titles) > MOST:
            self._titles.popitem(last=False)

    async def stopped(self, channel: str, thread: str, web: AsyncWebClient) -> None:
        """Somebody pressed stop: the session does not end by that alone."""
        self._drop((SESSION_METHOD, channel, thread))
        await self._set_session(web, channel, thread, IDLE)

    async def show(self, target: Target, web: AsyncWebClient) -> None:
        """Show once that an answer is being written."""
        channel, thread, asked = target.channel_id, target.thread_id, target.reply_to
        if thread and self.has_sessions and await self._set_session(web, channel, thread, BUSY):
            self._keep((SESSION_METHOD, channel, thread))
        elif thread and await self._set_status(web, channel, thread, STATUS):
            self._keep((STATUS_METHOD, channel, thread))
        elif asked and ("reactions.add", channel, asked) not in self._shown:
            arguments = {"channel": channel, "timestamp": asked, "name": HOURGLASS}
            if await self._call(web, "reactions.add", channel, arguments):
                self._keep(("reactions.add", channel, asked))

    async def clear(self, target: Target, web: AsyncWebClient) -> None:
        """Take the signs away, if there are any."""
        channel, thread, asked = target.channel_id, target.thread_id, target.reply_to
        if self._drop((SESSION_METHOD, channel, thread)):
            await self._set_session(web, channel, thread, IDLE)
        if self._drop((STATUS_METHOD, channel, thread)):
            await self._set_status(web, channel, thread, "")
        if self._drop(("reactions.add", channel, asked)):
            arguments = {"channel": channel, "timestamp": asked, "name": HOURGLASS}
            await self._call(web, "reactions.remove", channel, arguments)

    def _keep(self, sign: _Sign) -> None:
        self._shown[sign] = None
        if len(self._shown) > MOST:
            self._shown.popitem(last=False)

    def _drop(self, sign: _Sign) -> bool:
        known = sign in self._shown
        self._shown.pop(sign, None)
        return known

    async def _set_session(self, web: AsyncWebClient, channel: str, thread: str, status: str) -> bool:
        arguments = {"channel_id": channel, "thread_ts": thread, "status": status}
        if title := self._titles.get((channel, thread)):
            arguments["title"] = title
        return await self._call(web, SESSION_METHOD, channel, arguments)

    async def _set_status(self, web: AsyncWebClient, channel: str, thread: str, status: str) -> bool:
        arguments = {"channel_id": channel, "thread_ts": thread, "status": status}
        return await self._call(web, STATUS_METHOD, channel, arguments)

    async def _call(self, web: AsyncWebClient, method: str, channel: str, arguments: dict[str, Any]) -> bool:
        message = f"{channel}/{arguments.get('thread_ts') or arguments.get('timestamp')}"
        if method in self._off or (method, channel) in self._refused or (method, message) in self._refused:
            return False
        try:
            await web.api_call(method, json=arguments)
        except SlackApiError as error:
            code = code_of(error)
            if code in DONE:
                return True
            if method == SESSION_METHOD and not self._has_had_one:
                self._remember(method, channel, code, for_good=True)
            else:
                self._remember(method, message if code in ABOUT_THE_MESSAGE else channel, code)
            return False
        except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            log.debug("slack: %s failed: %s", method, type(error).__name__)
            return False
        self._has_had_one = self._has_had_one or method == SESSION_METHOD
        return True

    def _remember(self, method: str, where: str, code: str, *, for_good: bool = False) -> None:
        passing = code in PASSING or code.startswith("http")
        if code in ABOUT_THE_APP or (for_good and not passing):
            log.info("slack: %s is refused (%s); going on without it", method, code)
            self._off[method] = code
        elif not passing:
            log.debug("slack: %s is refused at %s: %s", method, where, code)
            self._refused[method, where] = None
            if len(self._refused) > MOST:
                self._refused.popitem(last=False)
