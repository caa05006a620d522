"""Editing and deleting messages of ours."""

import logging
from collections.abc import Awaitable, Callable
from html import escape
from typing import Any

from telegram.constants import ParseMode
from telegram.error import TelegramError

from bot_host.connector import Payload
from connectors.telegram.encode import CAPTION_LIMIT, KEYBOARD, fits_caption
from connectors.telegram.errors import is_bad_markup, is_file, is_gone, is_unchanged, say, to_send_error
from connectors.telegram.files import edit_caption
from connectors.telegram.markup import shorten_utf16

log = logging.getLogger(__name__)

Call = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""A method of the Bot API with its parameters. Raises TelegramError."""


def markup_of(payload: Payload) -> dict[str, Any]:
    """The buttons of a payload, as a parameter. An edit without any takes those of the message away."""
    return {"reply_markup": payload[KEYBOARD]} if payload.get(KEYBOARD) else {}


def preview_options(*, shown: bool) -> dict[str, Any]:
    """Whether a text gets a preview of what it links to, as a parameter."""
    return {} if shown else {"link_preview_options": {"is_disabled": True}}


async def edit_text(
    call: Call, chat_id: int, message_id: int, payload: Payload, *, link_previews: bool = False
) -> None:
    """Put `payload` in place of a message. Raises SendError.

    A bot may edit its own messages at any time (core.telegram.org/bots/api#editmessagetext).
    """
    where = {"chat_id": chat_id, "message_id": message_id, **markup_of(payload)}
    parameters = {**where, **preview_options(shown=link_previews)}
    try:
        try:
            html = {"text": payload["html"], "parse_mode": ParseMode.HTML}
            await call("editMessageText", parameters | html)
        except TelegramError as error:
            if not is_bad_markup(error):
                raise
            log.warning("telegram: markup refused, editing with the plain text (%s)", say(error))
            await call("editMessageText", parameters | {"text": payload["plain"]})
    except TelegramError as error:
        if is_unchanged(error):
            return
        if not is_file(error):
            raise to_send_error(error) from None
        await _edit_under_file(call, payload, where)


async def _edit_under_file(call: Call, payload: Payload, where: dict[str, Any]) -> None:
    """The message to edit is a file: the text comes under it, as far as it has room there."""
    text = payload["plain"]
    if not fits_caption(payload):
        text = shorten_utf16(text, CAPTION_LIMIT)
        payload = payload | {"html": escape(text, quote=False), "plain": text}
    try:
        await edit_caption(call, payload, where)
    except TelegramError as error:
        if not is_unchanged(error):
            raise to_send_error(error) from None


async def react(call: Call, chat_id: int, message_id: int, emoji: str) -> None:
    """Put a reaction. Raises SendError; of emoji Telegram takes only a list of its own.

    https://core.telegram.org/bots/api#setmessagereaction
    """
    reaction = [{"type": "emoji", "emoji": emoji}]
    try:
        await call("setMessageReaction", {"chat_id": chat_id, "message_id": message_id, "reaction": reaction})
    except TelegramError as error:
        raise to_send_error(error) from None


async def delete(call: Call, chat_id: int, message_id: int) -> None:
    """Take a message away. Raises SendError; messages of more than 48 hours are refused."""
    try:
        await call("deleteMessage", {"chat_id": chat_id, "message_id": message_id})
    except TelegramError as error:
        if not is_gone(error):
            raise to_send_error(error) from None
