"""Who may use which action and command, as `[agents.permissions]` says it instead of their authors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from bot_host.types.places import Role

NOBODY: Final = "nobody"
Needed: TypeAlias = Role | Literal["nobody"] | None
"""What is needed: at least this role; `nobody`: it is switched off; None: nothing."""
WORDS: Final[Mapping[str, Needed]] = {
    "owner": Role.OWNER,
    "admin": Role.ADMIN,
    "everyone": Role.NONE,
    NOBODY: NOBODY,
}
"""The config's words."""
RANK: Final = {Role.NONE: 0, Role.ADMIN: 1, Role.OWNER: 2}


def includes(held: Role, needed: Needed) -> bool:
    """Whether a role may do what needs another one."""
    if needed == NOBODY:
        return False
    return needed is None or RANK[held] >= RANK[Role(needed)]


def folded(name: str) -> str:
    """A name without case, hyphens, underscores and the slash of a command."""
    return name.strip().lstrip("/").casefold().replace("-", "").replace("_", "").replace(" ", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """By name, as the config has it; what is not named is as its author made it."""

    actions: Mapping[str, Needed] = field(default_factory=dict)
    """By folded name."""
    commands: Mapping[str, Needed] = field(default_factory=dict)

    @classmethod
    def of(cls, *, actions: Mapping[str, str], commands: Mapping[str, str]) -> "Permissions":
        """From the config's words."""
        return cls(
            actions={folded(name): WORDS[word] for name, word in actions.items()},
            commands={folded(name): WORDS[word] for name, word in commands.items()},
        )

    def for_action(self, name: str, default: Role | None) -> Needed:
        """What an action needs; `default` is what its author wants."""
        return self.actions.get(folded(name), default)

    def for_command(self, name: str, default: Role | None) -> Needed:
        """The same for a slash command."""
        return self.commands.get(folded(name), default)
