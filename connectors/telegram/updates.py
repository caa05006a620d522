"""What polling and webhook do alike: who the bot is, and updates on their way to the host."""

import logging
from collections.abc import Sequence
from typing import Any

from telegram import Update, User
from telegram.error import InvalidToken

from bot_host.connector import Account, ConnectorHost, InboundEvent, Skipped, one_line
from connectors.telegram.bot import RawBot
from connectors.telegram.config import TelegramConfig
from connectors.telegram.content import Me
from connectors.telegram.decode import decode
from connectors.telegram.errors import say
from connectors.telegram.moves import Moves, follow
from connectors.telegram.places import View
from connectors.telegram.presses import Presses
from connectors.telegram.several import Several

log = logging.getLogger(__name__)

Json = dict[str, Any]


class Updates:
    """The updates of one bot, however they come."""

    def __init__(self, bot: RawBot, config: TelegramConfig, moves: Moves) -> None:
        self._bot = bot
        self._moves = moves
        self._config = config
        self._presses = Presses(bot.call)

    def view(self, me: User) -> View:
        """What decode sees them by."""
        me_ = Me(id=me.id, username=me.username or "")
        return View(me=me_, config=self._config, ids_of=self._moves.ids_of)

    async def take(
        self, host: ConnectorHost, updates: Sequence[Json], view: View, *, missed: bool = False
    ) -> None:
        """Hand updates over, in order; they are on disk when it returns. Raises StoreError."""
        if not updates:
            return
        await self._moves.load(host)
        self._moves.notice(updates)
        events = [follow(self._moves, self._decode(update, view)) for update in updates]
        await self._moves.save(host)
        checked, told = await self._presses.check(host, updates, events)
        await (host.accept_missed(*checked) if missed else host.accept(*checked))
        self._presses.answer(host, told)

    def _decode(self, update: Json, view: View) -> InboundEvent | Several:
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


def account_of(me: User) -> Account:
    """The account that the bot is."""
    return Account(platform="telegram", id=str(me.id), name=one_line(me.full_name), link=me.link or "")


def refusal(error: InvalidToken, config: TelegramConfig) -> str:
    """What to do about a refused token."""
    where = f" by {config.api_base}" if config.api_base else ""
    advice = "copy the token again from @BotFather"
    if config.api_base:
        advice += ", and see that api_base is a Bot API server"
    return f"the token is refused{where} ({say(error)}); {advice}"
