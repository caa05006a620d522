"""Who is hosted: the characters of the configured agents, their plugins, and who answers on an account."""

from collections.abc import Sequence
from pathlib import Path

from bot_host.config.characters import load_character
from bot_host.config.schema import AgentConfig, ConnectorEntry, Loaded
from bot_host.config.starter import CHARACTER
from bot_host.contracts.plugin import Plugin
from bot_host.kit.names import did_you_mean
from bot_host.runtime import AgentOptions, Limits
from bot_host.runtime.plugins import find_plugin
from bot_host.types.character import Character
from bot_host.types.errors import ConfigError, PluginError
from bot_host.types.ids import UUID


def read_characters(loaded: Loaded) -> list[tuple[AgentConfig, Character]]:
    """Each agent of the config with its character. Raises CharacterError, ConfigError for twins."""
    found: list[tuple[AgentConfig, Character]] = []
    seen: dict[UUID, str] = {}
    for agent in loaded.config.agents:
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


def agent_plugins(loaded: Loaded, number: int, agent: AgentConfig, character: Character) -> list[Plugin]:
    """The plugins that the config names for its `number`th agent (from 1); a path counts from its folder.

    Raises ConfigError, which says where the name stands, for these and for those that the character names.
    """
    key = f"agents[{number}].plugins"
    plugins = [_plugin(name, f"{place_of(loaded, key)}: {key}", loaded.folder) for name in agent.plugins]
    for name in character.plugins:
        if not name.startswith(("@", "plugin-")):  # elizaOS's own are looked after when they are loaded
            _plugin(name, f"{agent.character or CHARACTER}: plugins", None)
    return plugins


def _plugin(name: str, place: str, base: Path | None) -> Plugin:
    try:
        return find_plugin(name, base=base)
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


def agent_options(agent: AgentConfig) -> AgentOptions:
    """How an `[[agents]]` table wants its agent to work."""
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
    )
