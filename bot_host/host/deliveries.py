"""Who waits for parts to be sent or to fail for good."""

import asyncio
from collections.abc import Sequence

from bot_host.contracts.store import Store
from bot_host.types.errors import StateError
from bot_host.types.turn import OutboxRow, OutboxState


class Deliveries:
    """Those who wait, by the numbers of their parts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[int, set[asyncio.Future[OutboxRow]]] = {}

    async def wait(self, seqs: Sequence[int]) -> list[OutboxRow]:
        """Wait until each part is sent or has failed for good. Raises StateError when the host stops."""
        loop = asyncio.get_running_loop()
        mine: dict[int, asyncio.Future[OutboxRow]] = {seq: loop.create_future() for seq in seqs}
        for seq, future in mine.items():
            self._waiting.setdefault(seq, set()).add(future)
        try:
            for row in await self._store.get_parts(seqs):
                if row.state in (OutboxState.SENT, OutboxState.FAILED) and not mine[row.seq].done():
                    mine[row.seq].set_result(row)
            return list(await asyncio.gather(*mine.values()))
        finally:
            for seq, future in mine.items():
                future.cancel()
                waiting = self._waiting.get(seq, set())
                waiting.discard(future)
                if not waiting:
                    self._waiting.pop(seq, None)

    def ended(self, row: OutboxRow) -> None:
        """A part was sent, or has failed for good: whoever waits for it is told."""
        for future in self._waiting.get(row.seq, ()):
            if not future.done():
                future.set_result(row)

    def close(self) -> None:
        """The host stops."""
        for futures in self._waiting.values():
            for future in futures:
                if not future.done():
                    future.set_exception(StateError("the host stopped; it goes out at the next start"))
