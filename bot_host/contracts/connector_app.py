"""An app of a platform that is installed in any number of workspaces: each is an account of its own.

A workspace has its own line, marks, holds and state, and its own `Connector`, which only takes and sends what
is that workspace's. The app has what they share: the way in, the installation, and the tokens. It brings up
and takes away the accounts while the host runs.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

from bot_host.contracts.connector import CheckLine, Connector
from bot_host.kit.tasks import Supervisor
from bot_host.types.secrets import KeptAccount


class AppHost(Protocol):
    """What the host gives to one app."""

    @property
    def tasks(self) -> Supervisor:
        """For the app's own tasks; closed by the host after `close`."""

    @property
    def data_dir(self) -> Path:
        """The host's data folder."""

    def ready(self) -> None:
        """The way in stands. Each account says for itself that it is connected."""

    def waiting(self, why: str) -> None:
        """The way in is lost; the app is trying again by itself."""

    async def open_account(self, id: str, connector: Connector, *, apart: bool = True) -> None:
        """Bring an account up, in place of an older one of that id: runs `connector` until it ends.

        `apart`: people, rooms and messages of this account are others than those of another account that have
        the same ids. Off for one whose people are known already, by a fixed token.

        It ends by itself with LoginError; messages for it wait, as they do for any account that is not there.
        """

    async def close_account(self, id: str, why: str) -> None:
        """Take an account away for good, which need not be open.

        What waits for it in the inbox and the outbox ends with the reason, its secrets are deleted, and the
        log says so once. `keep_account` brings it back. Raises StoreError.
        """

    async def stop_account(self, id: str) -> None:
        """End an account; what waits for it goes on waiting."""

    async def kept_accounts(self) -> Sequence[KeptAccount]:
        """All that `keep_account` has kept, also what is over. Raises StoreError, and ConfigError for a key
        that cannot be used at all."""

    async def keep_account(self, account: KeptAccount) -> None:
        """Keep secrets of an account over restarts, encrypted, in place of what was kept; on disk when this
        returns. They are blotted out of logs from then on. Raises StoreError, ConfigError."""

    async def has_history(self, id: str) -> bool:
        """Whether people have written to an account before. Raises StoreError."""

    async def recall(self, name: str) -> Any:
        """A JSON value that this app wanted to be remembered; None: there is none."""

    async def remember(self, name: str, value: Any) -> None:
        """Keep a JSON value over restarts. Raises StoreError."""


class ConnectorApp(Protocol):
    """One app on one platform. It may be an `HttpConnector` besides."""

    platform: ClassVar[str]
    app_id: str
    """The platform's id of the app, under which its secrets are kept."""

    async def run(self, host: AppHost) -> None:
        """Open the accounts and the way in, reconnect by itself, until `stop_intake` or cancellation.

        Raises as `Connector.run`; it must be callable again.
        """

    async def stop_intake(self) -> None:
        """Take nothing more in and let `run` return. Idempotent."""

    async def close(self) -> None:
        """Let go of connections. Idempotent; `run` has ended."""

    async def check(self, kept: Sequence[KeptAccount]) -> Sequence[CheckLine]:
        """Try the app, and the accounts that are kept, without going online. Never raises."""


OVER = "over"
"""Key of `KeptAccount.about`: why the account was closed; not there: it is not."""


def is_over(about: Mapping[str, Any]) -> bool:
    """Whether an account was closed for good."""
    return bool(about.get(OVER))


def scoped_key(scope: str, key: str) -> str:
    """A key of a person, place or message inside an account that is kept apart; `scope`: the account's id.

    Without a scope it stays as it is.
    """
    return f"{scope}/{key}" if scope else key
