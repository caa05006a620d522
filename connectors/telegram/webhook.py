"""Updates that Telegram brings to the host's web server: tell it where, check that it is Telegram, hand over.

https://core.telegram.org/bots/api#setwebhook. Telegram takes an update for delivered when it is answered
with 200, which it is when it is on disk. All else it repeats, for 24 hours, so the webhook stays set while
the host is down. What it brings then is handed over as missed. Certificates of one's own making are not
uploaded: the proxy before the host needs one that everybody trusts.
"""

import asyncio
import hmac
import json
import logging
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, Final

from telegram import User, WebhookInfo
from telegram.error import InvalidToken, RetryAfter, TelegramError

from bot_host.connector import (
    ConfigError,
    ConnectorHost,
    HttpAnswer,
    HttpRequest,
    HttpRoute,
    LoginError,
    StoreError,
    backoff,
    one_line,
)
from connectors.telegram.arrivals import Arrival, Arrivals
from connectors.telegram.bot import RawBot
from connectors.telegram.config import TelegramConfig, webhook_secret
from connectors.telegram.decode import ALLOWED_UPDATES
from connectors.telegram.errors import explain, retry_after_s, say
from connectors.telegram.hook_check import ADVICE, address_fault
from connectors.telegram.moves import Moves
from connectors.telegram.places import View
from connectors.telegram.stopping import Stopped, Stopping
from connectors.telegram.updates import Updates, account_of, refusal

log = logging.getLogger(__name__)

SECRET_HEADER: Final = "x-telegram-bot-api-secret-token"
CONNECTIONS: Final = 40
"""That Telegram may open at a time: its own default."""
ANSWER_S: Final = 20.0
"""How long a request waits for the disk."""
FINISH_S: Final = 10.0
"""For those that are being stored when the intake ends."""
WATCH_S: Final = 60.0
"""Between two looks at what Telegram says of the webhook."""
LATE_S: Final = 300.0
"""What is so old when it comes was said while nobody listened."""
BACKLOG_S: Final = 600.0
"""After the start; what waited at Telegram has come by then, or never does."""
MANY: Final = 1_000_000_000
"""Where Telegram does not say how many wait."""

Json = dict[str, Any]


class Webhook:
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
        self._config = config
        self._logged_in = logged_in
        self._updates = Updates(bot, config, moves)
        self._secret = webhook_secret(config.token).encode()
        self._backoff_base_s, self._backoff_cap_s = backoff_base_s, backoff_cap_s
        self._stopping = Stopping()
        self._arrivals: Arrivals | None = None
        self._busy = asyncio.Lock()
        self._path = f"/{config.token.partition(':')[0]}"
        self._left = 0
        """Updates that waited at Telegram when we came, and have not come yet."""
        self._begun = 0.0
        self.url = ""
        """Where Telegram reaches it; empty: there is no web server."""

    def use_address(self, base: str) -> None:
        """See `HttpConnector`."""
        self.url = base + self._path

    def http_routes(self) -> Sequence[HttpRoute]:
        """See `HttpConnector`."""
        return [HttpRoute(method="POST", path=self._path, handler=self.take)]

    # what Telegram brings

    async def take(self, request: HttpRequest) -> HttpAnswer:
        """One update: 200 when it is on disk."""
        given = request.headers.get(SECRET_HEADER, "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, self._secret):
            return HttpAnswer(status=403)
        update = _read(request.body)
        if update is None:
            log.warning("telegram: a request of %d bytes is no update", len(request.body))
            return HttpAnswer(status=400)
        stored = self._arrivals.add(update) if self._arrivals is not None else None
        if stored is None:
            return HttpAnswer(status=503)
        # Not wait_for: another request may wait for the same.
        await asyncio.wait([stored], timeout=ANSWER_S)
        return HttpAnswer(status=200 if stored.done() and stored.result() else 503)

    # life

    async def run(self, host: ConnectorHost) -> None:
        """Until `stop`. Raises LoginError, ConfigError."""
        fault = address_fault(self.url, self._config)
        if fault:
            raise ConfigError(fault)
        attempt = 0
        while not self._stopping.is_asked:
            self._arrivals = Arrivals()
            try:
                me = await self._stopping.unless(self._log_in())
                await self._stopping.unless(self._set())
                attempt = 0
                await self._stay(host, me)
            except Stopped:
                break
            except TelegramError as error:
                attempt += 1
                await self._pause(host, error, attempt)
            finally:
                self._arrivals.close()

    def stop(self) -> None:
        """Take nothing more."""
        self._stopping.ask()

    async def _log_in(self) -> User:
        try:
            return await self._bot.get_me()
        except InvalidToken as error:
            raise LoginError(refusal(error, self._config)) from None

    async def _set(self) -> None:
        """Have updates brought here, unless they are already. Raises TelegramError."""
        self._begun = time.time()
        info = await self._bot.find_webhook()
        self._left = MANY if info is None else info.pending_update_count
        if info is not None and self._is_set(info):
            return
        if info is not None and info.url and info.url != self.url:
            log.warning("telegram: another webhook was set for this bot; it is replaced")
        await self._set_anew()

    def _is_set(self, info: WebhookInfo) -> bool:
        # Whether the secret is ours, nobody can ask; if it is not, the last delivery failed.
        return (
            info.url == self.url
            and set(info.allowed_updates or ()) == set(ALLOWED_UPDATES)
            and info.max_connections in (None, CONNECTIONS)
            and info.last_error_date is None
        )

    async def _set_anew(self) -> None:
        try:
            await self._bot.set_webhook(
                url=self.url,
                secret_token=self._secret.decode(),
                allowed_updates=list(ALLOWED_UPDATES),
                max_connections=CONNECTIONS,
                drop_pending_updates=False,
            )
        except InvalidToken as error:
            # The token is good, as it has just logged in: the library takes any 404 for a wrong one.
            raise TelegramError(f"the Bot API server sets no webhooks ({say(error)})") from None
        log.info("telegram: Telegram brings updates to %s from now on", self.url)

    async def _stay(self, host: ConnectorHost, me: User) -> None:
        """Take in until `stop`. Raises Stopped."""
        assert self._arrivals is not None
        await host.connected(account_of(me))
        self._logged_in(host)
        if not self._left:
            host.caught_up()
        work = self._consume(host, self._arrivals, self._updates.view(me))
        consumer = host.tasks.spawn("telegram webhook", work)
        try:
            await self._watch(host)
        finally:
            await self._end(consumer)

    async def _watch(self, host: ConnectorHost) -> None:
        """Say when Telegram cannot reach us, and put right what another program has changed."""
        told: object = None
        while True:
            await self._stopping.unless(asyncio.sleep(WATCH_S))
            if self._left and time.time() - self._begun > BACKLOG_S:
                self._left = 0
                host.caught_up()
            info = await self._stopping.unless(self._look())
            if info is None:
                continue
            if info.url != self.url:
                log.warning(
                    "telegram: another program %s; it is set again, see that nothing else uses this token",
                    "set its own webhook" if info.url else "removed the webhook",
                )
                try:
                    await self._stopping.unless(self._set_anew())
                except TelegramError as error:
                    log.warning("telegram: the webhook cannot be set again now (%s)", explain(error))
                continue
            failed = info.last_error_date
            if failed is not None and failed != told:
                told = failed
                log.warning(
                    "telegram: Telegram could not bring an update: %s (%d wait); %s",
                    one_line(info.last_error_message or "no reason", 200),
                    info.pending_update_count,
                    ADVICE,
                )

    async def _look(self) -> WebhookInfo | None:
        """What Telegram says of the webhook; None: nothing. Raises LoginError."""
        info = await self._bot.find_webhook()
        if info is None:
            try:
                await self._log_in()
            except TelegramError as error:
                log.debug("telegram: cannot be asked about the webhook: %s", say(error))
        return info

    async def _end(self, consumer: "asyncio.Task[None]") -> None:
        try:
            async with asyncio.timeout(FINISH_S), self._busy:
                consumer.cancel()
        except TimeoutError:
            log.warning("telegram: updates are still not on disk; they are left for Telegram to repeat")
        finally:
            consumer.cancel()
        await asyncio.wait([consumer])

    async def _pause(self, host: ConnectorHost, error: TelegramError, attempt: int) -> None:
        why = explain(error)
        if attempt == 1:
            host.waiting(why)
        log.warning("telegram: the webhook is not set: %s (try %d)", why, attempt)
        wait_s = backoff(attempt, base=self._backoff_base_s, cap=self._backoff_cap_s)
        if isinstance(error, RetryAfter):
            wait_s = max(wait_s, retry_after_s(error))
        try:
            await self._stopping.unless(asyncio.sleep(wait_s))
        except Stopped:
            return

    # into the host

    async def _consume(self, host: ConnectorHost, arrivals: Arrivals, view: View) -> None:
        while True:
            batch = await arrivals.ready()
            async with self._busy:
                await self._store(host, arrivals, view, batch)

    async def _store(self, host: ConnectorHost, arrivals: Arrivals, view: View, batch: list[Arrival]) -> None:
        try:
            for missed, group in groupby(batch, key=lambda arrival: self._is_missed(arrival.update)):
                await self._take(host, view, list(group), missed=missed)
        except StoreError as error:
            log.warning("telegram: updates could not be stored; Telegram will repeat them (%s)", error)
            arrivals.done(batch, stored=False)
        except Exception:
            if len(batch) == 1:
                log.exception("telegram: an update could not be handled; Telegram will repeat it")
                arrivals.done(batch, stored=False)
                return
            # One that cannot be taken in must not take the others along.
            for one in batch:
                await self._store(host, arrivals, view, [one])
        else:
            arrivals.done(batch, stored=True)

    async def _take(self, host: ConnectorHost, view: View, group: list[Arrival], *, missed: bool) -> None:
        await self._updates.take(host, [arrival.update for arrival in group], view, missed=missed)
        if missed:
            self._left = max(0, self._left - len(group))
            if not self._left:
                host.caught_up()

    def _is_missed(self, update: Json) -> bool:
        """Whether it was said while nobody listened. What has no time (a button) is of now."""
        at = _time_of(update)
        if not at:
            return False
        # Telegram counts whole seconds.
        return (self._left > 0 and at < int(self._begun)) or at < time.time() - LATE_S


def _read(body: bytes) -> Json | None:
    try:
        update = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return update if isinstance(update, dict) and type(update.get("update_id")) is int else None


def _time_of(update: Json) -> int:
    for value in update.values():
        if isinstance(value, dict):
            at = value.get("edit_date") or value.get("date")
            if isinstance(at, int):
                return at
    return 0
