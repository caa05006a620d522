"""Prompt templates in elizaOS's syntax, and the answers that they ask for (elizaos.md 4.11, 4.12).

A small part of Handlebars: `{{name}}`, `{{{name}}}`, `{{#if name}}…{{else}}…{{/if}}`, `{{#unless name}}…`,
`{{#each name}}…{{this}}…{{/each}}`. Values go in raw and are never read as templates again.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final

_TAG: Final = re.compile(r"\{\{\{?\s*([#/]?)\s*([A-Za-z_][\w.]*)\s*([\w.]*)\s*\}?\}\}")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ELEMENT: Final = re.compile(r"<([A-Za-z_][\w.-]*)(?:\s[^<>]*)?>")
_LISTS: Final = frozenset({"actions", "providers", "evaluators"})
_ENTITIES: Final = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))
DEEPEST: Final = 8
"""Blocks inside blocks."""
MOST: Final = 200
"""Elements looked at: a runaway answer must not cost the square of its length."""


def compose_prompt(template: str, values: Mapping[str, Any]) -> str:
    """A template with its values. Unknown names are empty. `agentName` finds `agent_name` too.

    A block that is not closed, or too deep, stays as it is written.
    """
    return _fill(template, values, 0)


def _fill(template: str, values: Mapping[str, Any], depth: int) -> str:
    out: list[str] = []
    at = 0
    while found := _TAG.search(template, at):
        out.append(template[at : found.start()])
        sign, word, name = found.groups()
        at = found.end()
        if not sign:
            out.append(_shown(_look(values, word)))
            continue
        block = _block(template, at, word) if sign == "#" and depth < DEEPEST else None
        if block is None or word not in ("if", "unless", "each"):
            out.append(found.group(0))
            continue
        inner, other, at = block
        value = _look(values, name)
        if word == "each":
            items = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
            for item in items:
                more = item if isinstance(item, Mapping) else {}
                out.append(_fill(inner, {**values, **more, "this": item}, depth + 1))
        else:
            out.append(_fill(inner if bool(value) is (word == "if") else other, values, depth + 1))
    out.append(template[at:])
    return "".join(out)


def _block(template: str, start: int, word: str) -> tuple[str, str, int] | None:
    """What stands in a block and after its `else`, and where the block ends."""
    depth, other = 1, -1
    at = start
    while found := _TAG.search(template, at):
        sign, name, _ = found.groups()
        if sign == "#":
            depth += 1
        elif sign == "/":
            depth -= 1
            if depth == 0:
                if name != word:
                    return None
                if other < 0:
                    return template[start : found.start()], "", found.end()
                middle = _TAG.match(template, other)
                assert middle is not None
                return template[start:other], template[middle.end() : found.start()], found.end()
        elif name == "else" and depth == 1:
            other = found.start()
        at = found.end()
    return None


def _look(values: Mapping[str, Any], name: str) -> Any:
    value: Any = values
    for part in name.split("."):
        if not isinstance(value, Mapping):
            return ""
        value = value.get(part, value.get(_CAMEL.sub("_", part).lower(), ""))
    return value


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence):
        return ", ".join(map(str, value))
    return str(value)


def parse_key_value_xml(text: str) -> dict[str, Any] | None:
    """The direct children of the first `<response>`, else of the first element, by name; None: none there.

    `actions`, `providers` and `evaluators` become lists, from commas or from elements inside (elizaOS takes
    those for one name, 4.11-03 [T]); `simple` a boolean; all else text. `<think>` blocks are passed over
    (4.11-01). The last one of a name wins.
    """
    text = re.sub(r"<think>.*?</think>", "", text, flags=re.DOTALL)
    inside = _inside(text, "response")
    if inside is None:
        names = dict.fromkeys(e.group(1) for e in islice(_ELEMENT.finditer(text), MOST))
        found = next((name for name in names if _inside(text, name) is not None), None)
        inside = _inside(text, found) if found else None
    values: dict[str, Any] = {}
    at = 0
    for _ in range(MOST):
        child = _ELEMENT.search(inside, at) if inside else None
        if inside is None or child is None:
            break
        name = child.group(1)
        end = _close(inside, child.end(), name)
        if end is None:
            at = child.end()
            continue
        raw = inside[child.end() : end].strip()
        at = end + len(name) + 3
        values[name] = _value(name, raw)
    return values or None


def _value(name: str, raw: str) -> Any:
    if name in _LISTS:
        parts = [raw[m.end() : _close(raw, m.end(), m.group(1))] for m in _ELEMENT.finditer(raw)] or [raw]
        return [_plain(item) for part in parts for item in part.split(",") if item.strip()]
    if name == "simple":
        return raw.lower() == "true"
    return _plain(raw)


def _inside(text: str, name: str) -> str | None:
    start = re.search(rf"<{re.escape(name)}(?:\s[^<>]*)?>", text)
    if start is None:
        return None
    end = _close(text, start.end(), name)
    return None if end is None else text[start.end() : end]


def _close(text: str, start: int, name: str) -> int | None:
    """Where the element that began before `start` ends; elements of the same name inside are balanced."""
    depth = 1
    for found in re.finditer(rf"<(/?){re.escape(name)}(?:\s[^<>]*)?>", text[start:]):
        depth += -1 if found.group(1) else 1
        if depth == 0:
            return start + found.start()
    return None


def _plain(text: str) -> str:
    for entity, sign in _ENTITIES:
        text = text.replace(entity, sign)
    return text.strip()
