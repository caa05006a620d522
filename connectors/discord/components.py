"""Choices as Discord's components, and what people did with them. Pure.

https://docs.discord.com/developers/components/reference
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

from bot_host.connector import Choices, ChoiceUse, clean_text

ROW: Final = 1
BUTTON: Final = 2
SELECT: Final = 3
TEXT_INPUT: Final = 4
LABEL: Final = 18
IN_ROW: Final = 5
BUTTONS: Final = 10
"""More picks than these are easier to read as a list."""
STYLES: Final = {"plain": 2, "primary": 1, "good": 3, "danger": 4}

Json = dict[str, Any]
Kind = Literal["pick", "list", "open", "form"]
_PREFIXES: Final[dict[str, Kind]] = {"b": "pick", "s": "list", "f": "open", "m": "form"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    """What a component's `custom_id` of ours says."""

    kind: Kind
    """A button, a list, the button that opens a form, or the form."""
    key: str
    pick: int = 0


def components_of(choices: Choices) -> list[Json]:
    """What stands below a message: a button for a form, buttons for a few picks, else a list."""
    if choices.fields:
        return [_row({"type": BUTTON, "style": 1, "label": choices.title, "custom_id": f"f:{choices.key}"})]
    picks = choices.picks
    if choices.many or len(picks) > BUTTONS or any(pick.description for pick in picks):
        options = []
        for number, pick in enumerate(picks):
            option = {"label": pick.label, "value": str(number)}
            options.append(option | ({"description": pick.description} if pick.description else {}))
        most = len(picks) if choices.many else 1
        select = {"type": SELECT, "custom_id": f"s:{choices.key}", "options": options}
        return [_row(select | {"min_values": 1, "max_values": most})]
    buttons = [
        {
            "type": BUTTON,
            "style": STYLES[pick.style],
            "label": pick.label,
            "custom_id": f"b:{choices.key}:{number}",
        }
        for number, pick in enumerate(picks)
    ]
    return [_row(*buttons[at : at + IN_ROW]) for at in range(0, len(buttons), IN_ROW)]


def chosen_components(label: str) -> list[Json]:
    """What stands there afterwards: what was chosen, and nothing to click."""
    shown = {"type": BUTTON, "style": 2, "label": label[:80], "custom_id": "d:", "disabled": True}
    return [_row(shown)] if label else []


def form_of(choices: Choices) -> Json:
    """A form, as the data of a callback of type 9."""
    return {
        "custom_id": f"m:{choices.key}",
        "title": choices.title,
        "components": [
            {
                "type": LABEL,
                "label": field.label,
                "component": {
                    "type": TEXT_INPUT,
                    "custom_id": field.name,
                    "style": 2 if field.long else 1,
                    "required": field.required,
                    "max_length": field.max_length,
                    **({"placeholder": field.placeholder} if field.placeholder else {}),
                },
            }
            for field in choices.fields
        ],
    }


def _row(*components: Json) -> Json:
    return {"type": ROW, "components": list(components)}


def read_handle(custom_id: str) -> Handle | None:
    """What a component is; None: none of ours."""
    kind, _, rest = custom_id.partition(":")
    key, _, number = rest.partition(":")
    if kind not in _PREFIXES or not key or (kind == "b") != number.isdecimal():
        return None
    return Handle(kind=_PREFIXES[kind], key=key, pick=int(number) if number else 0)


def read_use(data: Json) -> ChoiceUse | None:
    """What was chosen, of the `data` of an interaction with a component or a form; None: none of ours."""
    handle = read_handle(str(data.get("custom_id", "")))
    if handle is None or handle.kind == "open":
        return None
    if handle.kind == "pick":
        return ChoiceUse(key=handle.key, picks=(handle.pick,))
    if handle.kind == "list":
        values = tuple(int(value) for value in data.get("values", ()) if str(value).isdecimal())
        return ChoiceUse(key=handle.key, picks=values)
    filled: dict[str, str] = {}
    for part in data.get("components", ()):
        # Forms of older days have rows in place of labels.
        inputs = [part["component"]] if "component" in part else part.get("components", ())
        filled |= {str(each["custom_id"]): clean_text(str(each.get("value") or "")) for each in inputs}
    return ChoiceUse(key=handle.key, fields=filled)


def words_of(data: Json, message: Json) -> str:
    """What was chosen, as people saw it in the message; empty where that cannot be told."""
    handle = read_handle(str(data.get("custom_id", "")))
    found = []
    for row in message.get("components", ()):
        for component in row.get("components", ()):
            if component.get("custom_id") != data.get("custom_id"):
                continue
            if handle is not None and handle.kind == "list":
                chosen = set(data.get("values", ()))
                options = component.get("options", ())
                found += [str(each.get("label")) for each in options if each.get("value") in chosen]
            else:
                found.append(str(component.get("label") or ""))
    return clean_text(", ".join(found))
