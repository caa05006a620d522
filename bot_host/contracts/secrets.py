"""What the database does for accounts that come and go. Each method is one whole transaction.

All values come sealed.
"""

from collections.abc import Callable
from typing import Protocol

from bot_host.types.secrets import EndedAccount, SealedSecret


class Secrets(Protocol):
    """Tokens of accounts, which a platform hands over while the host runs."""

    async def put_secret(self, secret: SealedSecret) -> None:
        """Keep it, in place of what was kept of that account."""

    async def get_secrets(self, platform: str, app: str) -> list[SealedSecret]:
        """All of one app, by account."""

    async def end_account(self, account: str, reason: str, *, secret: SealedSecret) -> EndedAccount:
        """An account is over: keep `secret` of it, and end all that waits there with the reason.

        `account`: its key, `platform:id`. Messages end as ignored, parts as failed.
        """

    async def reseal_secrets(self, turn: Callable[[SealedSecret], str | None]) -> int:
        """Put what `turn` makes of each value in its place, all or none; how many. None: it stays."""
