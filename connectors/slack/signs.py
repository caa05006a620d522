"""Signs of life while an answer is being written. Slack has no typing indicator for bots; this comes closest.

In a thread: the status line of `assistant.threads.setStatus` ("is typing…"), which since March 2026 needs no
more than `chat:write` and works in channels.
https://docs.slack.dev/changelog/2026/03/05/set-status-scope-update
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
from connectors.slack.errors import PASSING, code_of

log = logging.getLogger(__name__)

STATUS: Final = "is typing…"
HOURGLASS: Final = "hourglass_flowing_sand"
MOST: Final = 1_000
"""Refused conversations and standing signs that are remembered."""
ABOUT_THE_APP: Final = frozenset(
    {
        "missing_scope", "unknown_method", "not_allowed_token_type", "access_denied", "no_permission",
        "method_deprecated", "deprecated_endpoint", "enterprise_is_restricted", "feature_not_enabled",
    }
)  # fmt: skip
ABOUT_THE_MESSAGE: Final = frozenset(
    {"invalid_thread_ts", "message_not_found", "bad_timestamp", "too_many_emoji", "too_many_reactions"}
)
DONE: Final = frozenset({"already_reacted", "no_reaction"})

_Place = tuple[str, str]


class Signs:
    """Shows and clears."""

    def __init__(self) -> None:
        self._off: dict[str, str] = {}
        """Methods that the app may not use, and why."""
        self._refused: OrderedDict[tuple[str, str], None] = OrderedDict()
        """Method and channel, or method and message."""
        self._shown: OrderedDict[_Place, str] = OrderedDict()
        """Channel and the thread or message, and the method that shows the sign there."""

    async def show(self, target: Target, web: AsyncWebClient) -> None:
        """Show once that an answer is being written."""
        thread, asked = target.thread_id, target.reply_to
        if thread and await self._call(
            web,
            "assistant.threads.setStatus",
            target.channel_id,
            {"channel_id": target.channel_id, "thread_ts": thread, "status": STATUS},
        ):
            self._keep((target.channel_id, thread), "assistant.threads.setStatus")
        elif asked and self._shown.get((target.channel_id, asked)) != "reactions.add":
            arguments = {"channel": target.channel_id, "timestamp": asked, "name": HOURGLASS}
            if await self._call(web, "reactions.add", target.channel_id, arguments):
                self._keep((target.channel_id, asked), "reactions.add")

    async def clear(self, target: Target, web: AsyncWebClient) -> None:
        """Take the sign away, if there is one."""
        channel = target.channel_id
        if self._shown.pop((channel, target.thread_id), ""):
            arguments = {"channel_id": channel, "thread_ts": target.thread_id, "status": ""}
            await self._call(web, "assistant.threads.setStatus", channel, arguments)
        if self._shown.pop((channel, target.reply_to), ""):
            arguments = {"channel": channel, "timestamp": target.reply_to, "name": HOURGLASS}
            await self._call(web, "reactions.remove", channel, arguments)

    def _keep(self, place: _Place, method: str) -> None:
        self._shown[place] = method
        if len(self._shown) > MOST:
            self._shown.popitem(last=False)

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
            self._remember(method, message if code in ABOUT_THE_MESSAGE else channel, code)
            return False
        except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            log.debug("slack: %s failed: %s", method, type(error).__name__)
            return False
        return True

    def _remember(self, method: str, where: str, code: str) -> None:
        if code in ABOUT_THE_APP:
            log.info("slack: %s is refused (%s); going on without it", method, code)
            self._off[method] = code
        elif code not in PASSING and not code.startswith("http"):
            log.debug("slack: %s is refused at %s: %s", method, where, code)
            self._refused[method, where] = None
            if len(self._refused) > MOST:
                self._refused.popitem(last=False)
