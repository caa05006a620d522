"""Finding plugins by name or path, and loading them in order."""

import hashlib
import importlib.util
import logging
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from bot_host.contracts.plugin import Plugin
from bot_host.kit.names import did_you_mean
from bot_host.runtime.parts import check_plugin
from bot_host.runtime.plugin_config import config_for, has_server
from bot_host.runtime.settings import Settings
from bot_host.types.character import Character
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

NEAREST: Final = {
    "ollama": 'models.openai.base_url = "http://127.0.0.1:11434/v1"',
    "openrouter": 'models.openai.base_url = "https://openrouter.ai/api/v1"',
    "local-ai": "models.openai.base_url of a local server",
    "anthropic": "models.openai.base_url of a server that speaks OpenAI's API",
    "google-genai": "models.openai.base_url of a server that speaks OpenAI's API",
    "groq": "models.openai.base_url of a server that speaks OpenAI's API",
}
"""What comes nearest to elizaOS's plugins where that is no plugin of ours."""


def known_plugins() -> list[str]:
    """The names of the installed plugins."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def find_plugin(name: str, *, base: Path | None = None) -> Plugin:
    """Load an installed plugin, or one from a path. Raises PluginError naming the nearest one.

    A path (`plugins/mine.py`, or a folder that is a package) has a slash or ends with `.py`, and is relative
    to `base`; its module has the Plugin under the name `plugin`.
    """
    if name.endswith(".py") or "/" in name.removeprefix("@elizaos/"):
        return _from_path((base or Path.cwd()) / name)
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            try:
                plugin = entry.load()
            except Exception as error:
                raise PluginError(f"{name}: could not be imported: {error}") from error
            if not isinstance(plugin, Plugin):
                raise PluginError(f"{name}: its entry point {entry.value} is not a Plugin")
            return plugin
    known = known_plugins()
    raise PluginError(
        f"{name}: there is no such plugin{did_you_mean(name, known)}; installed are {', '.join(known)}"
    )


def _from_path(path: Path) -> Plugin:
    path = path.resolve()
    file = path / "__init__.py" if path.is_dir() else path
    if not file.is_file():
        raise PluginError(f"{path}: there is no such file")
    module = _import(file)
    plugin = getattr(module, "plugin", None)
    if not isinstance(plugin, Plugin):
        raise PluginError(f"{path}: has no Plugin under the name plugin")
    return plugin


def _import(file: Path) -> ModuleType:
    # A name of its own: two files called mine.py are two modules, and none hides an installed one.
    name = f"bot_host_plugin_{hashlib.sha256(str(file).encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    package = [str(file.parent)] if file.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=package)
    if spec is None or spec.loader is None:
        raise PluginError(f"{file}: is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise PluginError(f"{file}: could not be imported: {type(error).__name__}: {error}") from error
    return module


def names_for_character(character_plugins: Iterable[str], *, warn: bool = True) -> list[str]:
    """Our names for the plugins that a character file asks for; what we do not have is one warning each."""
    names = []
    for asked in character_plugins:
        full = f"@elizaos/{asked}" if asked.startswith("plugin-") else asked
        if full in ELIZAOS_NAMES:
            ours = ELIZAOS_NAMES[full]
            if ours:
                names.append(ours)
        elif full.startswith("@"):
            if not warn:
                continue
            short = full.rpartition("plugin-")[2]
            hint = (
                f" (nearest: {NEAREST[short]})" if short in NEAREST else did_you_mean(short, known_plugins())
            )
            log.warning(
                "the character asks for %s, which Bot Host does not have%s; going on without it", asked, hint
            )
        else:
            names.append(asked)
    return names


def in_order(plugins: Sequence[Plugin]) -> list[Plugin]:
    """By priority, and inside that after their dependencies. Raises PluginError for a circle or a gap.

    Both name the chain that leads there. A plugin that is wrong in itself is refused too (`runtime.parts`).
    Dependencies may have elizaOS's names; those that the host brings by itself count as there.
    """
    by_name: dict[str, Plugin] = {}
    for plugin in map(check_plugin, plugins):
        if plugin.name in by_name and by_name[plugin.name] is not plugin:
            log.warning("plugin %s is there twice; the first one is used", plugin.name)
        by_name.setdefault(plugin.name, plugin)
    ordered: list[Plugin] = []
    done: set[str] = set()

    def visit(plugin: Plugin, chain: tuple[str, ...]) -> None:
        if plugin.name in done:
            return
        if plugin.name in chain:
            raise PluginError(f"{plugin.name}: depends on itself: {' -> '.join((*chain, plugin.name))}")
        for asked in plugin.dependencies:
            needed = ELIZAOS_NAMES.get(asked, asked)
            if needed is None:
                continue
            if needed not in by_name:
                raise PluginError(
                    f"{plugin.name}: needs the plugin {needed}, which is not loaded "
                    f"({' -> '.join((*chain, plugin.name, needed))})"
                )
            visit(by_name[needed], (*chain, plugin.name))
        done.add(plugin.name)
        ordered.append(plugin)

    for plugin in sorted(by_name.values(), key=lambda p: p.priority):
        visit(plugin, ())
    return ordered


def load_plugin(name_or_plugin: str | Plugin) -> Plugin:
    """A plugin object as it is; a name or path as `find_plugin` loads it (elizaos.md 2.3-01).

    elizaOS's names of what we have work too. Nothing is installed. Raises PluginError.
    """
    if isinstance(name_or_plugin, Plugin):
        return name_or_plugin
    asked = name_or_plugin.removeprefix("@elizaos/")
    if asked.startswith("plugin-"):
        short = asked.removeprefix("plugin-")
        return find_plugin("basics" if short == "bootstrap" else short)
    return find_plugin(name_or_plugin)


def resolve_plugins(plugins: Iterable[str | Plugin]) -> list[Plugin]:
    """Load them, with the installed ones that they depend on, in the order of loading (elizaos.md 2.3-03).

    Raises PluginError for a circle or a gap.
    """
    found: dict[str, Plugin] = {}
    wanted: list[str | Plugin] = list(plugins)
    while wanted:
        plugin = load_plugin(wanted.pop(0))
        if plugin.name not in found:
            found[plugin.name] = plugin
            needs = (ELIZAOS_NAMES.get(asked, asked) for asked in plugin.dependencies)
            wanted += [need for need in needs if need is not None and need in known_plugins()]
    return in_order(list(found.values()))


resolve_plugin_dependencies = in_order


def build_character_plugins(
    environ: Mapping[str, str] | None = None,
    *,
    settings: Settings | None = None,
    configs: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[str]:
    """The plugins of an agent that names none: the built-in behaviour, and the model that it has a key or an
    address for, in `configs` of plugins, its `settings` or the environment (elizaos.md 2.3-05).
    IGNORE_BOOTSTRAP leaves the built-in behaviour out.
    """
    environ = os.environ if environ is None else environ
    settings = settings or Settings(Character(name="nobody"), {}, environ)
    openai = config_for(find_plugin("openai"), (configs or {}).get("openai", {}), settings)
    model = "openai" if has_server(openai) else "offline"
    if environ.get("IGNORE_BOOTSTRAP", "").strip().lower() in ("true", "1", "yes"):
        return ["reminders", model]
    return ["basics", "reminders", model]
