"""The commands that Telegram shows, and the button that opens them, kept as they should be.

What was set is remembered, so that a restart asks nothing; what Telegram has is compared before it is set.
Lists stand under a scope and a language, and a client takes the nearest one there is:
https://core.telegram.org/bots/api#determining-list-of-commands
"""

import hashlib
import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from telegram.constants import BotCommandLimit
from telegram.error import BadRequest, InvalidToken, TelegramError

from bot_host.connector import CommandSpec, ConnectorHost, Localized, StoreError
from connectors.telegram.config import TelegramConfig
from connectors.telegram.errors import say

log = logging.getLogger(__name__)

MOST: Final = 100
"""https://core.telegram.org/bots/api#setmycommands"""
REMEMBERED: Final = "commands"
PRIVATE: Final = "all_private_chats"
GROUPS: Final = "all_group_chats"
ADMINS: Final = "all_chat_administrators"
CHAT: Final = "chat:"
_BUTTON: Final = "button"
_NAME: Final = re.compile("[a-z0-9_]{1,32}")
_LANGUAGE: Final = re.compile("[a-z]{2}")
_NOWHERE: Final[Localized] = Localized()

Json = dict[str, Any]
Call = Callable[[str, Json], Awaitable[Any]]
"""A method of the Bot API with its parameters. Raises TelegramError."""


def lists_of(specs: Sequence[CommandSpec], *, owners: Iterable[str] = ()) -> dict[str, list[Json]]:
    """The lists that there should be, by `scope/language`.

    What needs a role is shown to administrators only; in private chats, of which Telegram does not know who
    is what, to the owners in the config.
    """
    private = [spec for spec in specs if spec.where != "shared"]
    shared = [spec for spec in specs if spec.where != "private"]
    of_scope = {
        PRIVATE: [spec for spec in private if "private" not in spec.guarded],
        GROUPS: [spec for spec in shared if "shared" not in spec.guarded],
        ADMINS: shared,
    }
    if of_scope[PRIVATE] != private:
        of_scope |= {f"{CHAT}{owner}": private for owner in owners}
    # A list of a nearer scope in no language goes before a further one in the person's own.
    languages = {
        language for spec in specs for language in spec.localizations if _LANGUAGE.fullmatch(language)
    }
    return {
        f"{scope}/{language}": _entries(some, language, scope)
        for scope, some in of_scope.items()
        for language in ("", *sorted(languages))
    }


def _entries(specs: Sequence[CommandSpec], language: str, scope: str) -> list[Json]:
    found: dict[str, str] = {}
    for spec in specs:
        there = spec.localizations.get(language, _NOWHERE)
        name = there.name if _NAME.fullmatch(there.name) else spec.name
        if _NAME.fullmatch(name) and len(found) < MOST:
            description = there.description or spec.description
            found.setdefault(name, description[: BotCommandLimit.MAX_DESCRIPTION])
        elif not language:
            why = "too many commands" if len(found) == MOST else "its name takes only a-z, 0-9 and _"
            log.warning("telegram: /%s is not shown (%s): %s", name, scope, why)
    return [{"command": name, "description": description} for name, description in found.items()]


class Menu:
    """What one bot shows."""

    def __init__(self, call: Call, config: TelegramConfig) -> None:
        self._call = call
        self._config = config
        self._under_way = False
        self._lacking = False
        """The server has no such methods."""

    def begin(self, host: ConnectorHost) -> None:
        """Bring all up to date beside the bot's other work. Never waits, never raises."""
        if self._config.commands and not self._lacking and not self._under_way:
            self._under_way = True
            host.tasks.spawn("telegram commands", self._bring(host))

    async def _bring(self, host: ConnectorHost) -> None:
        try:
            await self._sync(host)
        except InvalidToken as error:
            # What the library makes of 404, too.
            self._lacking = True
            log.debug("telegram: this server keeps no commands (%s)", say(error))
        except (StoreError, TelegramError, TypeError, ValueError, KeyError) as error:
            why = say(error) if isinstance(error, TelegramError) else str(error)
            log.warning("telegram: the commands could not be set: %s; at the next start again", why)
        finally:
            self._under_way = False

    async def _sync(self, host: ConnectorHost) -> None:
        """Raises TelegramError, StoreError, and more for answers that make no sense."""
        specs = host.commands()
        if not specs:
            return  # an agent that has not started yet has none, and the lists must not go for that
        wanted = lists_of(specs, owners=self._config.owners)
        known = await host.recall(REMEMBERED)
        known = dict(known) if isinstance(known, Mapping) else {}
        marks = {place: _mark(entries) for place, entries in wanted.items()} | {_BUTTON: "commands"}
        if known == marks:
            return
        changed = 0
        try:
            for place in known.keys() - marks.keys():
                await self._delete(place)
                del known[place]
            for place, entries in wanted.items():
                if known.get(place) != marks[place]:
                    done = await self._set(place, entries)
                    changed += bool(done)
                    known |= {} if done is None else {place: marks[place]}
            if _BUTTON not in known:
                await self._show_button()
                known[_BUTTON] = marks[_BUTTON]
        finally:
            # With what was done before something failed.
            await host.remember(REMEMBERED, known)
        if changed:
            log.info("telegram: %d commands are set, %d lists are new", len(specs), changed)

    async def _set(self, place: str, entries: Sequence[Json]) -> bool | None:
        """Whether it had to be changed; None: it cannot be set now."""
        where = _where(place)
        try:
            if await self._call("getMyCommands", where) == list(entries):
                return False
            method = "setMyCommands" if entries else "deleteMyCommands"
            await self._call(method, {**where, "commands": list(entries)} if entries else where)
        except BadRequest as error:
            if not place.startswith(CHAT):
                raise
            log.info(
                "telegram: %s is shown no commands of their own (%s)", place.partition("/")[0], say(error)
            )
            return None
        return True

    async def _delete(self, place: str) -> None:
        try:
            await self._call("deleteMyCommands", _where(place))
        except BadRequest as error:
            log.info("telegram: a list of commands is gone already (%s)", say(error))

    async def _show_button(self) -> None:
        """A button that opens something else, an app say, is somebody's wish, and stays."""
        shown = await self._call("getChatMenuButton", {})
        kind = shown.get("type") if isinstance(shown, Mapping) else None
        if kind == "default":
            await self._call("setChatMenuButton", {"menu_button": {"type": "commands"}})
        elif kind != "commands":
            log.info("telegram: the menu button does not open the commands, and stays as it is (%s)", kind)


def _where(place: str) -> Json:
    scope, _, language = place.rpartition("/")
    found: Json = {"scope": {"type": scope}}
    if scope.startswith(CHAT):
        found = {"scope": {"type": "chat", "chat_id": int(scope.removeprefix(CHAT))}}
    return {**found, "language_code": language} if language else found


def _mark(entries: Sequence[Json]) -> str:
    """What is remembered of a list that Telegram has."""
    return hashlib.sha256(json.dumps(list(entries), ensure_ascii=True).encode()).hexdigest()[:32]
