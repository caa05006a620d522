"""AgentRuntime: one running agent."""

import logging
import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Literal

from bot_host.contracts.plugin import (
    Action,
    Evaluator,
    ModelHandler,
    Plugin,
    Provider,
    Service,
    State,
)
from bot_host.contracts.store import Store
from bot_host.kit.logs import log_context
from bot_host.runtime.models import Models
from bot_host.runtime.plugins import in_order
from bot_host.runtime.state import StateComposer
from bot_host.types.character import Character
from bot_host.types.errors import BotHostError, PluginError
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.models import ModelType, TextRequest, TextResult

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOptions:
    """How an agent works; the keys of `[[agents]]`."""

    busy_mode: Literal["queue", "latest", "each"] = "queue"
    max_steps: int = 6
    """Model and tool rounds in one turn."""
    turn_timeout: float = 300.0
    """Seconds."""
    conversation_length: int = 32
    """Messages of history in the prompt (elizaos.md 2.15-07)."""


class AgentRuntime:
    """One agent: its character, what its plugins brought, its models and its settings."""

    def __init__(
        self,
        character: Character,
        *,
        store: Store,
        plugins: Sequence[Plugin] = (),
        plugin_configs: Mapping[str, Mapping[str, Any]] | None = None,
        settings: Mapping[str, Any] | None = None,
        options: AgentOptions | None = None,
    ) -> None:
        self._character = character
        self._store = store
        self._plugins = in_order(plugins)
        self._plugin_configs = plugin_configs or {}
        self._settings = dict(settings or {})
        self._exit_stack = AsyncExitStack()
        self._composer = StateComposer()
        self._started = False
        self.options = options or AgentOptions()
        self.models = Models()
        self.actions: list[Action] = []
        self.providers: list[Provider] = []
        self.evaluators: list[Evaluator] = []
        self.services: dict[str, Service] = {}

    @property
    def agent_id(self) -> UUID:
        """The agent's id, which is also its entity's."""
        return self._character.agent_id

    @property
    def character(self) -> Character:
        """Who it is."""
        return self._character

    @property
    def store(self) -> Store:
        """The database."""
        return self._store

    @property
    def exit_stack(self) -> AsyncExitStack:
        """Whatever is pushed here is closed when the agent stops, last in first out."""
        return self._exit_stack

    @property
    def started(self) -> bool:
        """Between `start` and `stop`."""
        return self._started

    async def start(self) -> None:
        """Load the plugins in order, then start their services. Idempotent. Raises PluginError."""
        if self._started:
            return
        with log_context(agent=self._character.name):
            await self._store.ensure_agent(self.agent_id, self._character)
            try:
                for plugin in self._plugins:
                    await self._load(plugin)
                for plugin in self._plugins:
                    for service in plugin.services:
                        await self._start_service(plugin, service)
            except BaseException:
                await self._exit_stack.aclose()
                raise
        self._started = True

    async def stop(self) -> None:
        """Stop services and let go of everything, in reverse. Idempotent; `start` works again after it."""
        self._started = False
        with log_context(agent=self._character.name):
            await self._exit_stack.aclose()
        self._exit_stack = AsyncExitStack()
        self.models = Models()
        self.actions.clear()
        self.providers.clear()
        self.evaluators.clear()
        self.services.clear()

    async def _load(self, plugin: Plugin) -> None:
        if plugin.init is not None:
            try:
                await plugin.init(self._plugin_configs.get(plugin.name, {}), self)
            except BotHostError:
                raise
            except Exception as error:
                raise PluginError(f"{plugin.name}: could not be initialised: {error}") from error
        for action in plugin.actions:
            self.register_action(action)
        self.providers.extend(plugin.providers)
        self.evaluators.extend(plugin.evaluators)

    async def _start_service(self, plugin: Plugin, service: type[Service]) -> None:
        try:
            instance = await service.start(self)
        except Exception as error:
            raise PluginError(
                f"{plugin.name}: service {service.service_type} did not start: {error}"
            ) from error
        self.services.setdefault(service.service_type, instance)
        self._exit_stack.push_async_callback(self._stop_service, service.service_type, instance)

    @staticmethod
    async def _stop_service(name: str, service: Service) -> None:
        try:
            await service.stop()
        except Exception:
            log.exception("service %s failed while stopping", name)

    def register_action(self, action: Action) -> None:
        """Add an action; a second one of the same name is left out with a warning (elizaos.md 2.4-04)."""
        if any(known.name == action.name for known in self.actions):
            log.warning("action %s is registered already; the second one is left out", action.name)
            return
        self.actions.append(action)

    def register_model(
        self, type: ModelType, handler: ModelHandler, *, provider: str, priority: int = 0
    ) -> None:
        """Offer a model; the highest priority is asked first."""
        self.models.register(type, handler, provider=provider, priority=priority)

    async def use_model(self, type: ModelType, params: TextRequest) -> TextResult:
        """Ask a model: by priority, with retries, then the next provider. Raises ModelError."""
        return await self.models.use(self, type, params)

    async def compose_state(
        self, message: Memory, *, include: Collection[str] = (), only: bool = False
    ) -> State:
        """What the providers say about a message (elizaos.md 2.6)."""
        return await self._composer.compose(self, self.providers, message, include=include, only=only)

    def forget_state(self, message_id: UUID) -> None:
        """Drop the cached state of a message whose turn is over or which was edited."""
        self._composer.forget(message_id)

    def get_setting(self, key: str) -> Any | None:
        """A setting: character secrets, character settings, runtime settings, environment; else None.

        The texts `true` and `false` become booleans. False, 0 and the empty string are values
        (elizaOS falls through them: 2.5-01).
        """
        nested = self._character.settings.get("secrets")
        sources: tuple[Mapping[str, Any], ...] = (
            self._character.secrets,
            self._character.settings,
            nested if isinstance(nested, dict) else {},
            self._settings,
            os.environ,
        )
        for source in sources:
            if key in source and source[key] is not None:
                value = source[key]
                if isinstance(value, str) and value in ("true", "false"):
                    return value == "true"
                return value
        return None
