"""Answers to interactions: payloads, and how they go out.

The first message after a deferred acknowledgement takes the place of "is thinking…", with the visibility
that was decided when it was deferred; later ones follow below it. Once the token is over (15 minutes), and
where Discord does not know it (it was never acknowledged in time), the answer goes to the channel instead;
one that is for the person alone goes to their direct messages.
https://docs.discord.com/developers/interactions/receiving-and-responding#followup-messages
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import discord

from bot_host.connector import Content, Payload, Sent, Target, utc_now
from connectors.discord.acks import Acks
from connectors.discord.components import chosen_components, components_of
from connectors.discord.encode import encode_message, nonce_of
from connectors.discord.files import Files, as_request, is_about, with_notes, without
from connectors.discord.interactions import EPHEMERAL, expires_at, token_of
from connectors.discord.rest import Rest

log = logging.getLogger(__name__)

HOW: Final = "interaction"
"""In a payload: how it goes out. `followup`, `chosen` (the message that was clicked), `unanswered`."""
TIMEOUT_S: Final = 60.0
LOADING: Final = 1 << 7
"""Message flag: "is thinking…" (resources/message#message-object-message-flags)."""
OVER: Final = frozenset({10015, 10062, 50027})
"""Unknown webhook, unknown interaction, invalid webhook token."""
UNKNOWN_MESSAGE: Final = 10008

_FOLLOWUP: Final = "/webhooks/{webhook_id}/{webhook_token}"
_ORIGINAL: Final = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"

Json = dict[str, Any]
Post = Callable[[str, Json, str, str], Awaitable[Sent]]
"""Puts a message into a channel (empty: a person's direct messages): channel, body, person, key."""


def encode_reply(content: Content, target: Target) -> list[Payload]:
    """An answer to an interaction as bodies of follow-up messages, in order."""
    payloads = encode_message(content, target)
    if payloads and content.choices is not None:
        payloads[-1]["components"] = components_of(content.choices)
    private = {"flags": EPHEMERAL} if target.extra.get("private") else {}
    return [{HOW: "followup", **payload, **private} for payload in payloads]


def encode_chosen(target: Target, label: str) -> list[Payload]:
    """What takes the components away from the message that was clicked, and shows what was chosen."""
    if not target.extra.get("click"):
        return []
    return [{HOW: "chosen", "components": chosen_components(label)}]


def encode_unanswered(target: Target) -> list[Payload]:
    """What ends "is thinking…" where nothing is said. Clicks show no such thing."""
    if "token" not in target.extra or target.extra.get("click"):
        return []
    return [{HOW: "unanswered"}]


class Replies:
    """Sends them."""

    def __init__(self, rest: Rest, acks: Acks, files: Files, post: Post) -> None:
        self._rest = rest
        self._acks = acks
        self._files = files
        self._post = post

    async def send(self, payload: Payload, target: Target, *, key: str) -> Sent:
        """Send one payload. Raises as `Rest.request`."""
        body = dict(payload)
        how = body.pop(HOW)
        # The turn may be quicker than the acknowledgement; before it Discord knows no such token.
        await self._acks.wait(target.extra["interaction"])
        if how == "followup":
            return await self._follow_up(body, target, key)
        if utc_now() < expires_at(target.extra["interaction"]):
            try:
                await (self._show_chosen(body, target) if how == "chosen" else self._end_waiting(target))
            except discord.HTTPException as error:
                if not _is_over(error) and error.code != UNKNOWN_MESSAGE:
                    raise
        return Sent(platform_message_id="")

    async def _follow_up(self, body: Json, target: Target, key: str) -> Sent:
        if utc_now() < expires_at(target.extra["interaction"]):
            try:
                return await self._show(body, target)
            except discord.HTTPException as error:
                if not _is_over(error):
                    raise
        log.info("discord: the answer to a command came too late for it; it goes out as a message")
        body.pop("flags", None)
        body |= {"nonce": nonce_of(key), "enforce_nonce": True}
        channel_id = "" if target.extra.get("private") else target.channel_id
        return await self._post(channel_id, body, target.extra["user_id"], key)

    async def _show(self, body: Json, target: Target) -> Sent:
        """The message as a follow-up; what Discord does not take of its files is named instead."""
        files, unsent = await self._files.read(body)
        words = {name: value for name, value in body.items() if name != "files"}
        while True:
            request = as_request(with_notes(words, unsent), files)
            try:
                message = await self._request("POST", _FOLLOWUP, target, **request)
                return Sent(platform_message_id=str(message["id"]))
            except discord.HTTPException as error:
                if not is_about(files, error):
                    raise
                files, unsent = without(files, unsent, error)

    async def _show_chosen(self, body: Json, target: Target) -> None:
        await self._request("PATCH", _ORIGINAL, target, json=body)

    async def _end_waiting(self, target: Target) -> None:
        message = await self._original(target)
        if int(message.get("flags") or 0) & LOADING:
            await self._request("DELETE", _ORIGINAL, target)

    async def _original(self, target: Target) -> Json:
        found: Json = await self._request("GET", _ORIGINAL, target)
        return found

    async def _request(self, method: str, path: str, target: Target, **more: Any) -> Any:
        names: dict[str, Any] = token_of(target.extra)
        return await self._rest.request(method, path, timeout=TIMEOUT_S, **more, **names)

    async def find(self, payload: Payload, target: Target) -> str | None:
        """The id of the message that a follow-up became, as far as its interaction tells.

        Empty: it does not tell. None: it has not arrived, or may simply be done again.
        """
        if payload[HOW] != "followup":
            return None
        if target.extra.get("click") or utc_now() >= expires_at(target.extra["interaction"]):
            return ""
        try:
            message = await self._original(target)
        except discord.HTTPException as error:
            if _is_over(error) or error.code == UNKNOWN_MESSAGE:
                return ""
            raise
        if int(message.get("flags") or 0) & LOADING:
            return None
        same = str(message.get("content") or "").split() == str(payload.get("content") or "").split()
        return str(message["id"]) if same else ""


def _is_over(error: discord.HTTPException) -> bool:
    return error.code in OVER
