"""Keys that are accepted from the first day, and whose feature comes later. Shorten as features arrive."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from bot_host.config.sources import shown

LATER: Final[tuple[tuple[str, tuple[object, ...], str], ...]] = (
    # Pattern of the dotted key, the values that are fine already, what is not there yet.
    (
        r"connectors\.discord.*\.mode",
        ("", "gateway"),
        "interactions over HTTP come later; the gateway is used",
    ),
)


def later_notes(values: Mapping[str, Any], sources: Mapping[str, str]) -> Iterator[str]:
    """One line for each key that somebody set to a value that has no effect yet."""
    for key, value in values.items():
        if sources.get(key, "default") == "default":
            continue
        for pattern, fine, why in LATER:
            if re.fullmatch(pattern, key) and value not in fine:
                yield f"{key} = {shown(key, value)} has no effect yet: {why}"
