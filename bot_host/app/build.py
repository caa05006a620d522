"""From a loaded configuration to a host: who is hosted, what is on, what is off and why."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from bot_host.app.agents import Hosted, agent_options, answering_agent, hosted_agents
from bot_host.app.embeddings import embedding_settings
from bot_host.app.folders import process_lock
from bot_host.app.knowledge import given_to_each, missing_files
from bot_host.app.permissions import unknown_actions
from bot_host.app.schedules import faults, planned
from bot_host.app.secrets import secret_box
from bot_host.app.silence import config_silences
from bot_host.config.load import load_config
from bot_host.config.schema import ConnectorEntry, Loaded, ScheduleConfig
from bot_host.contracts.connector import ConnectorSpec
from bot_host.contracts.connector_config import ConnectorConfig
from bot_host.host import BotHost
from bot_host.host.schedules import sync_schedules
from bot_host.kit.lock import ProcessLock
from bot_host.kit.logs import SecretMask
from bot_host.runtime.plugins import find_plugin, known_plugins
from bot_host.store import make_store
from bot_host.types.errors import ConfigError, PluginError
from bot_host.types.ids import UUID, create_unique_uuid
from bot_host.types.retention import Retention
from bot_host.types.sources import GivenSource

log = logging.getLogger(__name__)

CONNECTORS: Final = "bot_host.connectors"


def connector_specs() -> dict[str, ConnectorSpec]:
    """The installed connectors by platform. Loads none of their SDKs; a broken one is left out."""
    specs: dict[str, ConnectorSpec] = {}
    for entry in entry_points(group=CONNECTORS):
        try:
            spec = entry.load()
        except Exception as error:  # noqa: BLE001 - a stranger's broken package must not end the others
            log.warning("the connector %s cannot be loaded and is left out: %s", entry.name, error)
            continue
        if isinstance(spec, ConnectorSpec):
            specs[entry.name] = spec
        else:
            log.warning("%s is left out: %s names no ConnectorSpec", entry.name, entry.value)
    return dict(sorted(specs.items(), key=lambda item: (item[0] == "terminal", item[0])))


def plugin_models() -> dict[str, type[BaseModel]]:
    """What checks the tables of the installed plugins (`[models.openai]`), by name."""
    found = (_model_of(name, Path()) for name in known_plugins())
    return dict(each for each in found if each is not None)


def _model_of(name: str, folder: Path) -> tuple[str, type[BaseModel]] | None:
    try:
        plugin = find_plugin(name, base=folder)
    except PluginError as error:
        # It is told again, with its place, where an agent asks for it.
        log.debug("%s", error)
        return None
    return None if plugin.config is None else (plugin.name, plugin.config)


def load(path: Path | None, overrides: Mapping[str, Any], environ: Mapping[str, str]) -> Loaded:
    """The configuration, checked against what is installed. Raises ConfigError with all that is wrong."""
    return load_config(
        path,
        overrides=overrides,
        environ=environ,
        connector_models={name: spec.config for name, spec in connector_specs().items()},
        plugin_models=plugin_models(),
        find_model=_model_of,
    )


@dataclass(slots=True)
class Built:
    """A host that is ready to start, and what to say about it."""

    host: BotHost
    lock: ProcessLock
    """The database's: to be taken before the start."""
    on: list[str] = field(default_factory=list)
    """Tables of the connectors that will come up."""
    needs_web: list[str] = field(default_factory=list)
    """Tables of those among them that are called over HTTP."""
    off: list[str] = field(default_factory=list)
    """One line each for what is off, and why."""
    faults: list[str] = field(default_factory=list)
    """One line each for what should be on and cannot be."""
    schedule_faults: list[str] = field(default_factory=list)
    """One line each for a schedule that nothing can carry out."""
    warnings: list[str] = field(default_factory=list)
    """One line each for settings that keep the bot silent."""
    terminal: bool = False
    schedules: dict[UUID, list[ScheduleConfig]] = field(default_factory=dict)
    """`[[agents.schedules]]`, by agent."""

    async def start(self) -> None:
        """Start the agents, with their schedules. Raises BotHostError."""
        await self.host.start_agents()
        for agent_id, schedules in self.schedules.items():
            await sync_schedules(self.host.get_agent(agent_id), schedules)


async def build(loaded: Loaded, *, mask: SecretMask) -> Built:
    """Agents and connectors as configured, not started. Raises ConfigError, CharacterError, PluginError."""
    config = loaded.config
    hosted = list(hosted_agents(loaded))
    store = make_store(config.database.url, base=loaded.folder)
    lock = process_lock(loaded)
    host = BotHost(
        store=store,
        data_dir=config.data_dir,
        mask=mask.hide,
        lock=lock,
        box=secret_box(loaded),
        learn=mask.add,
        retention=Retention(**config.retention.model_dump()),
    )
    try:
        ids = await host.add_agents(
            [
                agent_item(loaded, each, given)
                for each, given in zip(hosted, given_to_each(hosted), strict=True)
            ]
        )
        names = [each.character.name for each in hosted]
        built = Built(host=host, lock=lock)
        for agent_id, each in zip(ids, hosted, strict=True):
            built.schedules[agent_id] = each.agent.schedules
        specs = connector_specs()
        on = [each for each in config.connectors if not off_reason(specs[each.platform], each.config)]
        built.warnings.extend(
            f"{line.name}: {line.detail}; {line.advice}"
            for line in unknown_actions(loaded, hosted, specs.values())
        )
        built.warnings.extend(f"{line.name}: {line.detail}" for line in missing_files(hosted))
        built.schedule_faults = faults(planned(loaded, hosted, on, specs))
        for entry in config.connectors:
            mask.add(*specs[entry.platform].secrets(entry.config))
            agent_id = ids[answering_agent(loaded, entry, names)]
            _add(built, loaded, entry, specs[entry.platform], agent_id)
    except BaseException:
        await host.stop(0)
        raise
    return built


def agent_item(loaded: Loaded, hosted: Hosted, given: Sequence[GivenSource]) -> dict[str, Any]:
    """An agent for `BotHost.add_agents`. `given`: what it is to know."""
    return {
        "character": hosted.character,
        "plugins": hosted.plugins,
        "plugin_configs": hosted.configs,
        "settings": {**loaded.env, **embedding_settings(loaded)},
        "options": agent_options(hosted.agent, given),
    }


def _add(built: Built, loaded: Loaded, entry: ConnectorEntry, spec: ConnectorSpec, agent_id: UUID) -> None:
    short = entry.table.removeprefix("connectors.")
    why = off_reason(spec, entry.config)
    fault = "" if why and entry.config.enabled is not True else why or spec.wrong(entry.config)
    if fault:
        built.faults.append(f"{short} off: {fault}")
        return
    if why:
        built.off.append(f"{short} off: {why}")
        return
    check_web(loaded, entry, spec)
    app = spec.create_app(entry.config)
    owners = (create_unique_uuid(agent_id, spec.person_key(owner)) for owner in entry.config.owners)
    built.host.get_agent(agent_id).owners.update(owners)
    if app is not None:
        built.host.add_app(app, entry.config, name=short, agent_id=agent_id, person_key=spec.person_key)
    else:
        built.host.add_connector(spec.create(entry.config), entry.config, name=short, agent_id=agent_id)
    built.on.append(short)
    if spec.needs_web(entry.config):
        built.needs_web.append(short)
    built.warnings.extend(
        f"{line.name}: {line.detail}; {line.advice}" for line in config_silences(loaded, entry)
    )
    built.terminal = built.terminal or entry.platform == "terminal"


def check_web(loaded: Loaded, entry: ConnectorEntry, spec: ConnectorSpec) -> None:
    """Raises ConfigError for an account that waits for calls which nobody would answer."""
    instead = spec.needs_web(entry.config)
    if instead and not loaded.config.web.enabled:
        raise ConfigError(
            f'{entry.table}: mode = "{entry.config.mode}" is called by the platform, but '
            f"web.enabled = false; set web.enabled = true, or {instead} here"
        )


def off_reason(spec: ConnectorSpec, config: ConnectorConfig) -> str:
    """Why a connector does not come up; empty when it does."""
    if config.enabled is False:
        return "enabled = false"
    return spec.missing(config)
