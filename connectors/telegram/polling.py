"""From Telegram's updates to the host: log in, fetch, hand over, confirm.

Telegram forgets an update when a getUpdates asks for a higher offset. The offset here moves only after the
host has the events on disk, so what is not on disk is delivered again. What waits there for a bot that is
away (for 24 hours at the most) is handed over as missed.
"""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

from telegram import Update, User
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from bot_host.connector import (
    Account,
    ConnectorHost,
    InboundEvent,
    LoginError,
    Skipped,
    StoreError,
    backoff,
    one_line,
)
from connectors.telegram.bot import RawBot
from connectors.telegram.config import TelegramConfig
from connectors.telegram.content import Me
from connectors.telegram.decode import ALLOWED_UPDATES, decode
from connectors.telegram.errors import explain, retry_after_s, say
from connectors.telegram.places import View
from connectors.telegram.presses import Presses
from connectors.telegram.several import Several

log = logging.getLogger(__name__)
T = TypeVar("T")

POLL_S: Final = 30
POLL_MARGIN_S: Final = 10.0
"""A poll that has not answered so long after its time is dead."""
BATCH: Final = 100
CONFLICT_POLL_S: Final = 5
"""After another poller was met: long enough to meet it again, so that we do not think it gone."""
CONFIRM_S: Final = 5.0
"""For the last confirmation, which is not worth a long wait."""


class _Stopped(Exception):
    """`stop` was called while waiting."""


class Polling:
    """The updates of one bot."""

    def __init__(
        self, bot: RawBot, config: TelegramConfig, *, backoff_base_s: float, backoff_cap_s: float
    ) -> None:
        self._bot = bot
        self._presses = Presses(bot.call)
        self._config = config
        self._backoff_base_s, self._backoff_cap_s = backoff_base_s, backoff_cap_s
        self._stop = asyncio.Event()
        self._wait: asyncio.Timeout | None = None
        self._offset = 0
        self._confirmed = 0

    async def run(self, host: ConnectorHost) -> None:
        """Until `stop`. Raises LoginError."""
        attempt, first_poll_s = 0, 0
        while not self._stop.is_set():
            try:
                me = await self._interruptible(self._log_in())
                view = View(me=Me(id=me.id, username=me.username or ""), config=self._config)
                account = Account(
                    platform="telegram", id=str(me.id), name=one_line(me.full_name), link=me.link or ""
                )
                updates = await self._interruptible(self._fetch(first_poll_s))
                await host.connected(account)
                attempt = 0
                # Until a batch is not full, these are updates that waited at Telegram for somebody to ask.
                missed = True
                while True:
                    await self._take(host, updates, view, missed=missed)
                    if missed and len(updates) < BATCH:
                        missed = False
                        host.caught_up()
                    updates = await self._interruptible(self._fetch(0 if missed else POLL_S))
            except _Stopped:
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
        if self._stop.is_set():
            return
        self._stop.set()
        if self._wait is not None:
            self._wait.reschedule(asyncio.get_running_loop().time())

    async def _interruptible(self, work: Awaitable[T]) -> T:
        """Wait for something that `stop` may end. Raises _Stopped."""
        try:
            async with asyncio.timeout(0 if self._stop.is_set() else None) as self._wait:
                return await work
        except TimeoutError:
            raise _Stopped from None
        finally:
            self._wait = None

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
        events = [self._decode(update, view) for update in updates]
        while events:
            try:
                checked, told = await self._presses.check(host, updates, events)
                await (host.accept_missed(*checked) if missed else host.accept(*checked))
            except StoreError as error:
                attempt += 1
                log.warning("telegram: updates could not be stored and stay at Telegram (%s)", error)
                await self._interruptible(asyncio.sleep(self._delay(attempt)))
                updates = await self._interruptible(self._fetch(0))
                events = [self._decode(update, view) for update in updates]
                continue
            self._presses.answer(host, told)
            self._offset = max(update["update_id"] for update in updates) + 1
            return

    def _decode(self, update: dict[str, Any], view: View) -> InboundEvent | Several:
        try:
            event = decode(Update.de_json(update, self._bot), view)
        except Exception as error:  # noqa: BLE001 - a malformed update must not stop the others
            kind = one_line(", ".join(key for key in update if key != "update_id"))
            log.warning(
                "telegram: update %s (%s) cannot be read: %s", update["update_id"], kind, type(error).__name__
            )
            return Skipped(reason=f"malformed: {kind}", failed=True)
        if isinstance(event, Skipped) and event.reason.startswith("unknown"):
            log.info("telegram: update %s skipped: %s", update["update_id"], event.reason)
        return event

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
            await self._interruptible(asyncio.sleep(wait_s))
        except _Stopped:
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


def refusal(error: InvalidToken, config: TelegramConfig) -> str:
    """What to do about a refused token."""
    where = f" by {config.api_base}" if config.api_base else ""
    advice = "copy the token again from @BotFather"
    if config.api_base:
        advice += ", and see that api_base is a Bot API server"
    return f"the token is refused{where} ({say(error)}); {advice}"
