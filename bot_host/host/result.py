"""What a caller of the host gets back."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot_host.types.errors import SendRefused
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.turn import OutboxRow, OutboxState, Outcome, RunRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Processing:
    """What a turn came to."""

    outcome: Outcome
    reason: str
    text: str
    """The reply; empty when there is none."""
    responses: tuple[Memory, ...]
    run: RunRecord

    @property
    def did_respond(self) -> bool:
        """Whether something was said."""
        return bool(self.responses)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageResult:
    """The end of `handle_message`."""

    message_id: UUID
    user_message: Memory
    processing: Processing


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
