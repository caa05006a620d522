"""What a Telegram message shows of others' words: what it answers, what it forwards. Pure.

Previews of links are no part of it: the Bot API says which link is shown and how, never what the page says
(core.telegram.org/bots/api#linkpreviewoptions).
"""

from typing import Final

from telegram import (
    Message,
    MessageOrigin,
    MessageOriginChannel,
    MessageOriginChat,
    MessageOriginHiddenUser,
    MessageOriginUser,
)

from bot_host.connector import Media, MediaType, Quote, clean_text, one_line
from connectors.telegram.content import Me, display_name, files_of, plain_text
from connectors.telegram.kinds import short_form

QUOTE: Final = 4000
OWN_QUOTE: Final = 500
"""Characters of a quoted message that the bot itself said: it stands in the conversation, as a rule."""


def is_others_words(message: Message, me: Me) -> bool:
    """Whether the text of a message is not its sender's: it was forwarded, or another bot made it for them.

    What a channel posts reaches its discussion group as a forward of itself.
    """
    if message.via_bot is not None and message.via_bot.id != me.id:
        return True
    return message.forward_origin is not None and not message.is_automatic_forward


def quotes_of(message: Message, replied: Message | None, me: Me) -> list[Quote]:
    """The answered message or the part of it that was picked out, and what is forwarded."""
    found = [_answered(message, replied, me), _forwarded(message, me)]
    return [quote for quote in found if quote is not None]


def _answered(message: Message, replied: Message | None, me: Me) -> Quote | None:
    picked = message.quote.text if message.quote is not None else ""
    if replied is not None:
        by_me = replied.from_user is not None and replied.from_user.id == me.id
        text = picked or _task(message, replied) or plain_text(replied) or short_form(replied)
        return _reply(_author(replied), text[: OWN_QUOTE if by_me else QUOTE], files_of(replied), by_me=by_me)
    other = message.external_reply
    if other is not None:
        # Of a message of another chat there is no text but the part that was picked out.
        return _reply(origin_name(other.origin), picked or short_form(other), files_of(other))
    if message.reply_to_story is not None:
        return _reply(one_line(message.reply_to_story.chat.effective_name or ""), "[story]", [])
    return None


def _reply(author: str, text: str, files: list[Media], *, by_me: bool = False) -> Quote:
    # What the bot said aloud it need not be told.
    kept = [media for media in files if not (by_me and media.content_type is MediaType.AUDIO)]
    return Quote(
        kind="reply",
        author=author,
        text=clean_text(text).strip()[:QUOTE],
        attachments=[media.model_copy(update={"quoted": True}) for media in kept],
    )


def _task(message: Message, replied: Message) -> str:
    """The task of a checklist, or the option of a poll, that a reply means."""
    task = message.reply_to_checklist_task_id
    if task is not None and replied.checklist is not None:
        return next((each.text for each in replied.checklist.tasks if each.id == task), "")
    option = message.reply_to_poll_option_id
    if option is not None and replied.poll is not None:
        return next((each.text for each in replied.poll.options if each.persistent_id == option), "")
    return ""


def _forwarded(message: Message, me: Me) -> Quote | None:
    """Its files are handed on as the message's own: whoever forwards them asks about them."""
    if not is_others_words(message, me):
        return None
    text = plain_text(message) or short_form(message)
    return Quote(kind="forward", author=_writer(message), text=clean_text(text).strip()[:QUOTE])


def _writer(message: Message) -> str:
    if message.forward_origin is not None:
        return origin_name(message.forward_origin)
    return f"@{one_line(message.via_bot.username or '')}" if message.via_bot is not None else ""


def _author(message: Message) -> str:
    if message.sender_chat is not None:
        return one_line(message.author_signature or message.sender_chat.effective_name or "")
    return display_name(message.from_user) if message.from_user is not None else ""


def origin_name(origin: MessageOrigin | None) -> str:
    """Who wrote what is forwarded or answered, as far as it is told."""
    if isinstance(origin, MessageOriginUser):
        return display_name(origin.sender_user)
    if isinstance(origin, MessageOriginHiddenUser):
        return one_line(origin.sender_user_name)
    if isinstance(origin, MessageOriginChat):
        return one_line(origin.author_signature or origin.sender_chat.effective_name or "")
    if isinstance(origin, MessageOriginChannel):
        return one_line(origin.chat.effective_name or "")
    return ""
