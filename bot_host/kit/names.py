"""Names: the nearest known one to one that is not known, and those of environment variables."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

_SECRET: Final = re.compile(
    r"key|token(?!s)|secret|passw|pwd|credential|auth(?!or)|salt|private|mnemonic|cookie|dsn|_url$", re.I
)


def looks_secret(name: str) -> bool:
    """Whether a setting of this name may hold a secret. Rather too often than not (`MAX_TOKENS` is none)."""
    return _SECRET.search(name) is not None


HIDDEN: Final = "***"


def blotted(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with `***` for each text whose name looks like a secret's, however deep."""
    return {key: _blotted(key, value) for key, value in values.items()}


def _blotted(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {inner: _blotted(str(inner), each) for inner, each in value.items()}
    if isinstance(value, list):
        return [_blotted(key, each) for each in value]
    return HIDDEN if isinstance(value, str) and value and looks_secret(key) else value


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.65) -> str | None:
    """The entry of `known` that `name` is most likely a slip of, or None when nothing is near.

    `cutoff`: from 0 to 1, how alike they must be (difflib's ratio).
    """
    by_folded = {item.casefold(): item for item in known}
    found = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=cutoff)
    return by_folded[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean "x"?)` for the nearest entry of `known`, or an empty string."""
    near = nearest(name, known)
    return f' (did you mean "{near}"?)' if near else ""


def variable_of(owner: str, key: str) -> str:
    """The environment variable for a key of somebody's: `OPENAI_API_KEY` for `openai` and `api_key`."""
    return re.sub(r"\W", "_", f"{owner}_{key}").upper()
