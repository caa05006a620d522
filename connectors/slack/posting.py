"""Messages of ours: posted, edited and taken back, with whatever form of them Slack takes."""

import logging
from collections.abc import Callable
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot_host.connector import Payload, SendRefused, Sent, Target
from connectors.slack.encode import MARKDOWN, plain_request, plainly, request, shown
from connectors.slack.errors import DRESS, GONE_MESSAGE, MARKUP, METADATA, code_of, is_passing, send_error
from connectors.slack.mrkdwn import escape
from connectors.slack.streams import LIVE, Streams
from connectors.slack.transfer import Transfer, is_file_id, notes

log = logging.getLogger(__name__)

FAULTS: Final = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError)
TOO_LONG: Final = "msg_blocks_too_long"
"""Says something of one message, and nothing of what Slack knows."""


class Posting:
    """Sends on `web`."""

    def __init__(self, files: Transfer, web: Callable[[], AsyncWebClient], streams: Streams) -> None:
        self._files = files
        self._web = web
        self._streams = streams
        self._knows_markdown = True
        """Some servers and workspaces refuse `markdown` blocks: then headings and tables are mrkdwn."""

    async def send(self, payload: Payload, target: Target, *, key: str) -> Sent:
        """Post a payload; refused markup goes out again without, at once. Raises as `Connector.send`."""
        if payload.get("files"):
            sent = await self._files.send(payload, target)
            if isinstance(sent, Sent):
                return sent
            text = escape(notes(sent))
            payload = {"text": text, "plain": text}
        if LIVE in payload and (begun := await self._streams.start(payload, target)):
            return Sent(platform_message_id=begun)
        payload = self._known(payload)
        try:
            return await self._post(request(payload, target, key=key))
        except SlackApiError as error:
            code = code_of(error)
            if code not in DRESS:
                raise send_error(error) from None
        except FAULTS as error:
            raise send_error(error) from None
        if self._gives_way(payload, code):
            return await self.send(_without(payload), target, key=key)
        log.warning("slack: the markup was refused (%s); sending plain text", code)
        try:
            return await self._post(plain_request(payload, target, key="" if code in METADATA else key))
        except FAULTS as error:
            raise send_error(error) from None

    async def edit(self, payload: Payload, target: Target, ts: str) -> None:
        """Put a payload in place of a message. Raises as `EditingConnector.edit`."""
        if payload.get("files"):
            log.info("slack: files of an answer that changed stay as they are")
            return
        if is_file_id(ts):
            raise SendRefused("Slack puts no text in place of a file")
        if self._streams.is_open(target, ts):
            if LIVE in payload and await self._streams.show(payload, target, ts):
                return
            if self._streams.is_open(target, ts) and await self._streams.end(payload, target, ts):
                return
        await self._update(payload, target, ts)

    async def _update(self, payload: Payload, target: Target, ts: str, *, first: bool = True) -> None:
        payload = self._known(payload)
        try:
            await self._web().chat_update(channel=target.channel_id, ts=ts, **shown(payload))
            return
        except SlackApiError as error:
            code = code_of(error)
            if code not in DRESS:
                # A process that is no more may have left a stream open, and that cannot be edited.
                if first and not is_passing(error) and await self._streams.stop(target, ts):
                    await self._update(payload, target, ts, first=False)
                    return
                raise send_error(error) from None
        except FAULTS as error:
            raise send_error(error) from None
        if self._gives_way(payload, code):
            await self._update(_without(payload), target, ts)
            return
        log.warning("slack: the markup was refused (%s); editing with plain text", code)
        try:
            await self._web().chat_update(channel=target.channel_id, ts=ts, text=plainly(payload))
        except FAULTS as error:
            raise send_error(error) from None

    async def retract(self, target: Target, ts: str) -> None:
        """Take a message away. Raises as `EditingConnector.retract`."""
        if is_file_id(ts):
            await self._files.retract(ts)
            return
        if self._streams.is_open(target, ts):
            await self._streams.stop(target, ts)
        await self._delete(target, ts)

    async def _delete(self, target: Target, ts: str, *, first: bool = True) -> None:
        try:
            await self._web().chat_delete(channel=target.channel_id, ts=ts)
        except FAULTS as error:
            if isinstance(error, SlackApiError) and code_of(error) == GONE_MESSAGE:
                return
            refused = isinstance(error, SlackApiError) and not is_passing(error)
            if refused and first and await self._streams.stop(target, ts):
                await self._delete(target, ts, first=False)
                return
            raise send_error(error) from None

    def _known(self, payload: Payload) -> Payload:
        return payload if self._knows_markdown else _without(payload)

    def _gives_way(self, payload: Payload, code: str) -> bool:
        """Whether the same is to be tried as mrkdwn, after a refusal."""
        if MARKDOWN not in payload or code not in MARKUP:
            return False
        # What is wrong with choices below a text says nothing of the text's own block.
        if code != TOO_LONG and not payload.get("blocks") and self._knows_markdown:
            log.info("slack: markdown blocks are refused (%s); going on with mrkdwn", code)
            self._knows_markdown = False
        return True

    async def _post(self, arguments: dict[str, Any]) -> Sent:
        answer = await self._web().chat_postMessage(**arguments)
        return Sent(platform_message_id=str(answer.get("ts") or ""))


def _without(payload: Payload) -> Payload:
    return {name: value for name, value in payload.items() if name != MARKDOWN}
