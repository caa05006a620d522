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
from bot_host.kit.names import did_you_mean, nearest
from bot_host.runtime.parts import check_plugin
from bot_host.runtime.plugin_config import config_for, has_server
from bot_host.runtime.settings import Settings
from bot_host.types.character import Character
from bot_host.types.errors import PluginError

log = logging.getLogger(__name__)

GROUP: Final = "bot_host.plugins"

OPENAI: Final = "@elizaos/plugin-openai"
ELIZAOS_NAMES: Final = {
    "@elizaos/plugin-bootstrap": "basics",
    OPENAI: None,
    "@elizaos/plugin-sql": None,
    "@elizaos/plugin-discord": None,
    "@elizaos/plugin-telegram": None,
    "@elizaos/plugin-slack": None,
}
"""elizaOS's plugins that characters name; None: the host brings it by its config, not by the character."""

_SERVER: Final = "models.openai.base_url of a server that speaks OpenAI's API"
NEAREST: Final = {
    "bootstrap": "basics",
    "openai": "OPENAI_API_KEY, or [models.openai] in config.toml",
    "sql": "[database] in config.toml",
    "discord": "[connectors.discord] in config.toml",
    "telegram": "[connectors.telegram] in config.toml",
    "slack": "[connectors.slack] in config.toml",
    "ollama": 'models.openai.base_url = "http://127.0.0.1:11434/v1"',
    "openrouter": 'models.openai.base_url = "https://openrouter.ai/api/v1"',
    "local-ai": "models.openai.base_url of a local server",
    "anthropic": _SERVER,
    "google-genai": _SERVER,
    "groq": _SERVER,
}
"""What comes nearest to elizaOS's plugins, by the last part of their names."""


def known_plugins() -> list[str]:
    """The names of the installed plugins."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def find_plugin(name: str, *, base: Path | None = None) -> Plugin:
    """Load an installed plugin, or one from a path. Raises PluginError naming the nearest one.

    A path (`plugins/mine.py`, or a folder that is a package) ends with `.py` or has a slash, and is relative
    to `base`; its module has the Plugin under the name `plugin`. For elizaOS's names see `our_name`.
    """
    if name.endswith(".py") or ("/" in name and not name.startswith("@")):
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


def our_name(asked: str) -> str | None:
    """Ours for the name of a plugin of elizaOS's, with `@elizaos/` or without; other names as they are.

    None for what the host brings by itself. Raises PluginError for one that Bot Host does not have; it names
    what comes nearest.
    """
    if not _is_known(asked):
        raise PluginError(f"{asked}: Bot Host does not have this one{_nearest_to(asked)}")
    return ELIZAOS_NAMES.get(_full_name(asked), asked)


def _full_name(asked: str) -> str:
    return f"@elizaos/{asked}" if asked.startswith("plugin-") else asked


def _is_known(asked: str) -> bool:
    full = _full_name(asked)
    return full in ELIZAOS_NAMES or not full.startswith("@") or asked in known_plugins()


def _nearest_to(asked: str) -> str:
    short = asked.rpartition("/")[2].removeprefix("plugin-")
    near = short if short in NEAREST else nearest(short, [*NEAREST, *known_plugins()], cutoff=0.75)
    return f" (nearest: {NEAREST.get(near, near)})" if near else ""


def asks_for_openai(names: Iterable[str]) -> bool:
    """Whether elizaOS's OpenAI plugin is among these."""
    return any(_full_name(name) == OPENAI for name in names)


def find_plugins(wanted: Iterable[Plugin | str]) -> list[Plugin]:
    """Plugins as code names them (`load_plugin`), without those of elizaOS's that the host brings itself."""
    named = (each for each in wanted if not isinstance(each, str) or _is_plugin(each))
    return [load_plugin(each) for each in named]


def _is_plugin(name: str) -> bool:
    return asks_for_openai([name]) or our_name(name) is not None


def names_for_character(character_plugins: Iterable[str], *, warn: bool = True) -> list[str]:
    """Our names for the plugins that a character file asks for; what we do not have is one warning each."""
    names = []
    for asked in character_plugins:
        ours = our_name(asked) if _is_known(asked) else None
        if ours is not None:
            names.append(ours)
        elif warn and not _is_known(asked):
            hint = _nearest_to(asked)
            log.warning(
                "the character asks for %s, which Bot Host does not have%s; going on without it", asked, hint
            )
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
    if not isinstance(name_or_plugin, str):
        return check_plugin(name_or_plugin)
    # In code this is our plugin; in characters and in the config it is the config's to say which model.
    ours = "openai" if asks_for_openai([name_or_plugin]) else our_name(name_or_plugin)
    if ours is None:
        raise PluginError(f"{name_or_plugin}: is no plugin here: the host brings it by its config")
    return find_plugin(ours)


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
