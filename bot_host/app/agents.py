"""Who is hosted: the characters of the configured agents, their plugins, and who answers on an account."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bot_host.app.embeddings import local_plugin, refuse_unknown
from bot_host.config.characters import load_character
from bot_host.config.schema import AgentConfig, ConnectorEntry, Loaded
from bot_host.config.starter import CHARACTER
from bot_host.contracts.plugin import Plugin
from bot_host.kit.names import did_you_mean
from bot_host.runtime import AgentOptions, Limits
from bot_host.runtime.config import KnowledgeOptions, MediaOptions, SummaryOptions
from bot_host.runtime.plugin_config import config_for, has_server
from bot_host.runtime.plugins import find_plugin, in_order, known_plugins, names_for_character, our_name
from bot_host.runtime.settings import Settings
from bot_host.types.character import Character
from bot_host.types.errors import ConfigError, PluginError
from bot_host.types.ids import UUID
from bot_host.types.permissions import Permissions
from bot_host.types.sources import GivenSource

CREATED: Final = "agents"
"""The folder below `host.data_dir` with the characters of agents that were created in the console."""
MODEL_PLUGINS: Final = ("openai", "offline")
"""What `models.provider` may name, besides `auto`."""


def read_characters(loaded: Loaded) -> list[tuple[AgentConfig, Character]]:
    """Each agent of the config with its character, then those that were created in the console.

    Raises CharacterError, ConfigError for twins.
    """
    found: list[tuple[AgentConfig, Character]] = []
    seen: dict[UUID, str] = {}
    for agent in agent_tables(loaded):
        character = load_character(Path(agent.character) if agent.character else CHARACTER)
        if agent.id:
            character = character.model_copy(update={"id": agent.id})
        twin = seen.get(character.agent_id)
        if twin is not None:
            raise ConfigError(
                f"two agents have the same id: {twin} and {character.name}. Give one of the characters "
                "another name, or an id of its own"
            )
        seen[character.agent_id] = character.name
        found.append((agent, character))
    return found


def agent_tables(loaded: Loaded) -> list[AgentConfig]:
    """The tables of all agents; those that were created in the console have the defaults."""
    folder = loaded.config.data_dir / CREATED
    created = sorted(folder.glob("*.toml")) if folder.is_dir() else []
    return [*loaded.config.agents, *(AgentConfig(character=str(path)) for path in created)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosted:
    """An agent as it will be hosted."""

    agent: AgentConfig
    character: Character
    model: Plugin
    """The plugin that `models.provider` stands for; with `auto` by what this agent has a key for."""
    plugins: Sequence[Plugin]
    """All of them, in the order of loading."""
    configs: dict[str, dict[str, Any]]
    """The tables of all plugins, by the plugin's name."""
    settings: Settings

    def config_of(self, plugin: Plugin) -> dict[str, Any]:
        """The config that a plugin gets. Raises PluginError."""
        return config_for(plugin, self.configs.get(plugin.name, {}), self.settings)


def hosted_agents(loaded: Loaded) -> Iterator[Hosted]:
    """Who is hosted. Raises CharacterError, ConfigError, and PluginError for what does not fit together."""
    configs = plugin_tables(loaded)
    for number, (agent, character) in enumerate(read_characters(loaded), 1):
        yield _hosted(loaded, configs, number, agent, character)


def hosted_agent(loaded: Loaded, agent: AgentConfig, character: Character) -> Hosted:
    """One more than those that are there. Raises ConfigError, PluginError for what does not fit together."""
    return _hosted(loaded, plugin_tables(loaded), len(loaded.config.agents) + 1, agent, character)


def _hosted(
    loaded: Loaded,
    configs: dict[str, dict[str, Any]],
    number: int,
    agent: AgentConfig,
    character: Character,
) -> Hosted:
    settings = Settings(character, loaded.env)
    model = model_plugin(loaded, configs, settings)
    named = _named_plugins(loaded, number, agent, character)
    given = (
        find_plugin("basics"),
        find_plugin("reminders"),
        model,
        *local_plugin(loaded, configs),
        *named,
    )
    plugins = {plugin.name: plugin for plugin in given}
    refuse_unknown(loaded, given)
    hosted = Hosted(
        agent=agent,
        character=character,
        model=model,
        plugins=in_order(list(plugins.values())),
        configs=configs,
        settings=settings,
    )
    for plugin in hosted.plugins:
        hosted.config_of(plugin)
    return hosted


def plugin_tables(loaded: Loaded) -> dict[str, dict[str, Any]]:
    """The tables of plugins as plain values: `[models.NAME]` and `[plugins.NAME]`."""
    tables = {**loaded.config.plugins, **loaded.config.models.tables}
    return {name: table.model_dump(by_alias=True) for name, table in tables.items()}


def model_plugin(loaded: Loaded, configs: dict[str, dict[str, Any]], settings: Settings) -> Plugin:
    """The plugin that `models.provider` asks for; with `auto` openai where it has a key or an address."""
    provider = loaded.config.models.provider
    if provider == "auto":
        openai = config_for(find_plugin("openai"), configs.get("openai", {}), settings)
        provider = "openai" if has_server(openai) else "offline"
    if provider not in known_plugins():
        known = ("auto", *MODEL_PLUGINS)
        raise ConfigError(
            f'models.provider: found "{provider}", expected one of {", ".join(known)}'
            f"{did_you_mean(provider, known)}"
        )
    return find_plugin(provider)


def model_alone(loaded: Loaded) -> tuple[Plugin, dict[str, Any]]:
    """The model plugin and its config as the tables have it, whoever is hosted."""
    configs, settings = plugin_tables(loaded), Settings(Character(name="nobody"), loaded.env)
    model = model_plugin(loaded, configs, settings)
    return model, config_for(model, configs.get(model.name, {}), settings)


def _named_plugins(loaded: Loaded, number: int, agent: AgentConfig, character: Character) -> list[Plugin]:
    """What the config names for its `number`th agent (from 1), and what the character names.

    A path in the config counts from its folder. Raises ConfigError, which says where the name stands.
    """
    key = f"agents[{number}].plugins"
    place = f"{place_of(loaded, key)}: {key}"
    plugins = [p for name in agent.plugins if (p := _plugin(name, place, loaded.folder)) is not None]
    place = f"{agent.character or CHARACTER}: plugins"
    asked = names_for_character(character.plugins, warn=False)
    return plugins + [p for name in asked if (p := _plugin(name, place, None)) is not None]


def _plugin(name: str, place: str, base: Path | None) -> Plugin | None:
    """None for what the host brings by its config, under elizaOS's name."""
    try:
        ours = our_name(name)
        return None if ours is None else find_plugin(ours, base=base)
    except PluginError as error:
        raise ConfigError(f"{place}: {error}") from error


def answering_agent(loaded: Loaded, entry: ConnectorEntry, names: Sequence[str]) -> int:
    """Which of the agents called `names` answers on an account. Raises ConfigError for another name."""
    wanted = entry.config.agent
    if not wanted:
        return 0
    for number, name in enumerate(names):
        if name.casefold() == wanted.casefold():
            return number
    key = f"{entry.table}.agent"
    raise ConfigError(
        f'{place_of(loaded, key)}: {key}: found "{wanted}", expected the name of an agent: '
        f"{', '.join(names)}{did_you_mean(wanted, names)}"
    )


def place_of(loaded: Loaded, key: str) -> str:
    """Where a key is to be mended: its source, else the config file."""
    source = loaded.sources.get(key, "default")
    if source != "default":
        return source
    return loaded.file.name if loaded.file else "configuration"


def agent_options(agent: AgentConfig, given: Sequence[GivenSource] = ()) -> AgentOptions:
    """How an `[[agents]]` table wants its agent to work. `given`: what its character is to know."""
    return AgentOptions(
        busy_mode=agent.busy_mode,
        debounce_ms=agent.debounce_ms,
        max_steps=agent.max_steps,
        turn_timeout=agent.turn_timeout,
        stop_words=tuple(agent.stop_words),
        limits=Limits(
            entity_messages_per_minute=agent.limits.messages_per_minute.entity,
            room_messages_per_minute=agent.limits.messages_per_minute.room,
            tokens_per_day=agent.limits.tokens_per_day,
            cost_per_day=agent.limits.cost_per_day,
        ),
        permissions=Permissions.of(actions=agent.permissions.actions, commands=agent.permissions.commands),
        media=MediaOptions(**agent.media.model_dump()),
        summaries=SummaryOptions(enabled=agent.summaries.enabled),
        knowledge=KnowledgeOptions(**agent.knowledge.model_dump(), given=given),
    )
