"""Apps that are installed in many workspaces: each account of theirs has a runner of its own.

See `contracts/connector_app`. The app's runner supervises what the accounts share; theirs are among the
host's connectors while they are there, under the name `slack[T123]`.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from bot_host.contracts.connector import Connector, ConnectorState
from bot_host.contracts.connector_app import OVER, ConnectorApp
from bot_host.host.connectors import ConnectorRunner
from bot_host.host.runner import STOP_SECONDS, Runner
from bot_host.kit.clock import utc_now
from bot_host.store.secret_box import SecretBox
from bot_host.types.errors import ConfigError
from bot_host.types.secrets import EndedAccount, KeptAccount, SealedSecret

log = logging.getLogger(__name__)

END_SECONDS: Final = 2 * STOP_SECONDS
"""What an account may take to end, once its intake has been stopped."""


class Household(Protocol):
    """What an app's runner needs of the host."""

    def move_in(self, connector: Connector, name: str, scope: str) -> ConnectorRunner:
        """A runner for an account, among the host's connectors; `scope`: see `host/scope`."""

    def start(self, runner: ConnectorRunner, app: "AppRunner") -> "asyncio.Task[None]":
        """Supervise it, in a task of the host."""

    async def move_out(self, runner: ConnectorRunner) -> None:
        """It has ended: its line closes, and it is let go of."""

    def close_line(self, runner: ConnectorRunner) -> None:
        """Nothing goes out by it any more; what waits goes on waiting."""

    async def account_ended(self, account: str, ended: EndedAccount) -> None:
        """These messages and parts have ended with their account."""


class AppRunner(Runner):
    """One app and its `AppHost`."""

    def __init__(
        self,
        app: ConnectorApp,
        *,
        household: Household,
        box: SecretBox,
        learn: Callable[..., None],
        **more: Any,
    ) -> None:
        """`learn` is told of secrets, so that they are blotted out. `more`: see `Runner`."""
        super().__init__(app, **more)
        self._app = app
        self._household = household
        self._box = box
        self._learn = learn
        self._open: dict[str, tuple[ConnectorRunner, asyncio.Task[None]]] = {}
        self._changing = asyncio.Lock()

    @property
    def connector(self) -> ConnectorApp:
        """What it runs."""
        return self._app

    async def _serve(self) -> None:
        await self._app.run(self)

    async def supervise(self) -> None:
        """See `Runner`; ends when the accounts have ended as well."""
        await super().supervise()
        if not self._stopping:
            # It ended by itself: nothing would come in, and nobody would know why.
            for id in list(self._open):
                await self.stop_account(id)
        tasks = [task for _, task in self._open.values()]
        if tasks:
            await asyncio.wait(tasks)

    async def stop_intake(self) -> None:
        """See `Runner`; the accounts' too."""
        await super().stop_intake()
        await asyncio.gather(*(runner.stop_intake() for runner, _ in self._open.values()))

    # -- what the app sees (AppHost) --------------------------------------------------------------------

    def ready(self) -> None:
        """The way in stands."""
        self._failures = 0
        if self.state is not ConnectorState.CONNECTED:
            log.info("%s on: the way in stands, for %d workspaces", self.name, len(self._open))
            self._become(ConnectorState.CONNECTED)
            self._tasks.spawn("note", self._note())

    async def open_account(self, id: str, connector: Connector, *, apart: bool = True) -> None:
        """Bring an account up, in place of an older one of that id."""
        async with self._changing:
            await self._end(id)
            if self._stopping:
                return
            runner = self._household.move_in(connector, f"{self.name}[{id}]", id if apart else "")
            self._open[id] = (runner, self._household.start(runner, self))

    async def tend(self, runner: ConnectorRunner) -> None:
        """Supervise one account; one that is refused for good has no line any more."""
        await runner.supervise()
        if runner.state is ConnectorState.FAILED:
            self._household.close_line(runner)

    async def stop_account(self, id: str) -> None:
        """End an account; what waits for it goes on waiting."""
        async with self._changing:
            await self._end(id)

    async def _end(self, id: str) -> None:
        runner, task = self._open.pop(id, (None, None))
        if runner is None or task is None:
            return
        await runner.stop_intake()
        await asyncio.wait([task], timeout=END_SECONDS)
        await self._household.move_out(runner)

    async def close_account(self, id: str, why: str) -> None:
        """Take an account away for good: its rows end with the reason, its secrets go."""
        kept = {row.account: row for row in await self._rows()}
        about = {**(kept[id].about if id in kept else {}), OVER: why}
        ended = await self._store.end_account(
            f"{self._app.platform}:{id}", why, secret=self._row(id, value="", about=about)
        )
        await self._household.account_ended(f"{self._app.platform}:{id}", ended)
        already = id in kept and kept[id].about.get(OVER)
        level = logging.DEBUG if already else logging.WARNING
        log.log(
            level, "%s[%s] is over: %s (parts of messages given up: %d)", self.name, id, why, len(ended.parts)
        )
        await self.stop_account(id)

    async def kept_accounts(self) -> list[KeptAccount]:
        """All that was kept. What cannot be opened says why."""
        return [await asyncio.to_thread(self._opened, row) for row in await self._rows()]

    async def keep_account(self, account: KeptAccount) -> None:
        """Keep an account's secrets over restarts."""
        label = self._row(account.id).label
        self._learn(*account.secrets.values())
        value = await asyncio.to_thread(self._box.seal, json.dumps(dict(account.secrets)), label=label)
        await self._store.put_secret(self._row(account.id, value=value, about=account.about))

    async def has_history(self, id: str) -> bool:
        """Whether people have written to an account before."""
        return bool(await self._store.recent_rooms(f"{self._app.platform}:{id}", limit=1))

    async def recall(self, name: str) -> Any:
        """A JSON value that this app wanted to be remembered."""
        return await self._store.get_cache(self.agent_id, self._cache_key(name))

    async def remember(self, name: str, value: Any) -> None:
        """Keep a JSON value over restarts."""
        await self._store.set_cache(self.agent_id, self._cache_key(name), value)

    def _cache_key(self, name: str) -> str:
        return f"connector:{self._app.platform}/{self._app.app_id}:{name}"

    async def _rows(self) -> list[SealedSecret]:
        return await self._store.get_secrets(self._app.platform, self._app.app_id)

    def _row(self, id: str, *, value: str = "", about: Mapping[str, Any] | None = None) -> SealedSecret:
        return SealedSecret(
            platform=self._app.platform,
            app=self._app.app_id,
            account=id,
            value=value,
            about=dict(about or {}),
            updated_at=utc_now(),
        )

    def _opened(self, row: SealedSecret) -> KeptAccount:
        account = open_secret(self._box, row)
        self._learn(*account.secrets.values())
        return account


def open_secret(box: SecretBox, row: SealedSecret) -> KeptAccount:
    """A row with its secrets, or with why they cannot be read."""
    if not row.value:
        return KeptAccount(id=row.account, about=row.about)
    try:
        secrets = json.loads(box.open(row.value, label=row.label))
    except ConfigError as error:
        return KeptAccount(id=row.account, about=row.about, error=f"its tokens cannot be read: {error}")
    return KeptAccount(id=row.account, secrets=secrets, about=row.about)
