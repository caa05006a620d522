"""Which agents there are: making, finding, changing and forgetting them."""

import asyncio
import logging
import os
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias
from weakref import WeakKeyDictionary, WeakValueDictionary

from bot_host.config.characters import make_character
from bot_host.contracts.plugin import Host, Plugin
from bot_host.contracts.store import Store
from bot_host.host.desk import Desk
from bot_host.kit.names import did_you_mean
from bot_host.runtime import AgentOptions, AgentRuntime
from bot_host.runtime.plugins import (
    OPENAI,
    asks_for_openai,
    build_character_plugins,
    find_plugins,
    known_plugins,
    names_for_character,
)
from bot_host.runtime.settings import Settings
from bot_host.types.character import Character
from bot_host.types.errors import BotHostError, ConfigError, PluginError, StateError
from bot_host.types.ids import UUID, as_id

log = logging.getLogger(__name__)

KEYS: Final = (
    "character",
    "plugins",
    "settings",
    "init",
    "database_adapter",
    "options",
    "plugin_configs",
)
"""What an item of `add_agents` may have."""
AGENT_SECONDS: Final = 10.0
"""What an agent's services and plugins may take to stop."""

Init: TypeAlias = Callable[[AgentRuntime], Awaitable[None]]


def each_of(given: Iterable[str]) -> list[str]:
    """Ids or names, one after the other; one alone is itself, and not its letters."""
    return [given] if isinstance(given, str | uuid.UUID) else list(given)


def raise_failed(failed: Mapping[UUID, Exception], runtimes: Sequence[AgentRuntime]) -> None:
    """Raise what kept agents from starting: the error itself, or one StateError that names them all."""
    if not failed:
        return
    first, *others = failed.values()
    if not others:
        raise first
    names = {runtime.agent_id: runtime.character.name for runtime in runtimes}
    said = "; ".join(f"{names[agent_id]}: {error}" for agent_id, error in failed.items())
    raise StateError(f"{len(failed)} agents did not start: {said}") from first


class Agents:
    """The agents of one host, in the order in which they were added. Names count regardless of case."""

    def __init__(self, host: Host, store: Store) -> None:
        self._host = host
        self._store = store
        self._by_id: dict[UUID, AgentRuntime] = {}
        self._inits: WeakKeyDictionary[AgentRuntime, Init] = WeakKeyDictionary()
        self._ephemeral: WeakKeyDictionary[AgentRuntime, None] = WeakKeyDictionary()
        self._passing: WeakValueDictionary[int, Desk] = WeakValueDictionary()
        """By the id of the store, which lives as long as its desk."""
        self._desks: WeakKeyDictionary[AgentRuntime, Desk] = WeakKeyDictionary()
        self._started_at: WeakKeyDictionary[AgentRuntime, float] = WeakKeyDictionary()
        self.leaving: set[UUID] = set()
        """Agents that are being stopped: they begin no turn."""
        self.editable = False
        """Whether characters may be changed."""

    # -- finding ----------------------------------------------------------------------------------------

    def get(self, agent_id: UUID) -> AgentRuntime:
        """An agent by id. Raises StateError."""
        runtime = self._by_id.get(as_id(agent_id))
        if runtime is None:
            raise StateError(
                f"there is no agent with the id {agent_id} (an ephemeral one is asked by its runtime: "
                "return_runtimes = True)"
            )
        return runtime

    def find(self, agent_id: UUID) -> AgentRuntime | None:
        """An agent by id, or None."""
        return self._by_id.get(as_id(agent_id))

    def working(self, agent_id: UUID) -> AgentRuntime | None:
        """An agent that may begin a turn."""
        return None if agent_id in self.leaving else self._by_id.get(agent_id)

    def all(self) -> list[AgentRuntime]:
        """All of them."""
        return list(self._by_id.values())

    def by_name(self, name: str) -> AgentRuntime | None:
        """The first one of a name."""
        return next(iter(self.by_names([name])), None)

    def by_names(self, names: Iterable[str]) -> list[AgentRuntime]:
        """Those that have one of these names."""
        wanted = {name.casefold() for name in names}
        return [each for each in self._by_id.values() if each.character.name.casefold() in wanted]

    def chosen(self, ids: Iterable[UUID] | None) -> list[AgentRuntime]:
        """These, or all. Raises StateError for an unknown one."""
        return self.all() if ids is None else list(dict.fromkeys(map(self.get, each_of(ids))))

    # -- coming and going -------------------------------------------------------------------------------

    def make(self, item: Mapping[str, Any], *, ephemeral: bool, test_mode: bool) -> AgentRuntime:
        """A runtime as an item of `add_agents` describes it, not added. Raises ConfigError, PluginError."""
        if not isinstance(item, Mapping):
            raise ConfigError(f"an agent: expected a mapping with a character, found {type(item).__name__}")
        for key in item:
            if key not in KEYS:
                known = ", ".join(KEYS)
                raise ConfigError(f"an agent has no {key!r}{did_you_mean(key, KEYS)}; it has {known}")
        if "character" not in item:
            raise ConfigError("an agent needs a character")
        init = item.get("init")
        if init is not None and not callable(init):
            raise ConfigError(f"init must be a function of the runtime, found {init!r:.60}")
        environ: Mapping[str, str] = {} if test_mode else os.environ
        character = make_character(item["character"])
        settings = Settings(character, item.get("settings") or {}, environ)
        configs: Mapping[str, Mapping[str, Any]] = item.get("plugin_configs") or {}
        wanted = given_plugins(item)
        if wanted is None:
            wanted = build_character_plugins(environ, settings=settings, configs=configs)
        named = find_plugins([*wanted, *names_for_character(character.plugins)])
        plugins = {plugin.name: plugin for plugin in named}
        for name in configs:
            # One that is installed and not used here may have its table all the same.
            if name not in plugins and name not in known_plugins():
                raise ConfigError(
                    f"plugin_configs: {character.name} has no plugin {name!r}{did_you_mean(name, plugins)}"
                )
        if "offline" in plugins and "openai" not in plugins and asks_for_openai(character.plugins):
            log.warning(
                "%s asks for %s and has no OPENAI_API_KEY: the offline demonstration answers",
                character.name,
                OPENAI,
            )
        adapter = item.get("database_adapter")
        options: AgentOptions = item.get("options") or AgentOptions(background=not ephemeral)
        runtime = AgentRuntime(
            character,
            store=self._store if adapter is None else a_store(adapter),
            plugins=list(plugins.values()),
            plugin_configs=configs,
            settings=item.get("settings"),
            options=options,
            host=self._host,
            environ=environ if test_mode else None,
        )
        if init is not None:
            self._inits[runtime] = init
        if ephemeral:
            self._ephemeral[runtime] = None
        return runtime

    def is_ephemeral(self, runtime: AgentRuntime) -> bool:
        """Whether it was added for its caller alone."""
        return runtime in self._ephemeral

    def passing_desk(self, runtime: AgentRuntime, make: Callable[[Store], Desk]) -> Desk:
        """The desk of ephemeral agents' own database, which is somebody else's. It goes with the last one."""
        desk = self._passing.get(id(runtime.store))
        if desk is None:
            desk = self._passing[id(runtime.store)] = make(runtime.store)
            desk.own = False
        self._desks[runtime] = desk
        return desk

    def add(self, runtimes: Sequence[AgentRuntime]) -> None:
        """All or none. Raises ConfigError for an id that is taken."""
        ids = [runtime.agent_id for runtime in runtimes]
        for runtime in runtimes:
            if runtime.agent_id in self._by_id or ids.count(runtime.agent_id) > 1:
                raise ConfigError(
                    f"there is an agent with the id of {runtime.character.name!r} already: give one of them "
                    "another name, or an id of its own"
                )
        self._by_id.update(zip(ids, runtimes, strict=True))

    def forget(self, agent_id: UUID) -> None:
        """Take it out; what it knows stays in the database."""
        runtime = self._by_id.pop(agent_id, None)
        if runtime is not None:
            self._inits.pop(runtime, None)
            runtime.host = None

    async def start(self, runtime: AgentRuntime) -> bool:
        """Start it and run its `init`, once in its life; whether it was not started before.

        Raises PluginError; an agent whose `init` fails is stopped again.
        """
        if runtime.started:
            return False
        await runtime.start()
        init = self._inits.get(runtime)
        if init is not None:
            try:
                await init(runtime)
            except BaseException as error:
                await runtime.stop()
                if isinstance(error, BotHostError) or not isinstance(error, Exception):
                    raise
                name = runtime.character.name
                raise PluginError(f"the init function of {name} failed: {error}").about(agent=name) from error
            self._inits.pop(runtime, None)
        self._started_at[runtime] = time.monotonic()
        return True

    def uptime(self, runtime: AgentRuntime) -> float:
        """Seconds since it was started; 0 when it is not."""
        begun = self._started_at.get(runtime)
        return time.monotonic() - begun if begun is not None and runtime.started else 0.0

    def changed(self, runtime: AgentRuntime, updates: Mapping[str, Any]) -> tuple[Character, tuple[str, ...]]:
        """A character with changes, checked, and the keys that change. Raises StateError, ConfigError."""
        if not self.editable:
            raise StateError("characters cannot be changed: call enable_editable_mode first")
        character = runtime.character
        given = make_character({"name": character.name, **updates})
        twin = self.by_name(given.name)
        if twin is not None and twin is not runtime and "name" in updates:
            raise ConfigError(f"there is an agent called {given.name!r} already: choose another name")
        keys = given.model_fields_set - (set() if "name" in updates else {"name"})
        if "id" in keys and as_id(given.id) != runtime.agent_id:
            raise ConfigError(f"{character.name}: the id of an agent cannot be changed")
        # Its id may come from its name: it must not become another agent at the next start.
        changes = {key: getattr(given, key) for key in keys} | {"id": runtime.agent_id}
        return character.model_copy(update=changes), tuple(sorted(keys))


async def stop_agent(runtime: AgentRuntime) -> None:
    """One agent's fault or slowness must not keep the others from stopping."""
    try:
        async with asyncio.timeout(AGENT_SECONDS):
            await runtime.stop()
    except TimeoutError:
        log.error("%s did not stop within %.0f seconds", runtime.character.name, AGENT_SECONDS)
    except Exception:
        log.exception("%s failed while stopping", runtime.character.name)


def a_store(given: Any) -> Store:
    """The store of an agent's own. Raises ConfigError for something else."""
    if not hasattr(given, "take_turn"):
        kind = type(given).__name__
        raise ConfigError(f"database_adapter must be a Store, as make_store makes it, not {kind}")
    store: Store = given
    return store


def without_secrets(character: Character) -> Character:
    """For those who are told of an agent."""
    settings = {key: value for key, value in character.settings.items() if key != "secrets"}
    return character.model_copy(update={"secrets": {}, "settings": settings}, deep=True)


def given_plugins(item: Mapping[str, Any]) -> Sequence[Plugin | str] | None:
    """The plugins that an item of `add_agents` lists, and that may be none; None: it says nothing of them.

    Raises ConfigError for what is no list.
    """
    given = item.get("plugins")
    if given is None:
        return None
    if isinstance(given, str | Plugin):
        return [given]
    if not isinstance(given, Iterable):
        raise ConfigError(f"plugins: expected a list of plugins and names, found {type(given).__name__}")
    return list(given)
