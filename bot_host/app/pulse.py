"""A sign of life on disk: what the host is doing, for `status`, which asks from another process."""

import asyncio
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from bot_host.contracts.connector import ConnectorState
from bot_host.host import BotHost
from bot_host.types.errors import StoreError

log = logging.getLogger(__name__)

FILE: Final = "status.json"
EVERY_SECONDS: Final = 2.0
STARTING_SECONDS: Final = 0.2
"""As long as agents or connectors start: nobody should be told for long of what is over."""
START_SECONDS: Final = 60.0
"""What has not started by then is not waited for: an agent may be stopped on purpose."""
STALE_SECONDS: Final = 20.0
"""Without a beat for so long, a host hangs or is beyond its powers."""


class Pulse:
    """Writes the host's status into its data folder, as long as it runs; a file is cheaper than a commit."""

    def __init__(self, host: BotHost, folder: Path, *, hide: Callable[[str], str]) -> None:
        """`hide` blots secrets out."""
        self._host = host
        self._file = folder / FILE
        self._hide = hide
        self._failed = False

    async def beat(self) -> None:
        """Write every few seconds, until cancelled; then take the file away: nobody runs any more."""
        give_up_at = time.monotonic() + START_SECONDS
        try:
            while True:
                starting = await self._write() and time.monotonic() < give_up_at
                await asyncio.sleep(STARTING_SECONDS if starting else EVERY_SECONDS)
        finally:
            self._file.unlink(missing_ok=True)

    async def _write(self) -> bool:
        """Whether something has yet to start."""
        try:
            status = (await self._host.status()).to_dict()
        except StoreError as error:
            log.debug("no figures: %s", error)
            status = {"pid": os.getpid(), "database_error": str(error)}
        text = self._hide(json.dumps(status, ensure_ascii=False)).encode("utf-8", "replace")
        try:
            await asyncio.to_thread(_replace, self._file, text)
        except OSError as error:
            if not self._failed:
                log.warning(
                    "status cannot see this host: %s cannot be written: %s", self._file, error.strerror
                )
            self._failed = True
        else:
            self._failed = False
        return is_starting(status)


def is_starting(status: Mapping[str, Any]) -> bool:
    """Of what a host wrote of itself: whether an agent or a connector has yet to start."""
    agents, connectors = status.get("agents", ()), status.get("connectors", ())
    if not agents or not all(agent["started"] for agent in agents):
        return True
    return any(connector["state"] == ConnectorState.STARTING for connector in connectors)


def _replace(file: Path, text: bytes) -> None:
    """Whole or not at all: somebody may be reading."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, text)
    finally:
        os.close(descriptor)
    os.replace(beside, file)


def read_pulse(folder: Path, *, pid: str) -> dict[str, Any] | None:
    """What the process `pid` wrote last; None: nothing yet, or it cannot be read."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and str(found.get("pid")) == pid else None
