"""The store's verbs of pairing, each as one unit of work on a driver."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial

from bot_host.store import pairing as rows
from bot_host.store.driver import Driver
from bot_host.types.ids import UUID
from bot_host.types.pairing import Knocked, Pairing
from bot_host.types.turn import NewOutbox, Queued


class PairingVerbs:
    """`bot_host.contracts.pairing.Pairings`; see there for what each verb does."""

    _driver: Driver

    async def find_pairing(self, account: str, user_id: str) -> Pairing | None:
        """See Pairings."""
        return await self._driver.read(partial(rows.find_pairing, account, user_id))

    async def knock(
        self, request: Pairing, line: Sequence[NewOutbox], send_now: Collection[str] = ()
    ) -> Knocked:
        """See Pairings."""
        return await self._driver.write(partial(rows.knock, request, line, send_now))

    async def pairings(self, agent_id: UUID | None = None) -> list[Pairing]:
        """See Pairings."""
        return await self._driver.read(partial(rows.all_pairings, agent_id))

    async def decide_pairing(
        self, code: str, *, approve: bool, by: str, now: datetime, agent_id: UUID | None = None
    ) -> Pairing | None:
        """See Pairings."""
        return await self._driver.write(partial(rows.decide, code, approve, by, now, agent_id))

    async def forget_pairing(self, account: str, user_id: str, *, by: str, now: datetime) -> bool:
        """See Pairings."""
        return await self._driver.write(partial(rows.forget, account, user_id, by, now))

    async def untold_pairings(self, account: str) -> list[Pairing]:
        """See Pairings."""
        return await self._driver.read(partial(rows.untold, account))

    async def tell_pairing(
        self,
        pairing: Pairing,
        line: Sequence[NewOutbox],
        send_now: Collection[str] = (),
        *,
        now: datetime,
    ) -> Queued:
        """See Pairings."""
        return await self._driver.write(partial(rows.tell, pairing, line, send_now, now))
