"""The process: start, wait, drain, exit code. The only signal handler (invariant I7)."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Final

from bot_host.app.build import Built, build
from bot_host.config.schema import Loaded
from bot_host.contracts.connector import ConnectorState
from bot_host.host import BotHost
from bot_host.kit.logs import SecretMask, make_handler, set_up_logging
from bot_host.kit.tasks import Supervisor
from bot_host.types.errors import BotHostError, ConfigError

log = logging.getLogger(__name__)

GRACE_SECONDS: Final = 20.0
"""For turns under way at the first signal."""
OK: Final = 0
NOTHING_LEFT: Final = 1
MEND_CONFIG: Final = 2

WAY_OUT: Final = """\
Nothing is switched on, so there is nobody to talk with. Any one of these helps:
  - run it in a terminal: the chat is there by itself
  - [connectors.terminal] enabled = true in the config file, to read lines from a pipe
  - a token in the environment or in .env: DISCORD_BOT_TOKEN, TELEGRAM_BOT_TOKEN,
    or SLACK_BOT_TOKEN with SLACK_APP_TOKEN"""


class Signals:
    """The first signal asks the host to drain, the second one ends the process."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._before: dict[int, object] = {}
        self._caught_one = False

    def __enter__(self) -> "Signals":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._caught)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _caught(self, number: int, frame: FrameType | None) -> None:
        if self._caught_one:
            # What is on disk is all that counts; closing politely is what the first signal was for.
            os.write(2, b"stopping at once; what was left goes on at the next start\n")
            os._exit(128 + number)
        self._caught_one = True
        self._loop.call_soon_threadsafe(self.asked.set)


async def run(loaded: Loaded) -> int:
    """Host what the configuration says, until a signal or the end of all input. The exit code."""
    mask = SecretMask()
    mask.add(*loaded.secrets)
    production = loaded.config.environment == "production"
    level = loaded.config.host.log_level
    screen = make_handler(mask, as_json=production, tracebacks=not production or level == "debug")
    set_up_logging([screen], level)
    try:
        built = await build(loaded)
    except BotHostError as error:
        log.error("%s", error)
        return MEND_CONFIG
    mask.add(*built.secrets)
    for note in loaded.notes:
        log.info("%s", note)
    for line in built.off:
        log.info("%s", line)
    for line in built.faults:
        log.error("%s", line)
    if not built.on:
        log.error("%s", WAY_OUT if not built.faults else "nothing could be switched on")
        await built.host.stop(0)
        return MEND_CONFIG
    with Signals() as signals:
        try:
            await built.host.start_agents()
        except BotHostError as error:
            log.error("%s", error)
            await built.host.stop(0)
            return MEND_CONFIG if isinstance(error, ConfigError) else NOTHING_LEFT
        if built.terminal and sys.stdin.isatty():
            _give_the_screen_to_the_chat(loaded.config.data_dir, mask, level)
        return await _host(built, signals)


def _give_the_screen_to_the_chat(data_dir: Path, mask: SecretMask, level: str) -> None:
    file = data_dir / "logs" / "bot_host.log"
    log.info("the terminal is for the chat now; the log goes on in %s", file)
    set_up_logging([make_handler(mask, file=file)], level)


async def _host(built: Built, signals: Signals) -> int:
    host = built.host
    try:
        async with Supervisor("process") as tasks:
            asked = tasks.spawn("signal", signals.asked.wait())
            ended = tasks.spawn("connectors", _until_all_ended(host))
            await asyncio.wait([ended, asked], return_when=asyncio.FIRST_COMPLETED)
        if signals.asked.is_set():
            log.info("stopping: what is under way has %.0f seconds, the rest waits", GRACE_SECONDS)
    finally:
        await host.stop(GRACE_SECONDS)
    log.info("stopped")
    return OK if signals.asked.is_set() else _code([runner.state for runner in host.connectors])


async def _until_all_ended(host: BotHost) -> None:
    await asyncio.gather(*host.start_connectors())
    await host.finish_pending()


def _code(states: Sequence[ConnectorState]) -> int:
    if ConnectorState.STOPPED in states:
        return OK
    log.error("no connector could stay on; the lines above say why")
    return NOTHING_LEFT
