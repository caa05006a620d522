"""What a plugin brings, and the agent as a plugin sees it (elizaos.md 2.4, 2.6 to 2.11, 2.14, 2.15)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar, overload

from pydantic import BaseModel

from bot_host.contracts.agent import AgentCore
from bot_host.contracts.commands import Command, CommandCall
from bot_host.contracts.connector import CheckLine
from bot_host.contracts.results import ActionPlan, ActionResult, Delivery, PlanStep, ProviderResult, State
from bot_host.contracts.routes import Route
from bot_host.contracts.tables import Schema
from bot_host.types.archive import Archive
from bot_host.types.character import ExampleMessage
from bot_host.types.content import Content, Media, MentionContext
from bot_host.types.events import Event
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.models import ModelType, TextRequest, TextResult
from bot_host.types.outbound import Target
from bot_host.types.places import Role, Room
from bot_host.types.task import Task
from bot_host.types.turn import Processing
from bot_host.types.windows import WindowOf

S = TypeVar("S", bound="Service")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseDecision:
    """Whether an agent would answer (elizaos.md 4.1-01)."""

    should_respond: bool
    reason: str
    skip_evaluation: bool = True
    """No model was needed to decide."""


class MessageService(Protocol):
    """Messages by elizaOS's names (4.1). The same door as `BotHost.handle_message`."""

    async def handle_message(
        self,
        runtime: "Agent",
        message: Mapping[str, Any] | Memory,
        callback: "HandlerCallback | None" = None,
        options: Mapping[str, Any] | None = None,
    ) -> Processing:
        """Give the agent a message and wait; `callback` gets each thing that was said, in order.

        `options`: keyword arguments of `BotHost.handle_message` (`max_retries`, `timeout` …).
        """

    async def should_respond(
        self,
        runtime: "Agent",
        message: Memory,
        room: Room | None = None,
        mention_context: MentionContext | None = None,
    ) -> ResponseDecision:
        """Whether the agent would answer, by the rules of the gate; nothing is written."""

    async def delete_message(self, runtime: "Agent", message: Memory) -> None:
        """Delete a message with what was derived from it, and tell MESSAGE_DELETED."""

    async def clear_channel(self, runtime: "Agent", room_id: UUID, channel_id: str) -> int:
        """Delete all messages of a room, and tell CHANNEL_CLEARED; how many."""


class Host(Protocol):
    """The host as its agents see it: the way to the other agents and to the platforms."""

    @property
    def message_service(self) -> MessageService:
        """Messages by elizaOS's names."""

    def get_agent(self, agent_id: UUID) -> "Agent":
        """An agent by id. Raises StateError."""

    def get_agents(self) -> Sequence["Agent"]:
        """All agents, in the order in which they were added."""

    def reaches(self, agent_id: UUID, room: Room) -> bool:
        """Whether what an agent says unasked in a room goes out: not so where callers of the library ask."""

    async def handle_message(self, agent: UUID, message: Mapping[str, Any] | Memory) -> Any:
        """Give an agent a message and wait for what comes of it (`BotHost.handle_message`)."""

    async def send_message_to_target(self, agent: UUID, target: Target, content: Content) -> Delivery:
        """Say something unasked (`BotHost.send_message_to_target`)."""

    async def save_media(self, data: bytes, media: Media) -> Media:
        """Put bytes into the media folder; `media` with the file's name (`Agent.save_media`)."""

    async def archive_person(self, agent: UUID, entity_ids: Sequence[UUID]) -> Archive:
        """All that is held about the accounts of one person, as zip files (`BotHost.archive_person`)."""


class Agent(AgentCore, Protocol):
    """A running agent, as plugins may use it."""

    @property
    def host(self) -> Host | None:
        """The host that the agent lives in; None for an agent that stands alone."""

    @property
    def plugins(self) -> "Sequence[Plugin]":
        """Those that are loaded, in the order of loading."""

    @property
    def actions(self) -> "Sequence[Action]":
        """Whatever plugins brought, possible now or not."""

    @property
    def commands(self) -> "Sequence[Command]":
        """All of them."""

    @property
    def providers(self) -> "Sequence[Provider]":
        """All of them."""

    @property
    def evaluators(self) -> "Sequence[Evaluator]":
        """All of them."""

    @property
    def task_workers(self) -> "Mapping[str, TaskWorker]":
        """Who runs tasks, by name."""

    # -- models -----------------------------------------------------------------------------------------

    @overload
    async def use_model(
        self, type: ModelType | str, params: TextRequest, provider: str | None = None
    ) -> TextResult: ...

    @overload
    async def use_model(self, type: ModelType | str, params: Any, provider: str | None = None) -> Any: ...

    async def use_model(self, type: ModelType | str, params: Any, provider: str | None = None) -> Any:
        """Ask a model: by priority, with retries, then the next provider. `type` may be its name.

        `params`: the request class of the type (`REQUESTS`), or a mapping with its keys. Text types answer a
        TextRequest with a TextResult, a mapping with a str. Raises ModelError; StateError when nobody
        offers such a model or the params are not what it takes.
        """

    def get_model(self, type: ModelType | str) -> "ModelHandler | None":
        """The handler that is asked first, or None."""

    def get_model_providers(self, type: ModelType | str) -> list[str]:
        """The names of who offers such a model, first asked first."""

    def register_model(
        self,
        type: ModelType | str,
        handler: "ModelHandler",
        provider: str,
        priority: int = 0,
        *,
        window: WindowOf | None = None,
    ) -> None:
        """Offer a model; the highest priority is asked first. Raises StateError for an unknown type.

        `window` tells how much fits into a text model; None: nothing is known, `CONTEXT_TOKENS` are taken.
        """

    # -- what plugins bring -----------------------------------------------------------------------------

    def register_action(self, action: "Action") -> None:
        """Add an action; a second one of the same name is left out with a warning."""

    def register_command(self, command: Command) -> None:
        """Add a command. Raises PluginError for a name that another one has."""

    def register_provider(self, provider: "Provider") -> None:
        """Add a provider; a second one of the same name is left out with a warning."""

    def register_evaluator(self, evaluator: "Evaluator") -> None:
        """Add an evaluator; a second one of the same name is left out with a warning."""

    async def register_service(self, service: "type[Service]") -> None:
        """Start a service, or note it to be started with the agent."""

    async def register_plugin(self, plugin: "Plugin") -> None:
        """Load a plugin into the running agent. Raises PluginError."""

    def register_event(self, event: "str | type[Event]", handler: "EventHandler") -> None:
        """The same as `on`."""

    def register_task_worker(
        self,
        worker: "TaskWorker | str",
        execute: "Execute | None" = None,
        validate: "Validate | None" = None,
    ) -> None:
        """Say who runs the tasks of a name, by a TaskWorker or its parts; the last one wins."""

    def get_task_worker(self, name: str) -> "TaskWorker | None":
        """Who runs the tasks of a name."""

    def register_send_handler(self, source: str, handler: "SendHandler") -> None:
        """Say who sends to a source that is no connector's; the last one wins. Only the outbox calls it."""

    # -- one message ------------------------------------------------------------------------------------

    async def select_actions(self, message: Memory, state: State | None = None) -> "list[Action]":
        """The actions that are possible now, for this sender."""

    async def process_actions(
        self,
        message: Memory,
        responses: Sequence[Memory],
        state: State | None = None,
        callback: "HandlerCallback | None" = None,
    ) -> list[ActionResult]:
        """Run what the responses' `content.actions` name, in order.

        One failing action does not end the others. Arguments: `content.parameters[NAME]`, where given.
        """

    async def evaluate(
        self,
        message: Memory,
        state: State | None = None,
        did_respond: bool = False,
        callback: "HandlerCallback | None" = None,
        responses: Sequence[Memory] | None = None,
    ) -> "list[Evaluator]":
        """Run the evaluators that want to; those that did."""

    # -- events and runs --------------------------------------------------------------------------------

    def on(self, event: "str | type[Event]", handler: "EventHandler") -> None:
        """Listen to an event, by name or by class (`Event` itself: to all)."""

    def off(self, event: "str | type[Event]", handler: "EventHandler") -> None:
        """Listen no more."""


HandlerCallback: TypeAlias = Callable[[Content], Awaitable[list[Memory]]]
"""Says something to the room while an action works; the memories that it made."""
EventHandler: TypeAlias = Callable[[Any], Awaitable[None] | None]
"""Hears of an event: one frozen dataclass of `types.events`. May be sync or async."""
SendHandler: TypeAlias = Callable[[Agent, Target, Content], Awaitable[Any]]
"""Sends a message to a source of its own. Called by the outbox only, with its retries and records.

May return the platform's message id. Raises SendLater, SendRefused or SendUnknown; anything else is tried
again four times and has then failed. `target.extra["key"]` is the same for each try of one message.
"""


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
class ActionCall:
    """One execution of an action."""

    message: Memory
    state: State
    arguments: Mapping[str, Any]
    """As the model gave them, checked against `Action.parameters`."""
    previous_results: Sequence[tuple[str, ActionResult]] = ()
    """Name and result of the turn's earlier actions."""
    callback: HandlerCallback | None = None
    """Says something to the room while the action works; None where nobody listens."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Whatever the caller adds; `action_plan` (ActionPlan) when several actions run."""
    responses: Sequence[Memory] = ()
    """The agent's messages that asked for the action."""
    answering: Sequence[Memory] = ()
    """All messages that the turn answers, where they are several; `message` is the newest."""

    def get_previous_result(self, name: str) -> ActionResult | None:
        """The latest result of an earlier action of this turn."""
        return next((result for known, result in reversed(self.previous_results) if known == name), None)


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
    """The sender must have it in the message's world; OWNER may do what ADMIN may. Asked on every path."""
    as_tool: bool = True
    """Whether it is offered to the model as a tool. Otherwise it runs only when a response names it."""
    confirm: bool = False
    """Runs only after the same person has said yes to it, in a message of their own."""
    idempotent: bool = False
    """Doing it twice is the same as doing it once, so an interrupted turn may simply begin again."""
    examples: Sequence[Sequence[ExampleMessage]] = ()
    """Short conversations that show when to use it; they go into the prompt."""
    plugin: str = ""
    """Who brought it; filled in when the plugin is loaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluator:
    """Looks back after the turn and learns (elizaos.md 2.9)."""

    name: str
    handler: Callable[[Agent, Memory, State], Awaitable[None]]
    validate: Callable[[Agent, Memory, State], Awaitable[bool]] | None = None
    description: str = ""
    always_run: bool = False
    """Also when the agent said nothing."""
    similes: tuple[str, ...] = ()
    examples: Sequence[Mapping[str, Any]] = ()
    """elizaOS's form: `{"prompt", "messages", "outcome"}`."""


class Service(Protocol):
    """A long-lived singleton of one agent (elizaos.md 2.14).

    It may have a `capability_description`, and a class or static method `register_send_handlers(agent,
    instance)` that is called right after `start`.
    """

    service_type: ClassVar[str]

    @classmethod
    async def start(cls: type[S], agent: Agent) -> S:
        """Make the one instance."""

    async def stop(self) -> None:
        """Let go of everything."""


ModelHandler: TypeAlias = Callable[[Agent, Any], Awaitable[Any]]
"""Answers one request (`types.models.REQUESTS` says which class, and its docs what the answer is).

Raises ModelError, with `retryable` set where trying again makes sense.
"""


Execute: TypeAlias = Callable[[Agent, Mapping[str, Any], Task], Awaitable[Any]]
"""Runs a task."""
Validate: TypeAlias = Callable[[Agent, Memory | None, State | None], Awaitable[bool]]
"""Whether a task may run now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskWorker:
    """Runs the tasks of one name (elizaos.md 2.15-01)."""

    name: str
    execute: Execute
    """Gets the task's metadata as options, and the task. What it raises counts as a failure of the task."""
    validate: Validate | None = None
    """Whether it may run now; for tasks that a message chooses, the message and its state."""


PluginEventHandler: TypeAlias = Callable[[Agent, Any], Awaitable[None] | None]
"""As EventHandler, with the agent."""
PluginTest: TypeAlias = Callable[[Agent], Awaitable[None]]
"""Fails by raising."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A bundle of abilities. What an entry point of the group `bot_host.plugins` names."""

    name: str
    description: str = ""
    config: type[BaseModel] | None = None
    """Checks the plugin's table of the config file, `[plugins.NAME]`, and what code gives instead."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Settings of an agent that stand for keys of the config: `{"OPENAI_API_KEY": "api_key"}`.

    The character's own come before the config, others and the environment after it.
    """
    init: Callable[[Mapping[str, Any], Agent], Awaitable[None]] | None = None
    """Called before the rest is registered, with the plugin's config: checked, and with its defaults."""
    actions: tuple[Action, ...] = ()
    commands: tuple[Command, ...] = ()
    providers: tuple[Provider, ...] = ()
    evaluators: tuple[Evaluator, ...] = ()
    services: tuple[type[Service], ...] = ()
    """Started after all plugins are loaded, in order; stopped in reverse."""
    models: Mapping[ModelType, ModelHandler] = field(default_factory=dict)
    """Registered with the plugin's name as provider and `model_priority`."""
    model_priority: int = 0
    """The highest is asked first. Apart from `priority`, which elizaOS uses for both."""
    events: Mapping[str, Sequence[PluginEventHandler]] = field(default_factory=dict)
    """Listeners by event name."""
    routes: tuple[Route, ...] = ()
    task_workers: tuple[TaskWorker, ...] = ()
    send_handlers: Mapping[str, SendHandler] = field(default_factory=dict)
    """By source."""
    schema: Schema | None = None
    """Tables of its own, made or extended before `init`; `agent.tables(NAME)` works on them."""
    tests: Mapping[str, PluginTest] = field(default_factory=dict)
    """Checks by name; `bot_host.testing.run_plugin_tests` runs them."""
    dependencies: tuple[str, ...] = ()
    priority: int = 0
    """Order of loading: database -100, models -50, core 0, features 50, platforms 100."""
    check: Callable[[Mapping[str, Any]], Awaitable[Sequence[CheckLine]]] | None = None
    """For the `check` command: try what the config names. Never raises."""


__all__ = [
    "Action",
    "ActionCall",
    "ActionPlan",
    "ActionResult",
    "Agent",
    "CheckLine",
    "Command",
    "CommandCall",
    "Delivery",
    "Evaluator",
    "EventHandler",
    "HandlerCallback",
    "Host",
    "MessageService",
    "ModelHandler",
    "PlanStep",
    "Plugin",
    "PluginEventHandler",
    "PluginTest",
    "Provider",
    "ProviderResult",
    "ResponseDecision",
    "Route",
    "SendHandler",
    "Service",
    "State",
    "TaskWorker",
]
