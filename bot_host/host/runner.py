"""What every runner does: one part that talks with a platform, with its own faults, waits and end."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final, Protocol

from bot_host.contracts.connector import ConnectorState
from bot_host.contracts.store import Store
from bot_host.kit.clock import utc_now
from bot_host.kit.logs import log_context
from bot_host.kit.retry import backoff
from bot_host.kit.tasks import Supervisor
from bot_host.types.errors import ConfigError, ConnectorError, LoginError, StoreError
from bot_host.types.ids import UUID
from bot_host.types.inbound import Account
from bot_host.types.ledger import AccountNote

log = logging.getLogger(__name__)

STOP_SECONDS: Final = 10.0
"""What a connector may take to stop taking messages, and again to close."""


class Runnable(Protocol):
    """What connectors and apps have in common."""

    platform: ClassVar[str]

    async def stop_intake(self) -> None: ...

    async def close(self) -> None: ...


class Runner:
    """Supervises one of them."""

    def __init__(
        self,
        connector: Runnable,
        *,
        name: str,
        agent_id: UUID,
        agent_name: str,
        store: Store,
        data_dir: Path,
        mask: Callable[[str], str],
    ) -> None:
        """`mask` blots secrets out of what is stored about failures (invariant I5)."""
        self._part = connector
        self.task: asyncio.Task[None] | None = None
        """That supervises it."""
        self.accompanies = False
        """It is no reason for the process to go on by itself."""
        self.name = name
        """The table of the config, for the log: `discord`, `telegram[1]`; an app's account: `slack[T123]`."""
        self.state = ConnectorState.STARTING
        self.since = utc_now()
        """In this state."""
        self.error = ""
        """What keeps it from being connected; empty when it is."""
        self.last_error = ""
        self.last_error_at: datetime | None = None
        self.connections = 0
        """How often it has become connected since the start."""
        self.events = 0
        """That came in since the start, of any kind."""
        self.last_event_at: datetime | None = None
        self.agent_id = agent_id
        self.agent_name = agent_name
        self._store = store
        self._data_dir = data_dir
        self._mask = mask
        self._account: Account | None = None
        self._tasks = Supervisor(name)
        self._stopping = False
        self._stop_asked = asyncio.Event()
        self._failures = 0

    @property
    def connector(self) -> Runnable:
        """What it runs."""
        return self._part

    @property
    def account(self) -> Account | None:
        """Who it is, once it has logged in."""
        return self._account

    # -- what connectors and apps see of their host -----------------------------------------------------

    @property
    def tasks(self) -> Supervisor:
        """For the connector's own tasks."""
        return self._tasks

    @property
    def data_dir(self) -> Path:
        """The host's data folder."""
        return self._data_dir

    def waiting(self, why: str) -> None:
        """Connection lost; the connector is trying again by itself."""
        if self._stopping:
            return
        if self.state is not ConnectorState.WAITING or self.error != why:
            log.warning("%s waits: %s", self.name, why)
            self._become(ConnectorState.WAITING, why)
            self._tasks.spawn("note", self._note())

    def _become(self, state: ConnectorState, error: str = "") -> None:
        if state is not self.state:
            self.since = utc_now()
            self.connections += state is ConnectorState.CONNECTED
        self.state = state
        self.error = error
        if error:
            self.last_error, self.last_error_at = error, utc_now()

    async def _note(self) -> None:
        """Put the state where it can be read when the host is down. Not worth a failure."""
        try:
            await self._store.note_account(
                AccountNote(
                    account=self._account.key if self._account is not None else self.name,
                    name=self.name,
                    agent_id=self.agent_id,
                    label=self._account.name if self._account is not None else "",
                    state=self.state.value,
                    since=self.since,
                    error=self._mask(self.last_error),
                    error_at=self.last_error_at,
                )
            )
        except StoreError as error:
            log.warning("the state of %s could not be written down: %s", self.name, error)

    # -- what the host does with it ---------------------------------------------------------------------

    async def supervise(self) -> None:
        """Run it until it ends by itself, is refused for good, or is stopped."""
        with log_context(connector=self.name):
            while not self._stopping:
                try:
                    await self._run()
                except (LoginError, ConfigError) as error:
                    self._become(ConnectorState.FAILED, str(error))
                    log.error("%s off: %s", self.name, error)
                    await self._note()
                    return
                except Exception as error:
                    self._failures += 1
                    wait = backoff(self._failures)
                    self.waiting(f"{error or type(error).__name__}; trying again in {wait:.0f} s")
                    log.debug("%s failed", self.name, exc_info=error)
                    await self._sleep(wait)
                else:
                    break
            self._become(ConnectorState.STOPPED)
            await self._note()

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop_asked.wait()
        except TimeoutError:
            return

    async def _run(self) -> None:
        try:
            await self._serve()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # Not ours: an SDK's own task was cancelled, and the connector passed that on.
            raise ConnectorError("the connection was given up by the library") from None

    async def _serve(self) -> None:
        """Run it once."""
        raise NotImplementedError

    async def stop_intake(self) -> None:
        """Take nothing more in; sending goes on."""
        self._stopping = True
        self._stop_asked.set()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._part.stop_intake()
        except Exception as error:  # noqa: BLE001 - stopping goes on with the others
            log.warning(
                "%s did not stop taking messages by itself: %s", self.name, error or type(error).__name__
            )

    async def close(self) -> None:
        """Let go of the connection and end the connector's tasks."""
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._part.close()
        except Exception as error:  # noqa: BLE001 - closing goes on with the others
            why = error or type(error).__name__
            log.warning("%s did not close by itself: %s", self.name, why)
        await self._tasks.close()
