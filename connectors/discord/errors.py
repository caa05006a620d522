"""What Discord's refusals mean for a message that was to be sent."""

from collections.abc import Mapping
from typing import Final

import aiohttp
import discord

from bot_host.connector import (
    ConnectorError,
    RoomClosed,
    SendError,
    SendLater,
    SendRefused,
    SendUnknown,
    one_line,
)
from connectors.discord.rest import describe

TOKEN_RETRY_S: Final = 60.0
BANNED_RETRY_S: Final = 600.0

NO_HISTORY: Final = 160002
INVALID_FORM: Final = 50035
UNKNOWN_MESSAGE: Final = 10008
CLOSED: Final[Mapping[int, str]] = {
    10003: "the channel or thread is gone; nothing can be done here",
    10013: "the person's account is gone",
    50001: "let the bot's role see the channel (View Channel), or invite the bot again",
    50007: "the person has to allow direct messages from the server's members, or to write to the bot first",
    50008: "this is no text channel",
    50013: "give the bot's role Send Messages here (Send Messages in Threads in a thread)",
    50024: "this kind of channel takes no messages",
    50083: "unarchive the thread",
    50278: "the person has to be in a server with the bot, or to write to it first",
    160005: "unlock the thread",
}
"""What refuses a room, not a message, and the way out.
https://docs.discord.com/developers/topics/opcodes-and-status-codes#json-json-error-codes"""
FAULTS: Final = (
    discord.DiscordException,
    aiohttp.ClientError,
    OSError,
    ConnectorError,
    KeyError,
    TypeError,
    ValueError,
)
"""What a request may end in; the last three: an answer that is not Discord's."""


def send_error(error: Exception) -> SendError:
    """What to raise for a request that failed. SendUnknown: it may have been carried out."""
    if isinstance(error, SendError):
        return error
    if isinstance(error, discord.RateLimited):
        return SendLater("Discord's rate limit", after_s=error.retry_after, limited=True)
    if isinstance(error, discord.LoginFailure):
        return SendLater("Discord refuses the token", after_s=TOKEN_RETRY_S, account=True)
    if isinstance(error, discord.HTTPException):
        return _answered(error)
    if isinstance(error, (aiohttp.ClientConnectorError, ConnectorError)):
        return SendLater(f"not sent: {describe(error)}", account=True)
    return SendUnknown(f"no sure answer: {describe(error)}")


def look_error(error: Exception) -> SendError:
    """The same for a request that changes nothing: what is not refused may be asked again."""
    found = send_error(error)
    return SendLater(str(found)) if isinstance(found, SendUnknown) else found


def _answered(error: discord.HTTPException) -> SendError:
    said = f"HTTP {error.status}, code {error.code}: {one_line(error.text, 200)}"
    if error.status >= 500:
        return SendUnknown(f"no sure answer: {said}")
    if error.status == 429:
        # discord.py waits for limits of the API itself; what comes through is Cloudflare's, of all we ask.
        return SendLater(
            f"Discord's rate limit: HTTP {error.status}",
            after_s=_retry_after(error),
            account=True,
            limited=True,
        )
    if error.status == 401:
        return SendLater(f"Discord refuses the token: {said}", after_s=TOKEN_RETRY_S, account=True)
    if error.code in CLOSED:
        return RoomClosed(said, advice=CLOSED[error.code])
    return SendRefused(said)


def _retry_after(error: discord.HTTPException) -> float:
    try:
        return float(error.response.headers["Retry-After"])
    except (KeyError, ValueError):
        return BANNED_RETRY_S


def refuses_reference(error: discord.HTTPException) -> bool:
    """The message would go out if it did not point at the one that it answers."""
    return error.code == NO_HISTORY or (error.code == INVALID_FORM and "message_reference" in error.text)
