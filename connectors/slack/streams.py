"""Slack's own form of a message that is being written: begun, added to, ended.

https://docs.slack.dev/reference/methods/chat.startStream : only as a reply in a thread; outside of direct
messages it has to say for whom. Whatever Slack refuses of it is remembered, and the answer is shown by edits
instead, as everywhere: for good where it is about the app, else for one channel, or one message.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot_host.connector import Payload, Target
from connectors.slack.encode import MARKDOWN
from connectors.slack.errors import ABOUT_THE_APP, CLOSED, code_of, is_passing, send_error
from connectors.slack.interactions import is_use
from connectors.slack.markdown import LIMIT, safe, unfinished
from connectors.slack.text import unescape

log = logging.getLogger(__name__)

LIVE: Final = "live"
"""In a payload: what of it can be shown while more is to come, as Markdown."""
ENDED: Final = "message_not_in_streaming_state"
"""It was ended by Slack, or is none."""
START, APPEND, STOP = "chat.startStream", "chat.appendStream", "chat.stopStream"
MOST: Final = 1_000
FAULTS: Final = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError)

Place = tuple[str, str]
"""Channel and time stamp."""


class Streams:
    """One workspace's messages that are being written."""

    def __init__(self, web: Callable[[], AsyncWebClient]) -> None:
        self._web = web
        self._off = False
        self._refused: OrderedDict[str, None] = OrderedDict()
        """Channels in which Slack refuses it."""
        self._open: OrderedDict[Place, str | None] = OrderedDict()
        """What each shows; None: not known for certain."""
        self.works = False
        """One has been begun: Slack knows it."""

    def unfinished(self, payload: Payload, target: Target) -> Payload:
        """A payload that more is to be added to; unchanged where that has no form of its own."""
        if not self.can(target) or payload.get("files") or is_use(target):
            return payload
        shown = unfinished(unescape(payload["plain"]))
        return {**payload, LIVE: shown} if shown.strip() else payload

    def can(self, target: Target) -> bool:
        """Whether it can be tried there."""
        if self._off or not target.thread_id or target.channel_id in self._refused:
            return False
        return target.channel_id.startswith("D") or all(_recipient(target).values())

    async def start(self, payload: Payload, target: Target) -> str:
        """Begin a message; empty: Slack refuses that form of it. Raises as `Connector.send`."""
        if not self.can(target):
            return ""
        text = payload[LIVE]
        place = {"channel": target.channel_id, "thread_ts": target.thread_id}
        direct = target.channel_id.startswith("D")
        arguments = {**place, "markdown_text": text, **({} if direct else _recipient(target))}
        try:
            answer = await self._web().api_call(START, json=arguments)
        except SlackApiError as error:
            if is_passing(error) or code_of(error) in CLOSED:
                raise send_error(error) from None
            self._remember(error, target.channel_id)
            return ""
        except FAULTS as error:
            raise send_error(error) from None
        self.works = True
        ts = str(answer.get("ts") or "")
        self._note((target.channel_id, ts), text)
        return ts

    def is_open(self, target: Target, ts: str) -> bool:
        """Whether this process has begun it, and not ended it."""
        return (target.channel_id, ts) in self._open

    async def show(self, payload: Payload, target: Target, ts: str) -> bool:
        """Add what is new; False: it reads otherwise, or Slack takes no more. Raises as `Connector.send`."""
        place = (target.channel_id, ts)
        before, text = self._open[place], payload[LIVE]
        if before is None or not text.startswith(before) or len(text) - len(before) > LIMIT:
            return False
        return text == before or await self._call(APPEND, place, text[len(before) :], after=text)

    async def end(self, payload: Payload, target: Target, ts: str) -> bool:
        """End it; whether it reads as it should. Raises as `Connector.send`."""
        place = (target.channel_id, ts)
        before, text = self._open[place], safe(unescape(payload["plain"]))
        # What has a block of its own is put in place by an edit.
        whole = not payload.get("blocks") and MARKDOWN not in payload and before is not None
        if whole and before is not None and text.startswith(before) and len(text) - len(before) <= LIMIT:
            ended = await self._call(STOP, place, text[len(before) :], after=None)
        else:
            await self._call(STOP, place, "", after=None)
            ended = False
        self._open.pop(place, None)
        return ended

    async def stop(self, target: Target, ts: str) -> bool:
        """End one, which another process may have begun; False: it is none. Raises as `Connector.send`."""
        place = (target.channel_id, ts)
        stopped = not self._off and await self._call(STOP, place, "", after=None)
        self._open.pop(place, None)
        return stopped

    async def _call(self, method: str, place: Place, text: str, *, after: str | None) -> bool:
        arguments: dict[str, Any] = {"channel": place[0], "ts": place[1]}
        if text:
            arguments["markdown_text"] = text
        known = place in self._open
        if known:
            # Should it be cut off here, nobody knows what stands there.
            self._open[place] = None
        try:
            await self._web().api_call(method, json=arguments)
        except SlackApiError as error:
            if is_passing(error):
                raise send_error(error) from None
            self._open.pop(place, None)
            if code_of(error) != ENDED and known:
                self._remember(error, place[0])
            return False
        except FAULTS as error:
            raise send_error(error) from None
        if known and after is not None:
            self._note(place, after)
        return True

    def _note(self, place: Place, text: str) -> None:
        self._open[place] = text
        self._open.move_to_end(place)
        while len(self._open) > MOST:
            self._open.popitem(last=False)

    def _remember(self, error: SlackApiError, channel: str) -> None:
        code = code_of(error)
        if code in ABOUT_THE_APP:
            log.info("slack: answers are shown by edits, as streams are refused (%s)", code)
            self._off = True
            return
        log.info("slack: answers in %s are shown by edits, as streams are refused (%s)", channel, code)
        self._refused[channel] = None
        while len(self._refused) > MOST:
            self._refused.popitem(last=False)


def _recipient(target: Target) -> dict[str, str]:
    extra = target.extra
    return {
        "recipient_user_id": extra.get("asker", ""),
        "recipient_team_id": extra.get("asker_team", "") or target.server_id,
    }
