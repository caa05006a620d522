"""`check`: try everything that is switched on, without starting, and say what to do about each trouble."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, TypeAlias

from bot_host.app.agents import Hosted, answering_agent, hosted_agents, model_alone
from bot_host.app.build import check_web, connector_specs, off_reason
from bot_host.app.embeddings import embedding_line
from bot_host.app.folders import look_at_places, process_lock
from bot_host.app.knowledge import missing_files
from bot_host.app.listen import PortInUse, close_all, keeps_running, listen, reached_at
from bot_host.app.live import host_line, nothing_yet, open_live
from bot_host.app.manifest import app_about
from bot_host.app.permissions import unknown_actions
from bot_host.app.retention import check_line
from bot_host.app.schedules import check_schedules, planned
from bot_host.app.secrets import kept_accounts
from bot_host.app.silence import config_silences
from bot_host.config.schema import ConnectorEntry, Loaded
from bot_host.contracts.connector import CheckLine, Connector, ManifestComparing, SelfChecking
from bot_host.contracts.connector_app import ConnectorApp
from bot_host.contracts.connector_http import HttpConnector
from bot_host.contracts.manifest import AppManifest
from bot_host.contracts.plugin import Plugin
from bot_host.runtime.plugins import names_for_character
from bot_host.store import make_store
from bot_host.types.errors import BotHostError, ConfigError, NotReady, PluginError, StoreUnfit

log = logging.getLogger(__name__)

CHECK_SECONDS: Final = 60.0
"""For one platform or one plugin."""

Look: TypeAlias = Callable[[], Awaitable[Sequence[CheckLine]]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `check`, and whether the host would refuse to start with such a configuration."""

    line: CheckLine
    mend_config: bool = False


def code_of(findings: Iterable[Finding]) -> int:
    """The exit code: 0 all well, 1 something does not work, 2 the configuration has to be mended."""
    bad = [finding for finding in findings if not finding.line.ok]
    return 2 if any(finding.mend_config for finding in bad) else 1 if bad else 0


async def check(loaded: Loaded, *, live: bool = False) -> AsyncIterator[Finding]:
    """The findings, one after the other: database, characters, schedules, models and other plugins, web,
    connectors.

    `live`: also what each account has really received.
    """
    database = await _contained("database", lambda: _database(loaded))
    for finding in database:
        yield finding
    hosted: list[Hosted] = []
    for finding in await _contained("characters", lambda: _characters(loaded, hosted)):
        yield finding
    for finding in await _contained("schedules", lambda: _schedules(loaded, hosted)):
        yield finding
    for name, ask in _plugin_checks(loaded, hosted):
        for finding in await _contained(name, ask):
            yield finding
    yield Finding(check_line(loaded.config.retention))
    for each in hosted:
        for finding in await _contained("embeddings", partial(_embeddings, loaded, each)):
            yield finding
    for finding in await _contained("web", lambda: _web(loaded)):
        yield finding
    if live:
        for finding in await _contained("host live", lambda: _host(loaded)):
            yield finding
    readable = all(finding.line.ok for finding in database)
    connectors = _Connectors(loaded, hosted, live=live, readable=readable)
    for entry in loaded.config.connectors:
        for finding in await connectors.look(entry):
            yield finding
    if not connectors.on and not keeps_running(loaded.config.web):
        line = CheckLine(
            name="connectors",
            ok=False,
            detail="nothing is switched on",
            advice="set a token (DISCORD_BOT_TOKEN, TELEGRAM_BOT_TOKEN, SLACK_BOT_TOKEN with "
            "SLACK_APP_TOKEN), or [connectors.terminal] enabled = true, or run it in a terminal, or set "
            "web.token for the HTTP API alone",
        )
        yield Finding(line, mend_config=True)


async def _contained(name: str, look: Look) -> list[Finding]:
    """A look that fails is a finding, not the end of the others."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return [Finding(line) for line in await look()]
    except TimeoutError:
        return [_bad(name, f"no answer within {CHECK_SECONDS:.0f} s")]
    except BotHostError as error:
        return [_bad(name, str(error), mend_config=isinstance(error, ConfigError | PluginError | StoreUnfit))]
    except Exception as error:
        log.debug("check of %s failed", name, exc_info=error)
        return [_bad(name, f"{type(error).__name__}: {error}")]


def _bad(name: str, detail: str, advice: str = "", *, mend_config: bool = False) -> Finding:
    return Finding(CheckLine(name=name, ok=False, detail=detail, advice=advice), mend_config)


async def _database(loaded: Loaded) -> list[CheckLine]:
    look_at_places(loaded)
    # First of all: of a database that cannot be served at all it says so.
    looked_at = make_store(loaded.config.database.url, base=loaded.folder, read_only=True)
    if loaded.config.database.in_memory:
        return [CheckLine(name="database", ok=True, detail="in memory: it ends with the host")]
    try:
        async with looked_at as store:
            waiting = await store.pending_count()
            unsent = await store.unsent_count()
    except NotReady as error:
        return [CheckLine(name="database", ok=True, detail=str(error))]
    waits = f"{waiting} messages wait for an answer, {unsent} parts wait to be sent"
    return [CheckLine(name="database", ok=True, detail=f"reachable; {waits}")]


async def _characters(loaded: Loaded, hosted: list[Hosted]) -> list[CheckLine]:
    """Fills `hosted`."""
    lines = []
    for each in hosted_agents(loaded):
        hosted.append(each)
        names_for_character(each.character.plugins)  # says what there is not
        where = each.agent.character or "the character that comes with Bot Host"
        lines.append(CheckLine(name=f"agent {each.character.name}", ok=True, detail=where))
    lines += missing_files(hosted)
    return [*lines, *unknown_actions(loaded, hosted, connector_specs().values())]


async def _schedules(loaded: Loaded, hosted: Sequence[Hosted]) -> list[CheckLine]:
    if len(hosted) < len(loaded.config.agents):
        return []  # What is wrong with the characters is said already.
    specs = connector_specs()
    on = [each for each in loaded.config.connectors if not off_reason(specs[each.platform], each.config)]
    return await check_schedules(loaded, planned(loaded, hosted, on, specs))


def _plugin_checks(loaded: Loaded, hosted: Sequence[Hosted]) -> Iterator[tuple[str, Look]]:
    """What to ask of each plugin, with the name of the finding; once for each config that it gets."""
    if not hosted:
        # A character that cannot be read hides no fault of the model.
        plugin, config = model_alone(loaded)
        yield f"model {plugin.name}", partial(_ask_plugin, plugin, config)
    asked: set[tuple[str, str]] = set()
    for each in hosted:
        for plugin in each.plugins:
            config = each.config_of(plugin)
            key = (plugin.name, repr(config))
            if key in asked or (plugin.check is None and plugin is not each.model):
                continue
            asked.add(key)
            kind = "model" if plugin is each.model else "plugin"
            yield f"{kind} {plugin.name}", partial(_ask_plugin, plugin, config)


async def _ask_plugin(plugin: Plugin, config: Mapping[str, Any]) -> list[CheckLine]:
    if plugin.check is None:
        offline = plugin.name == "offline"
        return [
            CheckLine(
                name=f"model {plugin.name}",
                ok=True,
                detail="a demonstration that answers by fixed patterns" if offline else "there",
                advice="for a real model set OPENAI_API_KEY, or base_url in [models.openai]"
                if offline
                else "",
            )
        ]
    found: Any = await plugin.check(config)
    lines = list(found) if isinstance(found, list | tuple) else [found]
    if not all(isinstance(line, CheckLine) for line in lines):
        raise PluginError(f"{plugin.name}: its check must give a list of CheckLine")
    return lines


async def _embeddings(loaded: Loaded, hosted: Hosted) -> list[CheckLine]:
    configs = {plugin.name: hosted.config_of(plugin) for plugin in hosted.plugins}
    line = embedding_line(loaded, hosted.plugins, configs)
    several = len(loaded.config.agents) > 1
    return [replace(line, name=f"{line.name} {hosted.character.name}") if several else line]


async def _web(loaded: Loaded) -> list[CheckLine]:
    web = loaded.config.web
    if not web.enabled:
        return [CheckLine(name="web", ok=True, detail="off: enabled = false")]
    try:
        sockets = await listen(web)
    except ConfigError as error:
        lock = process_lock(loaded)
        if isinstance(error, PortInUse) and lock.is_taken:
            used = f"port {web.port} at {web.host} is in use, by the running host (process {lock.holder})"
            return [CheckLine(name="web", ok=True, detail=used)]
        # The host goes on without it, so this is not among the faults that keep it from starting.
        return [CheckLine(name="web", ok=False, detail=str(error))]
    port = sockets[0].getsockname()[1]
    close_all(sockets)
    guarded = "behind the token" if web.token else "without a token, for this machine only"
    reached = f"; platforms reach it at {web.public_url}" if web.public_url else ""
    return [CheckLine(name="web", ok=True, detail=f"port {port} at {web.host} is free; {guarded}{reached}")]


async def _host(loaded: Loaded) -> list[CheckLine]:
    return [host_line(loaded)]


class _Connectors:
    """Looks at the accounts, one after the other."""

    def __init__(self, loaded: Loaded, hosted: Sequence[Hosted], *, live: bool, readable: bool) -> None:
        """`readable`: nothing is wrong with the database."""
        self._live = live
        self._readable = readable
        self._loaded = loaded
        self._hosted = hosted
        self._names = [each.character.name for each in hosted]
        self._specs = connector_specs()
        self._accounts: dict[tuple[str, str], str] = {}
        self.on = 0
        """How many are not off."""

    async def look(self, entry: ConnectorEntry) -> list[Finding]:
        """What is found about one account; of several on a platform the lines name the table."""
        name = entry.table.removeprefix("connectors.")
        found = await _contained(name, lambda: self._try(entry, name))
        self.on += not all(finding.line.detail.startswith("off") for finding in found)
        if off_reason(self._specs[entry.platform], entry.config):
            return found
        if self._names:
            try:
                answering_agent(self._loaded, entry, self._names)
            except ConfigError as error:
                found.append(_bad(name, str(error), mend_config=True))
        for account in [finding.line.account for finding in found if finding.line.account]:
            first = self._accounts.setdefault((entry.platform, account), name)
            if first != name:
                advice = "remove one of the two tables, or give it a token of its own"
                found.append(_bad(name, f"the same account as {first}", advice, mend_config=True))
        return found

    async def _try(self, entry: ConnectorEntry, name: str) -> Sequence[CheckLine]:
        spec = self._specs[entry.platform]
        why = off_reason(spec, entry.config)
        if why:
            # Asked for by name and still off is a fault; left at `auto` it is a choice.
            asked = entry.config.enabled is True
            return [CheckLine(name=name, ok=not asked, detail=f"off: {why}")]
        fault = spec.wrong(entry.config)
        if fault:
            return [CheckLine(name=name, ok=False, detail=f"off: {fault}")]
        check_web(self._loaded, entry, spec)
        app = spec.create_app(entry.config)
        if app is not None:
            return await self._look_at_app(app, entry, name)
        connector = spec.create(entry.config)
        if isinstance(connector, HttpConnector) and self._loaded.config.web.enabled:
            connector.use_address(f"{reached_at(self._loaded.config.web)}/{entry.platform}")
        try:
            lines = await connector.check()
            if isinstance(connector, SelfChecking) and all(line.ok for line in lines):
                lines = _instead(lines, await connector.silences())
            if isinstance(connector, ManifestComparing) and spec.manifest is not None and self._hosted:
                make = partial(self._manifest, entry, spec.manifest)
                lines = [*lines, *await connector.compare_manifest(make)]
            if self._live:
                lines = [*lines, *await self._compare(entry, connector, lines)]
        finally:
            await connector.close()
        lines = [replace(line, name=_named(line.name, entry.platform, name)) for line in lines]
        return [*lines, *config_silences(self._loaded, entry)]

    def _manifest(self, entry: ConnectorEntry, make: Callable[..., AppManifest]) -> AppManifest:
        return make(entry.config, app_about(self._loaded, entry, self._hosted))

    async def _look_at_app(self, app: ConnectorApp, entry: ConnectorEntry, name: str) -> Sequence[CheckLine]:
        if isinstance(app, HttpConnector) and self._loaded.config.web.enabled:
            app.use_address(f"{reached_at(self._loaded.config.web)}/{entry.platform}")
        try:
            kept = await kept_accounts(self._loaded, app) if self._readable else []
            lines = await app.check(kept)
        finally:
            await app.close()
        return [
            *(replace(line, name=_named(line.name, entry.platform, name)) for line in lines),
            *config_silences(self._loaded, entry),
        ]

    async def _compare(
        self, entry: ConnectorEntry, connector: Connector, lines: Sequence[CheckLine]
    ) -> Sequence[CheckLine]:
        account = next((line.account for line in lines if line.account), "")
        if not account:
            return []
        name = f"{entry.platform} live"
        if not self._readable:
            return [CheckLine(name=name, ok=True, detail="not compared: the database cannot be read")]
        try:
            async with open_live(self._loaded) as live:
                return await live.look(entry, connector, f"{entry.platform}:{account}")
        except NotReady:
            return [nothing_yet(entry.platform)]


def _instead(lines: Sequence[CheckLine], sharper: Sequence[CheckLine]) -> list[CheckLine]:
    """`lines`, those about the same thing replaced."""
    about = {line.name for line in sharper}
    return [*(line for line in lines if line.name not in about), *sharper]


def _named(line: str, platform: str, name: str) -> str:
    """`telegram privacy` as `telegram[2] privacy`."""
    return name + line.removeprefix(platform) if line.startswith(platform) else f"{name} {line}"
