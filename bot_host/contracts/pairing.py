"""What the database does for pairing. Each method is one whole transaction."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from bot_host.types.ids import UUID
from bot_host.types.pairing import Knocked, Pairing
from bot_host.types.turn import NewOutbox, Queued


class Pairings(Protocol):
    """Strangers who ask to be let in. The rows are the truth: each message of theirs is looked up."""

    async def find_pairing(self, account: str, user_id: str) -> Pairing | None:
        """What is known of a person: an open request (also an expired one), an approval, a refusal."""

    async def knock(
        self, request: Pairing, line: Sequence[NewOutbox], send_now: Collection[str] = ()
    ) -> Knocked:
        """A stranger writes: keep `request` and queue `line`, unless they have a code or there is no place.

        Requests of the account that have expired go.
        """

    async def pairings(self, agent_id: UUID | None = None) -> list[Pairing]:
        """Open requests, approvals and refusals, oldest first; of one agent, or of all."""

    async def decide_pairing(
        self, code: str, *, approve: bool, by: str, now: datetime, agent_id: UUID | None = None
    ) -> Pairing | None:
        """Approve or turn down the open request with this code; None: there is none. Audited.

        One that was decided before is left, and returned as it is: whoever asks twice is told the same.
        Whoever is approved of becomes an entity that the agent knows, so that erasing them finds all.
        """

    async def forget_pairing(self, account: str, user_id: str, *, by: str, now: datetime) -> bool:
        """Take an approval or a refusal back; whether there was one. Audited."""

    async def untold_pairings(self, account: str) -> list[Pairing]:
        """Those who were approved of and have not been told."""

    async def tell_pairing(
        self,
        pairing: Pairing,
        line: Sequence[NewOutbox],
        send_now: Collection[str] = (),
        *,
        now: datetime,
    ) -> Queued:
        """Queue the line that tells somebody that they are let in; nothing when that is done already."""
