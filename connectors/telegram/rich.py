"""Rich messages, as text and files: blocks of headings, lists, tables, formulas, pictures. Pure.

The library does not know them yet: this reads the Bot API's JSON, core.telegram.org/bots/api#rich-messages.
What a later version adds is read by its `text`, `blocks` and `caption`, where it has these.
"""

from collections.abc import Iterator
from typing import Any, Final

from telegram import Animation, Audio, Document, PhotoSize, TelegramObject, Video, Voice

MOST_CHARACTERS: Final = 40_000
"""Telegram's own bound is 32,768; list labels and the like come on top."""
DEEPEST: Final = 24
"""Telegram's own bound is 16."""
_FILES: Final[dict[str, tuple[str, type[TelegramObject]]]] = {
    "animation": ("animation", Animation),
    "audio": ("audio", Audio),
    "document": ("document", Document),
    "video": ("video", Video),
    "voice_note": ("voice", Voice),
}


def rich_text(value: Any) -> str:
    """The text of a `RichMessage`; empty for anything else."""
    blocks = value.get("blocks") if isinstance(value, dict) else None
    return "\n\n".join(_blocks(blocks, 0))[:MOST_CHARACTERS].strip()


def rich_files(value: Any) -> Iterator[tuple[str, Any]]:
    """The files of a `RichMessage`, each with the name of the kind of message that it would be by itself."""
    yield from _files(value, 0)


def _blocks(value: Any, depth: int) -> list[str]:
    found = (
        [_block(each, depth) for each in value if isinstance(each, dict)] if isinstance(value, list) else []
    )
    return [text for text in found if text] if depth < DEEPEST else []


def _block(block: dict[str, Any], depth: int) -> str:
    kind, text = block.get("type"), _inline(block.get("text"), depth)
    inner = "\n\n".join(_blocks(block.get("blocks"), depth + 1))
    match kind:
        case "heading":
            size = block.get("size")
            return f"{'#' * size if isinstance(size, int) and 1 <= size <= 6 else '#'} {text}"
        case "pre":
            return f"```{_inline(block.get('language'), depth)}\n{text}\n```"
        case "mathematical_expression":
            return f"$${_inline(block.get('expression'), depth)}$$"
        case "list":
            return "\n".join(_items(block.get("items"), depth))
        case "blockquote" | "expandable_blockquote" | "pullquote":
            quoted = "\n".join(f"> {line}" for line in (text or inner).splitlines())
            return _with(quoted, _inline(block.get("credit"), depth))
        case "table":
            return _with(_table(block.get("cells"), depth), _inline(block.get("caption"), depth))
        case "details":
            return _with(_inline(block.get("summary"), depth), inner)
        case "map":
            place = block.get("location")
            where = place if isinstance(place, dict) else {}
            return (
                f"[map: {where.get('latitude')}, {where.get('longitude')}] {_caption(block, depth)}".strip()
            )
        case "buttons":
            buttons = block.get("buttons")
            labels = [_button(each, depth) for each in buttons] if isinstance(buttons, list) else []
            return " ".join(label for label in labels if label)
    name = kind if isinstance(kind, str) and (kind in _FILES or kind == "photo") else ""
    return _with(f"[{name.replace('_', ' ')}]" if name else "", text, inner, _caption(block, depth))


def _with(*parts: str) -> str:
    return "\n".join(part for part in parts if part)


def _caption(block: dict[str, Any], depth: int) -> str:
    caption = block.get("caption")
    if not isinstance(caption, dict) or "type" in caption:
        return _inline(caption, depth)
    return _with(_inline(caption.get("text"), depth), _inline(caption.get("credit"), depth))


def _items(items: Any, depth: int) -> Iterator[str]:
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):
            box = ("[x] " if item.get("is_checked") else "[ ] ") if item.get("has_checkbox") else ""
            label = _inline(item.get("label"), depth) or "•"
            text = "\n".join(_blocks(item.get("blocks"), depth + 1))
            lines = [line for line in text.splitlines() if line.strip()] or [""]
            yield "\n  ".join([f"{label} {box}{lines[0]}", *lines[1:]])


def _table(rows: Any, depth: int) -> str:
    lines = []
    for row in rows if isinstance(rows, list) else ():
        cells = [_inline(cell.get("text"), depth) for cell in row if isinstance(cell, dict)] if row else []
        lines.append(" | ".join(cell.replace("\n", " ") for cell in cells))
    return "\n".join(lines)


def _button(button: Any, depth: int) -> str:
    return f"[{_inline(button.get('text'), depth)}]" if isinstance(button, dict) else ""


def _inline(value: Any, depth: int) -> str:
    """A `RichText`: a string, a list of them, or an object around one."""
    if isinstance(value, str):
        return value
    if depth >= DEEPEST:
        return ""
    if isinstance(value, list):
        return "".join(_inline(each, depth + 1) for each in value)
    if not isinstance(value, dict):
        return ""
    match value.get("type"):
        case "custom_emoji":
            return _inline(value.get("alternative_text"), depth + 1)
        case "mathematical_expression":
            return f"${_inline(value.get('expression'), depth + 1)}$"
        case "code":
            return f"`{_inline(value.get('text'), depth + 1)}`"
        case "button":
            return _button(value.get("button"), depth + 1)
        case "url":
            text, url = _inline(value.get("text"), depth + 1), _inline(value.get("url"), depth + 1)
            return text if not url or text == url else f"{text} ({url})"
    return _inline(value.get("text"), depth + 1)


def _files(value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    if depth >= DEEPEST:
        return
    if isinstance(value, list):
        for each in value:
            yield from _files(each, depth + 1)
    if not isinstance(value, dict):
        return
    kind = value.get("type")
    told = value.get(kind) if isinstance(kind, str) else None
    if kind == "photo" and isinstance(told, list) and told:
        yield "photo", PhotoSize.de_list([each for each in told if isinstance(each, dict)])
    elif isinstance(kind, str) and kind in _FILES and isinstance(told, dict):
        name, made = _FILES[kind]
        yield name, made.de_json(told)
    for key in ("blocks", "items"):
        yield from _files(value.get(key), depth + 1)
