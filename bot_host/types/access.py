"""Who may talk with an agent: entries of `allow` and `deny`, and who stands at the door."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

DENIED: Final = "denied"
NOT_ALLOWED: Final = "not allowed"
"""There is an allow list, and neither the person nor the place is on it."""
NOT_LISTED: Final = "not on the allowlist"
"""Of a direct message: `dm_policy` wants its sender on the list."""
DM_OFF: Final = "direct messages are off"
ROLES_UNKNOWN: Final = "roles not known"
"""The deny list names roles or groups, and the platform did not tell which the sender has."""
PAIRING: Final = "pairing"
"""Of a direct message: its sender has to be approved of first. See `InboundMessage.pairing_id`."""
PAIRING_SILENT: Final = "pairing: has a code already"
PAIRING_FULL: Final = "pairing: too many open requests"
PAIRING_DENIED: Final = "pairing: turned down"
PAIRING_BEFORE: Final = "pairing: said before the approval"
PAIRING_OLD: Final = "pairing: missed, no code given"
BOT_UNADDRESSED: Final = "bot that does not turn to the agent"
BOT_LOOP: Final = "bot loop"
"""Too many answers to bots in one room within a short time."""


class AccessKind(StrEnum):
    """What an id of `allow` or `deny` is the id of."""

    SERVER = "server"
    CHANNEL = "channel"
    USER = "user"
    ROLE = "role"
    GROUP = "group"


_ENTRY: Final = re.compile(r"(?P<kind>[a-z]+)\s*:\s*(?P<id>.*)", re.IGNORECASE | re.DOTALL)


def split_entry(entry: str) -> tuple[str, str]:
    """`role:123` as `("role", "123")`; a bare id has the kind `""`. Kinds are not checked here."""
    found = _ENTRY.fullmatch(entry.strip())
    return (found["kind"].lower(), found["id"].strip()) if found else ("", entry.strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who comes, and where, by the platform's own ids."""

    user: str = ""
    """Empty: nobody yet; the place as such."""
    servers: Sequence[str] = ()
    channels: Sequence[str] = ()
    """The channel, and what it is a part of: the channel of a thread, the chat of a topic."""
    roles: Sequence[str] | None = ()
    """None: the platform did not tell."""
    groups: Sequence[str] | None = ()
    """User groups; None: the platform did not tell."""
    direct: bool = False
    is_bot: bool = False


@dataclass(frozen=True, slots=True)
class AccessList:
    """The entries of `allow` or `deny`."""

    ids: Mapping[str, frozenset[str]]
    """By kind; bare ids under the kind `""`."""

    @classmethod
    def of(cls, entries: Iterable[str]) -> Self:
        """Checked entries as a list."""
        ids: dict[str, set[str]] = {}
        for kind, id in map(split_entry, entries):
            ids.setdefault(kind, set()).add(id)
        return cls({kind: frozenset(found) for kind, found in ids.items()})

    def __bool__(self) -> bool:
        return bool(self.ids)

    def names(self, kind: AccessKind, ids: Iterable[str]) -> bool:
        """Whether one of these ids is on the list, as this kind or without one."""
        bare, of_kind = self.ids.get("", frozenset()), self.ids.get(kind.value, frozenset())
        return any(id in bare or id in of_kind for id in ids if id)

    def of_kind(self, kind: AccessKind) -> frozenset[str]:
        """The ids that are said to be of this kind."""
        return self.ids.get(kind.value, frozenset())

    def names_person(self, visit: Visit) -> bool:
        """Whether it names the visitor, or a role or group of theirs."""
        return (
            self.names(AccessKind.USER, (visit.user,))
            or self.names(AccessKind.ROLE, visit.roles or ())
            or self.names(AccessKind.GROUP, visit.groups or ())
        )

    def names_place(self, visit: Visit) -> bool:
        """Whether it names where the visitor is."""
        return self.names(AccessKind.SERVER, visit.servers) or self.names(AccessKind.CHANNEL, visit.channels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """An account's door keeper: what `allow`, `deny`, `owners`, `dm_policy` and `bots` say. Pure."""

    allow: AccessList
    deny: AccessList
    owners: frozenset[str]
    dm_policy: str
    bots: str = "none"

    def refuse(self, visit: Visit) -> str:
        """Why somebody is not let in; empty: come in. `PAIRING`: only when approved of.

        Owners are never refused for who they are; a place on the deny list is closed to all.
        """
        if self.deny.names_place(visit):
            return DENIED
        if visit.user in self.owners:
            return ""
        if self.deny.names_person(visit):
            return DENIED
        if self._cannot_tell(visit):
            return ROLES_UNKNOWN
        return self._refuse_direct(visit) if visit.direct else self._refuse_unlisted(visit)

    def _cannot_tell(self, visit: Visit) -> bool:
        return bool(visit.user) and (
            (visit.roles is None and bool(self.deny.of_kind(AccessKind.ROLE)))
            or (visit.groups is None and bool(self.deny.of_kind(AccessKind.GROUP)))
        )

    def _refuse_direct(self, visit: Visit) -> str:
        if self.dm_policy == "off":
            return DM_OFF
        if self.dm_policy == "open":
            return self._refuse_unlisted(visit)
        # A whole server on the list is no word about each of its people.
        if self.allow.names_person(visit) or self.allow.names(AccessKind.CHANNEL, visit.channels):
            return ""
        return PAIRING if self.dm_policy == "pairing" and not visit.is_bot else NOT_LISTED

    def _refuse_unlisted(self, visit: Visit) -> str:
        if not self.allow or self.allow.names_person(visit) or self.allow.names_place(visit):
            return ""
        return NOT_ALLOWED

    def refuse_bot(self, *, addressed: bool, kind: str = "bot") -> str:
        """Why another bot's message is not taken; `kind` is the reason where none is."""
        if self.bots == "all" or (self.bots == "mentions" and addressed):
            return ""
        return BOT_UNADDRESSED if self.bots == "mentions" else kind

    def asks_for(self, kind: AccessKind) -> frozenset[str]:
        """The roles or groups that the lists name."""
        return self.allow.of_kind(kind) | self.deny.of_kind(kind)
