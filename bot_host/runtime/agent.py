"""AgentRuntime: one running agent. It puts the parts of this folder together and adds nothing of its own."""

import logging
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Self

from bot_host.config.characters import make_character
from bot_host.contracts.plugin import (
    Action,
    ActionResult,
    Evaluator,
    HandlerCallback,
    Host,
    Plugin,
    Service,
    State,
)
from bot_host.contracts.store import Store
from bot_host.kit.fetch import SafeFetcher
from bot_host.kit.logs import log_context
from bot_host.kit.tasks import Supervisor
from bot_host.runtime import evaluators as looking_back
from bot_host.runtime.actions import available
from bot_host.runtime.adapter_methods import AdapterMethods
from bot_host.runtime.audit import Audit
from bot_host.runtime.base import AgentBase
from bot_host.runtime.config import AgentOptions, RuntimeConfig
from bot_host.runtime.embeddings import Embeddings
from bot_host.runtime.event_methods import EventMethods
from bot_host.runtime.knowing import Knowing
from bot_host.runtime.knowledge import Knowledge
from bot_host.runtime.knowledge_keeper import KnowledgeKeeper
from bot_host.runtime.life import Life
from bot_host.runtime.message_embeddings import follow_messages
from bot_host.runtime.model_methods import ModelMethods
from bot_host.runtime.parts import check_plugin
from bot_host.runtime.plugin_config import config_for
from bot_host.runtime.plugins import find_plugins, in_order
from bot_host.runtime.process import ActionResults, ActionTurn, process_actions
from bot_host.runtime.reach import Reach
from bot_host.runtime.registry import Registry
from bot_host.runtime.role_methods import RoleMethods
from bot_host.runtime.rooms import Rooms
from bot_host.runtime.runs import Begun
from bot_host.runtime.service_methods import ServiceMethods
from bot_host.runtime.settings import Settings
from bot_host.runtime.state import StateComposer
from bot_host.runtime.summaries import Summaries
from bot_host.runtime.tables import TableMethods
from bot_host.runtime.traces import Traces
from bot_host.types.character import Character
from bot_host.types.errors import BotHostError, ConfigError, PluginError, StoreError
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.permissions import Permissions

log = logging.getLogger(__name__)


class AgentRuntime(
    Life,
    Registry,
    EventMethods,
    ServiceMethods,
    ModelMethods,
    AdapterMethods,
    TableMethods,
    RoleMethods,
    Rooms,
    Knowledge,
    Knowing,
    Reach,
    AgentBase,
):
    """One agent: its character, what its plugins brought, its models and its settings.

    Agents share nothing but the store and the host.
    """

    def __init__(
        self,
        character: Character,
        *,
        store: Store,
        plugins: Sequence[Plugin] = (),
        plugin_configs: Mapping[str, Mapping[str, Any]] | None = None,
        settings: Mapping[str, Any] | None = None,
        options: AgentOptions | None = None,
        host: Host | None = None,
        fetcher: SafeFetcher | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """`environ` is read for settings instead of the process's environment."""
        AgentBase.__init__(self, character, store)
        Registry.__init__(self)
        EventMethods.__init__(self)
        ServiceMethods.__init__(self)
        TableMethods.__init__(self)
        Life.__init__(self)
        ModelMethods.__init__(self)
        self._given_plugins = in_order(plugins)
        self._plugin_configs = plugin_configs or {}
        self._settings = Settings(character, settings or {}, environ)
        self._host = host
        self._given_character = character
        self._fetcher = fetcher or SafeFetcher()
        self._exit_stack = AsyncExitStack()
        self._composer = StateComposer()
        self.options = options or AgentOptions()
        self.action_results = ActionResults()
        self.begun = Begun()
        self.traces = Traces()
        self._audit = Audit(self.agent_id, store)
        self._embeddings = Embeddings(self, self.models, store, limits=lambda: self.options.limits)
        self.summaries = Summaries(self)
        self.models.on_new = self._embeddings.wake
        self._tasks = Supervisor(f"agent {character.name}")

    @classmethod
    def from_config(cls, config: RuntimeConfig, *, host: Host | None = None) -> Self:
        """An agent as described; not started. Raises ConfigError, PluginError."""
        character = make_character(config.character)
        if config.database is None:
            raise ConfigError("RuntimeConfig.database is missing: an agent needs a store, see make_store")
        own = Plugin(
            name="runtime config",
            priority=1000,
            models=config.models,
            model_priority=1000,
            services=tuple(config.services),
        )
        named = find_plugins(config.plugins)
        return cls(
            character,
            store=config.database,
            plugins=[*named, own] if config.models or config.services else named,
            settings=config.environment,
            options=config.options,
            host=host,
        )

    # -- who and where ----------------------------------------------------------------------------------

    @property
    def exit_stack(self) -> AsyncExitStack:
        """Whatever is pushed here is closed when the agent stops, last in first out."""
        return self._exit_stack

    @property
    def host(self) -> Host | None:
        """The host that the agent lives in; None for an agent that stands alone."""
        return self._host

    @host.setter
    def host(self, host: Host | None) -> None:
        self._host = host

    @property
    def permissions(self) -> Permissions:
        """Who may use which action and command, by the config."""
        return self.options.permissions

    def has_host(self) -> bool:
        """Whether there is a host (elizaOS: hasElizaOS)."""
        return self._host is not None

    @property
    def given_plugins(self) -> Sequence[Plugin]:
        """The plugins that it has or will have once started, in order of loading."""
        return tuple(self._given_plugins)

    def plugin_config(self, name: str) -> Mapping[str, Any]:
        """The config of one of its plugins, as its `init` gets it. Raises PluginError."""
        given = self._plugin_configs.get(name, {})
        known = next((plugin for plugin in self._given_plugins if plugin.name == name), None)
        return given if known is None else config_for(known, given, self._settings)

    @property
    def given_character(self) -> Character:
        """The character as it was given, by its file or by code, without what was changed since."""
        return self._given_character

    def use_character(self, character: Character, *, edited: bool = False) -> None:
        """From now on be this character; id, plugins and models stay.

        `edited`: the database keeps what was changed of the one that was given, and that one is begun with.
        """
        if not edited:
            self._given_character = character
        self._character = character
        self._settings.use_character(character)
        self.models.forget_settings()

    # -- life -------------------------------------------------------------------------------------------

    async def start(self, skip_migrations: bool | None = None) -> None:
        """Load the plugins in order, then start their services. Idempotent. Raises PluginError.

        `skip_migrations`: leave the tables of plugins as they are; None: as it was set.
        """
        if self.started:
            return
        if skip_migrations is not None:
            self.skip_migrations = skip_migrations
        with log_context(agent=self._character.name):
            try:
                await self.take_up_character()
                self.services.expect()
                while (plugin := self._next_plugin()) is not None:
                    await self._load(plugin)
                await self.services.start_all(self, self._exit_stack)
                follow_messages(
                    self,
                    self._embeddings.queue_message,
                    tasks=self._background,
                    possible=self._embeddings.possible,
                )
                if self.options.background:
                    self._tasks = Supervisor(f"agent {self._character.name}")
                    self._exit_stack.push_async_callback(self._tasks.close)
                    self._tasks.spawn("embeddings", self._embeddings.run())
                    self._tasks.spawn("summaries", self.summaries.run())
                    keeper = KnowledgeKeeper(self, self.options.knowledge, self._embeddings)
                    self._tasks.spawn("knowledge", keeper.run())
            except BaseException as error:
                if isinstance(error, BotHostError):
                    error.about(agent=self._character.name)
                await self._let_go()
                self._tell_started(error)
                raise
        self._tell_started()

    initialize = start

    def _background(self) -> Supervisor | None:
        return self._tasks if self.options.background else None

    async def take_up_character(self) -> None:
        """Make the agent's row. What was changed of this very character holds on (2.16-02 [T])."""
        edits = await self._store.ensure_agent(self.agent_id, self._given_character)
        if edits.dropped:
            log.warning(
                "the character of %s is another one than was changed at run time: the changes of %s are gone",
                self._given_character.name,
                ", ".join(edits.dropped),
            )
        if edits.kept:
            log.info("%s: changes that were made are kept: %s", self._character.name, ", ".join(edits.kept))
        self.use_character(self._given_character.with_edits(edits.kept), edited=True)

    async def stop(self) -> None:
        """Stop services and let go of everything, in reverse. Idempotent; `start` works again after it."""
        self._is_started = False
        with log_context(agent=self._character.name):
            await self._let_go()
        self._settings.clear()

    async def _let_go(self) -> None:
        try:
            await self._audit.flush()
        except StoreError as error:
            log.error("the audit log could not be written: %s", error)
        await self.services.settle()
        await self._exit_stack.aclose()
        self._exit_stack = AsyncExitStack()
        self._forget_parts()
        self.services.forget()
        self.events.clear()
        self.models.clear()
        self.forget_tables()

    def _next_plugin(self) -> Plugin | None:
        """The next one to load: a plugin's `init` may register another plugin."""
        loaded = {plugin.name for plugin in self.plugins}
        return next((plugin for plugin in self._given_plugins if plugin.name not in loaded), None)

    async def _load(self, plugin: Plugin) -> None:
        config = config_for(plugin, self._plugin_configs.get(plugin.name, {}), self._settings)
        await self.bring_tables(plugin)
        if plugin.init is not None:
            try:
                await plugin.init(config, self)
            except BotHostError:
                raise
            except Exception as error:
                raise PluginError(f"{plugin.name}: could not be initialised: {error}") from error
        self._take_parts(plugin)
        for type, handler in plugin.models.items():
            self.register_model(type, handler, provider=plugin.name, priority=plugin.model_priority)
        for event, listeners in plugin.events.items():
            for listener in listeners:
                self.on(event, partial(listener, self))
        for service in plugin.services:
            self.services.register(service)

    async def register_plugin(self, plugin: Plugin) -> None:
        """Load a plugin; into a running agent at once, with its services. Raises PluginError.

        One whose name is known is left out with a warning (2.4-01).
        """
        check_plugin(plugin)
        known = [each.name for each in (self.plugins if self.started else self._given_plugins)]
        if plugin.name in known:
            log.warning("plugin %s is registered already; the second one is left out", plugin.name)
            return
        if not self.started:
            self._given_plugins = in_order([*self._given_plugins, plugin])
            return
        ordered = in_order([*self.plugins, plugin])
        with log_context(agent=self._character.name):
            await self._load(plugin)
            await self.services.start_all(self, self._exit_stack)
        self._given_plugins = ordered
        await self.audit("plugin registered", plugin.name)

    # -- settings ---------------------------------------------------------------------------------------

    def get_setting(self, key: str) -> Any | None:
        """A setting: character secrets, character settings, runtime settings, environment; else None."""
        return self._settings.get(key)

    def has_setting(self, key: str) -> bool:
        """Whether `get_setting` finds a value; False, 0 and the empty text are values."""
        return self._settings.get(key) is not None

    def set_setting(self, key: str, value: Any, secret: bool = False) -> None:
        """Set it until the agent stops, before all other sources; None takes it back.

        Audited; without the value where it is a `secret`, or its name looks like one.
        """
        self._settings.set(key, value)
        self.models.forget_settings()
        hidden = secret or self._settings.is_secret(key)
        self._audit.note("setting changed", key, {} if hidden else {"value": str(value)[:200]})
        if self.started and self.options.background:
            self._tasks.spawn("audit", self._audit.flush())

    def get_conversation_length(self) -> int:
        """Messages of history in the prompt."""
        return self.options.conversation_length

    # -- services ----------------------------------------------------------------------------------------

    async def register_service(self, service: type[Service]) -> None:
        """Start a service, or note it to be started with the agent."""
        self.services.register(service)
        if self.started:
            await self.services.start_all(self, self._exit_stack)

    # -- one message ------------------------------------------------------------------------------------

    async def compose_state(
        self,
        message: Memory,
        include_list: Collection[str] | str | None = None,
        only_include: bool = False,
        skip_cache: bool = False,
        *,
        include: Collection[str] | str = (),
        only: bool = False,
        known: Mapping[str, Any] | None = None,
    ) -> State:
        """What the providers say about a message (elizaos.md 2.6); `known` goes into its data first.

        Each call runs its providers; `values` and `data` of earlier calls for the message stay (`skip_cache`:
        not).
        """
        return await self._composer.compose(
            self,
            self.providers,
            message,
            include=include_list or include,
            only=only_include or only,
            skip_cache=skip_cache,
            known=known,
        )

    @property
    def state_cache(self) -> Mapping[UUID, State]:
        """The states that are kept, by message, oldest first (2.1-04)."""
        return self._composer.cached

    @property
    def latest_state(self) -> State | None:
        """The newest one, also when its turn is over."""
        return self._composer.latest

    def forget_state(self, message_id: UUID) -> None:
        """Drop the cached state of a message whose turn is over or which was edited."""
        self._composer.forget(message_id)

    async def select_actions(self, message: Memory, state: State | None = None) -> list[Action]:
        """The actions that are possible now, for this sender."""
        return await available(
            self, self.actions_for(message), message, state or await self.compose_state(message)
        )

    def action_turn(
        self,
        message: Memory,
        state: State,
        *,
        callback: HandlerCallback | None = None,
        answering: Sequence[Memory] = (),
    ) -> ActionTurn:
        """To run a message's tool calls one after the other, with all that `process_actions` does.

        `answering`: all messages that the turn answers; the least of their senders' roles counts.
        """
        return ActionTurn(
            self,
            self.actions_for(message),
            self.action_results,
            message=message,
            state=state,
            callback=callback,
            answering=answering,
        )

    async def process_actions(
        self,
        message: Memory,
        responses: Sequence[Memory],
        state: State | None = None,
        callback: HandlerCallback | None = None,
    ) -> list[ActionResult]:
        """Run what the responses' `content.actions` name, in order (`runtime.process`)."""
        state = state or await self.compose_state(message)
        return await process_actions(
            self, self.actions_for(message), self.action_results, message, responses, state, callback
        )

    def get_action_results(self, message_id: UUID) -> list[ActionResult]:
        """What the actions of a message came to, in order."""
        return self.action_results.get(message_id)

    async def evaluate(
        self,
        message: Memory,
        state: State | None = None,
        did_respond: bool = False,
        callback: HandlerCallback | None = None,
        responses: Sequence[Memory] | None = None,
    ) -> list[Evaluator]:
        """Run the evaluators that want to; those that did. They learn and do not speak: no callback."""
        state = state or await self.compose_state(message)
        return await looking_back.evaluate(self, self.evaluators, message, state, responded=did_respond)
