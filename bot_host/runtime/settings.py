"""Settings: what the character, its owner and the environment say, in that order."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from bot_host.kit.names import looks_secret
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
        for source in (self._set, *self._of_character(), self._given, self._environ_for(key)):
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

    def is_secret(self, key: str) -> bool:
        """Whether the character keeps it among its secrets, or its name tells."""
        nested = self._character.settings.get("secrets")
        known = (self._character.secrets, nested if isinstance(nested, dict) else {})
        return looks_secret(key) or any(key in secrets for secrets in known)

    def clear(self) -> None:
        """Take back all that was set."""
        self._set.clear()

    def of_character(self, key: str) -> Any | None:
        """What the character says, or what was set; as it stands there. Empty texts are passed over."""
        return _first(key, (self._set, *self._of_character()))

    def of_host(self, key: str) -> Any | None:
        """The same of what the character cannot say: what was set or given, and the environment."""
        return _first(key, (self._set, self._given, self._environ_for(key)))

    def _environ_for(self, key: str) -> Mapping[str, str]:
        hidden = self._environ is os.environ and _allowed is not None and key not in _allowed
        return {} if hidden else self._environ

    def _of_character(self) -> Iterator[Mapping[str, Any]]:
        yield self._character.secrets
        yield self._character.settings
        nested = self._character.settings.get("secrets")
        if isinstance(nested, dict):
            yield nested


def _first(key: str, sources: Iterable[Mapping[str, Any]]) -> Any | None:
    found = (source.get(key) for source in sources)
    return next((value for value in found if value is not None and str(value).strip()), None)
