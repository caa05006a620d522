"""What a platform asked a whole account to wait for, kept over a restart."""

import logging
from datetime import datetime, timedelta
from typing import Final

from bot_host.contracts.store import Store
from bot_host.host.accounts import Accounts
from bot_host.host.breaker import Breaker
from bot_host.kit.clock import utc_now
from bot_host.kit.tasks import Supervisor
from bot_host.types.errors import StoreError

log = logging.getLogger(__name__)

LONGEST: Final = timedelta(days=1)
"""What is further away was written by another clock."""


def _key(account: str) -> str:
    return f"held until: {account}"


class Holds:
    """The waits of one database's accounts, in its cache. None of them is worth a failure."""

    def __init__(self, store: Store, accounts: Accounts, breaker: Breaker, *, tasks: Supervisor) -> None:
        self._store = store
        self._accounts = accounts
        self._breaker = breaker
        self._tasks = tasks
        self._opened: set[str] = set()
        """Accounts that have logged in since the start."""
        breaker.remember = self._remember

    async def account_opened(self, account: str) -> None:
        """An account has logged in: it is well, unless it was asked to wait, now or before a restart."""
        self._breaker.logged_in(account)
        if account in self._opened:
            return
        self._opened.add(account)
        until = await self._read(account)
        if until is not None:
            self._breaker.hold(account, until)

    def _remember(self, account: str, until: datetime | None) -> None:
        self._tasks.spawn("hold", self._write(account, until))

    async def _write(self, account: str, until: datetime | None) -> None:
        line = self._accounts.find(account)
        if line is None:
            return
        try:
            if until is None:
                await self._store.delete_cache(line.agent_id, _key(account))
            else:
                await self._store.set_cache(line.agent_id, _key(account), until.isoformat())
        except StoreError as error:
            log.warning("how long %s has to wait could not be written down: %s", account, error)

    async def _read(self, account: str) -> datetime | None:
        line = self._accounts.find(account)
        if line is None:
            return None
        try:
            kept = await self._store.get_cache(line.agent_id, _key(account))
        except StoreError as error:
            log.warning("how long %s has to wait could not be read: %s", account, error)
            return None
        until = datetime.fromisoformat(kept) if isinstance(kept, str) else None
        now = utc_now()
        return until if until is not None and now < until <= now + LONGEST else None
