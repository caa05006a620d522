"""Commands and menu button of the fake Telegram.

core.telegram.org/bots/api#setmycommands, #botcommandscope, #setchatmenubutton; texts of refusals: the open
server's (github.com/tdlib/td, BotCommand.cpp, BotCommandScope.cpp).
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tests.fakes.telegram_methods import Methods, Query, bad_request
from tests.fakes.telegram_world import Json

SCOPES = frozenset({"default", "all_private_chats", "all_group_chats", "all_chat_administrators"})


def _place(methods: Methods, query: Query) -> tuple[str, str]:
    scope = query.decoded("scope") or {"type": "default"}
    kind, language = scope.get("type"), query.args.get("language_code", "")
    if kind == "chat":
        if int(scope["chat_id"]) not in methods.world.chats:
            raise bad_request("chat not found")
        kind = f"chat:{scope['chat_id']}"
    elif kind not in SCOPES:
        raise bad_request("can't parse BotCommandScope: Unsupported type specified")
    if not re.fullmatch("([a-z][a-z])?", language):
        raise bad_request("invalid language code specified")
    return kind, language


async def _set_my_commands(methods: Methods, query: Query) -> bool:
    commands = query.decoded("commands")
    if not isinstance(commands, list) or len(commands) > 100:
        raise bad_request("can't parse commands: expected an Array of BotCommand")
    for command in commands:
        if not re.fullmatch(r"[a-z0-9_]{1,32}", command.get("command", "")):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(command.get("description", "")) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    place = _place(methods, query)
    query.bot.commands.pop(place, None)
    if commands:
        query.bot.commands[place] = commands
    return True


async def _get_my_commands(methods: Methods, query: Query) -> list[Json]:
    return query.bot.commands.get(_place(methods, query), [])


async def _delete_my_commands(methods: Methods, query: Query) -> bool:
    query.bot.commands.pop(_place(methods, query), None)
    return True


async def _get_chat_menu_button(_methods: Methods, query: Query) -> Json:
    return {"type": query.bot.menu_button}


async def _set_chat_menu_button(_methods: Methods, query: Query) -> bool:
    query.bot.menu_button = (query.decoded("menu_button") or {"type": "default"})["type"]
    return True


MENU_METHODS: Mapping[str, Callable[[Methods, Query], Awaitable[Any]]] = {
    "setmycommands": _set_my_commands,
    "getmycommands": _get_my_commands,
    "deletemycommands": _delete_my_commands,
    "getchatmenubutton": _get_chat_menu_button,
    "setchatmenubutton": _set_chat_menu_button,
}
