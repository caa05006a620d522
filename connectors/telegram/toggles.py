"""Choices of several: buttons that are switched on and off, and one that says that that is all.

What is on stands in the keyboard itself, so that it outlives a restart. Switching is no message and makes no
turn; only the last button goes to the host.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from telegram.error import TelegramError

from bot_host.connector import Choices, ConnectorHost, InboundEvent, InboundMessage, Skipped
from connectors.telegram.errors import say
from connectors.telegram.keyboards import SWITCH, keyboard_of, picked_in, read_data

log = logging.getLogger(__name__)

SWITCHED: Final = "choice switched"
FIRST: Final = "Choose something first."
GONE: Final = "That is no longer open."
MOST: Final = 1000
"""Messages, and presses, that are remembered: those of the last minutes count."""

Json = dict[str, Any]
Call = Callable[[str, Json], Awaitable[Any]]
"""A method of the Bot API with its parameters. Raises TelegramError."""


@dataclass(slots=True, eq=False)
class _Board:
    """One message's keyboard, by the presses that came."""

    picked: frozenset[int]
    shown: frozenset[int]
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Toggles:
    """The keyboards of one bot that have something to switch."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._boards: OrderedDict[tuple[int, int], _Board] = OrderedDict()
        self._presses: OrderedDict[str, None] = OrderedDict()
        """Those that were counted: the same update may come again."""

    async def check(
        self, host: ConnectorHost, query: Mapping[str, Any], event: InboundMessage
    ) -> tuple[InboundEvent, str]:
        """A press on such a keyboard as it goes into the host, and what is told to it. Raises StoreError."""
        button = read_data(str(query.get("data", "")))
        if button is None or not button.kind:
            return event, ""
        choices = await host.find_choices(button.use.key)
        if choices is None:
            return Skipped(reason=SWITCHED, event_key=event.event_key), GONE
        message = query["message"]
        place = message["chat"]["id"], message["message_id"]
        board = self._board(place, picked_in(message.get("reply_markup")))
        if button.kind == SWITCH:
            if self._is_new(str(query.get("id", ""))):
                board.picked ^= set(button.use.picks)
                thread_id = "" if button.thread_id is None else str(button.thread_id)
                host.tasks.spawn("telegram switch", self._show(place, board, choices, thread_id))
            return Skipped(reason=SWITCHED, event_key=event.event_key), ""
        if not board.picked:
            return Skipped(reason=SWITCHED, event_key=event.event_key), FIRST
        picks = tuple(number for number in sorted(board.picked) if number < len(choices.picks))
        labels = ", ".join(choices.picks[number].label for number in picks)
        content = event.content.model_copy(update={"text": labels})
        return replace(event, choice=replace(button.use, picks=picks), content=content), ""

    def _board(self, place: tuple[int, int], shown: frozenset[int]) -> _Board:
        board = self._boards.setdefault(place, _Board(picked=shown, shown=shown))
        self._boards.move_to_end(place)
        if len(self._boards) > MOST:
            self._boards.popitem(last=False)
        return board

    def _is_new(self, press_id: str) -> bool:
        if press_id in self._presses:
            return False
        self._presses[press_id] = None
        if len(self._presses) > MOST:
            self._presses.popitem(last=False)
        return True

    async def _show(self, place: tuple[int, int], board: _Board, choices: Choices, thread_id: str) -> None:
        """Show the newest state; of several presses at once the last one may have shown it already."""
        async with board.asking:
            picked = board.picked
            if picked == board.shown:
                return
            markup = keyboard_of(choices, thread_id=thread_id, picked=picked)
            where = {"chat_id": place[0], "message_id": place[1]}
            try:
                await self._call("editMessageReplyMarkup", {**where, "reply_markup": markup})
            except TelegramError as error:
                # The next press shows it.
                log.info("telegram: a switched button is not shown (%s)", say(error))
            else:
                board.shown = picked
