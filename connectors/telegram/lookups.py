"""What the Bot API says of chats and their members, a few seconds old at the most."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from telegram.error import BadRequest, ChatMigrated, Forbidden

from bot_host.connector import Fresh, one_line
from connectors.telegram.config import TelegramConfig
from connectors.telegram.content import Me
from connectors.telegram.places import IdsOf, only_id
from connectors.telegram.rights import Json

FRESH_S: Final = 5.0
"""How long an answer about rights is good for: the calls of one turn share it."""
ME_FRESH_S: Final = 300.0
_UNTOLD: Final = ("member list is inaccessible", "chat_admin_required", "need administrator rights")
"""Telegram keeps who is in a chat from bots that are no administrators there."""

Call = Callable[[str, Json], Awaitable[Any]]
"""A method of the Bot API with its parameters. Raises TelegramError."""


class Untold(Exception):
    """Telegram does not tell this bot about the members of a chat."""


class Lookup:
    """Asks for one bot."""

    def __init__(self, call: Call, config: TelegramConfig, *, ids_of: IdsOf = only_id) -> None:
        self.config = config
        self.ids_of = ids_of
        self._call = call
        self._fresh = Fresh(FRESH_S)
        self._me = Fresh(ME_FRESH_S)

    async def call(self, method: str, parameters: Json) -> Any:
        """A method. A group that became a supergroup is followed. Raises TelegramError."""
        try:
            return await self._call(method, parameters)
        except ChatMigrated as error:
            return await self._call(method, {**parameters, "chat_id": error.new_chat_id})

    async def me(self) -> Me:
        """The bot itself. Raises TelegramError."""
        told = await self._me.get("me", lambda: self._call("getMe", {}))
        return Me(id=int(told["id"]), username=one_line(str(told.get("username") or "")))

    async def chat(self, chat_id: str) -> Json | None:
        """A chat by its id or `@name`; None where there is no such chat, or the bot is not let see it.

        A private chat needs no question. Raises TelegramError.
        """
        if chat_id.isdecimal():
            return {"id": int(chat_id), "type": "private"}
        try:
            found = await self._get("getChat", {"chat_id": chat_id})
        except (BadRequest, Forbidden):
            return None
        return found if isinstance(found, dict) else None

    async def member(self, chat_id: str, user_id: str) -> Json | None:
        """Somebody's standing in a chat; None where there is none. Raises TelegramError, Untold."""
        try:
            found = await self._get("getChatMember", {"chat_id": chat_id, "user_id": user_id})
        except Forbidden:
            return None
        except BadRequest as error:
            if any(part in error.message.lower() for part in _UNTOLD):
                raise Untold from error
            return None
        return found if isinstance(found, dict) else None

    async def admins(self, chat_id: str) -> list[Json]:
        """The administrators of a chat, those who hide included. Raises TelegramError."""
        found = await self._get("getChatAdministrators", {"chat_id": chat_id})
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    async def member_count(self, chat_id: str) -> int | None:
        """How many there are. Raises TelegramError."""
        found = await self._get("getChatMemberCount", {"chat_id": chat_id})
        return found if isinstance(found, int) else None

    async def _get(self, method: str, parameters: Json) -> Any:
        key = " ".join([method, *map(str, parameters.values())])
        return await self._fresh.get(key, lambda: self.call(method, parameters))
