"""Waiting for an agent's start (elizaos.md 2.2-12)."""

import asyncio
from collections.abc import Awaitable


class Life:
    """Who waits until the agent is started."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()
        self._is_started = False

    @property
    def started(self) -> bool:
        """Between `start` and `stop`."""
        return self._is_started

    @property
    def init_promise(self) -> Awaitable[None]:
        """Await it to wait for the end of the start, now or later; it raises what the start raised.

        elizaOS's never fails: whoever waits there waits for ever (2.2-14).
        """
        return self._wait_started()

    async def _wait_started(self) -> None:
        if self._is_started:
            return
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        try:
            await waiting
        finally:
            self._waiting.discard(waiting)

    def _tell_started(self, error: BaseException | None = None) -> None:
        self._is_started = error is None
        for waiting in self._waiting:
            if waiting.done():
                continue
            if error is None:
                waiting.set_result(None)
            elif isinstance(error, Exception):
                waiting.set_exception(error)
            else:
                waiting.cancel()
