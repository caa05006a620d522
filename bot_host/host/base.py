"""What the parts of a host share: its agents, its databases, and who listens and waits."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

from bot_host.contracts.plugin import Host, MessageService
from bot_host.contracts.store import Store
from bot_host.host.accessor import RuntimeAccessor
from bot_host.host.accounts import Accounts
from bot_host.host.agents import Agents, each_of
from bot_host.host.asking import Asking
from bot_host.host.callers import WaitingCallers
from bot_host.host.desk import Desk
from bot_host.host.events import HostEvents, Listener
from bot_host.host.files import Outgoing, keep_tidy, save_media
from bot_host.host.handlers import handler_account
from bot_host.host.message_service import HostMessageService
from bot_host.host.result import Delivery, MessageResult
from bot_host.host.runner import Runner
from bot_host.host.sweeper import DAY_S, keep_swept
from bot_host.host.task_workers import is_local
from bot_host.kit.clock import utc_now
from bot_host.kit.lock import ProcessLock
from bot_host.kit.media_folder import FOLDER, MediaFolder
from bot_host.kit.tasks import Supervisor
from bot_host.runtime import AgentRuntime
from bot_host.store import make_store
from bot_host.store.secret_box import SecretBox
from bot_host.types import host_events as events
from bot_host.types.content import Content, Media
from bot_host.types.errors import StateError, StoppedError
from bot_host.types.ids import UUID, as_id
from bot_host.types.outbound import Target
from bot_host.types.places import Room
from bot_host.types.retention import Retention


def _store_of(given: Store | str | None) -> Store:
    if given is None or isinstance(given, str):
        return make_store(given or "sqlite://", base=Path.cwd())
    if not hasattr(given, "take_turn"):
        raise StateError(
            "BotHost(store=…): expected a store of make_store, or a URL such as sqlite:///bot.db, "
            f"found {type(given).__name__}"
        )
    return given


class _Speaker(Protocol):
    """What the whole host can do and its base only passes on."""

    @property
    def handle_message(self) -> Callable[..., Awaitable[MessageResult]]: ...

    async def _say_for_task(
        self,
        agent_id: UUID,
        target: Target,
        content: Content,
        memory_id: UUID,
        metadata: dict[str, Any],
    ) -> Delivery: ...


class HostBase:
    """State, and the way from an agent to its database's desk."""

    def __init__(
        self,
        *,
        store: Store | str | None = None,
        data_dir: Path | None = None,
        mask: Callable[[str], str] = lambda text: text,
        lock: ProcessLock | None = None,
        box: SecretBox | None = None,
        learn: Callable[..., None] = lambda *_secrets: None,
        retention: Retention = Retention(),  # noqa: B008 (frozen)
    ) -> None:
        """`store`: of `make_store`, or a URL such as `sqlite:///bot.db`, its path from the current folder.

        `mask` blots secrets out of what is stored about failures. `lock`: the store's, taken and let go by
        the caller; without one the host sees to it itself. `box` seals secrets that platforms hand over; by
        default its key is in the data folder. `learn` is told of them. `retention`: how long rows are kept.
        Raises ConfigError, StateError.
        """
        self._store_given = store is not None and not isinstance(store, str)
        self._store = _store_of(store)
        self._data_dir = data_dir or Path.cwd()
        self._mask = mask
        self._box = box or SecretBox(self._data_dir)
        self._learn = learn
        self._media = MediaFolder(self._data_dir / FOLDER)
        self._outgoing = Outgoing(folder=self._media)
        self._retention = retention
        self._tidying: asyncio.Task[None] | None = None
        self._sweeping: asyncio.Task[None] | None = None
        self._tasks = Supervisor("host")
        self._events = HostEvents()
        self._agents = Agents(cast(Host, self), self._store)
        self._connectors: list[Runner] = []
        self._accounts = Accounts(self._agents.working)
        self._callers = WaitingCallers()
        self._message_service = HostMessageService(cast(_Speaker, self).handle_message)
        self._asking = Asking(self._callers, tasks=self._tasks, tell=self._events.tell)
        self._started_at = utc_now()
        self._main = self._new_desk(self._store, lock)
        self._desks = [self._main]
        self._stopped = False
        self.connectors_begun = False
        """`start_connectors` was called."""
        self._running: list[asyncio.Task[None]] = []
        """The connectors' tasks."""
        self._stopping: asyncio.Task[None] | None = None

    def _new_desk(self, store: Store, lock: ProcessLock | None = None) -> Desk:
        def find(agent_id: UUID) -> AgentRuntime | None:
            runtime = self._agents.working(agent_id)
            return runtime if runtime is not None and runtime.store is store else None

        def with_tasks() -> list[AgentRuntime]:
            lasting = (each for each in self._agents.all() if not self._agents.is_ephemeral(each))
            return [each for each in lasting if each.started and find(each.agent_id) is not None]

        return Desk(
            store,
            self._accounts,
            tasks=self._tasks,
            callers=self._callers,
            find_agent=find,
            agents=with_tasks,
            say=cast(_Speaker, self)._say_for_task,
            mask=self._mask,
            lock=lock,
            files=self._outgoing,
        )

    def _desk(self, runtime: AgentRuntime) -> Desk:
        """The desk of an agent's database; a new one for a database that is not known yet."""
        for desk in self._desks:
            if desk.store is runtime.store:
                return desk
        self._desks.append(self._new_desk(runtime.store))
        return self._desks[-1]

    @property
    def store(self) -> Store:
        """The database."""
        return self._store

    def on(self, event: str | type[events.HostEvent], listener: Listener) -> Callable[[], None]:
        """Listen to an event of `types.host_events`, by name (`agent:added`) or class; `HostEvent`: to all.

        What it returns ends it. Plain functions hear at once, coroutines in a task of their own; what a
        listener raises is logged. Raises StateError for a name that no event has.
        """
        return self._events.on(event, listener)

    def _check_open(self) -> None:
        if self._stopped:
            raise StoppedError("the host is stopped; make a new one")

    def _desk_for(self, runtime: AgentRuntime) -> Desk:
        """The desk of an agent; one that is not kept, for an ephemeral agent's own database."""
        if not self._agents.is_ephemeral(runtime):
            return self._desk(runtime)
        known = next((desk for desk in self._desks if desk.store is runtime.store), None)
        return known or self._agents.passing_desk(runtime, self._new_desk)

    async def _start(self, runtimes: Sequence[AgentRuntime]) -> dict[UUID, Exception]:
        """Start them; what went wrong, by agent. One that fails keeps no other one from starting."""
        failed: dict[UUID, Exception] = {}
        for runtime in runtimes:
            ephemeral = self._agents.is_ephemeral(runtime)
            try:
                runtime.platform_actions = partial(self._accounts.actions_for, runtime.agent_id)
                await self._desk_for(runtime).open(recover=not ephemeral)
                new = await self._agents.start(runtime)
            except Exception as error:  # noqa: BLE001 - the caller raises it, when the others have started
                failed[runtime.agent_id] = error
                continue
            if new:
                self._events.tell(events.AgentStarted(agent_id=runtime.agent_id))
        self._tidy(runtimes)
        # Only now: what came in while an agent started found it not started.
        lasting = [each for each in runtimes if each.started and not self._agents.is_ephemeral(each)]
        for desk in dict.fromkeys(self._desk(each) for each in lasting):
            await desk.wake_pending()
        for runtime in lasting:
            await self._open_handlers(runtime)
            scheduler = self._desk(runtime).scheduler
            runtime.on_task_change = scheduler.wake
            scheduler.start()
        return failed

    def _tidy(self, runtimes: Sequence[AgentRuntime]) -> None:
        """From the first agent that stays on, the media folder is kept tidy, and old rows go."""
        if self._tidying is not None or all(self._agents.is_ephemeral(each) for each in runtimes):
            return

        def stores() -> list[Store]:
            return [desk.store for desk in self._desks if desk.opened]

        kept_s = self._retention.media * DAY_S
        self._tidying = self._tasks.spawn("media folder", keep_tidy(self._media, stores, kept_s=kept_s))
        self._sweeping = self._tasks.spawn("retention", keep_swept(stores, self._retention))

    async def _open_handlers(self, runtime: AgentRuntime) -> None:
        """What waits for an agent's send handlers goes out, now and whenever it registers another one."""

        def registered(source: str) -> None:
            account = handler_account(runtime.agent_id, source).key
            self._tasks.spawn("send handler", self._account_opened(account))

        runtime.on_send_handler = registered
        for source in list(runtime.send_handlers):
            await self._account_opened(handler_account(runtime.agent_id, source).key)

    async def _account_opened(self, account: str) -> None:
        """What waited for this account: parts to send, and messages whose answers had no way out."""
        for desk in self._desks:
            if desk.opened:
                await desk.sender.account_opened(account)
                await desk.wake_pending()

    def get_agent(self, agent_id: UUID) -> AgentRuntime:
        """An agent by id (text or a UUID object). Raises StateError."""
        return self._agents.get(agent_id)

    get_agent_by_id = get_agent

    def reaches(self, agent_id: UUID, room: Room) -> bool:
        """Whether what an agent says unasked in a room goes out: not so where callers of the library ask."""
        return not is_local(room) or self._accounts.speaks(agent_id, room.source)

    def get_agents(self) -> list[AgentRuntime]:
        """All agents, in the order in which they were added."""
        return self._agents.all()

    def get_runtime_accessor(self) -> RuntimeAccessor:
        """Looks at the agents without changing anything."""
        return RuntimeAccessor(self._agents.find, self._agents.all)

    async def read_media(self, name: str) -> bytes | None:
        """A file of the media folder, by the name in `Media.file`; None: there is none (any more)."""
        return await self._media.read(name)

    async def save_media(self, data: bytes, media: Media) -> Media:
        """Put bytes into the media folder; `media` with the file's name. Raises StateError."""
        try:
            return await save_media(self._media, data, media)
        except (OSError, ValueError) as error:
            raise StateError(f"the file could not be kept: {error}") from error

    @property
    def message_service(self) -> MessageService:
        """Messages by elizaOS's names; every agent of the host has it too."""
        return self._message_service

    def get_agents_by_ids(self, ids: Iterable[UUID]) -> list[AgentRuntime]:
        """Those of these ids that are known, in the order of the ids."""
        return [agent for agent_id in each_of(ids) if (agent := self._agents.find(agent_id)) is not None]

    def get_agent_by_name(self, name: str) -> AgentRuntime | None:
        """The first agent of a name, regardless of case."""
        return self._agents.by_name(name)

    get_agent_by_character_name = get_agent_by_name

    def get_agent_by_character_id(self, character_id: UUID) -> AgentRuntime | None:
        """The agent whose character says this id itself (elizaos.md 1.4-03), or None."""
        wanted = as_id(character_id)
        said = [each for each in self.get_agents() if each.character.id is not None]
        return next((each for each in said if as_id(each.character.id) == wanted), None)

    def get_agents_by_names(self, names: Iterable[str]) -> list[AgentRuntime]:
        """The agents that have one of these names, regardless of case."""
        return self._agents.by_names(each_of(names))
