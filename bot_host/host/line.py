"""A line of keys that is fair to groups: whoever comes from a busy group waits behind those of quiet ones."""

from collections import OrderedDict
from collections.abc import Callable, Container, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class FairLine(Generic[K]):
    """Keys once each, first come first served within a group, the groups by turns."""

    def __init__(self, group_of: Callable[[K], Hashable]) -> None:
        self._group_of = group_of
        self._groups: OrderedDict[Hashable, OrderedDict[K, None]] = OrderedDict()
        self._where: dict[K, Hashable] = {}

    def __len__(self) -> int:
        """Keys in line."""
        return len(self._where)

    def __contains__(self, key: K) -> bool:
        """Whether a key is in line."""
        return key in self._where

    def add(self, key: K) -> None:
        """Stand at the end of its group's line; no-op for a key that is in line."""
        if key not in self._where:
            group = self._where[key] = self._group_of(key)
            self._groups.setdefault(group, OrderedDict())[key] = None

    def take(self, count: int, *, but: Container[K]) -> list[K]:
        """Up to `count` keys leave the line, one of each group by turns; those in `but` stay."""
        taken: list[K] = []
        passed = 0
        while len(taken) < count and passed < len(self._groups):
            group, keys = next(iter(self._groups.items()))
            key = next((each for each in keys if each not in but), None)
            self._groups.move_to_end(group)
            if key is None:
                passed += 1
                continue
            passed = 0
            taken.append(key)
            del keys[key], self._where[key]
            if not keys:
                del self._groups[group]
        return taken
