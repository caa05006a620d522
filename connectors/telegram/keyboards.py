"""Choices as inline keyboards, and what a button gives back. Pure.

https://core.telegram.org/bots/api#inlinekeyboardbutton
"""

from collections.abc import Collection, Iterator, Mapping
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
CHOOSE: Final = "b"
SWITCH: Final = "s"
DONE: Final = "d"
NUMBERS: Final = {CHOOSE: 1, SWITCH: 1, DONE: 0}
"""Kinds of buttons, and how many numbers of picks their data has."""
ON: Final = "☑ "
OFF: Final = "☐ "
SAID: Final = "Done"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """What a button of ours says."""

    use: ChoiceUse
    thread_id: int | None
    """The topic that it was sent to: a press on an old message does not tell."""
    kind: str = ""
    """`SWITCH`, `DONE`: of a choice of several. Empty: it chooses at once."""


def can_show(choices: Choices) -> bool:
    """Whether buttons can stand for it: Telegram has no forms."""
    return bool(choices.picks)


def keyboard_of(choices: Choices, *, thread_id: str, picked: Collection[int] = ()) -> Json:
    """A message's `reply_markup`. `picked`: what is switched on, of a choice of several."""
    thread_id = thread_id if thread_id.isdecimal() else ""
    rows = _switches(choices, thread_id, picked) if choices.many else _rows(choices, thread_id)
    return {"inline_keyboard": list(rows)}


def picked_in(markup: Any) -> frozenset[int]:
    """What is switched on in a keyboard, as Telegram gives it back with a press; none of it is trusted."""
    rows = markup.get("inline_keyboard") if isinstance(markup, Mapping) else None
    found: set[int] = set()
    for each in (each for row in rows or () for each in row):
        button = read_data(str(each.get("callback_data", "")))
        if button is not None and button.kind == SWITCH and str(each.get("text", "")).startswith(ON):
            found.update(button.use.picks)
    return frozenset(found)


def descriptions(choices: Choices) -> str:
    """What buttons have no room for."""
    return "\n".join(
        f"- {one_line(pick.label, 80)}: {one_line(pick.description, 100)}"
        for pick in choices.picks
        if pick.description
    )


def _switches(choices: Choices, thread_id: str, picked: Collection[int]) -> Iterator[list[Json]]:
    for number, pick in enumerate(choices.picks):
        shown = pick.model_copy(update={"label": f"{ON if number in picked else OFF}{pick.label}"[:80]})
        yield [_button(shown, _data(SWITCH, choices, str(number), thread_id))]
    yield [_button(Pick(label=SAID, style="primary"), _data(DONE, choices, thread_id))]


def _data(kind: str, choices: Choices, *rest: str) -> str:
    return ":".join(filter(None, (kind, choices.key, *rest)))


def _rows(choices: Choices, thread_id: str) -> Iterator[list[Json]]:
    row: list[Json] = []
    width = 0
    for number, pick in enumerate(choices.picks):
        if row and (width + len(pick.label) > ROW_WIDTH or len(row) == ROW_BUTTONS):
            yield row
            row, width = [], 0
        row.append(_button(pick, _data(CHOOSE, choices, str(number), thread_id)))
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
    numbers = NUMBERS.get(kind)
    if numbers is None or len(parts) not in (1 + numbers, 2 + numbers) or not parts[0]:
        return None
    if not all(part.isascii() and part.isdecimal() for part in parts[1:]):
        return None
    use = ChoiceUse(key=parts[0], picks=tuple(map(int, parts[1 : 1 + numbers])))
    thread_id = int(parts[-1]) if len(parts) == 2 + numbers else None
    return Button(use=use, thread_id=thread_id, kind="" if kind == CHOOSE else kind)
