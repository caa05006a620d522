"""The life of one Telegram bot: log in, fetch updates, hand them over, confirm them; send.

Telegram forgets an update when a getUpdates asks for a higher offset. The offset here moves only after the
host has the events on disk, so what is not on disk is delivered again. What waits there for a bot that is
away (for 24 hours at the most) is handed over as missed.
"""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from typing import Any, ClassVar, Final, TypeVar

from telegram import Bot, Update, User, WebhookInfo
from telegram.constants import ChatAction, ParseMode
from telegram.error import ChatMigrated, Conflict, InvalidToken, RetryAfter, TelegramError

from bot_host.connector import (
    Account,
    CheckLine,
    ConnectorHost,
    Content,
    Heard,
    InboundEvent,
    LoginError,
    Media,
    OutgoingFiles,
    Payload,
    SendRefused,
    Sent,
    Skipped,
    StoreError,
    Target,
    backoff,
    one_line,
)
from connectors.telegram.changes import delete, edit_text, react
from connectors.telegram.check import findings
from connectors.telegram.config import TelegramConfig
from connectors.telegram.content import Me
from connectors.telegram.decode import ALLOWED_UPDATES, View, decode
from connectors.telegram.encode import encode, mark_repeat
from connectors.telegram.errors import (
    explain,
    is_bad_markup,
    is_unchanged,
    retry_after_s,
    say,
    to_send_error,
)
from connectors.telegram.files import Files
from connectors.telegram.http import AiohttpRequest, NoAnswer
from connectors.telegram.live import compare
from connectors.telegram.silence import silences

log = logging.getLogger(__name__)
T = TypeVar("T")

TELEGRAM_API: Final = "https://api.telegram.org"
POLL_S: Final = 30
POLL_MARGIN_S: Final = 10.0
"""A poll that has not answered so long after its time is dead."""
BATCH: Final = 100
SHORT_S: Final = 5.0
"""For what is not worth a long wait: typing, the last confirmation."""
PRIVATE_EDIT_EVERY_S: Final = 1.1
"""https://core.telegram.org/bots/faq: in a chat not more than one message a second."""
GROUP_EDIT_EVERY_S: Final = 3.1
"""There: in a group not more than 20 messages a minute, for all that the bot says in it. One answer that is
shown while it is written uses that up, and others would wait."""
CONFLICT_POLL_S: Final = 5
"""After another poller was met: long enough to meet it again, so that we do not think it gone."""


class _Stopped(Exception):
    """`stop_intake` was called while waiting."""


class _RawBot(Bot):
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


class TelegramConnector:
    """One bot account."""

    platform: ClassVar[str] = "telegram"
    typing_interval_s: ClassVar[float] = 4.0
    """The indicator stays five seconds (core.telegram.org/bots/api#sendchataction)."""
    edits_share_limit: ClassVar[bool] = False

    def __init__(
        self, config: TelegramConfig, *, backoff_base_s: float = 1.0, backoff_cap_s: float = 60.0
    ) -> None:
        self._config = config
        self._backoff_base_s, self._backoff_cap_s = backoff_base_s, backoff_cap_s
        base = config.api_base or TELEGRAM_API
        # A long poll must never wait for a connection that sends use, nor the other way round.
        self._polls, self._requests = AiohttpRequest(connections=1), AiohttpRequest(connections=32)
        self._bot = _RawBot(
            config.token,
            base_url=f"{base}/bot",
            base_file_url=f"{base}/file/bot",
            request=self._requests,
            get_updates_request=self._polls,
        )
        self._files = Files(
            self._bot,
            self._requests,
            self._bot.call,
            own_server=bool(config.api_base),
            token=config.token,
        )
        self._stop = asyncio.Event()
        self._wait: asyncio.Timeout | None = None
        self._offset = 0
        self._confirmed = 0
        self._moved: dict[int, int] = {}

    # -- in

    async def run(self, host: ConnectorHost) -> None:
        attempt, first_poll_s = 0, 0
        while not self._stop.is_set():
            try:
                me = await self._interruptible(self._log_in())
                view = View(me=Me(id=me.id, username=me.username or ""), config=self._config)
                account = Account(
                    platform=self.platform, id=str(me.id), name=one_line(me.full_name), link=me.link or ""
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
                raise LoginError(self._refused(error)) from None
            except TelegramError as error:
                attempt += 1
                first_poll_s = CONFLICT_POLL_S if isinstance(error, Conflict) else 0
                await self._pause(host, error, attempt)
        await self._confirm()

    async def stop_intake(self) -> None:
        if self._stop.is_set():
            return
        self._stop.set()
        if self._wait is not None:
            self._wait.reschedule(asyncio.get_running_loop().time())

    async def _interruptible(self, work: Awaitable[T]) -> T:
        """Wait for something that `stop_intake` may end. Raises _Stopped."""
        try:
            async with asyncio.timeout(0 if self._stop.is_set() else None) as self._wait:
                return await work
        except TimeoutError:
            raise _Stopped from None
        finally:
            self._wait = None

    async def _log_in(self) -> User:
        me = await self._bot.get_me()
        webhook = await self._find_webhook()
        if webhook is not None and webhook.url:
            log.warning(
                "telegram: a webhook was set for @%s, which keeps updates from polling; removing it "
                "(nothing that waits is lost)",
                me.username,
            )
            await self._bot.delete_webhook(drop_pending_updates=False)
        return me

    async def _find_webhook(self) -> WebhookInfo | None:
        """The webhook's state; None when the server does not tell, which need not keep us from polling.

        A server without this method answers 404, which the library takes for a wrong token.
        """
        try:
            return await self._bot.get_webhook_info()
        except TelegramError as error:
            log.info("telegram: whether a webhook is set is not known (%s)", say(error))
            return None

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
                await (host.accept_missed(*events) if missed else host.accept(*events))
            except StoreError as error:
                attempt += 1
                log.warning("telegram: updates could not be stored and stay at Telegram (%s)", error)
                await self._interruptible(asyncio.sleep(self._delay(attempt)))
                updates = await self._interruptible(self._fetch(0))
                events = [self._decode(update, view) for update in updates]
                continue
            self._offset = max(update["update_id"] for update in updates) + 1
            return

    def _decode(self, update: dict[str, Any], view: View) -> InboundEvent:
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
            async with asyncio.timeout(SHORT_S):
                await self._fetch(0, limit=1)
        except (TelegramError, TimeoutError) as error:
            log.info("telegram: the last updates stay unconfirmed (%s)", type(error).__name__)

    def _refused(self, error: InvalidToken) -> str:
        where = f" by {self._config.api_base}" if self._config.api_base else ""
        advice = "copy the token again from @BotFather"
        if self._config.api_base:
            advice += ", and see that api_base is a Bot API server"
        return f"the token is refused{where} ({say(error)}); {advice}"

    # -- out

    def encode(self, content: Content, target: Target) -> list[Payload]:
        return encode(content, target)

    async def send(self, payload: Payload, target: Target, *, key: str) -> Sent:
        """`key` is of no use: the Bot API has no idempotency key, nor a way to read a chat."""
        try:
            chat_id = self._chat_id(target)
            try:
                message_id = await self._send(payload, target, chat_id)
            except ChatMigrated as error:
                log.warning("telegram: group %d is now supergroup %d", chat_id, error.new_chat_id)
                self._moved[chat_id] = error.new_chat_id
                # Message ids count anew there.
                message_id = await self._send(payload | {"reply_to": None}, target, error.new_chat_id)
        except TelegramError as error:
            raise to_send_error(error) from None
        return Sent(platform_message_id=message_id)

    def use_files(self, files: OutgoingFiles) -> None:
        """See the contract `FileSendingConnector`."""
        self._files.outgoing = files

    async def download(self, media: Media, target: Target, *, message_id: str, max_bytes: int) -> bytes:
        """See the contract `DownloadingConnector`."""
        return await self._files.download(media, max_bytes=max_bytes)

    async def _send(self, payload: Payload, target: Target, chat_id: int) -> str:
        if payload.get("files"):

            async def send_text(text: Payload) -> str:
                return await self._send(text, target, chat_id)

            return await self._files.send(payload, _place(payload, target, chat_id), send_text)
        try:
            return await self._send_text(payload["html"], payload, target, chat_id, ParseMode.HTML)
        except TelegramError as error:
            if not is_bad_markup(error):
                raise
            log.warning("telegram: markup refused, sending the plain text (%s)", say(error))
            return await self._send_text(payload["plain"], payload, target, chat_id, None)

    async def _send_text(
        self, text: str, payload: Payload, target: Target, chat_id: int, parse_mode: str | None
    ) -> str:
        parameters: dict[str, Any] = {
            **_place(payload, target, chat_id),
            "text": text,
            "link_preview_options": {"is_disabled": True},
        }
        if parse_mode is not None:
            parameters["parse_mode"] = parse_mode
        return await self._bot.send_text(parameters)

    async def edit(self, payload: Payload, target: Target, platform_message_id: str, *, key: str) -> None:
        """See the contract `EditingConnector`."""
        chat_id, message_id = self._chat_id(target), int(platform_message_id.partition(",")[0])
        text: Payload | None = payload
        if payload.get("files"):
            try:
                text = await self._files.edit(payload, {"chat_id": chat_id, "message_id": message_id})
            except TelegramError as error:
                if is_unchanged(error):
                    return
                raise to_send_error(error) from None
        if text is not None:
            await edit_text(self._bot.call, chat_id, message_id, text)

    def edit_every_s(self, target: Target) -> float:
        """See the contract `DraftingConnector`. By itself not in groups: see `GROUP_EDIT_EVERY_S`."""
        if self._config.streaming is False:
            return 0.0
        if not target.channel_id.startswith("-"):
            return PRIVATE_EDIT_EVERY_S
        return GROUP_EDIT_EVERY_S if self._config.streaming is True else 0.0

    async def retract(self, target: Target, platform_message_id: str) -> None:
        """See the contract `EditingConnector`."""
        for message_id in platform_message_id.split(","):
            await delete(self._bot.call, self._chat_id(target), int(message_id))

    async def react(self, target: Target, reaction: str) -> None:
        """See the contract `ReactingConnector`."""
        await react(self._bot.call, self._chat_id(target), int(target.reply_to), reaction)

    def _chat_id(self, target: Target) -> int:
        try:
            chat_id = int(target.channel_id)
        except ValueError:
            raise SendRefused(f"telegram: {one_line(target.channel_id)!r} is not a chat id") from None
        return self._moved.get(chat_id, chat_id)

    def repeated(self, payload: Payload) -> Payload | None:
        """See the contract `RepeatingConnector`."""
        return mark_repeat(payload) if self._config.resend_unknown else None

    async def typing(self, target: Target) -> None:
        try:
            await self._bot.send_chat_action(
                self._chat_id(target),
                ChatAction.TYPING,
                message_thread_id=_thread_id(target),
                read_timeout=SHORT_S,
                connect_timeout=SHORT_S,
            )
        except (TelegramError, SendRefused) as error:
            log.debug("telegram: no typing indicator (%s)", error)

    async def typing_done(self, target: Target) -> None:
        """It ends by itself, with the answer or after five seconds."""

    async def close(self) -> None:
        await self._polls.shutdown()
        await self._requests.shutdown()

    # -- check

    async def check(self) -> Sequence[CheckLine]:
        try:
            me = await self._bot.get_me()
            webhook = await self._find_webhook()
        except InvalidToken as error:
            return [
                CheckLine(
                    name="telegram",
                    ok=False,
                    detail=self._refused(error).partition(";")[0],
                    advice=self._refused(error).partition("; ")[2],
                )
            ]
        except TelegramError as error:
            return [
                CheckLine(
                    name="telegram",
                    ok=False,
                    detail=say(error),
                    advice="see whether this machine reaches the Bot API, or set api_base",
                )
            ]
        return findings(me, webhook)

    async def silences(self) -> Sequence[CheckLine]:
        return await silences(self._bot, self._config)

    async def compare(self, heard: Heard) -> Sequence[CheckLine]:
        return await compare(self._bot, self._config, heard)


def _place(payload: Payload, target: Target, chat_id: int) -> dict[str, Any]:
    """Chat, topic, and what is answered, as parameters of every method that sends."""
    parameters: dict[str, Any] = {"chat_id": chat_id}
    thread_id = _thread_id(target)
    if thread_id is not None:
        parameters["message_thread_id"] = thread_id
    if payload.get("reply_to") is not None:
        parameters["reply_parameters"] = {
            "message_id": payload["reply_to"],
            "allow_sending_without_reply": True,
        }
    return parameters


def _thread_id(target: Target) -> int | None:
    return int(target.thread_id) if target.thread_id.isdecimal() else None
