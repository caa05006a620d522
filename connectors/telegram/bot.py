"""The library's bot, with answers as they came."""

import logging
from typing import Any

from telegram import Bot, WebhookInfo
from telegram.error import TelegramError

from connectors.telegram.errors import say
from connectors.telegram.http import NoAnswer

log = logging.getLogger(__name__)


class RawBot(Bot):
    """The library's bot, with answers as they came: its get_updates fails on a batch with one bad update."""

    async def fetch_updates(self, parameters: dict[str, Any], *, read_timeout: float) -> Any:
        """getUpdates' result, undecoded. Raises TelegramError."""
        return await self._post("getUpdates", parameters, read_timeout=read_timeout)

    async def send_text(self, parameters: dict[str, Any]) -> str:
        """The id of the message that sendMessage made. Raises TelegramError.

        The library's own makes objects of the whole answer, which costs as much as the request.
        """
        sent: Any = await self._post("sendMessage", parameters)
        message_id = sent.get("message_id") if isinstance(sent, dict) else None
        if not isinstance(message_id, int):
            raise NoAnswer("the Bot API's answer is no message")
        return str(message_id)

    async def call(self, method: str, parameters: dict[str, Any]) -> Any:
        """Any method, its result as it came. Raises TelegramError."""
        return await self._post(method, parameters)

    async def find_webhook(self) -> WebhookInfo | None:
        """The webhook's state; None when the server does not tell, which need not keep us from polling.

        A server without this method answers 404, which the library takes for a wrong token.
        """
        try:
            return await self.get_webhook_info()
        except TelegramError as error:
            log.info("telegram: whether a webhook is set is not known (%s)", say(error))
            return None
