"""Callers of the library who wait for an answer: their callbacks, and what they have heard so far."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from bot_host.contracts.connector import TextStream
from bot_host.contracts.turn import Turn, TurnWishes
from bot_host.types.content import Content
from bot_host.types.errors import CircleError, StateError, StoppedError
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.turn import InboxEnd, Processing, RunRecord

log = logging.getLogger(__name__)

CALLBACK_SECONDS: Final = 30.0
"""A callback that takes longer has failed: it holds up the answer."""

Place: TypeAlias = tuple[UUID, UUID]
"""Agent and room: what one turn at a time works in."""
OnResponse: TypeAlias = Callable[[Content], Awaitable[Any] | Any]
OnStreamChunk: TypeAlias = Callable[[str, UUID], Awaitable[Any] | Any]
OnError: TypeAlias = Callable[[Exception], Awaitable[Any] | Any]
OnComplete: TypeAlias = Callable[[], Awaitable[Any] | Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Callbacks:
    """What a caller wants to be told. All are awaited; plain functions will do."""

    on_response: OnResponse | None = None
    on_stream_chunk: OnStreamChunk | None = None
    on_error: OnError | None = None
    on_complete: OnComplete | None = None

    def __post_init__(self) -> None:
        """Raises StateError for what cannot be called: now, and not when the answer is there."""
        for name in ("on_response", "on_stream_chunk", "on_error", "on_complete"):
            given = getattr(self, name)
            if given is not None and not callable(given):
                raise StateError(f"{name} must be a function, found {given!r:.60}")


class Caller:
    """One message that somebody waits for."""

    def __init__(
        self,
        agent_id: UUID,
        memory: Memory,
        callbacks: Callbacks,
        wishes: TurnWishes,
        *,
        agent_name: str = "",
        held_up: Place | None = None,
    ) -> None:
        """`held_up`: the turn that waits for this message, when one does."""
        self.agent_id = agent_id
        self.agent_name = agent_name
        self.place: Place = (agent_id, memory.room_id)
        self.held_up = held_up
        self.memory = memory
        self.wishes = wishes
        self.future: asyncio.Future[Processing] = asyncio.get_running_loop().create_future()
        self.said: list[Memory] = []
        """What actions said before the turn ended."""
        self._callbacks = callbacks
        self._streaming = callbacks.on_stream_chunk is not None
        self._told: set[UUID] = set()
        self._closed = False

    @property
    def streaming(self) -> bool:
        """Whether chunks are wanted (still)."""
        return self._streaming and not self._closed

    async def chunk(self, text: str, memory_id: UUID) -> None:
        """A piece of the reply. After a failure of the callback none follows."""
        if self.streaming and not await self._call(self._callbacks.on_stream_chunk, text, memory_id):
            self._streaming = False

    async def respond(self, memory: Memory) -> None:
        """One thing that was said, once."""
        if memory.id not in self._told:
            self._told.add(memory.id)
            await self._call(self._callbacks.on_response, memory.content)

    async def fail(self, error: Exception) -> None:
        """Something went wrong: `on_error`, or the log where there is none."""
        if self._closed or self._callbacks.on_error is None:
            log.error("message %s: %s", self.memory.id, error)
            return
        try:
            await _within_time(self._callbacks.on_error, error)
        except Exception:
            log.exception("on_error of message %s failed", self.memory.id)

    async def complete(self) -> None:
        """The last call: nothing is told after it."""
        complete, closed = self._callbacks.on_complete, self._closed
        self._closed = True
        if complete is None or closed:
            return
        try:
            await _within_time(complete)
        except Exception:
            log.exception("on_complete of message %s failed", self.memory.id)

    def close(self) -> None:
        """Nobody waits any more."""
        self._closed = True
        if not self.future.cancel() and not self.future.cancelled():
            self.future.exception()  # Looked at, so that nobody warns of it.

    async def _call(self, callback: Callable[..., Any] | None, *args: Any) -> bool:
        """Whether it went well."""
        if callback is None or self._closed:
            return True
        try:
            await _within_time(callback, *args)
        except Exception as error:  # noqa: BLE001 - it goes to on_error or the log
            if isinstance(error, TimeoutError):
                error = TimeoutError(f"a callback took more than {CALLBACK_SECONDS:.0f} s")
            await self.fail(error)
            return False
        return True


class CallerStream:
    """A reply as it is written, for those who asked for it. Each try of a turn has an id of its own."""

    def __init__(self, callers: Sequence[Caller], memory_id: UUID) -> None:
        self._callers = callers
        self._memory_id = memory_id

    async def write(self, chunk: str) -> None:
        """More text."""
        for caller in self._callers:
            await caller.chunk(chunk, self._memory_id)

    async def abandon(self) -> None:
        """What was shown stays shown; the reply that counts has another id."""


class Callers(Protocol):
    """Those who wait in `handle_message` for what comes of their messages."""

    def open_stream(self, answering: Sequence[UUID], memory_id: UUID) -> TextStream | None:
        """A way to show them the reply while it is written; None: none of them wants that."""

    async def say(self, answering: Sequence[UUID], memory: Memory) -> None:
        """Something was said before the turn's end."""

    def turn_ended(
        self, turn: Turn, ends: Sequence[InboxEnd], run: RunRecord, memories: tuple[Memory, ...]
    ) -> None:
        """A turn is committed."""


class WaitingCallers:
    """Who waits for which message.

    A turn that waits for a message of another room holds its own room up: that makes a graph of rooms, and
    whoever would close a circle in it is refused, since nobody in it would ever go on.
    """

    def __init__(self) -> None:
        self._by_message: dict[UUID, Caller] = {}

    def add(self, caller: Caller) -> None:
        """Somebody waits. Raises StateError when somebody does already for this message, CircleError."""
        if caller.held_up is not None:
            self._refuse_circle(caller, caller.held_up)
        if caller.memory.id in self._by_message:
            raise StateError(f"the message {caller.memory.id} is being handled already")
        self._by_message[caller.memory.id] = caller

    def _refuse_circle(self, caller: Caller, asking: Place) -> None:
        if caller.place == asking:
            raise CircleError(
                "a turn cannot wait for another message of its own room, which comes after it: give "
                "on_response, or use another room_id"
            )
        chain = self._chain(caller, asking)
        if chain:
            places = ", which waits for ".join(f"{each.agent_name} in room {each.place[1]}" for each in chain)
            raise CircleError(
                f"{chain[-1].agent_name} would wait for {places}: none of them would ever answer. Give "
                "on_response, or use another room_id"
            )

    def _chain(self, caller: Caller, asking: Place) -> list[Caller]:
        """The callers that lead from this one's room to the room that asks; none: it does not wait."""
        chains = [[caller]]
        seen = {caller.place}
        while chains:
            chain = chains.pop()
            for each in self._by_message.values():
                if each.held_up != chain[-1].place or each.place in seen:
                    continue
                if each.place == asking:
                    return [*chain, each]
                seen.add(each.place)
                chains.append([*chain, each])
        return []

    def remove(self, caller: Caller) -> None:
        """Nobody waits for it any more."""
        caller.close()
        self._by_message.pop(caller.memory.id, None)

    def wishes(self, message_ids: Sequence[UUID]) -> TurnWishes:
        """What the newest of these messages' callers wants of its turn."""
        found = self._find(message_ids)
        return found[-1].wishes if found else TurnWishes()

    def stopped(self, why: str, *, agent_ids: set[UUID] | None = None) -> None:
        """Those who wait (for these agents) wait in vain: they get a StoppedError."""
        for caller in list(self._by_message.values()):
            if (agent_ids is None or caller.agent_id in agent_ids) and not caller.future.done():
                caller.future.set_exception(StoppedError(why))

    def open_stream(self, answering: Sequence[UUID], memory_id: UUID) -> TextStream | None:
        """See Callers."""
        wanting = [caller for caller in self._find(answering) if caller.streaming]
        return CallerStream(wanting, memory_id) if wanting else None

    async def say(self, answering: Sequence[UUID], memory: Memory) -> None:
        """See Callers."""
        for caller in self._find(answering):
            caller.said.append(memory)
            await caller.respond(memory)

    def turn_ended(
        self, turn: Turn, ends: Sequence[InboxEnd], run: RunRecord, memories: tuple[Memory, ...]
    ) -> None:
        """See Callers."""
        by_seq = {end.seq: end for end in ends}
        for row in turn.rows:
            caller = self._by_message.get(row.memory_id)
            end = by_seq.get(row.seq)
            if caller is None or end is None or caller.future.done():
                continue
            responses = (*caller.said, *memories)
            text = "\n\n".join(memory.content.text for memory in responses if memory.content.text)
            caller.future.set_result(
                Processing(outcome=end.outcome, reason=end.reason, text=text, responses=responses, run=run)
            )

    def _find(self, message_ids: Sequence[UUID]) -> list[Caller]:
        return [self._by_message[each] for each in message_ids if each in self._by_message]


async def _within_time(callback: Callable[..., Any], *args: Any) -> None:
    async with asyncio.timeout(CALLBACK_SECONDS):
        done = callback(*args)
        if inspect.isawaitable(done):
            await done
