"""Looking whether a message of ours has arrived: each carries its part's key as metadata.

`conversations.history` and `conversations.replies` give the metadata back when asked for it, to the app that
wrote it. https://docs.slack.dev/messaging/message-metadata
"""

import re
from collections import OrderedDict
from collections.abc import Set
from datetime import datetime, timedelta
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from bot_host.connector import Payload, SendLater, SendRefused, Target
from connectors.slack.encode import EVENT_TYPE, plainly
from connectors.slack.errors import code_of, fault_of, is_passing
from connectors.slack.events import Self
from connectors.slack.history import HISTORY, REPLIES, Busy, History
from connectors.slack.streams import LIVE
from connectors.slack.transfer import same_files

MOST_PAGES: Final = 20
SKEW: Final = timedelta(minutes=5)
"""How far our clock may be ahead of Slack's."""
MOST: Final = 100
"""Looks that are remembered half done: a limit may fall between two pages."""

Json = dict[str, Any]


class Proofs:
    """Finds our own messages again."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._half_done: OrderedDict[str, tuple[int, str]] = OrderedDict()
        """Pages read, and the next page's cursor, by key."""

    async def find(
        self, payload: Payload, target: Target, me: Self, *, key: str, since: datetime, others: Set[str]
    ) -> str | None:
        """The time stamp of the message that a part became. Raises SendLater and SendRefused."""
        method, arguments = _where(target, since)
        pages, cursor = self._half_done.pop(key, (0, ""))
        while pages < MOST_PAGES:
            try:
                messages, cursor = await self._history.page(
                    method, {**arguments, "cursor": cursor} if cursor else arguments
                )
            except Busy as busy:
                self._half_done[key] = (pages, cursor)
                while len(self._half_done) > MOST:
                    self._half_done.popitem(last=False)
                raise SendLater(str(busy), after_s=busy.after_s) from None
            except SlackApiError as error:
                raise _look_error(error) from None
            except (TimeoutError, SlackClientError, aiohttp.ClientError, OSError) as error:
                raise SendLater(f"{method}: {fault_of(error)}") from None
            for message in messages:
                if str(message.get("ts")) not in others and is_same(message, payload, me, key=key):
                    return str(message["ts"])
            pages += 1
            if not cursor:
                return None
        raise SendRefused("too much was written there since")


def _where(target: Target, since: datetime) -> tuple[str, Json]:
    oldest = f"{(since - SKEW).timestamp():.6f}"
    arguments = {"channel": target.channel_id, "oldest": oldest, "include_all_metadata": "true"}
    if target.thread_id:
        return REPLIES, {**arguments, "ts": target.thread_id}
    return HISTORY, arguments


def is_same(message: Json, payload: Payload, me: Self, *, key: str) -> bool:
    """Whether a message is what a part became: by its key, or where it has none by its text."""
    if me.user_id != message.get("user") and (not me.bot_id or me.bot_id != message.get("bot_id")):
        return False
    if payload.get("files"):
        return same_files(message, payload["files"])
    metadata = message.get("metadata")
    if isinstance(metadata, dict) and metadata.get("event_type") == EVENT_TYPE:
        told = metadata.get("event_payload")
        return isinstance(told, dict) and told.get("key") == key
    if LIVE in payload:
        # Streams have no metadata, and their text is what Slack makes of the Markdown.
        return _words(str(message.get("text") or "")) == _words(payload[LIVE])
    # Metadata that Slack refused was left away.
    return str(message.get("text") or "").split() == plainly(payload).split()


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def _look_error(error: SlackApiError) -> SendLater | SendRefused:
    return SendLater(code_of(error)) if is_passing(error) else SendRefused(code_of(error))
