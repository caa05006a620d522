"""The agent as anybody may use it, as far as it speaks of no plugin's things."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Literal, Protocol

from bot_host.contracts.results import ActionResult, Delivery, State
from bot_host.contracts.store import Store
from bot_host.contracts.tables import Tables
from bot_host.kit.fetch import Fetched
from bot_host.types.character import Character
from bot_host.types.content import Content, Media
from bot_host.types.events import Event
from bot_host.types.hearing import Hearing
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.outbound import Target
from bot_host.types.permissions import Permissions
from bot_host.types.places import Role, World
from bot_host.types.sources import Passage
from bot_host.types.task import Task


class AgentCore(Protocol):
    """What an agent is and knows; `contracts.plugin.Agent` is the whole."""

    @property
    def agent_id(self) -> UUID:
        """The agent's id, which is also its entity's."""

    @property
    def character(self) -> Character:
        """Who it is."""

    @property
    def store(self) -> Store:
        """The database."""

    def tables(self, plugin: str) -> Tables:
        """The tables that a plugin of this name brought (`Plugin.schema`). Raises StateError: none."""

    @property
    def exit_stack(self) -> AsyncExitStack:
        """Whatever is pushed here is closed when the agent stops, last in first out."""

    def has_host(self) -> bool:
        """Whether there is a host."""

    @property
    def owners(self) -> Collection[UUID]:
        """The entities that run this bot (`owners` of its connectors): OWNER in every world."""

    @property
    def permissions(self) -> Permissions:
        """Who may use which action and command, by the config."""

    async def hearing(self, message: Memory) -> Hearing:
        """Who hears what is said in a message's room: for all that recalls something into an answer."""

    # -- settings ---------------------------------------------------------------------------------------

    def get_setting(self, key: str) -> Any | None:
        """A setting: character secrets, character settings, runtime settings, environment; else None."""

    def has_setting(self, key: str) -> bool:
        """Whether `get_setting` finds a value; False, 0 and the empty text are values."""

    def set_setting(self, key: str, value: Any, secret: bool = False) -> None:
        """Set it for this run of the agent, before all other sources; None takes it back. Audited."""

    def get_conversation_length(self) -> int:
        """Messages of history in the prompt."""

    # -- services ---------------------------------------------------------------------------------------

    def get_service(self, type: str) -> Any | None:
        """The first running service of a type, or None."""

    def get_services_by_type(self, type: str) -> list[Any]:
        """All running services of a type."""

    def get_all_services(self) -> dict[str, list[Any]]:
        """All running services by type."""

    def get_registered_service_types(self) -> list[str]:
        """The types that plugins have brought, running or not."""

    def has_service(self, type: str) -> bool:
        """Whether one is running."""

    async def get_service_load_promise(self, type: str) -> Any:
        """Wait for the first service of a type.

        Raises PluginError when it failed to start, StateError when none of this type comes.
        """

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
        """What the providers say about a message. `include` and `only` are shorter names of the same.

        Each call runs its providers again, and `text` is theirs alone; `values` and `data` that earlier calls
        for this message gave are kept with it (a bounded cache), unless `skip_cache` is set.

        `known` is in the data of the state that they are given: `turn` holds the `room`, `world` and
        `own_state` that were read with the message.
        """

    def get_action_results(self, message_id: UUID) -> list[ActionResult]:
        """What the actions of a message came to, in order."""

    # -- events and runs --------------------------------------------------------------------------------

    async def emit_event(
        self, event: str | Sequence[str], payload: Event | Mapping[str, Any] | None = None
    ) -> None:
        """Tell the listeners, and wait for them. Failing ones are logged; nothing is raised for them."""

    def create_run_id(self) -> UUID:
        """A fresh id."""

    def start_run(self, room_id: UUID | None = None) -> UUID:
        """Begin a run for this task and those that it starts."""

    def end_run(self) -> None:
        """End it."""

    def get_current_run_id(self) -> UUID:
        """The id of the run that this task works for; one is begun where there is none."""

    # -- roles ------------------------------------------------------------------------------------------

    async def get_user_server_role(self, entity_id: UUID, server_id: str) -> Role:
        """An entity's role in the world of a platform's server, or in a world by its own id."""

    async def get_sender_role(self, message: Memory) -> Role:
        """The role that counts for what a message asks for: its sender's, in the world of its room."""

    async def set_role(self, world_id: UUID, entity_id: UUID, role: Role, *, actor: str = "code") -> Role:
        """Give an entity a role in a world; the one that it had. Audited. Raises StateError: no such world.

        It does not ask whether `actor` may do that: the caller does.
        """

    async def find_worlds_for_owner(self, entity_id: UUID) -> list[World]:
        """The worlds that an entity owns."""

    # -- tasks ------------------------------------------------------------------------------------------

    async def create_task(self, task: Task) -> UUID:
        """Make a task, due as its interval, cron text or tags say; its id. Raises StateError."""

    async def get_task(self, task_id: UUID) -> Task | None:
        """One task."""

    async def get_tasks(
        self, *, room_id: UUID | None = None, tags: Sequence[str] = (), entity_id: UUID | None = None
    ) -> list[Task]:
        """Tasks that fit, with all of `tags`."""

    async def update_task(self, task_id: UUID, task: Task | Mapping[str, Any]) -> bool:
        """Replace a task, or the fields that a mapping names; False when there is none. Raises StateError."""

    async def delete_task(self, task_id: UUID) -> None:
        """Delete it."""

    # -- knowledge --------------------------------------------------------------------------------------

    async def has_knowledge(self, world_id: UUID | None) -> bool:
        """Whether anything is known by documents that could be heard in a world, or in private (None)."""

    async def search_knowledge(
        self, room_id: UUID, query: str, *, count: int | None = None, most_tokens: int | None = None
    ) -> list[Passage]:
        """What fits a question, of what all who read along in a room may know; best first."""

    def knowledge_changed(self) -> None:
        """Ask the database again what there is."""

    # -- the rest ---------------------------------------------------------------------------------------

    async def queue_embedding_generation(
        self, memory: Memory, priority: Literal["high", "normal", "low"] = "normal"
    ) -> None:
        """Have a stored memory's embedding made in the background."""

    async def add_embedding_to_memory(self, memory: Memory) -> Memory:
        """The memory with its embedding, made now. Raises ModelError, StateError for one without text."""

    async def query_embedding(self, text: str) -> tuple[list[float], str] | None:
        """The vector of what is looked for, with the name of its model; None: search by words alone."""

    async def send_message_to_target(self, target: Target, content: Content) -> Delivery:
        """Say something unasked. Raises StateError at once where nothing sends; returns after the commit."""

    async def save_media(
        self, data: bytes, *, file_name: str = "", title: str = "", voice: bool = False
    ) -> Media:
        """An attachment of these bytes, to be put into a Content: it goes out as a file.

        At most 50 MB. The file is kept until it is sent, and for a day. `voice`: as a voice message where
        the platform has such (OGG with Opus). Raises StateError without a host, for no bytes, too many, and
        for a disk that takes none.
        """

    async def fetch(
        self,
        url: str,
        *,
        content_types: Collection[str] = (),
        max_bytes: int | None = None,
        timeout: float | None = None,
        truncate: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> Fetched:
        """Read an address on the web, safely: the only way out to URLs (`kit.fetch`). Raises FetchError."""

    async def audit(
        self, action: str, subject: str = "", details: Mapping[str, Any] | None = None, *, actor: str = "code"
    ) -> None:
        """Keep a record of a change of roles, settings, plugins or the character. Never a secret."""
