"""Presses of buttons: into the host first, then answered, each with a short text where nothing follows.

https://core.telegram.org/bots/api#callbackquery
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from telegram import CallbackQuery, Message
from telegram.constants import ChatType
from telegram.error import BadRequest, TelegramError

from bot_host.connector import (
    PAIRING,
    ConnectorHost,
    Content,
    InboundEvent,
    InboundMessage,
    MentionContext,
    MentionType,
    Payload,
    Skipped,
    Target,
    clean_text,
    utc_now,
)
from connectors.telegram.errors import say, to_send_error
from connectors.telegram.keyboards import read_data
from connectors.telegram.places import (
    SOURCE,
    View,
    memory_key,
    person_of,
    refuse,
    room_of,
    thread_of,
    world_of,
)
from connectors.telegram.several import Several, spread
from connectors.telegram.toggles import Toggles

log = logging.getLogger(__name__)

UNKNOWN: Final = "unknown button"
CLOSED: Final = "choice over"
PRESSED: Final = "pressed"
"""In a target: the message with the buttons. In a payload: that they are to be taken away."""
REFUSED: Final = "I may not be used here."
STRANGER: Final = "I do not know you yet: whoever runs me has to approve of you first."
NO_LONGER: Final = "That is no longer open."
WORDS: Final = "(a button)"
AT_ONCE: Final = 200
"""Answers under way. Later ones would come too late anyway: Telegram waits some seconds only."""
TEXT_LIMIT: Final = 200
"""https://core.telegram.org/bots/api#answercallbackquery"""

Json = dict[str, Any]
Call = Callable[[str, Json], Awaitable[Any]]
"""A method of the Bot API with its parameters. Raises TelegramError."""


def decode_press(query: CallbackQuery, view: View) -> InboundMessage | Skipped:
    """A press as a message that chooses; Skipped where it is not for the agent."""
    key = f"callback/{query.id}"
    button, shown = read_data(query.data or ""), query.message
    if button is None or shown is None:
        return Skipped(reason=UNKNOWN, event_key=key)
    # Of a message that is too old Telegram tells the chat and the id alone.
    whole = shown if isinstance(shown, Message) and shown.is_accessible else None
    thread = thread_of(whole) if whole is not None else button.thread_id
    sender = person_of(query.from_user)
    reason = refuse(shown.chat, thread, sender, view)
    if reason and reason != PAIRING:
        return Skipped(reason=reason, event_key=key)
    room = room_of(shown.chat, thread)
    return InboundMessage(
        event_key=key,
        message_id=query.id,
        memory_key=f"{view.me.id}:callback:{query.id}",
        world=world_of(shown.chat, view.me),
        room=room,
        sender=sender,
        content=Content(
            text=_label(query, whole) or WORDS,
            source=SOURCE,
            channel_type=room.type,
            mention_context=MentionContext(is_mention=True, mention_type=MentionType.PLATFORM_MENTION),
        ),
        # A press has no time of its own.
        sent_at=utc_now(),
        target=Target(
            source=SOURCE,
            channel_id=room.channel_id,
            thread_id=room.thread_id,
            reply_to="" if shown.chat.type == ChatType.PRIVATE else str(shown.message_id),
            extra={PRESSED: str(shown.message_id)},
        ),
        replied_memory_key=memory_key(whole, view.me) if whole is not None else None,
        pairing_id=sender.platform_id if reason else "",
        choice=button.use,
    )


def _label(query: CallbackQuery, message: Message | None) -> str:
    """What stood on the button, as people saw it."""
    markup = message.reply_markup if message is not None else None
    rows = markup.inline_keyboard if markup is not None else ()
    return next(
        (clean_text(each.text) for row in rows for each in row if each.callback_data == query.data), ""
    )


class Presses:
    """Answers the presses of one bot."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._toggles = Toggles(call)
        self._under_way = 0

    async def check(
        self, host: ConnectorHost, updates: Sequence[Json], events: Sequence[InboundEvent | Several]
    ) -> tuple[list[InboundEvent], list[tuple[str, str]]]:
        """The events as they go into the host, and what is to be told to each press. Raises StoreError."""
        checked: list[InboundEvent | Several] = []
        told: list[tuple[str, str]] = []
        for update, event in zip(updates, events, strict=True):
            query = update.get("callback_query")
            if isinstance(query, dict) and not isinstance(event, Several):
                event, text = await self._check(host, query, event)
                told.append((str(query.get("id", "")), text))
            checked.append(event)
        return list(spread(checked)), told

    async def _check(self, host: ConnectorHost, query: Json, event: InboundEvent) -> tuple[InboundEvent, str]:
        """One press and what is told to it.

        What is over, or somebody else's, is told to the presser alone: a turn would tell the whole group.
        """
        if isinstance(event, Skipped):
            return event, NO_LONGER if event.reason == UNKNOWN else REFUSED
        if not isinstance(event, InboundMessage) or event.choice is None:
            return event, ""
        if event.pairing_id and not await host.is_paired(event.pairing_id):
            # The host gives them their code, once; nothing else follows.
            return event, STRANGER
        if line := await host.refuse_choice(event):
            return Skipped(reason=CLOSED, event_key=event.event_key), line
        return await self._toggles.check(host, query, event)

    def answer(self, host: ConnectorHost, told: Sequence[tuple[str, str]]) -> None:
        """Answer presses by id, after they were taken in. Never waits."""
        for query_id, text in told:
            if self._under_way >= AT_ONCE:
                log.warning("telegram: too many presses at once; one is not answered")
                continue
            self._under_way += 1
            host.tasks.spawn("telegram press", self._answer(query_id, text))

    async def _answer(self, query_id: str, text: str) -> None:
        shown = {"text": text[:TEXT_LIMIT]} if text else {}
        try:
            await self._call("answerCallbackQuery", {"callback_query_id": query_id, **shown})
        except TelegramError as error:
            # Too late: what is on disk is done all the same.
            log.info("telegram: a press was not answered (%s)", say(error))
        finally:
            self._under_way -= 1


def encode_chosen(target: Target) -> list[Payload]:
    """What takes the buttons away from the message that was pressed."""
    message_id = target.extra.get(PRESSED, "")
    return [{PRESSED: int(message_id)}] if message_id.isdecimal() else []


async def take_away(call: Call, chat_id: int, payload: Payload) -> None:
    """Take the buttons away. Raises SendError; a message without any, or that is gone, is as it should be.

    https://core.telegram.org/bots/api#editmessagereplymarkup
    """
    try:
        await call("editMessageReplyMarkup", {"chat_id": chat_id, "message_id": payload[PRESSED]})
    except BadRequest as error:
        log.debug("telegram: buttons stay or are gone already (%s)", say(error))
    except TelegramError as error:
        raise to_send_error(error) from None
