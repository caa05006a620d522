"""BotHost: many agents, one door in, one door out."""

import asyncio
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from bot_host.contracts.connector import Connector, ConnectorConfig
from bot_host.contracts.plugin import Plugin
from bot_host.contracts.store import Store
from bot_host.contracts.turn import Turn
from bot_host.host.accounts import Accounts
from bot_host.host.connectors import ConnectorRunner
from bot_host.host.inbox import HostInbox
from bot_host.host.lanes import Lanes
from bot_host.host.local import admission_of
from bot_host.host.outbox import HostOutbox
from bot_host.host.result import Delivery, MessageResult, Processing
from bot_host.host.scheduler import Scheduler
from bot_host.host.task_workers import built_in_workers
from bot_host.host.turns import TurnWorker
from bot_host.kit.tasks import Supervisor
from bot_host.runtime import AgentOptions, AgentRuntime
from bot_host.runtime.plugins import find_plugin, names_for_character
from bot_host.store import make_store
from bot_host.types.character import Character
from bot_host.types.content import Content
from bot_host.types.errors import BotHostError, ConfigError, StateError
from bot_host.types.ids import UUID, new_id
from bot_host.types.memory import Memory
from bot_host.types.outbound import Target
from bot_host.types.turn import InboxEnd, RunRecord

log = logging.getLogger(__name__)

TURNS: Final = 64
"""Rooms that are answered at the same time."""
REFILL: Final = 10_000
"""Rooms with waiting messages that are looked up at a time."""
STORE_SECONDS: Final = 15.0
"""What connectors may take to store what they have received."""
AGENT_SECONDS: Final = 10.0
"""What an agent's services and plugins may take to stop."""
RECORD_SECONDS: Final = 5.0
"""What the last records may take to reach the disk."""


class BotHost:
    """Hosts agents. `handle_message` is the way in, `send_message_to_target` the way out.

    Without a store it keeps everything in memory and forgets it at the end. Two hosts in one process share
    nothing.
    """

    def __init__(
        self,
        *,
        store: Store | None = None,
        data_dir: Path | None = None,
        mask: Callable[[str], str] = lambda text: text,
    ) -> None:
        """`mask` blots secrets out of what is stored about failures."""
        self._store = store or make_store("sqlite://", base=Path.cwd())
        self._data_dir = data_dir or Path.cwd()
        self._tasks = Supervisor("host")
        self._agents: dict[UUID, AgentRuntime] = {}
        self._leaving: set[UUID] = set()
        self._connectors: list[ConnectorRunner] = []
        self._accounts = Accounts()
        self._waiters: dict[UUID, tuple[UUID, asyncio.Future[Processing]]] = {}
        """Callers of `handle_message`, by their message: the agent, and what they wait for."""
        self._outbox = HostOutbox(
            self._store, self._accounts, tasks=self._tasks, on_end=self._turn_ended, mask=mask
        )
        self._worker = TurnWorker(self._store, self._accounts, self._outbox, self._find_working)
        self._lanes: Lanes[tuple[UUID, UUID]] = Lanes(
            "turns", self._worker.work, limit=TURNS, refill=self._pending_rooms, page=REFILL
        )
        self._inbox = HostInbox(
            self._store,
            tasks=self._tasks,
            wake=lambda agent_id, room_id: self._lanes.wake((agent_id, room_id)),
            interrupt=lambda agent_id, room_id: self._lanes.interrupt((agent_id, room_id)),
        )
        workers = built_in_workers(
            self._store, self._accounts, admit=self._inbox.admit, say=self._say_for_task
        )
        self._scheduler = Scheduler(self._store, self._working_agents, workers=workers, mask=mask)
        self._opened = False
        self._recovered = False
        self._stopped = False
        self._running: list[asyncio.Task[None]] = []
        self._stopping: asyncio.Task[None] | None = None

    @property
    def store(self) -> Store:
        """The database."""
        return self._store

    @property
    def connectors(self) -> Sequence[ConnectorRunner]:
        """The connectors, on or off."""
        return tuple(self._connectors)

    @property
    def skipped(self) -> Mapping[str, int]:
        """Inbound events that were not for an agent, by reason, since the start."""
        return dict(self._inbox.skipped)

    # -- agents -----------------------------------------------------------------------------------------

    async def add_agents(self, agents: Iterable[Mapping[str, Any]]) -> list[UUID]:
        """Add agents; their ids, in order. They answer once `start_agents` has started them.

        Each: `character` (a Character or a mapping), and if wanted `plugins` (objects or names; the default
        is the built-in behaviour and a model by the environment), `settings`, `options` (AgentOptions),
        `plugin_configs`. Raises ConfigError for an id that is taken, PluginError for an unknown plugin;
        nothing is added then.
        """
        runtimes = [self._make(agent) for agent in agents]
        ids = [runtime.agent_id for runtime in runtimes]
        for runtime in runtimes:
            if runtime.agent_id in self._agents or ids.count(runtime.agent_id) > 1:
                raise ConfigError(
                    f"there is an agent with the id of {runtime.character.name!r} already: give one of them "
                    "another name, or an id of its own"
                )
        self._agents.update(zip(ids, runtimes, strict=True))
        return ids

    def _make(self, spec: Mapping[str, Any]) -> AgentRuntime:
        given = spec["character"]
        try:
            character = given if isinstance(given, Character) else Character.model_validate(given)
        except ValidationError as error:
            raise ConfigError(f"the character is not valid: {error}") from error
        wanted: Sequence[Plugin | str] = spec.get("plugins") or default_plugins(os.environ)
        named = [*wanted, *names_for_character(character.plugins)]
        plugins = {p.name: p for p in (find_plugin(n) if isinstance(n, str) else n for n in named)}
        return AgentRuntime(
            character,
            store=self._store,
            plugins=list(plugins.values()),
            plugin_configs=spec.get("plugin_configs"),
            settings=spec.get("settings"),
            options=spec.get("options") or AgentOptions(),
        )

    async def start_agents(self, ids: Iterable[UUID] | None = None) -> None:
        """Start agents (default: all) and take up what waits for them. Idempotent."""
        chosen = [self.get_agent(agent_id) for agent_id in (ids if ids is not None else list(self._agents))]
        await self._open()
        for runtime in chosen:
            await runtime.start()
        # Only now: what came in while an agent started found it not started.
        await self._wake_pending()
        for runtime in chosen:
            runtime.on_task_change = self._scheduler.wake
        self._scheduler.start()

    async def stop_agents(self, ids: Iterable[UUID] | None = None) -> None:
        """Stop agents (default: all). Turns under way go back; what comes in waits in the inbox."""
        chosen = [self.get_agent(agent_id) for agent_id in (ids if ids is not None else list(self._agents))]
        gone = {runtime.agent_id for runtime in chosen}
        self._leaving |= gone
        try:
            await self._scheduler.release(gone)
            await self._lanes.cancel(only=lambda key: key[0] in gone)
            for agent_id, future in list(self._waiters.values()):
                if agent_id in gone and not future.done():
                    future.set_exception(StateError("the agent was stopped; the message waits in the inbox"))
            for runtime in chosen:
                await self._stop_agent(runtime)
        finally:
            self._leaving -= gone

    def _find_working(self, agent_id: UUID) -> AgentRuntime | None:
        """An agent that may begin a turn."""
        return None if agent_id in self._leaving else self._agents.get(agent_id)

    def _working_agents(self) -> list[AgentRuntime]:
        return [a for a in self._agents.values() if a.started and a.agent_id not in self._leaving]

    @staticmethod
    async def _stop_agent(runtime: AgentRuntime) -> None:
        """One agent's fault or slowness must not keep the others from stopping."""
        try:
            async with asyncio.timeout(AGENT_SECONDS):
                await runtime.stop()
        except TimeoutError:
            log.error("%s did not stop within %.0f seconds", runtime.character.name, AGENT_SECONDS)
        except Exception:
            log.exception("%s failed while stopping", runtime.character.name)

    def get_agent(self, agent_id: UUID) -> AgentRuntime:
        """An agent by id. Raises StateError."""
        runtime = self._agents.get(agent_id)
        if runtime is None:
            raise StateError(f"there is no agent with the id {agent_id}")
        return runtime

    def get_agents(self) -> list[AgentRuntime]:
        """All agents, in the order in which they were added."""
        return list(self._agents.values())

    def get_agent_by_name(self, name: str) -> AgentRuntime | None:
        """The first agent of a name, regardless of case."""
        return next(
            (a for a in self._agents.values() if a.character.name.casefold() == name.casefold()), None
        )

    async def _open(self) -> None:
        if self._stopped:
            raise StateError("the host is stopped; make a new one")
        if not self._opened:
            await self._store.open()
            self._opened = True
        if not self._recovered:
            await self._store.recover()
            self._recovered = True

    async def _wake_pending(self) -> None:
        for key in await self._pending_rooms():
            self._lanes.wake(key)

    async def _pending_rooms(self) -> list[tuple[UUID, UUID]]:
        return await self._store.pending_rooms(REFILL)

    # -- connectors -------------------------------------------------------------------------------------

    def add_connector(
        self, connector: Connector, config: ConnectorConfig, *, name: str, agent_id: UUID
    ) -> ConnectorRunner:
        """Add a platform account that `agent_id` answers on; `start_connectors` brings it up."""
        agent = self.get_agent(agent_id)
        runner = ConnectorRunner(
            connector,
            config,
            name=name,
            agent_id=agent_id,
            agent_name=agent.character.name,
            store=self._store,
            inbox=self._inbox,
            accounts=self._accounts,
            data_dir=self._data_dir,
            on_open=self._account_opened,
        )
        self._connectors.append(runner)
        return runner

    async def _account_opened(self, account: str) -> None:
        """What waited for this account: parts to send, and messages whose answers had no way out."""
        await self._outbox.account_opened(account)
        await self._wake_pending()

    def start_connectors(self) -> list[asyncio.Task[None]]:
        """Bring all connectors up; a task each, which ends when its connector has ended."""
        self._running = [self._tasks.spawn(r.name, r.supervise()) for r in self._connectors]
        return self._running

    # -- the way in -------------------------------------------------------------------------------------

    async def handle_message(
        self, agent: UUID | AgentRuntime, message: Mapping[str, Any] | Memory
    ) -> MessageResult:
        """Give an agent a message and wait for what comes of it.

        `message`: `entity_id` and `room_id` (any UUIDs of the caller's), `content` (Content or a mapping with
        `text`), and if wanted `id`, `world_id`, `metadata`. It writes the same inbox row and takes the same
        lane as a platform's message. Raises StateError for an unknown or stopped agent, or when the host
        stops meanwhile (the message then waits in the inbox); a failed turn is a result with the outcome
        `failed`.
        """
        runtime = agent if isinstance(agent, AgentRuntime) else self.get_agent(agent)
        if not runtime.started or self._stopped:
            raise StateError(f"{runtime.character.name} is not started: call start_agents first")
        admission = admission_of(runtime.agent_id, message)
        memory = admission.memory
        future: asyncio.Future[Processing] = asyncio.get_running_loop().create_future()
        if memory.id in self._waiters:
            raise StateError(f"the message {memory.id} is being handled already")
        self._waiters[memory.id] = (runtime.agent_id, future)
        try:
            [admitted] = await self._inbox.admit([admission])
            if admitted.duplicate:
                raise StateError(f"the message {memory.id} was handled before")
            processing = await future
        finally:
            self._waiters.pop(memory.id, None)
        return MessageResult(message_id=memory.id, user_message=memory, processing=processing)

    def _turn_ended(
        self, turn: Turn, ends: tuple[InboxEnd, ...], run: RunRecord, memories: tuple[Memory, ...]
    ) -> None:
        by_seq = {end.seq: end for end in ends}
        for row in turn.rows:
            _, future = self._waiters.get(row.memory_id, ("", None))
            end = by_seq.get(row.seq)
            if future is None or end is None or future.done():
                continue
            text = "\n\n".join(memory.content.text for memory in memories)
            future.set_result(
                Processing(outcome=end.outcome, reason=end.reason, text=text, responses=memories, run=run)
            )

    # -- the way out ------------------------------------------------------------------------------------

    async def send_message_to_target(
        self,
        agent: UUID | AgentRuntime,
        target: Target,
        content: Content,
        *,
        memory_id: UUID | None = None,
    ) -> Delivery:
        """Say something unasked. Returns after the commit; `Delivery.sent` waits for the platform.

        `target` names a room that the agent knows (`room_id`), or `source` and `channel_id` of the
        platform. A second message with the same `memory_id` is not sent again. Raises StateError for a
        source that nothing sends to, and for an unknown room.
        """
        runtime = agent if isinstance(agent, AgentRuntime) else self.get_agent(agent)
        if target.room_id is not None and not target.channel_id:
            room = await self._store.find_room(target.room_id)
            if room is None:
                raise StateError(f"there is no room {target.room_id}")
            target = Target(
                source=room.source,
                account=target.account,
                room_id=room.id,
                channel_id=room.channel_id,
                thread_id=room.thread_id,
                reply_to=target.reply_to,
            )
        line = self._accounts.resolve(runtime.agent_id, target)
        memory = Memory(
            id=memory_id or new_id(),
            agent_id=runtime.agent_id,
            entity_id=runtime.agent_id,
            room_id=target.room_id or runtime.agent_id,
            content=content.model_copy(update={"source": line.account.platform}),
        )
        seqs = await self._outbox.enqueue(line, memory, target, remember=target.room_id is not None)
        return Delivery(seqs, memory, self._outbox.wait_sent)

    async def _say_for_task(
        self, agent_id: UUID, target: Target, content: Content, memory_id: UUID
    ) -> Delivery:
        return await self.send_message_to_target(agent_id, target, content, memory_id=memory_id)

    # -- the end ----------------------------------------------------------------------------------------

    async def finish_pending(self) -> None:
        """Wait until all that came in is handled and all that can be sent is sent."""
        await self._lanes.idle(timers=True)
        await self._outbox.flush()

    async def stop(self, grace: float = 20.0) -> None:
        """Drain: take nothing in, finish or park turns within `grace` seconds, send what is ready, close.

        What is not finished stays in the store for the next start. Idempotent; a second call waits for the
        first.
        """
        if self._stopping is None:
            self._stopped = True
            self._stopping = Supervisor("stop").spawn("stop", self._stop(grace))
        await asyncio.shield(self._stopping)

    async def _stop(self, grace: float) -> None:
        try:
            await asyncio.gather(*(runner.stop_intake() for runner in self._connectors))
            if self._running:
                # They store what they have received before the lanes close.
                await asyncio.wait(self._running, timeout=STORE_SECONDS)
            await self._scheduler.close(min(grace, 1.0))
            if not await self._lanes.close(grace):
                log.info("some turns were not finished in time; they begin again at the next start")
            try:
                async with asyncio.timeout(grace / 2):
                    await self._outbox.flush()
            except TimeoutError:
                log.info("some messages were not sent in time; they go out at the next start")
            await self._outbox.close(min(grace, 1.0))
            for _, future in self._waiters.values():
                if not future.done():
                    future.set_exception(StateError("the host stopped; the message waits in the inbox"))
            await asyncio.gather(*(runner.close() for runner in self._connectors))
            # Records of what platforms took are shielded from the stop and owned by these tasks.
            await self._tasks.close(RECORD_SECONDS)
            for runtime in self._agents.values():
                await self._stop_agent(runtime)
        finally:
            await self._store.close()


def default_plugins(environ: Mapping[str, str]) -> list[str]:
    """The built-in behaviour, and the model that the environment has a key or an address for."""
    model = "openai" if environ.get("OPENAI_API_KEY") or environ.get("OPENAI_BASE_URL") else "offline"
    return ["basics", "reminders", model]


__all__ = ["BotHost", "BotHostError", "default_plugins"]
