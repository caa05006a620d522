"""Choices as Block Kit, and what people did with them. Pure.

Limits by https://docs.slack.dev/reference/block-kit . A list of which several may be chosen tells of each
single step, and has no place in an `actions` block: it stands beside a line of text, with a button below it,
and what is chosen is read from the message's `state` when that is pressed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from bot_host.connector import Choices, ChoiceUse, clean_text, one_line
from connectors.slack.mrkdwn import escape

SECTION: Final = 3_000
"""Characters of a section's text."""
LABEL: Final = 75
"""Of a button, an option and its description."""
TITLE: Final = 24
"""Of a modal."""
INPUT: Final = 3_000
"""Of what is written into a field."""
METADATA: Final = 3_000
"""Of what a modal carries along (`private_metadata`)."""
BUTTONS: Final = 10
"""More picks than these are easier to read as a list."""
STYLES: Final = {"primary": "primary", "good": "primary", "danger": "danger"}
HOW_MANY: Final = "Choose what applies, then press Done."

Json = dict[str, Any]
Kind = Literal["pick", "list", "step", "done", "open", "form"]
_KINDS: Final[dict[str, Kind]] = {
    "b": "pick", "s": "list", "m": "step", "n": "done", "f": "open", "v": "form"
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    """What an `action_id`, or a modal's `callback_id`, of ours says."""

    kind: Kind
    """A button; a list; one step in a list of several, and their end; the button of a form; the form."""
    key: str
    pick: int = 0


def read_handle(id: str) -> Handle | None:
    """What an element is; None: none of ours."""
    kind, _, rest = id.partition(":")
    key, _, number = rest.partition(":")
    if kind not in _KINDS or not key or (kind == "b") != number.isdecimal():
        return None
    return Handle(kind=_KINDS[kind], key=key, pick=int(number) if number else 0)


def blocks_of(choices: Choices) -> list[Json]:
    """What stands below a message: a button for a form, buttons for a few picks, else a list."""
    key, picks = choices.key, choices.picks
    if choices.fields:
        return [_actions(_button(choices.title, f"f:{key}", style="primary"))]
    if choices.many:
        select = _select("multi_static_select", f"m:{key}", choices)
        step = {"type": "section", "block_id": f"c:{key}", "text": plain(HOW_MANY), "accessory": select}
        return [step, _actions(_button("Done", f"n:{key}", style="primary"))]
    if len(picks) > BUTTONS or any(pick.description for pick in picks):
        return [_actions(_select("static_select", f"s:{key}", choices))]
    buttons = (
        _button(pick.label, f"b:{key}:{number}", style=pick.style) for number, pick in enumerate(picks)
    )
    return [_actions(*buttons)]


def in_words(choices: Choices) -> str:
    """The same as escaped text, for what shows no blocks."""
    if choices.fields:
        return escape("\n".join([f"{choices.title}:", *(f"{each.label}:" for each in choices.fields)]))
    return escape("\n".join(f"{number}. {pick.label}" for number, pick in enumerate(choices.picks, 1)))


def prompt_of(question: str) -> dict[str, str]:
    """A question to begin with: what people see of it, and what they say by choosing it."""
    return {"title": one_line(question, LABEL), "message": clean_text(question).strip()}


def section(text: str) -> list[Json]:
    """Text as a block: above others, a message's own text is not shown."""
    if not text.strip():
        return []
    return [{"type": "section", "text": {"type": "mrkdwn", "text": text[:SECTION]}}]


def chosen_blocks(text: str, label: str) -> list[Json]:
    """What stands there afterwards: what was chosen, and nothing to press."""
    return [*section(text), {"type": "context", "elements": [plain(clean_text(label) or "-", SECTION)]}]


def form_of(choices: Choices, *, origin: Mapping[str, str]) -> Json:
    """A form as a modal. `origin` says where it was opened; its text is left out where it is too long."""
    carried = json.dumps(origin)
    if len(carried) > METADATA:
        carried = json.dumps({name: value for name, value in origin.items() if name != "text"})
    return {
        "type": "modal",
        "callback_id": f"v:{choices.key}",
        "private_metadata": carried,
        "title": plain(choices.title, TITLE),
        "submit": plain("Send"),
        "close": plain("Cancel"),
        "blocks": [
            {
                "type": "input",
                "block_id": field.name,
                "label": plain(field.label),
                "optional": not field.required,
                "element": {
                    "type": "plain_text_input",
                    "action_id": "v",
                    "multiline": field.long,
                    "max_length": min(field.max_length, INPUT),
                    **({"placeholder": plain(field.placeholder, 150)} if field.placeholder else {}),
                },
            }
            for field in choices.fields
        ],
    }


def read_press(action: Mapping[str, Any], state: Mapping[str, Any]) -> tuple[ChoiceUse, str] | None:
    """What was chosen by an action of a message, and how people saw it; None: nothing, or none of ours."""
    handle = read_handle(str(action.get("action_id", "")))
    if handle is None:
        return None
    if handle.kind == "pick":
        return ChoiceUse(key=handle.key, picks=(handle.pick,)), _words(action)
    if handle.kind == "list":
        found = [action.get("selected_option")]
    elif handle.kind == "done":
        found = _selected(state, handle.key)
    else:
        return None
    options = [each for each in found if isinstance(each, Mapping) and str(each.get("value")).isdecimal()]
    if not options:
        return None
    picks = tuple(int(each["value"]) for each in options)
    return ChoiceUse(key=handle.key, picks=picks), ", ".join(_words(each) for each in options)


def _selected(state: Mapping[str, Any], key: str) -> list[Any]:
    values = state.get("values") or {}
    found: list[Any] = ((values.get(f"c:{key}") or {}).get(f"m:{key}") or {}).get("selected_options") or []
    return found


def read_form(view: Mapping[str, Any]) -> ChoiceUse | None:
    """What was written into a form; None: none of ours."""
    handle = read_handle(str(view.get("callback_id", "")))
    if handle is None or handle.kind != "form":
        return None
    values = (view.get("state") or {}).get("values") or {}
    filled = {
        str(name): clean_text(str((fields.get("v") or {}).get("value") or ""))
        for name, fields in values.items()
    }
    return ChoiceUse(key=handle.key, fields=filled)


def _words(element: Mapping[str, Any]) -> str:
    text = element.get("text")
    return clean_text(str(text.get("text") or "")) if isinstance(text, Mapping) else ""


def plain(text: str, most: int = LABEL) -> Json:
    """Text without any markup, of `most` characters."""
    # Slack reads no mentions in such a text, and this keeps it so.
    tame = text.replace("<!", "‹!").replace("<@", "‹@")
    short = tame if len(tame) <= most else tame[: most - 1] + "…"
    return {"type": "plain_text", "text": short}


def _actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def _button(label: str, id: str, *, style: str) -> Json:
    button = {"type": "button", "text": plain(label), "action_id": id}
    return button | ({"style": STYLES[style]} if style in STYLES else {})


def _select(kind: str, id: str, choices: Choices) -> Json:
    options = [
        {
            "text": plain(pick.label),
            "value": str(number),
            **({"description": plain(pick.description)} if pick.description else {}),
        }
        for number, pick in enumerate(choices.picks)
    ]
    return {"type": kind, "action_id": id, "placeholder": plain("Choose"), "options": options}
