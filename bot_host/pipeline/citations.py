"""Numbers in an answer, made readable: which document each stands for, and none that stands for nothing.

What may be cited is told by providers and actions in their data (`CITATIONS`); where nothing is, an answer
stays as it is. Pure.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from bot_host.contracts.plugin import ActionResult, State
from bot_host.kit.clean import one_line
from bot_host.types.sources import CITATIONS

NAME_CHARACTERS: Final = 150
_CODE: Final = re.compile(r"(```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]+`)", re.DOTALL)
_NUMBERS: Final = re.compile(r"([ \t]?)[\[【]\^?(\d{1,3}(?:\s*[,;]\s*\^?\d{1,3})*)(?:†[^\]】]*)?[\]】](?!\()")
_NUMBER: Final = re.compile(r"\d+")
_LISTED: Final = re.compile(r"(?:[-*]\s*)?[\[【]\^?\d{1,3}[\]】]:?\s+\S.*")
_HEADING: Final = re.compile(
    r"[#*_\s]*(?:sources?|references?|quellen|citations?)[*_\s]*:?[*_\s]*", re.IGNORECASE
)
_MARKUP: Final = re.compile(r"[\[\]()<*_`~|\\]+")


def offered(state: State | None, results: Sequence[tuple[str, ActionResult]]) -> dict[int, tuple[str, str]]:
    """Name and address of all that could be cited in a turn, by number."""
    given = [state.data.get(CITATIONS) if state is not None else None]
    given += [result.data.get(CITATIONS) for _, result in results]
    found: dict[int, tuple[str, str]] = {}
    for cited in given:
        for each in cited if isinstance(cited, list | tuple) else ():
            if isinstance(each, Mapping) and isinstance(each.get("number"), int):
                found.setdefault(each["number"], _label(each))
    return found


def _label(each: Mapping[str, Any]) -> tuple[str, str]:
    """What a document calls itself is nobody's markup."""
    name = one_line(_MARKUP.sub(" ", str(each.get("name") or "")), NAME_CHARACTERS)
    url = str(each.get("url") or "")
    plain = url.startswith(("http://", "https://")) and not re.search(r"[\s()<>\[\]]", url)
    return name or "untitled", url if plain else ""


def with_sources(text: str, known: Mapping[int, tuple[str, str]]) -> str:
    """An answer with its numbers counted from 1, and a line below for each.

    Numbers that stand for nothing go; so does a list of sources that the model has written itself. In code
    they are left.
    """
    if not known:
        return text
    body = _without_list(text)
    lines: dict[tuple[str, str], int] = {}

    def cited(found: "re.Match[str]") -> str:
        numbers = [int(each) for each in _NUMBER.findall(found[2])]
        labels = [known[number] for number in numbers if number in known]
        before = found.string[found.start() - 1 : found.start()]
        if not labels and not found[1] and before.isalnum():
            return found[0]  # the place in a list, as in `line[0]`
        places = dict.fromkeys(lines.setdefault(label, len(lines) + 1) for label in labels)
        return (found[1] if places else "") + "".join(f"[{place}]" for place in places)

    parts = [
        part if number % 2 else _NUMBERS.sub(cited, part) for number, part in enumerate(_CODE.split(body))
    ]
    body = "".join(parts).rstrip()
    return "\n\n".join(filter(None, [body, "\n".join(_lines(lines))]))


def _lines(lines: Mapping[tuple[str, str], int]) -> Iterator[str]:
    for (name, url), place in lines.items():
        yield f"[{place}] [{name}]({url})" if url else f"[{place}] {name}"


def _without_list(text: str) -> str:
    kept = text.rstrip().split("\n")
    listed = len(kept)
    while listed and (not kept[listed - 1].strip() or _LISTED.fullmatch(kept[listed - 1].strip())):
        listed -= 1
    if listed == len(kept):
        return text
    if listed and _HEADING.fullmatch(kept[listed - 1]):
        listed -= 1
    # All of it looks like one: then it is the answer.
    return "\n".join(kept[:listed]) if any(line.strip() for line in kept[:listed]) else text
