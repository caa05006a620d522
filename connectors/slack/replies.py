"""Answers for one person's eyes, and what takes choices away: payloads, and how they go out.

Slack shows something to one person alone by the `response_url` of what they did (five times within half an
hour, also where the bot is no member), else by `chat.postEphemeral`, and where the bot is no member of the
channel in their direct messages.
https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

import logging
import time
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot_host.connector import Content, Payload, SendError, Sent, Target
from connectors.slack.blocks import chosen_blocks
from connectors.slack.config import SlackConfig
from connectors.slack.encode import MARKDOWN, encode, place, shown
from connectors.slack.errors import CLOSED, code_of, is_passing, send_error
from connectors.slack.logs import SDK_LOG
from connectors.slack.mrkdwn import escape
from connectors.slack.transfer import Transfer, notes
from connectors.slack.web import goes_direct

log = logging.getLogger(__name__)

HOW: Final = "how"
"""In a payload: `eyes` (for one person), `chosen` (what a message reads after its choice)."""
FAULTS: Final = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError)
LANE: Final = "lane"
"""In a target: it was used in a conversation, and is answered where it was."""
LASTS_S: Final = 1_780.0
"""Half an hour of a `response_url`, less what our clock may be behind."""
HOSTS: Final = ("slack.com", "slack-gov.com")

Json = dict[str, Any]


def encode_reply(content: Content, target: Target) -> list[Payload]:
    """An answer to something that was used; for one person's eyes where that was so."""
    payloads = encode(content, target)
    return [{HOW: "eyes", **_plainer(each)} for each in payloads] if target.extra.get("private") else payloads


def _plainer(payload: Payload) -> Payload:
    """A `response_url` says of a refusal only that there was one: what may be refused does not go there."""
    return {name: value for name, value in payload.items() if name != MARKDOWN}


def encode_chosen(target: Target, label: str) -> list[Payload]:
    """What takes the choices away from the message that was used, and shows what was chosen."""
    text = target.extra.get("text", "")
    if not target.extra.get("click") or not (text or target.extra.get("private")):
        return []
    words = f"{text}\n{escape(label)}".strip()
    return [{HOW: "chosen", "text": words, "blocks": chosen_blocks(text, label)}]


class Replies:
    """Sends them on `web`."""

    def __init__(self, config: SlackConfig, files: Transfer) -> None:
        self._files = files
        own = urlsplit(config.base_url).hostname or ""
        self._hosts = frozenset((*HOSTS, own))

    async def send(self, payload: Payload, target: Target, web: AsyncWebClient) -> Sent:
        """Send one payload. Raises as `Connector.send`."""
        try:
            if payload[HOW] == "chosen":
                await self._show_chosen(payload, target, web)
                return Sent(platform_message_id="")
            return await self._show(payload, target, web)
        except FAULTS as error:
            raise send_error(error) from None

    async def tell(self, target: Target, text: str, web: AsyncWebClient) -> None:
        """Say something of our own to one person. Never raises for a refusal."""
        try:
            if LANE not in target.extra:
                # They used it in no conversation, so they look at none: what is shown to them alone is lost.
                await self._post_directly(target, text, web)
                return
            await self.send({HOW: "eyes", "text": text, "plain": text}, target, web)
        except SendError as error:
            log.info("slack: somebody could not be told why nothing is done: %s", error)

    async def _post_directly(self, target: Target, text: str, web: AsyncWebClient) -> None:
        try:
            await web.chat_postMessage(channel=target.extra["user_id"], text=escape(text))
        except FAULTS as error:
            raise send_error(error) from None

    async def _show_chosen(self, payload: Payload, target: Target, web: AsyncWebClient) -> None:
        words = {"text": payload["text"], "blocks": payload["blocks"]}
        if target.extra.get("private"):
            # Of such a message nothing but its `response_url` gets hold.
            await self._respond(target, web, {**words, "replace_original": True})
            return
        try:
            await web.chat_update(channel=target.channel_id, ts=target.extra["click"], **words)
        except SlackApiError as error:
            if is_passing(error):
                raise
            log.debug("slack: a choice stays in view: %s", code_of(error))

    async def _show(self, payload: Payload, target: Target, web: AsyncWebClient) -> Sent:
        if payload.get("files"):
            found = await self._send_files(payload, target, web)
            if isinstance(found, Sent):
                if not target.channel_id.startswith("D"):
                    # They look at the channel.
                    names = escape(", ".join(str(each["name"]) for each in payload["files"]))
                    await self.tell(target, f"{names}: see our direct messages.", web)
                return found
            text = escape(notes(found))
            payload = {"text": text, "plain": text}
        words = shown(payload)
        if await self._respond(target, web, {**words, "response_type": "ephemeral"}):
            return Sent(platform_message_id="")
        user = target.extra["user_id"]
        try:
            await web.chat_postEphemeral(**place(target), user=user, **words)
        except SlackApiError as error:
            if code_of(error) not in CLOSED | {"user_not_in_channel"}:
                raise
            answer = await web.chat_postMessage(channel=user, **words)
            return Sent(platform_message_id=str(answer.get("ts") or ""))
        return Sent(platform_message_id="")

    async def _send_files(self, payload: Payload, target: Target, web: AsyncWebClient) -> Sent | list[Json]:
        """Files for one person: in a channel there is no such thing, so they go to their direct messages."""
        names = escape(", ".join(str(each["name"]) for each in payload["files"]))
        answer = await web.chat_postMessage(channel=target.extra["user_id"], text=f"For you alone: {names}")
        dm = replace(target, channel_id=str(answer["channel"]), thread_id="")
        return await self._files.send(payload, dm)

    async def show_openly(self, payload: Payload, target: Target, web: AsyncWebClient) -> bool:
        """An answer for all where the bot is no member. False: that is not possible (any more).

        Raises as `Connector.send`.
        """
        if payload.get("files"):
            text = escape(notes(payload["files"]))
            payload = {"text": text, "plain": text}
        try:
            return await self._respond(
                target, web, {**shown(_plainer(payload)), "response_type": "in_channel"}
            )
        except FAULTS as error:
            raise send_error(error) from None

    async def _respond(self, target: Target, web: AsyncWebClient, body: Json) -> bool:
        """By the `response_url`. False: there is none, or it is over."""
        url, at = target.extra.get("response_url", ""), target.extra.get("at", "0")
        if not self._is_slacks(url) or time.time() > float(at) + LASTS_S:
            return False
        hook = AsyncWebhookClient(url, session=web.session, logger=SDK_LOG, retry_handlers=[])
        hook.proxy = None if goes_direct(url) else web.proxy
        answer = await hook.send_dict({"replace_original": False, **body})
        if answer.status_code != 200:
            log.info("slack: a response_url is over (status %d)", answer.status_code)
        return answer.status_code == 200

    def _is_slacks(self, url: str) -> bool:
        host = urlsplit(url).hostname or ""
        return any(host == known or host.endswith(f".{known}") for known in self._hosts)
