"""Finding plugins by name and loading them in order."""

import logging
from collections.abc import Iterable, Sequence
from importlib.metadata import entry_points
from typing import Final

from bot_host.contracts.plugin import Plugin
from bot_host.kit.names import did_you_mean
from bot_host.types.errors import PluginError

log = logging.getLogger(__name__)

GROUP: Final = "bot_host.plugins"

ELIZAOS_NAMES: Final = {
    "@elizaos/plugin-bootstrap": "basics",
    "@elizaos/plugin-openai": None,
    "@elizaos/plugin-sql": None,
    "@elizaos/plugin-discord": None,
    "@elizaos/plugin-telegram": None,
    "@elizaos/plugin-slack": None,
}
"""elizaOS's plugins that characters name; None: the host brings it by its config, not by the character."""


def known_plugins() -> list[str]:
    """The names of the installed plugins."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def find_plugin(name: str) -> Plugin:
    """Load an installed plugin. Raises PluginError naming the nearest one."""
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            plugin = entry.load()
            if not isinstance(plugin, Plugin):
                raise PluginError(f"{name}: its entry point {entry.value} is not a Plugin")
            return plugin
    known = known_plugins()
    raise PluginError(
        f"{name}: there is no such plugin{did_you_mean(name, known)}; installed are {', '.join(known)}"
    )


def names_for_character(character_plugins: Iterable[str]) -> list[str]:
    """Our names for the plugins that a character file asks for; what we do not have is one warning each."""
    names = []
    for asked in character_plugins:
        if asked in ELIZAOS_NAMES:
            ours = ELIZAOS_NAMES[asked]
            if ours:
                names.append(ours)
        elif asked.startswith("@"):
            short = asked.rpartition("plugin-")[2]
            log.warning(
                "the character asks for %s, which Bot Host does not have%s; going on without it",
                asked,
                did_you_mean(short, known_plugins()),
            )
        else:
            names.append(asked)
    return names


def in_order(plugins: Sequence[Plugin]) -> list[Plugin]:
    """By priority, and inside that after their dependencies. Raises PluginError for a circle or a gap."""
    by_name = {plugin.name: plugin for plugin in plugins}
    ordered: list[Plugin] = []
    done: set[str] = set()

    def visit(plugin: Plugin, chain: tuple[str, ...]) -> None:
        if plugin.name in done:
            return
        if plugin.name in chain:
            raise PluginError(f"{plugin.name}: depends on itself: {' -> '.join((*chain, plugin.name))}")
        for needed in plugin.dependencies:
            if needed not in by_name:
                raise PluginError(f"{plugin.name}: needs the plugin {needed}, which is not loaded")
            visit(by_name[needed], (*chain, plugin.name))
        done.add(plugin.name)
        ordered.append(plugin)

    for plugin in sorted(by_name.values(), key=lambda p: p.priority):
        visit(plugin, ())
    return ordered
