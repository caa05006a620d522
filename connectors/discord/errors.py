"""What Discord's refusals mean for a message that was to be sent."""

from typing import Final

import aiohttp
import discord

from bot_host.connector import ConnectorError, SendError, SendLater, SendRefused, SendUnknown, one_line
from connectors.discord.rest import describe

TOKEN_RETRY_S: Final = 60.0
BANNED_RETRY_S: Final = 600.0

NO_HISTORY: Final = 160002
INVALID_FORM: Final = 50035


def send_error(error: Exception) -> SendError:
    """What to raise for a request that failed. SendUnknown: it may have been carried out."""
    if isinstance(error, SendError):
        return error
    if isinstance(error, discord.RateLimited):
        return SendLater("Discord's rate limit", after_s=error.retry_after)
    if isinstance(error, discord.LoginFailure):
        return SendLater("Discord refuses the token", after_s=TOKEN_RETRY_S)
    if isinstance(error, discord.HTTPException):
        return _answered(error)
    if isinstance(error, (aiohttp.ClientConnectorError, ConnectorError)):
        return SendLater(f"not sent: {describe(error)}")
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
        return SendLater(f"Discord's rate limit: HTTP {error.status}", after_s=_retry_after(error))
    if error.status == 401:
        return SendLater(f"Discord refuses the token: {said}", after_s=TOKEN_RETRY_S)
    return SendRefused(said)


def _retry_after(error: discord.HTTPException) -> float:
    try:
        return float(error.response.headers["Retry-After"])
    except (KeyError, ValueError):
        return BANNED_RETRY_S


def refuses_reference(error: discord.HTTPException) -> bool:
    """The message would go out if it did not point at the one that it answers."""
    return error.code == NO_HISTORY or (error.code == INVALID_FORM and "message_reference" in error.text)
