"""From Telegram's updates to the host: log in, fetch, hand over, confirm.

Telegram forgets an update when a getUpdates asks for a higher offset. The offset here moves only after the
host has the events on disk, so what is not on disk is delivered again. What waits there for a bot that is
away (for 24 hours at the most) is handed over as missed.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from telegram import User
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from bot_host.connector import ConnectorHost, LoginError, StoreError, backoff
from connectors.telegram.bot import RawBot
from connectors.telegram.config import TelegramConfig
from connectors.telegram.decode import ALLOWED_UPDATES
from connectors.telegram.errors import explain, retry_after_s
from connectors.telegram.moves import Moves
from connectors.telegram.places import View
from connectors.telegram.stopping import Stopped, Stopping
from connectors.telegram.updates import Updates, account_of, refusal

log = logging.getLogger(__name__)

POLL_S: Final = 30
POLL_MARGIN_S: Final = 10.0
"""A poll that has not answered so long after its time is dead."""
BATCH: Final = 100
CONFLICT_POLL_S: Final = 5
"""After another poller was met: long enough to meet it again, so that we do not think it gone."""
CONFIRM_S: Final = 5.0
"""For the last confirmation, which is not worth a long wait."""


class Polling:
    """The updates of one bot."""

    def __init__(
        self,
        bot: RawBot,
        config: TelegramConfig,
        moves: Moves,
        *,
        logged_in: Callable[[ConnectorHost], None],
        backoff_base_s: float,
        backoff_cap_s: float,
    ) -> None:
        """`logged_in` is called after each login, and must not wait."""
        self._bot = bot
        self._logged_in = logged_in
        self._updates = Updates(bot, config, moves)
        self._config = config
        self._backoff_base_s, self._backoff_cap_s = backoff_base_s, backoff_cap_s
        self._stopping = Stopping()
        self._offset = 0
        self._confirmed = 0

    async def run(self, host: ConnectorHost) -> None:
        """Until `stop`. Raises LoginError."""
        attempt, first_poll_s = 0, 0
        while not self._stopping.is_asked:
            try:
                me = await self._stopping.unless(self._log_in())
                view = self._updates.view(me)
                updates = await self._stopping.unless(self._fetch(first_poll_s))
                await host.connected(account_of(me))
                self._logged_in(host)
                attempt = 0
                # Until a batch is not full, these are updates that waited at Telegram for somebody to ask.
                missed = True
                while True:
                    await self._take(host, updates, view, missed=missed)
                    if missed and len(updates) < BATCH:
                        missed = False
                        host.caught_up()
                    updates = await self._stopping.unless(self._fetch(0 if missed else POLL_S))
            except Stopped:
                break
            except InvalidToken as error:
                raise LoginError(refusal(error, self._config)) from None
            except TelegramError as error:
                attempt += 1
                first_poll_s = CONFLICT_POLL_S if isinstance(error, Conflict) else 0
                await self._pause(host, error, attempt)
        await self._confirm()

    def stop(self) -> None:
        """Fetch nothing more."""
        self._stopping.ask()

    async def _log_in(self) -> User:
        me = await self._bot.get_me()
        webhook = await self._bot.find_webhook()
        if webhook is not None and webhook.url:
            log.warning(
                "telegram: a webhook was set for @%s, which keeps updates from polling; removing it "
                "(nothing that waits is lost)",
                me.username,
            )
            await self._bot.delete_webhook(drop_pending_updates=False)
        return me

    async def _fetch(self, timeout: int, *, limit: int = BATCH) -> list[dict[str, Any]]:
        """One getUpdates, undecoded: one update that the library cannot read must not hold up the others.

        Raises TelegramError.
        """
        parameters: dict[str, Any] = {
            "timeout": timeout,
            "limit": limit,
            "allowed_updates": list(ALLOWED_UPDATES),
        }
        if self._offset:
            parameters["offset"] = self._offset
        result: Any = await self._bot.fetch_updates(parameters, read_timeout=timeout + POLL_MARGIN_S)
        if not isinstance(result, list):
            raise TelegramError("Invalid server response")
        self._confirmed = self._offset
        good = [u for u in result if isinstance(u, dict) and isinstance(u.get("update_id"), int)]
        if result and not good:
            raise TelegramError("Invalid server response: updates without ids")
        return good

    async def _take(
        self, host: ConnectorHost, updates: list[dict[str, Any]], view: View, *, missed: bool
    ) -> None:
        """Hand updates over, then let the offset move. On a StoreError it stays, and they come again."""
        attempt = 0
        while updates:
            try:
                await self._updates.take(host, updates, view, missed=missed)
            except StoreError as error:
                attempt += 1
                log.warning("telegram: updates could not be stored and stay at Telegram (%s)", error)
                await self._stopping.unless(asyncio.sleep(self._delay(attempt)))
                updates = await self._stopping.unless(self._fetch(0))
                continue
            self._offset = max(update["update_id"] for update in updates) + 1
            return

    async def _pause(self, host: ConnectorHost, error: TelegramError, attempt: int) -> None:
        """Say once why nothing comes, and wait."""
        why = explain(error)
        if attempt == 1:
            host.waiting(why)
        log.warning("telegram: %s (try %d)", why, attempt)
        wait_s = self._delay(attempt)
        if isinstance(error, RetryAfter):
            wait_s = max(wait_s, retry_after_s(error))
        try:
            await self._stopping.unless(asyncio.sleep(wait_s))
        except Stopped:
            return

    def _delay(self, attempt: int) -> float:
        return backoff(attempt, base=self._backoff_base_s, cap=self._backoff_cap_s)

    async def _confirm(self) -> None:
        """Tell Telegram of the last batch, so that a restart does not get it again (it would do no harm)."""
        if self._offset <= self._confirmed:
            return
        try:
            async with asyncio.timeout(CONFIRM_S):
                await self._fetch(0, limit=1)
        except (TelegramError, TimeoutError) as error:
            log.info("telegram: the last updates stay unconfirmed (%s)", type(error).__name__)
