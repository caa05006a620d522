"""Which channels everybody of a server may read. Pure.

By the permissions of @everyone, the least that a member has, and the channel's overwrites: a channel that
shuts out a single role or member (but bots' own roles) is not open to all.
https://docs.discord.com/developers/topics/permissions#permission-overwrites
"""

from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from connectors.discord.permissions import CONNECT, HISTORY, VIEW, VOICE_TYPES

Json = dict[str, Any]

_ROLE: Final = 0


@dataclass(frozen=True, slots=True)
class Overwrites:
    """What a channel says of who may read it: pairs of what is allowed and denied, as far as it matters."""

    roles: tuple[tuple[str, int, int], ...] = ()
    members_denied: int = 0
    """What is denied to any member by name."""
    known: bool = False

    @classmethod
    def of(cls, channel: Json) -> Self:
        """Those of a channel object; one that does not tell them is not known."""
        told = channel.get("permission_overwrites")
        if not isinstance(told, list):
            return cls()
        roles, denied = [], 0
        for each in told:
            allow, deny = int(each["allow"]) & _READING, int(each["deny"]) & _READING
            if int(each["type"]) == _ROLE:
                roles.append((str(each["id"]), allow, deny))
            else:
                denied |= deny
        return cls(tuple(role for role in roles if role[1] or role[2]), denied, known=True)


@dataclass(frozen=True, slots=True)
class Everyone:
    """What all members of a server may do, and which roles no person has."""

    role_id: str = ""
    permissions: int = 0
    bots: frozenset[str] = field(default_factory=frozenset)

    def learn(self, guild_id: str, role: Json) -> "Everyone":
        """With a role of the server; the one that all have has the server's id."""
        role_id = str(role["id"])
        if role_id == guild_id:
            return replace(self, role_id=role_id, permissions=int(role.get("permissions") or 0))
        if (role.get("tags") or {}).get("bot_id"):
            return replace(self, bots=self.bots | {role_id})
        return self

    def may_read(self, channel_type: int, overwrites: Overwrites) -> bool:
        """Whether nobody is kept from reading a channel, as far as it is known."""
        if not overwrites.known or not self.role_id:
            return False
        wanted = VIEW | HISTORY | (CONNECT if channel_type in VOICE_TYPES else 0)
        mine = self.permissions
        for role_id, allow, deny in overwrites.roles:
            if role_id == self.role_id:
                mine = (mine & ~deny) | allow
            elif deny & wanted and role_id not in self.bots:
                return False
        return mine & wanted == wanted and not overwrites.members_denied & wanted


_READING: Final = VIEW | HISTORY | CONNECT
