"""Settings: what the character, its owner and the environment say, in that order."""

import os
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from bot_host.types.character import Character

TRUE: Final = frozenset({"yes", "y", "true", "t", "1", "on", "enable"})
"""What elizaOS takes for a yes (4.1-04)."""


def truth(value: Any) -> bool:
    """A setting as a switch."""
    return value if isinstance(value, bool) else str(value).strip().lower() in TRUE


_allowed: frozenset[str] | None = None


def set_allowed_env_vars(names: Collection[str] | None) -> None:
    """Let agents read only these variables of the process's environment as settings; None: all.

    For the whole process (elizaos.md 1.2-06). It does not hold for an environment that an agent was given.
    """
    global _allowed
    _allowed = None if names is None else frozenset(names)


class Settings:
    """Looks settings up (elizaos.md 2.5). Nothing here is ever written to the database."""

    def __init__(
        self, character: Character, given: Mapping[str, Any], environ: Mapping[str, str] | None = None
    ) -> None:
        """`environ` instead of the process's environment, which may change while we run."""
        self._character = character
        self._given = dict(given)
        self._environ = os.environ if environ is None else environ
        self._set: dict[str, Any] = {}

    def use_character(self, character: Character) -> None:
        """From now on the settings of this one."""
        self._character = character

    def get(self, key: str) -> Any | None:
        """A setting, or None.

        What `set` put, character secrets, character settings, runtime settings, environment. The texts
        `true` and `false` become booleans. False, 0 and the empty text are values (elizaOS falls through
        them: 2.5-01); the environment is asked for this one name only and never kept (2.5-08).
        """
        for source in self._sources():
            value = source.get(key)
            if source is os.environ and _allowed is not None and key not in _allowed:
                continue
            if value is None:
                continue
            if isinstance(value, str) and value in ("true", "false"):
                return value == "true"
            return value
        return None

    def set(self, key: str, value: Any) -> None:
        """Put a value before all other sources, until the agent stops; None takes it back."""
        if value is None:
            self._set.pop(key, None)
        else:
            self._set[key] = value

    def clear(self) -> None:
        """Take back all that was set."""
        self._set.clear()

    def _sources(self) -> Iterator[Mapping[str, Any]]:
        yield self._set
        yield self._character.secrets
        yield self._character.settings
        nested = self._character.settings.get("secrets")
        if isinstance(nested, dict):
            yield nested
        yield self._given
        yield self._environ
