"""A person who wants to be forgotten, in the middle of a talk: a last word first, then nothing is left."""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from typing import Any, Final, Protocol

from bot_host.contracts.store import Store
from bot_host.contracts.turn import Turn
from bot_host.kit.media_folder import MediaFolder
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


async def erase(store: Store, entity_id: UUID, *, folder: MediaFolder | None = None) -> dict[str, int]:
    """Erase a person, with the files that were made for them; how many rows by table. Raises StoreError.

    Killed in between, or where a file cannot be deleted, files stay until the folder is tidied: for a day.
    """
    files = await store.entity_files(entity_id) if folder is not None else set()
    receipt = await store.erase_entity(entity_id)
    if folder is not None and files:
        try:
            # What was sent to others too is theirs until they have it.
            await folder.delete(files - await store.needed_files())
        except OSError as error:
            log.warning("files of a person who was erased could not be deleted yet: %s", error)
    return receipt


async def erase_at_own_wish(store: Store, entity_ids: Sequence[UUID], *, folder: MediaFolder | None) -> None:
    """The same of all accounts of a person, one after the other, said in the log."""
    rows = 0
    for entity_id in entity_ids:
        rows += sum((await erase(store, entity_id, folder=folder)).values())
    log.info("a person was erased at their own wish: %d rows", rows)


def erased_ends(turn: Turn) -> tuple[InboxEnd, ...]:
    """How the rows of such a turn have ended."""
    return tuple(InboxEnd(seq=row.seq, outcome=Outcome.IGNORED, reason="erased") for row in turn.rows)
