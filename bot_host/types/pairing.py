"""Strangers who ask to be let in (`dm_policy = "pairing"`), and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot_host.types.ids import UUID
from bot_host.types.outbound import Target
from bot_host.types.turn import Queued

CODE_ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without 0, 1, I and O, which look like others: 32 characters, 5 bits each."""
CODE_LENGTH: Final = 8
CODE_LASTS: Final = timedelta(hours=1)
"""How long a code is good; its person gets no other one before."""
OPEN_AT_MOST: Final = 3
"""Open requests of one account; with more, nobody new gets a code."""


class PairingState(StrEnum):
    """Where a request is."""

    OPEN = "open"
    APPROVED = "approved"
    DENIED = "denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """One person on one account."""

    account: str
    user_id: str
    """The platform's id."""
    agent_id: UUID
    entity_id: UUID
    name: str
    target: Target
    """The direct chat."""
    code: str
    state: PairingState = PairingState.OPEN
    asked_at: datetime
    expires_at: datetime
    """Of an open request."""
    decided_at: datetime | None = None
    decided_by: str = ""
    told_at: datetime | None = None
    """When somebody who was approved of was told."""

    def is_open(self, now: datetime) -> bool:
        """Its code is still good."""
        return self.state is PairingState.OPEN and now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Knocked:
    """What became of a stranger's message."""

    reason: str
    """Why it is not taken; empty: they have been approved of meanwhile."""
    queued: Queued = field(default_factory=lambda: Queued(seqs=()))
    """The line with the code."""


def clean_code(text: str) -> str:
    """A code as it is stored, however it was typed (`abcd-efgh`)."""
    return "".join(character for character in text.upper() if character.isalnum())


def who(pairing: Pairing) -> str:
    """A person in one line: `Ada (discord 123)`."""
    platform = pairing.account.partition(":")[0]
    return (
        f"{pairing.name} ({platform} {pairing.user_id})" if pairing.name else f"{platform} {pairing.user_id}"
    )


def matching(pairings: Sequence[Pairing], text: str) -> list[Pairing]:
    """Those that a text may mean: the platform's id, `account:id`, `platform:id`, or the entity's id."""
    wanted = text.strip()
    return [
        each
        for each in pairings
        if wanted
        in (
            each.user_id,
            f"{each.account}:{each.user_id}",
            f"{each.account.partition(':')[0]}:{each.user_id}",
            each.entity_id,
        )
    ]
