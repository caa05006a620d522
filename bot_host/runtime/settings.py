"""Settings: what the character, its owner and the environment say, in that order."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from bot_host.types.character import Character


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
