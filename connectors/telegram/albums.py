"""Albums: several updates with one `media_group_id`, which are one message. Pure.

They come one by one, perhaps in several batches; the first that comes waits for the others for a moment.
https://core.telegram.org/bots/api#message (media_group_id)
"""

from typing import Final

from telegram import Message

from bot_host.connector import Content, Joins
from connectors.telegram.content import Me, readable_text
from connectors.telegram.kinds import short_form

SETTLE_S: Final = 0.8
"""Telegram hands an album over within a fraction of a second; what comes later is joined as an edit is."""


def number_of(message: Message) -> str:
    """What identifies a message in its chat: all of an album are one."""
    return f"album:{message.media_group_id}" if message.media_group_id else str(message.message_id)


def joins_of(message: Message) -> Joins | None:
    """How a message of an album finds the others; None: it stands alone."""
    if not message.media_group_id:
        return None
    return Joins(key=f"{message.chat.id}/{number_of(message)}", place=message.message_id, settle_s=SETTLE_S)


def of_album(content: Content, message: Message, me: Me) -> Content:
    """What a message says as a part of its album: `[photo]` five times tells no more than the five files."""
    if not message.media_group_id or not content.attachments or readable_text(message, me):
        return content
    return content.model_copy(update={"text": content.text.removesuffix(short_form(message)).rstrip()})
