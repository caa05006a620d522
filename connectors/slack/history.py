"""Reading conversations back: pages, and the limits that Slack sets on them.

50 requests a minute for a workspace's own apps; one a minute, of 15 messages at the most, for an app that is
distributed outside the Marketplace.
https://docs.slack.dev/changelog/2025/05/29/rate-limit-changes-for-non-marketplace-apps
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from connectors.slack.errors import PASSING, code_of, retry_after_of, status_of

log = logging.getLogger(__name__)

HISTORY: Final = "conversations.history"
REPLIES: Final = "conversations.replies"
PAGE: Final = 200
SMALL_PAGE: Final = 15
WAIT_S: Final = 60.0
"""When Slack says that it is too much, and not for how long."""

Json = dict[str, Any]


class Busy(Exception):
    """Slack's limit is reached: not before `after_s`."""

    def __init__(self, method: str, after_s: float) -> None:
        super().__init__(f"{method}: Slack asks to wait {after_s:.0f} s")
        self.after_s = after_s


class History:
    """One workspace's past. A method's calls go out one after the other, and not while Slack says to wait."""

    def __init__(self, web: Callable[[], AsyncWebClient]) -> None:
        self._web = web
        self._free_at: dict[str, float] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._page = PAGE

    async def call(self, method: str, arguments: Mapping[str, Any]) -> Json:
        """One call that only reads. Raises Busy, SlackApiError and what aiohttp raises."""
        async with self._locks.setdefault(method, asyncio.Lock()):
            wait = self._free_at.get(method, 0.0) - time.monotonic()
            if wait > 0:
                raise Busy(method, wait)
            try:
                answer = await self._web().api_call(method, http_verb="GET", params=dict(arguments))
            except SlackApiError as error:
                if status_of(error) != 429 and code_of(error) not in PASSING:
                    raise
                wait = retry_after_of(error) or WAIT_S
                self._free_at[method] = time.monotonic() + wait
                raise Busy(method, wait) from None
        found = answer.data
        return found if isinstance(found, dict) else {}

    async def page(
        self, method: str, arguments: Mapping[str, Any], *, most: int = PAGE
    ) -> tuple[list[Json], str]:
        """One page of messages, and the cursor of the next; empty: the end. Raises as `call`."""
        try:
            found = await self.call(method, {**arguments, "limit": min(most, self._page)})
        except SlackApiError as error:
            if code_of(error) != "invalid_limit" or self._page == SMALL_PAGE:
                raise
            self._page = SMALL_PAGE
            found = await self.call(method, {**arguments, "limit": SMALL_PAGE})
        messages = [message for message in found.get("messages") or () if isinstance(message, dict)]
        cursor = next_cursor(found)
        if cursor and len(messages) <= SMALL_PAGE < min(most, self._page):
            self._page = SMALL_PAGE
            log.warning(
                "slack: history comes in pages of %d messages, about one a minute, as for apps that are "
                "distributed outside the Marketplace: catching up takes its time",
                len(messages),
            )
        return messages, cursor


def next_cursor(answer: Mapping[str, Any]) -> str:
    """Where the next page begins; empty: there is none. https://docs.slack.dev/apis/web-api/pagination"""
    more = answer.get("response_metadata")
    cursor = more.get("next_cursor") if isinstance(more, Mapping) else None
    return cursor if isinstance(cursor, str) else ""
