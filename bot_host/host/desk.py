"""A database with all that works on it: inbox, lanes, turns, outbox, sender and scheduler."""

import asyncio
import logging
import os
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from bot_host.contracts.store import Store
from bot_host.host.accounts import Accounts
from bot_host.host.callers import WaitingCallers
from bot_host.host.files import Outgoing
from bot_host.host.inbox import HostInbox
from bot_host.host.lanes import Lanes
from bot_host.host.moves import Mover
from bot_host.host.outbox import HostOutbox
from bot_host.host.pairing import PairingDesk
from bot_host.host.scheduler import Scheduler
from bot_host.host.sender import Sender
from bot_host.host.task_workers import Say, built_in_workers
from bot_host.host.turns import RoomKey, TurnWorker
from bot_host.kit.lock import ProcessLock
from bot_host.kit.tasks import Supervisor
from bot_host.pipeline import DIRECT
from bot_host.runtime import AgentRuntime
from bot_host.types.errors import StateError, StoreError
from bot_host.types.events import EventType
from bot_host.types.ids import UUID
from bot_host.types.outbound import ClosedRoom, destination_of
from bot_host.types.turn import Admission, Admitted, Processing

log = logging.getLogger(__name__)

TURNS: Final = 64
"""Rooms that are answered at the same time."""
KNOWN_ROOMS: Final = 8192
REFILL: Final = 10_000
"""Rooms with waiting messages that are looked up at a time."""


class Desk:
    """One for the host's own database, and one for each that agents bring along."""

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        *,
        tasks: Supervisor,
        callers: WaitingCallers,
        find_agent: Callable[[UUID], AgentRuntime | None],
        agents: Callable[[], list[AgentRuntime]],
        say: Say,
        mask: Callable[[str], str],
        lock: ProcessLock | None = None,
        files: Outgoing | None = None,
    ) -> None:
        """`find_agent` finds agents that may begin a turn here; `agents` are those whose tasks are run.

        `lock`: the database's, instead of a new one; whoever has taken it lets it go as well.
        """
        self.store = store
        self.own = True
        """Opened and closed here; off for a database that is open already and belongs to somebody else."""
        self._tasks = tasks
        self._find_agent = find_agent
        self.sender = Sender(store, accounts, tasks=tasks, mask=mask, on_closed=self._tell_closed)
        self.outbox = HostOutbox(
            store, accounts, self.sender, tasks=tasks, callers=callers, mask=mask, files=files
        )
        self.worker = TurnWorker(
            store,
            accounts,
            self.outbox,
            find_agent,
            wishes=callers.wishes,
            folder=files.folder if files is not None else None,
        )
        self.lanes: Lanes[RoomKey] = Lanes(
            "turns",
            self.worker.work,
            limit=TURNS,
            refill=self._pending,
            page=REFILL,
            group_of=lambda key: self._worlds.get(key[1], key),
        )
        self._worlds: OrderedDict[UUID, UUID] = OrderedDict()
        """Of shared rooms: a busy world's rooms take turns with others, and each private room is one more."""
        mover = Mover(store, self.lanes, self.worker, self.sender, tasks=tasks)
        self.pairing = PairingDesk(store, accounts, self.sender, tasks=tasks, find_agent=find_agent)
        self.inbox = HostInbox(
            store,
            tasks=tasks,
            came=self._came,
            interrupt=lambda agent_id, room_id: self.lanes.interrupt((agent_id, room_id)),
            revises=accounts.revises,
            reopened=lambda agent_id, room_id: self.lanes.wake((agent_id, room_id)),
            retracts=accounts.retracts,
            retracted=self.sender.wake,
            happened=self._happened,
            judge=self.pairing.judge,
            host_role=accounts.host_role,
            opened=self.sender.closed.opened,
            move=mover.move,
            stop=self._stop_turn,
        )
        workers = built_in_workers(store, accounts, admit=self.inbox.admit, say=say)
        self.scheduler = Scheduler(store, agents, workers=workers, mask=mask)
        self.opened = False
        path = store.lock_path
        self._lock = lock or (ProcessLock(path) if path is not None else None)
        self._taken: ProcessLock | None = None
        self._recovered = False
        self._opening = asyncio.Lock()
        self._inline: dict[RoomKey, tuple[asyncio.Lock, int]] = {}

    def _came(self, admission: Admission, admitted: Admitted) -> None:
        room = admission.room
        key = (admission.agent_id, room.id)
        if room.type not in DIRECT and room.world_id is not None:
            self._worlds[room.id] = room.world_id
            self._worlds.move_to_end(room.id)
            if len(self._worlds) > KNOWN_ROOMS:
                self._worlds.popitem(last=False)
        if not admitted.duplicate:
            self.sender.closed.heard_from(destination_of(admission.account, admission.target))
        if not admitted.duplicate and self.worker.newer(key, room, admission.memory):
            self.lanes.interrupt(key)
        self.lanes.wake(key)

    def _stop_turn(self, agent_id: UUID, room_id: UUID) -> None:
        key = (agent_id, room_id)
        if self.worker.stop(key):
            self.lanes.interrupt(key)

    def _tell_closed(self, room: ClosedRoom, closed: bool) -> None:
        agent = self._find_agent(room.agent_id)
        if agent is None:
            return
        event = EventType.ROOM_CLOSED if closed else EventType.ROOM_OPENED
        payload = {"room_id": room.room_id, "destination": room.destination, "reason": room.reason}
        self._tasks.spawn("room event", agent.emit_event(event, payload))

    def _happened(self, agent_id: UUID, event: EventType, about: dict[str, Any]) -> None:
        agent = self._find_agent(agent_id)
        if agent is not None:
            self._tasks.spawn(f"event {event}", agent.emit_event(event, about))

    async def open(self, *, recover: bool = True) -> None:
        """Open and migrate the database where it is ours; take up what a process left. Idempotent.

        `recover` is off where other processes may be at work on the same database. Raises StoreError, for
        another host that works on it too.
        """
        async with self._opening:
            if recover:
                self._take_lock()
            if self.own and not self.opened:
                await self.store.open()
            if recover and not self._recovered:
                await self.store.claim()
            if not self.opened:
                await self.sender.closed.load()
            self.opened = True
            if recover and not self._recovered:
                await self.store.recover()
                await self.sender.drafts.load()
                self._recovered = True

    def _take_lock(self) -> None:
        lock = self._lock
        if lock is None or lock.held:
            return
        try:
            taken = lock.try_take()
        except OSError as error:
            raise StoreError(f"the database's folder cannot be written: {error.strerror}") from error
        if not taken:
            whose = "of this process" if lock.holder == str(os.getpid()) else f"(process {lock.holder})"
            raise StoreError(
                f"another host {whose} works on the database {lock.path.stem}, and its messages would be "
                "answered twice: stop that one, give this one another database, or add its agents with "
                "ephemeral=True, which answer only what they are given"
            )
        self._taken = lock

    async def close(self) -> None:
        """Let go of the database where it is ours."""
        try:
            await self.sender.put_back()
        except StoreError as error:
            log.error("parts of messages that did not go out stay marked as being sent: %s", error)
        if self.opened:
            await self.inbox.skips.close()
        try:
            if self.own:
                await self.store.close()
        finally:
            if self._taken is not None:
                self._taken.release()
                self._taken = None

    async def wake_pending(self) -> None:
        """Have a look at every room that has something to do."""
        for key in await self._pending():
            self.lanes.wake(key)

    async def _pending(self) -> list[RoomKey]:
        return await self.store.pending_rooms(REFILL)

    @asynccontextmanager
    async def room(self, key: RoomKey) -> AsyncIterator[None]:
        """A room for oneself, among those who work their messages off inline."""
        lock, users = self._inline.get(key, (asyncio.Lock(), 0))
        self._inline[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._inline.pop(key)
            if users > 1:
                self._inline[key] = (lock, users - 1)


class LaneDoor:
    """The way of a caller's message to an agent of the host: into the inbox, and answered by its lane."""

    inline = False

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def admit(self, admission: Admission) -> Admitted:
        """Take it in and wake its room."""
        [admitted] = await self._desk.inbox.admit([admission])
        return admitted

    async def wait(self, admission: Admission, end: asyncio.Future[Processing]) -> Processing:
        """Wait for the lane."""
        return await end


class InlineDoor:
    """The way to an ephemeral runtime: into the same inbox, and through the same pipeline, by the caller."""

    inline = True

    def __init__(self, desk: Desk, runtime: AgentRuntime) -> None:
        self._desk = desk
        self._runtime = runtime

    async def admit(self, admission: Admission) -> Admitted:
        """Take it in; nothing is woken."""
        [admitted] = await self._desk.inbox.admit([admission], wake=False)
        return admitted

    async def wait(self, admission: Admission, end: asyncio.Future[Processing]) -> Processing:
        """Work the room off until this message has had its turn. A cancelled one goes back to the inbox."""
        key = (admission.agent_id, admission.room.id)
        async with self._desk.room(key):
            while not end.done():
                then = await self._desk.worker.work_for(self._runtime, key)
                if end.done():
                    break
                if then.after_s is not None:
                    await asyncio.sleep(then.after_s)
                elif not then.again:
                    raise StateError(
                        f"the message {admission.memory.id} is being answered elsewhere: another process "
                        "has the same agent and the same database"
                    )
        return end.result()
