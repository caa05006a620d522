"""What the Bot API's refusals mean for a message that was to be sent, and in words for a log."""

from datetime import timedelta

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

from bot_host.connector import SendError, SendLater, SendRefused, SendUnknown, one_line
from connectors.telegram.http import NoAnswer

REVOKED_WAIT_S = 60.0


def retry_after_s(error: RetryAfter) -> float:
    """Seconds that Telegram asks to wait."""
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def say(error: TelegramError) -> str:
    """The refusal in one line, without the body of an answer that is no JSON.

    A proxy's error page may show the request's address, and with it the token.
    """
    return one_line(error.message.split(". Parsing the server response")[0], 200)


def is_bad_markup(error: TelegramError) -> bool:
    """Whether the text was refused for its markup, so that the plain text may pass.

    `Text is too long` counts the bytes of the markup too (the open server's `get_formatted_text`).
    """
    text = error.message.lower()
    return isinstance(error, BadRequest) and ("can't parse entities" in text or "text is too long" in text)


def to_send_error(error: TelegramError) -> SendError:
    """A failed sendMessage as the outbox wants to hear it."""
    why = f"telegram: {say(error)}"
    if isinstance(error, RetryAfter):
        return SendLater(why, after_s=retry_after_s(error))
    if isinstance(error, NoAnswer):
        return SendUnknown(why)
    if isinstance(error, Forbidden | BadRequest):
        return SendRefused(why)
    if isinstance(error, InvalidToken):
        # Nothing is wrong with the message: it waits for the admin to set a good token.
        return SendLater("telegram: the token is refused", after_s=REVOKED_WAIT_S)
    if isinstance(error, NetworkError | Conflict | ChatMigrated):
        return SendLater(why)
    # A success that could not be read.
    return SendUnknown(why)


def explain(error: TelegramError) -> str:
    """Why no updates come, in one line, for `waiting`."""
    if isinstance(error, RetryAfter):
        return f"Telegram asks to wait {retry_after_s(error):g} seconds"
    if isinstance(error, Conflict):
        if "webhook" in error.message.lower():
            return "somebody set a webhook for this bot; it will be removed again"
        return "another program polls with this bot's token; stop it, or give this host a bot of its own"
    return say(error)
