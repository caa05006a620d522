"""The process: start, wait, drain, exit code. The only signal handler (invariant I7)."""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Final

from bot_host.app.build import Built, build
from bot_host.app.folders import make_places
from bot_host.app.listen import MakeWeb, Web, keeps_running, listen, reached_at
from bot_host.app.pulse import Pulse
from bot_host.config.schema import Loaded
from bot_host.contracts.connector import ConnectorState
from bot_host.host import BotHost
from bot_host.kit.lock import ProcessLock
from bot_host.kit.logs import SecretMask, make_handler, set_up_logging
from bot_host.kit.tasks import Supervisor
from bot_host.types.errors import BotHostError, ConfigError, StoreUnfit

log = logging.getLogger(__name__)

GRACE_SECONDS: Final = 20.0
"""For turns under way at the first signal."""
LOCK_SECONDS: Final = GRACE_SECONDS + 5.0
"""Longer than a predecessor takes to drain."""
OK: Final = 0
NOTHING_LEFT: Final = 1
MEND_CONFIG: Final = 2

WAY_OUT: Final = """\
Nothing is switched on, so there is nobody to talk with. Any one of these helps:
  - run it in a terminal: the chat is there by itself
  - [connectors.terminal] enabled = true in the config file, to read lines from a pipe
  - a token in the environment or in .env: DISCORD_BOT_TOKEN, TELEGRAM_BOT_TOKEN,
    or SLACK_BOT_TOKEN with SLACK_APP_TOKEN
  - a token of your own as [web] token in the config file, for the HTTP API alone"""


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


async def run(loaded: Loaded, make_web: MakeWeb) -> int:
    """Host what the configuration says, until a signal or the end of all input. The exit code."""
    mask = SecretMask()
    mask.add(*loaded.secrets)
    set_up_logging([_handler(loaded, mask)], loaded.config.host.log_level)
    try:
        built = await build(loaded, mask=mask)
    except BotHostError as error:
        log.error("%s", error)
        return MEND_CONFIG
    try:
        for note in loaded.notes:
            log.info("%s", note)
        for line in built.off:
            log.info("%s", line)
        for line in built.warnings:
            log.warning("%s", line)
        for line in (*built.faults, *built.schedule_faults):
            log.error("%s", line)
        if not built.on and not keeps_running(loaded.config.web):
            log.error("%s", WAY_OUT if not built.faults else "nothing could be switched on")
            return MEND_CONFIG
        try:
            make_places(loaded)
        except ConfigError as error:
            log.error("%s", error)
            return MEND_CONFIG
        with Signals() as signals, built.lock as lock:
            if not await _only_one(lock):
                return NOTHING_LEFT
            return await _with_web(built, signals, loaded, mask, make_web)
    finally:
        await built.host.stop(GRACE_SECONDS)
        log.info("stopped")


async def _only_one(lock: ProcessLock) -> bool:
    try:
        if lock.try_take():
            return True
        log.warning("another Bot Host (process %s) uses this database; waiting for it to end", lock.holder)
        if await lock.take(patience_s=LOCK_SECONDS):
            return True
    except OSError as error:
        log.error("the folder of the database cannot be written: %s", error)
        return False
    log.error(
        "another Bot Host (process %s) still uses this database: end it, or give this one another "
        "database.url and host.data_dir",
        lock.holder,
    )
    return False


async def _open_web(built: Built, loaded: Loaded, make_web: MakeWeb) -> Web | None:
    """The web server, started before the agents, so that it can say how far they are."""
    config = loaded.config.web
    if not config.enabled:
        log.info("web off: enabled = false")
        return None
    try:
        web = make_web(built.host, config, await listen(config), loaded=loaded)
        await web.start()
    except ConfigError as error:
        log.error("web off: %s", error)
        return None
    return web


async def _with_web(
    built: Built, signals: Signals, loaded: Loaded, mask: SecretMask, make_web: MakeWeb
) -> int:
    web = await _open_web(built, loaded, make_web)
    if web is None and not built.on:
        log.error("nothing could be switched on")
        return MEND_CONFIG
    if web is None and built.needs_web:
        log.error("%s cannot be reached without the web server", ", ".join(built.needs_web))
        return MEND_CONFIG
    if web is not None:
        built.host.use_address(reached_at(loaded.config.web, web.url))
    try:
        return await _host(built, signals, loaded, mask, web)
    finally:
        if web is not None:
            # The host first: whoever waits for an answer still gets it. And both before the next process
            # gets the lock, which then finds the port free.
            await built.host.stop(GRACE_SECONDS)
            await web.stop()


def _handler(loaded: Loaded, mask: SecretMask, *, file: Path | None = None) -> logging.Handler:
    production = loaded.config.environment == "production"
    tracebacks = not production or loaded.config.host.log_level == "debug"
    return make_handler(mask, file=file, as_json=production, tracebacks=tracebacks)


def _give_the_screen_to_the_chat(loaded: Loaded, mask: SecretMask) -> None:
    """The log goes on in a file; what is worth a warning stays on the screen as well."""
    file = loaded.config.data_dir / "logs" / "bot_host.log"
    try:
        handler = _handler(loaded, mask, file=file)
    except OSError as error:
        log.warning("the log stays here: %s cannot be written (%s)", file, error.strerror)
        return
    log.info("the terminal is for the chat now; the log goes on in %s", file)
    screen = _handler(loaded, mask)
    screen.setLevel(logging.WARNING)
    set_up_logging([handler, screen], loaded.config.host.log_level)


async def _host(built: Built, signals: Signals, loaded: Loaded, mask: SecretMask, web: Web | None) -> int:
    async with Supervisor("process") as tasks:
        asked = tasks.spawn("signal", signals.asked.wait())
        tasks.spawn("pulse", Pulse(built.host, loaded.config.data_dir, hide=mask.hide).beat())
        starting = tasks.spawn("start", _start(built))
        await asyncio.wait([starting, asked], return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            return OK
        if (error := starting.result()) is not None:
            log.error("%s", error)
            return MEND_CONFIG if isinstance(error, ConfigError | StoreUnfit) else NOTHING_LEFT
        _tune_collector()
        if built.terminal and sys.stdin.isatty():
            _give_the_screen_to_the_chat(loaded, mask)
        ended = tasks.spawn("connectors", _until_all_ended(built.host))
        await asyncio.wait([ended, asked], return_when=asyncio.FIRST_COMPLETED)
        if web is not None and keeps_running(loaded.config.web) and not signals.asked.is_set():
            if built.on:
                log.info("no connector is on any more; the web goes on")
            await asked
        if web is not None:
            web.drain()
        if signals.asked.is_set():
            log.warning(
                "stopping: what is under way has %.0f seconds, the rest waits for the next start; "
                "once more stops at once",
                GRACE_SECONDS,
            )
            # Here and not after this block: the connectors finish by themselves, they are not cancelled.
            await built.host.stop(GRACE_SECONDS)
            return OK
        await built.host.stop(GRACE_SECONDS)
    return _code([runner.state for runner in built.host.connectors if not runner.accompanies])


async def _start(built: Built) -> BotHostError | None:
    """What kept it from starting; of an error that is known nobody needs the traceback."""
    try:
        await built.start()
    except BotHostError as error:
        return error
    return None


def _tune_collector() -> None:
    """Spare the garbage collector what stays for the life of the process.

    Measured: with Python's own thresholds it takes an eighth of the loop's time, and a full collection walks
    all modules, tens of milliseconds in which nobody is answered.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


async def _until_all_ended(host: BotHost) -> None:
    connectors = host.start_connectors()
    if connectors:
        # wait, not gather: a connector is ended by its stop_intake, never by the cancellation of this task.
        await asyncio.wait(connectors)
    await host.finish_pending()


def _code(states: Sequence[ConnectorState]) -> int:
    if ConnectorState.STOPPED in states:
        return OK
    log.error("no connector could stay on; the lines above say why")
    return NOTHING_LEFT
