"""Accounts of one person on several platforms, joined by their own wish: by a code that one of them got."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot_host.types.ids import UUID
from bot_host.types.pairing import CODE_ALPHABET

LINK_CODE_LENGTH: Final = 12
"""60 random bits: a database that was read does not tell a code from its hash before it is over."""
LINK_CODE_LASTS: Final = timedelta(minutes=10)
LINK_WINDOW: Final = timedelta(hours=1)
"""Codes and wrong tries are counted in it."""
LINK_CODES_AT_MOST: Final = 5
"""That one account gets within the window; each takes the place of the one before."""
LINK_TRIES_AT_MOST: Final = 5
"""Wrong ones of one account within the window. Then nothing is compared until it is over."""
LINKED_AT_MOST: Final = 16
"""Accounts of one person."""


class LinkEnd(StrEnum):
    """What came of a code that somebody entered."""

    LINKED = "linked"
    UNKNOWN = "unknown"
    """No such code, or it is over, or used up, or another agent's: which of them is not told."""
    OWN = "own"
    """It was entered on the account that it was given to."""
    ALREADY = "already"
    """The two belong together already."""
    TOO_MANY = "too many"
    """One person would have too many accounts."""
    WAIT = "wait"
    """Too many wrong tries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkUse:
    """A code that was entered."""

    end: LinkEnd
    other: UUID | None = None
    """Whose code it was, where both are linked now."""
    room_id: UUID | None = None
    """The private chat in which that one got it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedAccount:
    """One account of a person who has linked several."""

    entity_id: UUID
    agent_id: UUID
    person_id: UUID
    linked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedPerson:
    """A person as far as they told that they are one: what may be recalled where they alone hear it."""

    entity_ids: tuple[UUID, ...]
    """All of them, the one that was asked for first; that one alone where nothing is linked."""
    room_ids: tuple[UUID, ...]
    """Their private chats with the agent."""


def new_link_code() -> str:
    """A code that nobody can guess."""
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(LINK_CODE_LENGTH))


def shown_code(code: str) -> str:
    """As people read it: in groups of four."""
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))
