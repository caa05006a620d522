"""`handle_message`: a caller's message goes in by the one door, and the caller hears what comes of it."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

from bot_host.contracts.turn import TurnWishes
from bot_host.host.callers import Callbacks, Caller, WaitingCallers
from bot_host.host.local import admission_of
from bot_host.host.result import MessageAccepted, MessageResult
from bot_host.kit.tasks import Supervisor
from bot_host.runtime import AgentRuntime
from bot_host.runtime.runs import current_turn
from bot_host.types.errors import StateError, TurnError
from bot_host.types.host_events import HostEvent, MessageSent
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.turn import Admission, Admitted, Outcome, Processing


class Door(Protocol):
    """The way of a caller's message to its turn."""

    inline: bool
    """The turn is worked off by whoever waits for it: no task goes on without the caller."""

    async def admit(self, admission: Admission) -> Admitted:
        """Take it in. When this returns, the row is on disk."""

    async def wait(self, admission: Admission, end: asyncio.Future[Processing]) -> Processing:
        """Wait for the end of its turn."""


class Asking:
    """Callers' messages, from the call to the last callback."""

    def __init__(
        self, callers: WaitingCallers, *, tasks: Supervisor, tell: Callable[[HostEvent], None]
    ) -> None:
        self._callers = callers
        self._tasks = tasks
        self._tell = tell

    async def ask(
        self,
        runtime: AgentRuntime,
        message: Mapping[str, Any] | Memory,
        door: Door,
        *,
        callbacks: Callbacks,
        wishes: TurnWishes,
        timeout: float | None,
    ) -> MessageResult | MessageAccepted:
        """See `BotHost.handle_message`."""
        # Inline, nobody is there to send anything when the caller has gone.
        handled = () if door.inline else runtime.send_handlers.keys()
        admission = admission_of(runtime.agent_id, message, handled=handled)
        memory = admission.memory
        waits = callbacks.on_response is None
        caller = Caller(
            runtime.agent_id,
            memory,
            callbacks,
            wishes,
            agent_name=runtime.character.name,
            held_up=current_turn() if waits else None,
        )
        self._callers.add(caller)
        followed = False
        try:
            admitted = await door.admit(admission)
            if admitted.duplicate:
                raise StateError(f"the message {memory.id} was handled before")
            # From here on, so that a time-out says one thing: the message is on disk and will be answered.
            limit = _Limit(timeout, memory.id)
            if waits:
                try:
                    async with limit:
                        processing = await door.wait(admission, caller.future)
                except Exception:
                    await caller.complete()
                    raise
                await caller.complete()
                self._sent(runtime.agent_id, memory.id, "sync", processing)
                return MessageResult(message_id=memory.id, user_message=memory, processing=processing)
            follow = self._follow(caller, admission, door, limit)
            if door.inline:
                followed = True
                await follow
            else:
                self._tasks.spawn("asked", follow)
                followed = True
            self._sent(runtime.agent_id, memory.id, "async", None)
            return MessageAccepted(message_id=memory.id, user_message=memory)
        finally:
            if not followed:
                self._callers.remove(caller)

    async def _follow(self, caller: Caller, admission: Admission, door: Door, limit: "_Limit") -> None:
        try:
            try:
                async with limit:
                    processing = await door.wait(admission, caller.future)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told to the caller
                await caller.fail(error)
            else:
                for memory in processing.responses:
                    await caller.respond(memory)
                if processing.outcome is Outcome.FAILED:
                    await caller.fail(TurnError(processing.reason).about(room=admission.room.id))
            await caller.complete()
        finally:
            self._callers.remove(caller)

    def _sent(
        self, agent_id: UUID, message_id: UUID, mode: Literal["sync", "async"], processing: Processing | None
    ) -> None:
        self._tell(MessageSent(agent_id=agent_id, message_id=message_id, mode=mode, processing=processing))


class _Limit:
    """A caller's time, from now on. It ends the wait, never the work: the row stays to be answered."""

    def __init__(self, seconds: float | None, message_id: UUID) -> None:
        self._seconds = seconds
        self._message_id = message_id
        self._until = None if seconds is None else asyncio.get_running_loop().time() + seconds
        self._step: asyncio.Timeout | None = None

    async def __aenter__(self) -> None:
        self._step = asyncio.timeout_at(self._until)
        await self._step.__aenter__()

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        assert self._step is not None
        try:
            await self._step.__aexit__(kind, error, trace)
        except TimeoutError:
            raise TimeoutError(
                f"no answer within {self._seconds:g} s; the message {self._message_id} is in the inbox"
            ) from None
