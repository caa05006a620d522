"""The nearest known name to one that is not known."""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The entry of `known` that `name` is most likely a slip of, or None when nothing is near."""
    by_folded = {item.casefold(): item for item in known}
    found = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean "x"?)` for the nearest entry of `known`, or an empty string."""
    near = nearest(name, known)
    return f' (did you mean "{near}"?)' if near else ""
