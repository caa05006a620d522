"""BotHost: many agents, one door in, one door out."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

from bot_host.contracts.connector import Connector, FileSendingConnector
from bot_host.contracts.connector_app import ConnectorApp, scoped_key
from bot_host.contracts.connector_config import ConnectorConfig
from bot_host.contracts.connector_http import HttpConnector
from bot_host.host.agent_methods import STORE_SECONDS, AgentMethods
from bot_host.host.agents import stop_agent
from bot_host.host.apps import AppRunner
from bot_host.host.connectors import ConnectorRunner
from bot_host.host.message_methods import MessageMethods
from bot_host.host.person_methods import PersonMethods
from bot_host.host.result import Delivery
from bot_host.host.runner import Runner
from bot_host.host.status import StatusMethods
from bot_host.kit.tasks import Supervisor
from bot_host.runtime import AgentRuntime
from bot_host.runtime.given import made, made_content
from bot_host.runtime.voice import next_message_id
from bot_host.types.content import ChannelType, Content
from bot_host.types.errors import BotHostError, StateError
from bot_host.types.ids import UUID, create_unique_uuid
from bot_host.types.memory import Memory
from bot_host.types.outbound import ASKED_BY, Target
from bot_host.types.places import Room
from bot_host.types.secrets import EndedAccount

log = logging.getLogger(__name__)

RECORD_SECONDS: Final = 5.0
"""What the last records may take to reach the disk."""


class BotHost(AgentMethods, MessageMethods, PersonMethods, StatusMethods):
    """Hosts agents. `handle_message` is the way in, `send_message_to_target` the way out.

    Without a store it keeps everything in memory and forgets it at the end. Two hosts in one process share
    nothing. `async with BotHost() as host` stops it at the end.
    """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def connectors(self) -> Sequence[Runner]:
        """The connectors, on or off: apps, and the accounts of theirs that are there now, among them."""
        return tuple(self._connectors)

    @property
    def skipped(self) -> Mapping[str, int]:
        """Inbound events that were not for an agent, by reason, since the start."""
        counted: dict[str, int] = {}
        for desk in self._desks:
            for reason, count in desk.inbox.skips.by_reason.items():
                counted[reason] = counted.get(reason, 0) + count
        return counted

    # -- connectors -------------------------------------------------------------------------------------

    def add_connector(
        self,
        connector: Connector,
        config: ConnectorConfig,
        *,
        name: str,
        agent_id: UUID,
        accompanies: bool = False,
    ) -> ConnectorRunner:
        """Add a platform account that `agent_id` answers on; `start_connectors` brings it up.

        `accompanies`: it is no reason to go on by itself, when all others have ended.
        """
        runner = self._make_runner(connector, config, name=name, agent_id=agent_id)
        runner.accompanies = accompanies
        self._connectors.append(runner)
        return runner

    def add_app(
        self,
        app: ConnectorApp,
        config: ConnectorConfig,
        *,
        name: str,
        agent_id: UUID,
        person_key: Callable[[str], str] = lambda platform_id: platform_id,
    ) -> AppRunner:
        """Add an app whose accounts come and go, and on all of which `agent_id` answers.

        `person_key`: see `ConnectorSpec`; for the owners.
        """
        agent = self.get_agent(agent_id)
        runner = AppRunner(
            app,
            household=_Household(self, config, agent_id, person_key),
            box=self._box,
            learn=self._learn,
            name=name,
            agent_id=agent_id,
            agent_name=agent.character.name,
            store=agent.store,
            data_dir=self._data_dir,
            mask=self._mask,
        )
        self._connectors.append(runner)
        return runner

    def _make_runner(
        self, connector: Connector, config: ConnectorConfig, *, name: str, agent_id: UUID, scope: str = ""
    ) -> ConnectorRunner:
        agent = self.get_agent(agent_id)
        if isinstance(connector, FileSendingConnector):
            connector.use_files(self._media)
        return ConnectorRunner(
            connector,
            config,
            name=name,
            agent_id=agent_id,
            agent_name=agent.character.name,
            store=agent.store,
            inbox=self._desk(agent).inbox,
            accounts=self._accounts,
            data_dir=self._data_dir,
            on_open=self._account_opened,
            find_agent=self._agents.find,
            mask=self._mask,
            watch_pairing=self._desk(agent).pairing.watch,
            scope=scope,
        )

    def use_address(self, url: str) -> None:
        """Tell the connectors that are called over HTTP where the web server is, before they start."""
        for runner in self._connectors:
            if isinstance(runner.connector, HttpConnector):
                runner.connector.use_address(f"{url}/{runner.connector.platform}")

    def start_connectors(self) -> list[asyncio.Task[None]]:
        """Bring up all connectors that do not run; a task for each that does not only accompany.

        Each task ends when its connector has ended. May be called again, for those that were added since.
        """
        self.connectors_begun = True
        for runner in self._connectors:
            if runner.task is None or runner.task.done():
                runner.task = self._tasks.spawn(runner.name, runner.supervise())
                self._running.append(runner.task)
                runner.task.add_done_callback(self._running.remove)
        return [each.task for each in self._connectors if each.task is not None and not each.accompanies]

    # -- the way out ------------------------------------------------------------------------------------

    async def send_message_to_target(
        self,
        agent: UUID | AgentRuntime,
        target: Target | Mapping[str, Any],
        content: Content | Mapping[str, Any] | str,
        *,
        memory_id: UUID | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Delivery:
        """Say something unasked. Returns after the commit; `Delivery.sent` waits for the platform.

        `target` names a room that the agent knows (`room_id`), or `source` and `channel_id` of the platform
        (a connector's, or one that the agent has a send handler for), or a person (`entity_id`), who gets it
        in their private chat. A second message with the same `memory_id` is not sent again; without one,
        what an action says has the same id whenever its turn begins again. Raises StateError for a source
        that nothing sends to, an unknown room, and a person without such a chat.
        """
        runtime = agent if isinstance(agent, AgentRuntime) else self.get_agent(agent)
        target, content = made(Target, target), made_content(content)
        desk = self._desk_for(runtime)
        room = await self._find_room(runtime, target)
        if room is not None:
            target = Target(
                source=room.source,
                account=target.account,
                room_id=room.id,
                channel_id=room.channel_id,
                thread_id=room.thread_id,
                reply_to=target.reply_to,
                extra={ASKED_BY: target.extra[ASKED_BY]} if ASKED_BY in target.extra else {},
            )
        line = self._accounts.resolve(runtime.agent_id, target)
        memory = Memory(
            id=memory_id or next_message_id(runtime.agent_id),
            agent_id=runtime.agent_id,
            entity_id=runtime.agent_id,
            room_id=target.room_id or runtime.agent_id,
            content=content.model_copy(update={"source": line.account.platform}),
            metadata=dict(metadata or {}),
        )
        seqs = await desk.outbox.enqueue(line, memory, target, remember=target.room_id is not None)
        return Delivery(seqs, memory, desk.sender.wait_sent)

    async def _find_room(self, runtime: AgentRuntime, target: Target) -> Room | None:
        """The room that a target means; None where the target says the channel itself."""
        if target.channel_id:
            return None
        if target.room_id is not None:
            room = await runtime.store.find_room(target.room_id)
            if room is None:
                raise StateError(f"there is no room {target.room_id}")
            return room
        if target.entity_id is None:
            return None
        rooms = [
            room
            for room in await runtime.store.get_rooms_for_participants([target.entity_id])
            if room.agent_id == runtime.agent_id
            and room.type in (ChannelType.DM, ChannelType.VOICE_DM)
            and target.source in ("", room.source)
            and self._accounts.speaks(runtime.agent_id, room.source)
        ]
        if len(rooms) == 1:
            return rooms[0]
        if rooms:
            places = ", ".join(f"{room.source} {room.channel_id}" for room in rooms)
            raise StateError(f"there are several private chats with {target.entity_id}: {places}; name one")
        if self._accounts.handles(runtime.agent_id, target.source):
            return None  # a send handler may know people in its own way
        raise StateError(f"there is no private chat with {target.entity_id} yet: they have to write first")

    async def _say_for_task(
        self,
        agent_id: UUID,
        target: Target,
        content: Content,
        memory_id: UUID,
        metadata: dict[str, Any],
    ) -> Delivery:
        return await self.send_message_to_target(
            agent_id, target, content, memory_id=memory_id, metadata=metadata
        )

    # -- the end ----------------------------------------------------------------------------------------

    async def finish_pending(self) -> None:
        """Wait until all that came in is handled and all that can be sent is sent."""
        for desk in self._desks:
            await desk.lanes.idle(timers=True)
            await desk.sender.flush()

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
        for each in (self._tidying, self._sweeping):
            if each is not None:
                each.cancel()
        try:
            await asyncio.gather(*(runner.stop_intake() for runner in self._connectors))
            if self._running:
                # They store what they have received before the lanes close.
                await asyncio.wait(self._running, timeout=STORE_SECONDS)
            await asyncio.gather(*(desk.scheduler.close(min(grace, 1.0)) for desk in self._desks))
            if not all(await asyncio.gather(*(desk.lanes.close(grace) for desk in self._desks))):
                log.info("some turns were not finished in time; they begin again at the next start")
            try:
                async with asyncio.timeout(grace / 2):
                    await asyncio.gather(*(desk.sender.flush() for desk in self._desks))
            except TimeoutError:
                log.info("some messages were not sent in time; they go out at the next start")
            await asyncio.gather(*(desk.sender.close(min(grace, 1.0)) for desk in self._desks))
            self._callers.stopped("the host stopped; the message waits in the inbox")
            await asyncio.gather(*(runner.close() for runner in self._connectors))
            # Records of what platforms took are shielded from the stop and owned by these tasks.
            await self._tasks.close(RECORD_SECONDS)
            for runtime in self.get_agents():
                await stop_agent(runtime)
        finally:
            await self._events.close(min(grace, 1.0))
            for desk in reversed(self._desks):
                await desk.close()


class _Household:
    """See `Household`: one app's accounts among the host's connectors."""

    def __init__(
        self, host: BotHost, config: ConnectorConfig, agent_id: UUID, person_key: Callable[[str], str]
    ) -> None:
        self._host = host
        self._config = config
        self._agent_id = agent_id
        self._person_key = person_key

    def move_in(self, connector: Connector, name: str, scope: str) -> ConnectorRunner:
        agent = self._host.get_agent(self._agent_id)
        agent.owners.update(
            create_unique_uuid(self._agent_id, scoped_key(scope, self._person_key(owner)))
            for owner in self._config.owners
        )
        runner = self._host._make_runner(
            connector, self._config, name=name, agent_id=self._agent_id, scope=scope
        )
        self._host._connectors.append(runner)
        return runner

    def start(self, runner: ConnectorRunner, app: AppRunner) -> asyncio.Task[None]:
        task = self._host._tasks.spawn(runner.name, app.tend(runner))
        runner.task = task
        self._host._running.append(task)
        task.add_done_callback(self._host._running.remove)
        return task

    async def move_out(self, runner: ConnectorRunner) -> None:
        self.close_line(runner)
        if runner in self._host._connectors:
            self._host._connectors.remove(runner)
        await runner.close()

    def close_line(self, runner: ConnectorRunner) -> None:
        self._host._accounts.close(runner.connector)

    async def account_ended(self, account: str, ended: EndedAccount) -> None:
        desk = self._host._desk(self._host.get_agent(self._agent_id))
        for room in ended.rooms:
            desk.lanes.interrupt(room)
        await desk.sender.account_ended(account, ended.parts)


__all__ = ["BotHost", "BotHostError"]
