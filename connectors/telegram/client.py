"""One Telegram bot: it sends, and has a part for each other thing that the contract asks for."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

from telegram.constants import ChatAction, ParseMode
from telegram.error import ChatMigrated, InvalidToken, RetryAfter, TelegramError

from bot_host.connector import (
    MOVED_PART,
    Action,
    CheckLine,
    Choices,
    ConnectorHost,
    Content,
    Heard,
    HttpRoute,
    Media,
    OutgoingFiles,
    Payload,
    SendRefused,
    Sent,
    Target,
    TextStream,
    one_line,
)
from connectors.telegram.actions import telegram_actions
from connectors.telegram.behalf import check_asker
from connectors.telegram.bot import RawBot
from connectors.telegram.changes import delete, edit_text, markup_of, preview_options, react
from connectors.telegram.check import findings
from connectors.telegram.config import TelegramConfig
from connectors.telegram.encode import encode, mark_moved, mark_repeat
from connectors.telegram.errors import (
    is_bad_markup,
    is_topic_gone,
    is_unchanged,
    retry_after_s,
    say,
    to_send_error,
)
from connectors.telegram.files import Files
from connectors.telegram.hook_check import webhook_lines
from connectors.telegram.http import AiohttpRequest
from connectors.telegram.keyboards import can_show
from connectors.telegram.live import compare
from connectors.telegram.menu import Menu
from connectors.telegram.moves import Moves, move_of, recall, tell
from connectors.telegram.pace import Pace
from connectors.telegram.places import thread_id_of
from connectors.telegram.polling import Polling
from connectors.telegram.polls import POLL, send_poll
from connectors.telegram.presses import PRESSED, encode_chosen, take_away
from connectors.telegram.previews import Previews
from connectors.telegram.silence import silences
from connectors.telegram.updates import refusal
from connectors.telegram.webhook import Webhook

log = logging.getLogger(__name__)

TELEGRAM_API: Final = "https://api.telegram.org"
SHORT_S: Final = 5.0
"""For what is not worth a long wait: typing."""
PRIVATE_EDIT_EVERY_S: Final = 1.1
"""https://core.telegram.org/bots/faq: in a chat not more than one message a second."""
OLD: Final = "telegram: it was said before the group became a supergroup, and cannot be changed any more"
GROUP_EDIT_EVERY_S: Final = 3.1
"""There: in a group not more than 20 messages a minute, for all that the bot says in it. One answer that is
shown while it is written uses that up, and others would wait."""


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
        base = config.api_base or TELEGRAM_API
        # A long poll must never wait for a connection that sends use, nor the other way round.
        self._polls, self._requests = AiohttpRequest(connections=1), AiohttpRequest(connections=32)
        self._bot = RawBot(
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
        self._menu = Menu(self._bot.call, config)
        self._previews = Previews(self._bot.call, config)
        how: Any = {"backoff_base_s": backoff_base_s, "backoff_cap_s": backoff_cap_s}
        how["logged_in"] = self._logged_in
        self._moves = Moves(config)
        self._webhook = Webhook(self._bot, config, self._moves, **how) if config.mode == "webhook" else None
        self._intake = self._webhook or Polling(self._bot, config, self._moves, **how)
        self._host: ConnectorHost | None = None
        self._pace = Pace(strict=not config.api_base)

    async def run(self, host: ConnectorHost) -> None:
        self._host = host
        await self._intake.run(host)

    def _logged_in(self, host: ConnectorHost) -> None:
        """What is seen to beside the messages."""
        self._menu.begin(host)
        self._previews.begin(host)
        # Whoever takes in the first update loads them too: what is sent before that profits by this.
        host.tasks.spawn("telegram moves", recall(host, self._moves))

    async def stop_intake(self) -> None:
        self._intake.stop()

    def http_routes(self) -> Sequence[HttpRoute]:
        """See the contract `HttpConnector`."""
        return self._webhook.http_routes() if self._webhook is not None else ()

    def use_address(self, base: str) -> None:
        """See the contract `HttpConnector`."""
        if self._webhook is not None:
            self._webhook.use_address(base)

    def encode(self, content: Content, target: Target) -> list[Payload]:
        return encode(content, target)

    def can_show(self, choices: Choices) -> bool:
        """See the contract `ChoiceConnector`."""
        return can_show(choices)

    def chosen(self, target: Target, label: str) -> list[Payload]:
        """See the contract `ChoiceConnector`."""
        return encode_chosen(target)

    async def send(self, payload: Payload, target: Target, *, key: str) -> Sent:
        """`key` is of no use: the Bot API has no idempotency key, nor a way to read a chat."""
        if PRESSED in payload:
            if not self._is_of_old(target):
                await take_away(self._bot.call, self._chat_id(target), payload)
            return Sent(platform_message_id="")
        if self._is_of_old(target) or MOVED_PART in target.extra:
            # Messages count anew there: an old one's id is another's now.
            payload = payload | {"reply_to": None}
        await self._previews.settle(target)
        try:
            chat_id = self._chat_id(target)
            await check_asker(self._bot.call, self._config, chat_id, target)
            try:
                message_id = await self._send_there(payload, target, chat_id)
            except ChatMigrated as error:
                self._learn(chat_id, error.new_chat_id)
                message_id = await self._send_there(payload | {"reply_to": None}, target, error.new_chat_id)
        except TelegramError as error:
            if isinstance(error, RetryAfter):
                self._pace.limited()
                self._previews.limited(target.channel_id, retry_after_s(error))
            raise to_send_error(error) from None
        return Sent(platform_message_id=message_id)

    def pace_s(self, target: Target) -> float:
        """See the contract `PacedConnector`."""
        return self._pace.wait_s(target.channel_id)

    def open_stream(self, target: Target, *, memory_id: str) -> TextStream | None:
        """See the contract `StreamingConnector`: drafts, which only private chats have."""
        return self._previews.open(target, memory_id=memory_id)

    def turn_over(self, target: Target) -> None:
        """See the contract `TurnListener`."""
        self._previews.over(target)

    def use_files(self, files: OutgoingFiles) -> None:
        """See the contract `FileSendingConnector`."""
        self._files.outgoing = files

    async def download(self, media: Media, target: Target, *, message_id: str, max_bytes: int) -> bytes:
        """See the contract `DownloadingConnector`."""
        return await self._files.download(media, max_bytes=max_bytes)

    def actions(self) -> Sequence[Action]:
        """See the contract `ActingConnector`."""
        return telegram_actions(self._bot.call, self._config, self._files, ids_of=self._moves.ids_of)

    async def _send_there(self, payload: Payload, target: Target, chat_id: int) -> str:
        """What cannot go to its topic, as that was deleted, goes to the chat, and says so."""
        try:
            return await self._send(payload, target, chat_id)
        except TelegramError as error:
            if not target.thread_id or not is_topic_gone(error):
                raise
            log.warning(
                "telegram: topic %s of chat %d is gone; sending to the chat", target.thread_id, chat_id
            )
            return await self._send(mark_moved(payload), replace(target, thread_id=""), chat_id)

    async def _send(self, payload: Payload, target: Target, chat_id: int) -> str:
        if payload.get("files"):

            async def send_text(text: Payload) -> str:
                return await self._send(text, target, chat_id)

            return await self._files.send(payload, _place(payload, target, chat_id), send_text)
        if POLL in payload:
            where = _place(payload, target, chat_id)
            if sent := await send_poll(self._bot.call, payload, where):
                return sent
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
            **preview_options(shown=self._config.link_previews),
        }
        if parse_mode is not None:
            parameters["parse_mode"] = parse_mode
        return await self._bot.send_text(parameters)

    async def edit(self, payload: Payload, target: Target, platform_message_id: str, *, key: str) -> None:
        """See the contract `EditingConnector`."""
        if self._is_of_old(target):
            raise SendRefused(OLD)
        chat_id, message_id = self._chat_id(target), int(platform_message_id.partition(",")[0])
        text: Payload | None = payload
        if payload.get("files"):
            try:
                where = {"chat_id": chat_id, "message_id": message_id, **markup_of(payload)}
                text = await self._files.edit(payload, where)
            except TelegramError as error:
                if is_unchanged(error):
                    return
                raise to_send_error(error) from None
        if text is not None:
            previews = self._config.link_previews
            await edit_text(self._bot.call, chat_id, message_id, text, link_previews=previews)

    def edit_every_s(self, target: Target) -> float:
        """See the contract `DraftingConnector`. By itself not in groups: see `GROUP_EDIT_EVERY_S`."""
        if self._config.streaming is False:
            return 0.0
        if not target.channel_id.startswith("-"):
            return PRIVATE_EDIT_EVERY_S
        return GROUP_EDIT_EVERY_S if self._config.streaming is True else 0.0

    async def retract(self, target: Target, platform_message_id: str) -> None:
        """See the contract `EditingConnector`."""
        if self._is_of_old(target):
            return  # gone with its group
        for message_id in platform_message_id.split(","):
            await delete(self._bot.call, self._chat_id(target), int(message_id))

    async def react(self, target: Target, reaction: str) -> None:
        """See the contract `ReactingConnector`."""
        if self._is_of_old(target):
            raise SendRefused(OLD)
        await react(self._bot.call, self._chat_id(target), int(target.reply_to), reaction)

    def _chat_id(self, target: Target) -> int:
        try:
            chat_id = int(target.channel_id)
        except ValueError:
            raise SendRefused(f"telegram: {one_line(target.channel_id)!r} is not a chat id") from None
        return self._moves.id_now(chat_id)

    def _is_of_old(self, target: Target) -> bool:
        """Whether it means a group that is a supergroup by now, with the ids of its messages."""
        return self._moves.has_moved(target.channel_id)

    def _learn(self, old: int, new: int) -> None:
        log.warning("telegram: the group %d is now the supergroup %d", old, new)
        self._moves.add(str(old), str(new))
        if self._host is not None:
            told = tell(self._host, self._moves, [move_of(old, new)])
            self._host.tasks.spawn("telegram move", told)

    def repeated(self, payload: Payload) -> Payload | None:
        """See the contract `RepeatingConnector`."""
        return mark_repeat(payload) if self._config.resend_unknown else None

    async def typing(self, target: Target) -> None:
        try:
            await self._bot.send_chat_action(
                self._chat_id(target),
                ChatAction.TYPING,
                message_thread_id=thread_id_of(target),
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
            webhook = await self._bot.find_webhook()
        except InvalidToken as error:
            return [
                CheckLine(
                    name="telegram",
                    ok=False,
                    detail=refusal(error, self._config).partition(";")[0],
                    advice=refusal(error, self._config).partition("; ")[2],
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
        if self._webhook is None:
            return findings(me, webhook, self._config)
        return [*findings(me, None, self._config), *webhook_lines(webhook, self._webhook.url, self._config)]

    async def silences(self) -> Sequence[CheckLine]:
        return await silences(self._bot, self._config)

    async def compare(self, heard: Heard) -> Sequence[CheckLine]:
        return await compare(self._bot, self._config, heard)


def _place(payload: Payload, target: Target, chat_id: int) -> dict[str, Any]:
    """Chat, topic, and what is answered, as parameters of every method that sends."""
    parameters: dict[str, Any] = {"chat_id": chat_id}
    thread_id = thread_id_of(target)
    if thread_id is not None:
        parameters["message_thread_id"] = thread_id
    if payload.get("reply_to") is not None:
        parameters["reply_parameters"] = {
            "message_id": payload["reply_to"],
            "allow_sending_without_reply": True,
        }
    return parameters | markup_of(payload)
