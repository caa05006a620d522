"""A person who wants to be forgotten, in the middle of a talk: a last word first, then nothing is left."""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from typing import Any, Final, Protocol

from bot_host.contracts.store import Store
from bot_host.contracts.turn import Turn
from bot_host.types.ids import UUID
from bot_host.types.turn import InboxEnd, Outcome

log = logging.getLogger(__name__)

TOLD_SECONDS: Final = 30.0
"""They do not wait longer for it than this."""


class _Sending(Protocol):
    def wait_sent(self, seqs: Sequence[int]) -> Awaitable[Any]: ...


async def wait_told(sender: _Sending, seqs: Sequence[int]) -> None:
    """Wait until the last word has gone out, or cannot."""
    try:
        async with asyncio.timeout(TOLD_SECONDS):
            await sender.wait_sent(seqs)
    except TimeoutError:
        log.warning("somebody could not be told in time that they are forgotten now")


async def erase(store: Store, entity_id: UUID) -> None:
    """Erase a person at their own wish."""
    receipt = await store.erase_entity(entity_id)
    log.info("a person was erased at their own wish: %d rows", sum(receipt.values()))


def erased_ends(turn: Turn) -> tuple[InboxEnd, ...]:
    """How the rows of such a turn have ended."""
    return tuple(InboxEnd(seq=row.seq, outcome=Outcome.IGNORED, reason="erased") for row in turn.rows)
