"""What Discord's refusals mean for a message that was to be sent."""

import time
from collections import OrderedDict
from typing import Final

import aiohttp
import discord

from bot_host.connector import ConnectorError, SendError, SendLater, SendRefused, SendUnknown, one_line
from connectors.discord.rest import describe

NONCE_WINDOW_S: Final = 120.0
"""Discord remembers a nonce for "the past few minutes" (resources/message#create-message)."""
TOKEN_RETRY_S: Final = 60.0
BANNED_RETRY_S: Final = 600.0
KNOWN_LIMIT: Final = 1000

NO_HISTORY: Final = 160002
INVALID_FORM: Final = 50035


class Outcomes:
    """Turns what a request raised into the host's words, remembering which sends are in doubt."""

    def __init__(self) -> None:
        self._in_doubt: OrderedDict[str, float] = OrderedDict()

    def settled(self, key: str) -> None:
        """The send with this key is known to have arrived or not."""
        self._in_doubt.pop(key, None)

    def error(self, error: Exception, *, key: str) -> SendError:
        """What to raise for `error`."""
        if isinstance(error, discord.RateLimited):
            return SendLater("Discord's rate limit", after_s=error.retry_after)
        if isinstance(error, discord.LoginFailure):
            return SendLater("Discord refuses the token", after_s=TOKEN_RETRY_S)
        if isinstance(error, discord.HTTPException):
            return self._answered(error, key)
        if isinstance(error, (aiohttp.ClientConnectorError, ConnectorError)):
            return SendLater(f"not sent: {describe(error)}")
        return self._doubt(describe(error), key)

    def _answered(self, error: discord.HTTPException, key: str) -> SendError:
        said = f"HTTP {error.status}, code {error.code}: {one_line(error.text, 200)}"
        if error.status >= 500:
            return self._doubt(said, key)
        self.settled(key)
        if error.status == 429:
            return SendLater(f"Discord's rate limit: HTTP {error.status}", after_s=_retry_after(error))
        if error.status == 401:
            return SendLater(f"Discord refuses the token: {said}", after_s=TOKEN_RETRY_S)
        return SendRefused(said)

    def _doubt(self, why: str, key: str) -> SendError:
        """It may have arrived. Within the nonce window a second try cannot make a second message."""
        now = time.monotonic()
        first = self._in_doubt.setdefault(key, now)
        while len(self._in_doubt) > KNOWN_LIMIT:
            self._in_doubt.popitem(last=False)
        if now - first < NONCE_WINDOW_S:
            return SendLater(f"no sure answer, the nonce makes a second try safe: {why}")
        return SendUnknown(why)


def _retry_after(error: discord.HTTPException) -> float:
    try:
        return float(error.response.headers["Retry-After"])
    except (KeyError, ValueError):
        return BANNED_RETRY_S


def refuses_reference(error: discord.HTTPException) -> bool:
    """The message would go out if it did not point at the one that it answers."""
    return error.code == NO_HISTORY or (error.code == INVALID_FORM and "message_reference" in error.text)
