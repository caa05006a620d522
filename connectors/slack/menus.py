"""Commands in Slack's menus, and the forms that ask for what a command has to be told. Pure.

https://docs.slack.dev/reference/app-manifest#features
https://docs.slack.dev/reference/block-kit/block-elements
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from bot_host.connector import CommandSpec, Option, OptionKind, clean_text
from connectors.slack.blocks import INPUT, TITLE, plain

LABEL: Final = 24
"""Characters of a shortcut's name."""
ABOUT: Final = 150
"""Of its description."""
MOST: Final = 5
"""Shortcuts of a kind."""
FORM: Final = "x:"
"""How the `callback_id` of a command's form begins; the command's name follows."""
ELEMENT: Final = "v"

Json = dict[str, Any]
Menu = Literal["anywhere", "message"]
_KINDS: Final[Mapping[Menu, str]] = {"anywhere": "global", "message": "message"}


def shortcuts_of(specs: Sequence[CommandSpec]) -> list[Json]:
    """The shortcuts, as a manifest has them."""
    return [each for menu in _KINDS for each in list(_shortcuts(specs, menu))[:MOST]]


def _shortcuts(specs: Sequence[CommandSpec], menu: Menu) -> Iterator[Json]:
    for spec in specs:
        label = spec.menus.get(menu)
        if label:
            yield {
                "name": label if len(label) <= LABEL else f"{label[: LABEL - 1]}…",
                "type": _KINDS[menu],
                "callback_id": f"{menu}:{spec.name}",
                "description": spec.description[:ABOUT],
            }


def spec_of_shortcut(callback_id: str, specs: Sequence[CommandSpec]) -> tuple[str, CommandSpec] | None:
    """The menu and the command of a shortcut; None: none of ours (any more)."""
    menu, _, name = callback_id.partition(":")
    spec = next((each for each in specs if each.name == name), None)
    return (menu, spec) if spec is not None and menu in spec.menus else None


def needs_form(spec: CommandSpec) -> bool:
    """Whether the command cannot be used by its name alone."""
    return any(option.required for option in spec.options if not option.hidden)


def command_form(spec: CommandSpec, *, origin: Mapping[str, str]) -> Json:
    """A modal that asks for the options of a command."""
    return {
        "type": "modal",
        "callback_id": f"{FORM}{spec.name}",
        "private_metadata": json.dumps(origin),
        "title": plain(f"/{spec.name}", TITLE),
        "submit": plain("Send"),
        "close": plain("Cancel"),
        "blocks": [
            {
                "type": "input",
                "block_id": option.name,
                "label": plain(option.description, 100),
                "optional": not option.required,
                "element": {"action_id": ELEMENT, **_element(option, spec)},
            }
            for option in spec.options
            if not option.hidden
        ],
    }


def _element(option: Option, spec: CommandSpec) -> Json:
    if option.kind is OptionKind.USER:
        return {"type": "users_select"}
    if option.kind is OptionKind.CHANNEL:
        return {"type": "conversations_select"}
    if option.kind is OptionKind.INTEGER:
        return {"type": "number_input", "is_decimal_allowed": False}
    choices = ("yes", "no") if option.kind is OptionKind.BOOLEAN else option.choices
    if choices:
        options = [{"text": plain(each), "value": str(number)} for number, each in enumerate(choices)]
        return {"type": "static_select", "options": options}
    return {"type": "plain_text_input", "multiline": option.name == spec.says, "max_length": INPUT}


def read_command_form(view: Mapping[str, Any], spec: CommandSpec) -> dict[str, str]:
    """What was filled in, by the names of the options."""
    values = (view.get("state") or {}).get("values") or {}
    read = {}
    for option in spec.options:
        state = (values.get(option.name) or {}).get(ELEMENT) or {}
        if text := clean_text(_value(option, state)):
            read[option.name] = text
    return read


def _value(option: Option, state: Mapping[str, Any]) -> str:
    chosen = state.get("selected_option")
    if isinstance(chosen, Mapping):
        choices = ("yes", "no") if option.kind is OptionKind.BOOLEAN else option.choices
        return choices[int(chosen["value"])]
    found = (state.get(key) for key in ("value", "selected_user", "selected_conversation"))
    return next((str(each) for each in found if each), "")
