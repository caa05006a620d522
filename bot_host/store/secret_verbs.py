"""The store's verbs of secrets, each as one unit of work on a driver."""

from collections.abc import Callable
from functools import partial

from bot_host.store import secrets as rows
from bot_host.store.driver import Driver
from bot_host.types.secrets import EndedAccount, SealedSecret


class SecretVerbs:
    """`bot_host.contracts.secrets.Secrets`; see there for what each verb does."""

    _driver: Driver

    async def put_secret(self, secret: SealedSecret) -> None:
        """See Secrets."""
        await self._driver.write(partial(rows.put_secret, secret))

    async def get_secrets(self, platform: str, app: str) -> list[SealedSecret]:
        """See Secrets."""
        return await self._driver.read(partial(rows.get_secrets, platform, app))

    async def end_account(self, account: str, reason: str, *, secret: SealedSecret) -> EndedAccount:
        """See Secrets."""
        return await self._driver.write(partial(rows.end_account, account, reason, secret))

    async def reseal_secrets(self, turn: Callable[[SealedSecret], str | None]) -> int:
        """See Secrets."""
        return await self._driver.write(partial(rows.reseal_secrets, turn))
