"""What the Bot API's refusals mean for a message that was to be sent, and in words for a log."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)

from bot_host.connector import RoomClosed, SendError, SendLater, SendRefused, SendUnknown, one_line
from connectors.telegram.http import NoAnswer, NotSent

REVOKED_WAIT_S = 60.0
_INVITE: Final = "add the bot to the chat again"
_RIGHTS: Final = "let the bot send messages there: in the chat's permissions, or as an admin"
CLOSED: Final[Mapping[str, str]] = {
    "bot was blocked": "the person has to unblock the bot",
    "user is deactivated": "the person's account is gone",
    "can't initiate conversation": "the person has to write to the bot first",
    "bots can't send messages to bots": "",
    "bot was kicked": _INVITE,
    "bot is not a member": _INVITE,
    "chat not found": "see that the id is right and that the bot is in the chat",
    "peer_id_invalid": "see that the id is right and that the person has written to the bot",
    "user not found": "the person has to write to the bot first",
    "group chat was deleted": "",
    "group chat was deactivated": "",
    "channel_private": _INVITE,
    "not enough rights": _RIGHTS,
    "no rights to send": _RIGHTS,
    "need administrator rights": _RIGHTS,
    "chat_write_forbidden": _RIGHTS,
    "chat_send_plain_forbidden": _RIGHTS,
    "chat_restricted": _RIGHTS,
    "topic_closed": "open the topic again, or make the bot an admin who may manage topics",
    "topic_deleted": "",
    "message thread not found": "the topic is gone",
}
"""Parts of refusals, in lower case, that mean a chat or topic, not a message; and the way out. Texts: the
open server's (github.com/tdlib/telegram-bot-api, Client.cpp) and MTProto's names of errors."""


RIVAL: Final = (
    "another program polls with this bot's token: stop it (an old copy of this host, say, or a try-out on "
    "another machine). If it cannot be found, @BotFather, /revoke gives a new token, which only you know"
)


def retry_after_s(error: RetryAfter) -> float:
    """Seconds that Telegram asks to wait."""
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


_UNREADABLE = ". Parsing the server response"
"""Behind the status, in the library's words, where the body is no JSON."""


def say(error: TelegramError) -> str:
    """The refusal in one line, without the body of an answer that is no JSON.

    A proxy's error page may show the request's address, and with it the token.
    """
    return one_line(error.message.split(_UNREADABLE)[0], 200)


def is_bad_markup(error: TelegramError) -> bool:
    """Whether the text was refused for its markup, so that the plain text may pass.

    `Text is too long` counts the bytes of the markup too (the open server's `get_formatted_text`).
    """
    text = error.message.lower()
    return isinstance(error, BadRequest) and ("can't parse entities" in text or "text is too long" in text)


def is_unchanged(error: TelegramError) -> bool:
    """An edit said what the message says already: it is done."""
    return isinstance(error, BadRequest) and "message is not modified" in error.message.lower()


def is_file(error: TelegramError) -> bool:
    """An edit of a text meant a message that is a file."""
    return isinstance(error, BadRequest) and "there is no text in the message" in error.message.lower()


def is_topic_gone(error: TelegramError) -> bool:
    """The topic was deleted; the chat is there."""
    text = error.message.lower()
    return isinstance(error, BadRequest) and ("message thread not found" in text or "topic_deleted" in text)


def is_gone(error: TelegramError) -> bool:
    """There is no message to delete: it is done."""
    return isinstance(error, BadRequest) and "message to delete not found" in error.message.lower()


def to_send_error(error: TelegramError) -> SendError:
    """A failed sendMessage as the outbox wants to hear it."""
    why = f"telegram: {say(error)}"
    if isinstance(error, RetryAfter):
        return SendLater(why, after_s=retry_after_s(error), limited=True)
    if isinstance(error, NoAnswer) or _is_gateways(error):
        return SendUnknown(why)
    if isinstance(error, Forbidden | BadRequest):
        advice = _way_out(error)
        return SendRefused(why) if advice is None else RoomClosed(why, advice=advice)
    if isinstance(error, InvalidToken):
        # Nothing is wrong with the message: it waits for the admin to set a good token.
        return SendLater("telegram: the token is refused", after_s=REVOKED_WAIT_S, account=True)
    if isinstance(error, NotSent):
        return SendLater(why, account=True)
    if isinstance(error, NetworkError | Conflict | ChatMigrated):
        return SendLater(why)
    # A success that could not be read.
    return SendUnknown(why)


def _way_out(error: TelegramError) -> str | None:
    """What opens the chat again; None when the message was refused, not its chat."""
    text = error.message.lower()
    for part, advice in CLOSED.items():
        if part in text:
            return advice
    # 403 is about the chat, whatever its words.
    return "" if isinstance(error, Forbidden) else None


def _is_gateways(error: TelegramError) -> bool:
    """A 5xx that is not the Bot API's own: what stands before it does not know what became of the request."""
    status, unreadable, _ = error.message.partition(_UNREADABLE)
    return bool(unreadable) and status.endswith(")") and status[-4] == "5"


def explain(error: TelegramError) -> str:
    """Why no updates come, in one line, for `waiting`."""
    if isinstance(error, RetryAfter):
        return f"Telegram asks to wait {retry_after_s(error):g} seconds"
    if isinstance(error, Conflict):
        if "webhook" in error.message.lower():
            return "somebody set a webhook for this bot; it will be removed again"
        return RIVAL
    return say(error)
