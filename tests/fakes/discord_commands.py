"""What the fake Discord takes for an application command, and what it refuses.

docs.discord.com/developers/interactions/application-commands (command object, option structure, naming).
"""

import re
from collections.abc import Callable
from typing import Any, Final

from tests.fakes.discord_door import invalid_form
from tests.fakes.discord_model import Json

NAME: Final = re.compile(r"^[-_'\w]{1,32}$")
LOCALES: Final = frozenset(
    [
        *("id", "da", "de", "en-GB", "en-US", "es-ES", "es-419", "fr", "hr", "it", "lt", "hu", "nl", "no"),
        *("pl", "pt-BR", "ro", "fi", "sv-SE", "vi", "tr", "cs", "el", "bg", "ru", "uk", "hi", "th"),
        *("zh-CN", "ja", "zh-TW", "ko"),
    ]
)
MOST: Final = {1: 100, 2: 15, 3: 15}


def check_commands(commands: Any) -> list[Json]:
    """The commands of a bulk overwrite; raises what Discord answers to bad ones."""
    _must(isinstance(commands, list), "", "Must be a list.")
    for kind, most in MOST.items():
        some = [each for each in commands if each.get("type", 1) == kind]
        _must(len(some) <= most, "", f"Maximum number of application commands reached ({most}).")
        names = [each.get("name") for each in some]
        _must(len(set(names)) == len(names), "name", "Application command names must be unique")
    for command in commands:
        _check_command(command)
    return list(commands)


def _check_command(command: Json) -> None:
    kind, name = command.get("type", 1), command.get("name", "")
    if kind != 1:
        _must(1 <= len(name) <= 32, "name", "Must be between 1 and 32 in length.")
        _must(not command.get("description"), "description", "Context menu commands cannot have description")
        _must(not command.get("options"), "options", "Context menu commands cannot have options")
        return
    _must(bool(NAME.match(name)) and name == name.lower(), "name", "String value did not match the regex.")
    _described(command)
    _options(command.get("options") or [])
    for context in command.get("contexts", ()):
        _must(context in (0, 1, 2), "contexts", "Value must be one of {0, 1, 2}.")


def _options(options: list[Json]) -> None:
    _must(len(options) <= 25, "options", "Must be 25 or fewer in length.")
    required = [bool(option.get("required")) for option in options]
    _must(required == sorted(required, reverse=True), "options", "Required options must be placed first")
    for option in options:
        name = option.get("name", "")
        _must(bool(NAME.match(name)) and name == name.lower(), "options", "String value did not match.")
        _must(option.get("type") in range(3, 12), "options", "This field is required: type")
        _described(option)
        choices = option.get("choices") or []
        _must(len(choices) <= 25, "choices", "Must be 25 or fewer in length.")
        _must(not (choices and option.get("autocomplete")), "choices", "Autocomplete and choices exclude.")
        for choice in choices:
            _must(1 <= len(choice["name"]) <= 100, "choices", "Must be between 1 and 100 in length.")


def _described(thing: Json) -> None:
    texts = [thing.get("description", ""), *(thing.get("description_localizations") or {}).values()]
    for text in texts:
        _must(1 <= len(text) <= 100, "description", "Must be between 1 and 100 in length.")
    for key in ("name_localizations", "description_localizations"):
        _must(set(thing.get(key) or {}) <= LOCALES, key, "Unknown locale.")


def _must(true: bool, name: str, why: str) -> None:
    if not true:
        raise invalid_form(name, "BASE_TYPE_BAD", why)


def as_known(command: Json, *, next_id: Callable[[], str], application_id: str) -> Json:
    """A command as Discord gives it back: ids, and what was left out."""
    return {
        "id": next_id(),
        "application_id": application_id,
        "version": next_id(),
        "default_member_permissions": None,
        "type": 1,
        "name_localizations": None,
        "description": "",
        "description_localizations": None,
        "dm_permission": True,
        "nsfw": False,
        **command,
    }


def check_components(rows: Any) -> list[Json]:
    """The components of a message (components/reference); raises what Discord answers to bad ones."""
    _must(isinstance(rows, list) and len(rows) <= 5, "components", "Must be 5 or fewer in length.")
    ids: list[str] = []
    for row in rows:
        _must(row.get("type") == 1, "components", "Value of field 'type' must be one of (1,).")
        parts = row.get("components") or []
        buttons = [part for part in parts if part.get("type") == 2]
        _must(1 <= len(parts) <= 5, "components", "Must be between 1 and 5 in length.")
        _must(len(buttons) in (0, len(parts)), "components", "Buttons and selects do not share a row.")
        _must(bool(buttons) or len(parts) == 1, "components", "One select a row.")
        for part in parts:
            ids.append(str(part.get("custom_id", "")))
            _must(1 <= len(ids[-1]) <= 100, "custom_id", "Must be between 1 and 100 in length.")
            if part["type"] == 2:
                _must(1 <= len(part.get("label", "")) <= 80, "label", "Must be between 1 and 80 in length.")
            else:
                _check_select(part)
    _must(len(set(ids)) == len(ids), "custom_id", "Component custom id cannot be duplicated")
    return list(rows)


def _check_select(select: Json) -> None:
    options = select.get("options") or []
    _must(1 <= len(options) <= 25, "options", "Must be between 1 and 25 in length.")
    _must(select.get("max_values", 1) <= len(options), "max_values", "More than there are options.")
    for option in options:
        _must(1 <= len(option["label"]) <= 100, "label", "Must be between 1 and 100 in length.")
        _must(1 <= len(option["value"]) <= 100, "value", "Must be between 1 and 100 in length.")


def check_form(form: Json) -> Json:
    """A modal (interactions/receiving-and-responding#modal)."""
    _must(1 <= len(form.get("title", "")) <= 45, "title", "Must be between 1 and 45 in length.")
    _must(1 <= len(form.get("custom_id", "")) <= 100, "custom_id", "Must be between 1 and 100 in length.")
    parts = form.get("components") or []
    _must(1 <= len(parts) <= 5, "components", "Must be between 1 and 5 in length.")
    for part in parts:
        _must(part.get("type") == 18, "components", "A label is wanted.")
        _must(1 <= len(part.get("label", "")) <= 45, "label", "Must be between 1 and 45 in length.")
        _must((part.get("component") or {}).get("type") == 4, "component", "A text input is wanted.")
    return form
