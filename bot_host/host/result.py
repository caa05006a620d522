"""What a caller of the host gets back."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot_host.types.errors import SendRefused
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.turn import OutboxRow, OutboxState, Processing


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageResult:
    """The end of `handle_message`."""

    message_id: UUID
    user_message: Memory
    processing: Processing


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageAccepted:
    """What `handle_message` returns at once when it was given `on_response`: the message is on disk."""

    message_id: UUID
    user_message: Memory
    processing: None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """One entry of `handle_messages`: a result, or the error that ended this entry alone."""

    agent_id: UUID
    result: MessageResult | MessageAccepted | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How an agent is."""

    alive: bool
    """It is known and started."""
    responsive: bool
    """It answered a question that costs little, in time."""
    memory_usage: int
    """Bytes of the whole process, which its agents share."""
    uptime: float
    """Seconds since it was started; 0 when it is not."""


class Delivery:
    """A message on its way to a platform: committed, perhaps not yet sent."""

    def __init__(
        self, seqs: Sequence[int], memory: Memory, wait: Callable[[Sequence[int]], Awaitable[list[OutboxRow]]]
    ) -> None:
        self.memory = memory
        """The message as it is remembered."""
        self._seqs = seqs
        self._wait = wait

    async def sent(self, timeout: float | None = None) -> list[str]:
        """Wait for the platform; its message ids, one a part.

        Raises SendRefused when it will never be sent, TimeoutError after `timeout` seconds (the message
        stays on its way).
        """
        async with asyncio.timeout(timeout):
            rows = await self._wait(self._seqs)
        for row in rows:
            if row.state is OutboxState.FAILED:
                raise SendRefused(row.error)
        return [row.platform_message_id for row in rows]


__all__ = ["BatchResult", "Delivery", "Health", "MessageAccepted", "MessageResult", "Processing"]
