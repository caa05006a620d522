"""What a platform wants to be told of the app of an account (`ConnectorSpec.manifest`)."""

from collections.abc import Sequence

from bot_host.app.agents import Hosted, agent_options, answering_agent, hosted_agents
from bot_host.app.build import connector_specs
from bot_host.config.schema import ConnectorEntry, Loaded
from bot_host.contracts.manifest import AppAbout, AppManifest
from bot_host.kit.names import did_you_mean
from bot_host.types.errors import ConfigError
from bot_host.types.permissions import NOBODY


def manifest_of(loaded: Loaded, platform: str, table: str = "") -> AppManifest:
    """The app of an account: of the table `slack[2]`, or of the only one of the platform.

    Raises ConfigError, CharacterError, PluginError.
    """
    spec = connector_specs().get(platform)
    if spec is None or spec.manifest is None:
        raise ConfigError(f"no connector for {platform} that makes manifests is installed")
    entry = _entry(loaded, platform, table)
    try:
        return spec.manifest(entry.config, app_about(loaded, entry, list(hosted_agents(loaded))))
    except ConfigError as error:
        raise ConfigError(f"{entry.table}: {error}") from error


def app_about(loaded: Loaded, entry: ConnectorEntry, hosted: Sequence[Hosted]) -> AppAbout:
    """Who answers on an account. Commands that a plugin only brings when it starts are not among them."""
    agent = hosted[answering_agent(loaded, entry, [each.character.name for each in hosted])]
    permissions = agent_options(agent.agent).permissions
    commands = [command for plugin in agent.plugins for command in plugin.commands]
    return AppAbout(
        name=agent.character.name,
        commands=[each for each in commands if permissions.for_command(each.name, None) != NOBODY],
        public_url=loaded.config.web.public_url.rstrip("/"),
    )


def _entry(loaded: Loaded, platform: str, table: str) -> ConnectorEntry:
    entries = {
        entry.table.removeprefix("connectors."): entry
        for entry in loaded.config.connectors
        if entry.platform == platform
    }
    if table:
        if table.removeprefix("connectors.") not in entries:
            raise ConfigError(
                f"there is no table {table}{did_you_mean(table, entries)}; there are {', '.join(entries)}"
            )
        return entries[table.removeprefix("connectors.")]
    if len(entries) > 1:
        raise ConfigError(f"there are several tables; name one of them: {', '.join(entries)}")
    [entry] = entries.values()
    return entry
