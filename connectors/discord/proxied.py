"""Messages that a proxy says again as a webhook, and deletes: PluralKit and its like (pluralkit.me/guide).

The person's message comes, then, in either order, its deletion and a webhook's message with the same words,
without the tags around them. What a webhook says counts as a person's only when both have happened.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]

WINDOW_S: Final = 15.0
"""Between a message and its copy, or its deletion."""
MOST: Final = 500
"""Messages that are remembered for that long."""
TAGS: Final = 40
"""Characters that a proxy takes away around a text."""


@dataclass(slots=True)
class _Said:
    data: Json
    at: float
    gone: bool = False
    copy: Json | None = None


@dataclass(frozen=True, slots=True)
class Proxied:
    """A message and its copy."""

    original: Json
    copy: Json


class Proxies:
    """What people said in servers in the last seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: OrderedDict[tuple[str, str], _Said] = OrderedDict()

    def said(self, data: Json) -> None:
        """A person's message."""
        self._forget()
        self._said[str(data["channel_id"]), str(data["id"])] = _Said(data, self._clock())
        while len(self._said) > MOST:
            self._said.popitem(last=False)

    def copied(self, copy: Json) -> tuple[bool, Proxied | None]:
        """A webhook's message: whether it may be a copy, and the pair when its original is gone already."""
        self._forget()
        for said in reversed(self._said.values()):
            if said.copy is None and _repeats(said.data, copy):
                said.copy = copy
                return True, Proxied(said.data, copy) if said.gone else None
        return False, None

    def gone(self, channel_id: str, message_ids: Iterable[str]) -> list[Proxied]:
        """Messages were deleted: the pairs that this completes."""
        self._forget()
        pairs = []
        for message_id in message_ids:
            said = self._said.get((channel_id, message_id))
            if said is None or said.gone:
                continue
            said.gone = True
            if said.copy is not None:
                pairs.append(Proxied(said.data, said.copy))
        return pairs

    def _forget(self) -> None:
        old = self._clock() - WINDOW_S
        while self._said and next(iter(self._said.values())).at < old:
            self._said.popitem(last=False)


def _repeats(original: Json, copy: Json) -> bool:
    if str(original["channel_id"]) != str(copy["channel_id"]):
        return False
    before, after = str(original.get("content") or ""), str(copy.get("content") or "")
    if after:
        return after in before and len(before) - len(after) <= TAGS
    return len(before) <= TAGS and bool(_files(copy)) and _files(original) == _files(copy)


def _files(data: Json) -> list[str]:
    return [str(item.get("filename")) for item in data.get("attachments", ())]
