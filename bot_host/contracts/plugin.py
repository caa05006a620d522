"""What a plugin brings, and the agent as a plugin sees it (elizaos.md 2.4, 2.6, 2.7, 2.9, 2.14)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar

from pydantic import BaseModel

from bot_host.contracts.connector import CheckLine
from bot_host.contracts.store import Store
from bot_host.types.character import Character
from bot_host.types.content import Content
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.models import ModelType, TextRequest, TextResult
from bot_host.types.places import Role

S = TypeVar("S", bound="Service")


class Agent(Protocol):
    """A running agent, as plugins may use it."""

    @property
    def agent_id(self) -> UUID:
        """The agent's id, which is also its entity's."""

    @property
    def character(self) -> Character:
        """Who it is."""

    @property
    def store(self) -> Store:
        """The database."""

    @property
    def exit_stack(self) -> AsyncExitStack:
        """Whatever is pushed here is closed when the agent stops, last in first out."""

    def get_setting(self, key: str) -> Any | None:
        """A setting: character secrets, character settings, runtime settings, environment; else None."""

    async def use_model(self, type: ModelType, params: TextRequest) -> TextResult:
        """Ask a model. Raises ModelError."""

    def register_model(
        self, type: ModelType, handler: "ModelHandler", *, provider: str, priority: int = 0
    ) -> None:
        """Offer a model; the highest priority is asked first."""


@dataclass(slots=True, kw_only=True)
class State:
    """What the providers said about one message."""

    text: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderResult:
    """A provider's piece of context (elizaos.md 2.6-01)."""

    text: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Gives a piece of context to the prompt."""

    name: str
    get: Callable[[Agent, Memory, State], Awaitable[ProviderResult]]
    description: str = ""
    position: int = 0
    """Lower comes first."""
    dynamic: bool = False
    """Only on request."""
    private: bool = False
    """Only on request, and not listed to the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionResult:
    """What an action did (elizaos.md 2.7-02)."""

    success: bool = True
    text: str = ""
    """For the model, and for the log."""
    values: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionCall:
    """One execution of an action."""

    message: Memory
    state: State
    arguments: Mapping[str, Any]
    """As the model gave them, checked against `Action.parameters`."""
    previous_results: Sequence[tuple[str, ActionResult]] = ()
    """Name and result of the turn's earlier actions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something the agent can do; offered to the model as a tool."""

    name: str
    """Upper case with underscores, as in elizaOS: `MUTE_ROOM`."""
    description: str
    handler: Callable[[Agent, ActionCall], Awaitable[ActionResult]]
    validate: Callable[[Agent, Memory, State], Awaitable[bool]] | None = None
    """Whether it is possible now; asked when it is offered, and again when it runs."""
    similes: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})
    """JSON schema of the arguments."""
    required_role: Role | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluator:
    """Looks back after the turn and learns (elizaos.md 2.9)."""

    name: str
    handler: Callable[[Agent, Memory, State], Awaitable[None]]
    validate: Callable[[Agent, Memory, State], Awaitable[bool]] | None = None
    description: str = ""
    always_run: bool = False


class Service(Protocol):
    """A long-lived singleton of one agent (elizaos.md 2.14)."""

    service_type: ClassVar[str]

    @classmethod
    async def start(cls: type[S], agent: Agent) -> S:
        """Make the one instance."""

    async def stop(self) -> None:
        """Let go of everything."""


ModelHandler: TypeAlias = Callable[[Agent, TextRequest], Awaitable[TextResult]]
"""Answers one request. Raises ModelError, with `retryable` set where trying again makes sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A bundle of abilities. What an entry point of the group `bot_host.plugins` names."""

    name: str
    description: str = ""
    config: type[BaseModel] | None = None
    """Checks the plugin's table of the config file."""
    init: Callable[[Mapping[str, Any], Agent], Awaitable[None]] | None = None
    """Called before the rest is registered, with the plugin's config."""
    actions: tuple[Action, ...] = ()
    providers: tuple[Provider, ...] = ()
    evaluators: tuple[Evaluator, ...] = ()
    services: tuple[type[Service], ...] = ()
    dependencies: tuple[str, ...] = ()
    priority: int = 0
    """Order of loading: database -100, models -50, core 0, features 50, platforms 100."""
    check: Callable[[Mapping[str, Any]], Awaitable[Sequence[CheckLine]]] | None = None
    """For the `check` command: try what the config names. Never raises."""


__all__ = [
    "Action",
    "ActionCall",
    "ActionResult",
    "Agent",
    "CheckLine",
    "Content",
    "Evaluator",
    "ModelHandler",
    "Plugin",
    "Provider",
    "ProviderResult",
    "Service",
    "State",
]
