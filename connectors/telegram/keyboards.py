"""Choices as inline keyboards, and what a button gives back. Pure.

https://core.telegram.org/bots/api#inlinekeyboardbutton
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from telegram.constants import InlineKeyboardButtonLimit

from bot_host.connector import Choices, ChoiceUse, Pick, one_line

DATA_BYTES: Final = int(InlineKeyboardButtonLimit.MAX_CALLBACK_DATA)
ROW_WIDTH: Final = 28
"""Characters that a narrow phone shows side by side; longer labels get a row each."""
ROW_BUTTONS: Final = 4
STYLES: Final = {"primary": "primary", "good": "success", "danger": "danger"}
"""https://core.telegram.org/bots/api#inlinekeyboardbutton, `style`; older servers and apps ignore it."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """What a button of ours says."""

    use: ChoiceUse
    thread_id: int | None
    """The topic that it was sent to: a press on an old message does not tell."""


def can_show(choices: Choices) -> bool:
    """Whether buttons can stand for it: Telegram has neither lists of several nor forms."""
    return bool(choices.picks) and not choices.many


def keyboard_of(choices: Choices, *, thread_id: str) -> Json:
    """A message's `reply_markup`."""
    return {"inline_keyboard": list(_rows(choices, thread_id if thread_id.isdecimal() else ""))}


def descriptions(choices: Choices) -> str:
    """What buttons have no room for."""
    return "\n".join(
        f"- {one_line(pick.label, 80)}: {one_line(pick.description, 100)}"
        for pick in choices.picks
        if pick.description
    )


def _rows(choices: Choices, thread_id: str) -> Iterator[list[Json]]:
    row: list[Json] = []
    width = 0
    for number, pick in enumerate(choices.picks):
        if row and (width + len(pick.label) > ROW_WIDTH or len(row) == ROW_BUTTONS):
            yield row
            row, width = [], 0
        row.append(_button(pick, ":".join(filter(None, ("b", choices.key, str(number), thread_id)))))
        width += len(pick.label)
    if row:
        yield row


def _button(pick: Pick, data: str) -> Json:
    assert len(data.encode()) <= DATA_BYTES
    style = STYLES.get(pick.style)
    return {"text": one_line(pick.label, 80), "callback_data": data, **({"style": style} if style else {})}


def read_data(data: str) -> Button | None:
    """What was pressed; None: nothing of ours."""
    kind, *parts = data.split(":")
    if kind != "b" or len(parts) not in (2, 3) or not parts[0]:
        return None
    if not all(part.isascii() and part.isdecimal() for part in parts[1:]):
        return None
    use = ChoiceUse(key=parts[0], picks=(int(parts[1]),))
    return Button(use=use, thread_id=int(parts[2]) if len(parts) == 3 else None)
