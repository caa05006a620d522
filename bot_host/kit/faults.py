"""The root of the tree of errors, and its branch for what the kit itself raises.

The whole tree is in `bot_host.types.errors`, which has these names too.
"""

from typing import Self


class BotHostError(Exception):
    """Anything that goes wrong here by our own judgement. The message says what failed."""

    agent: str | None = None
    """Name or id of the agent that it happened to, where that is known."""
    room: str | None = None
    run: str | None = None

    def about(self, *, agent: str | None = None, room: str | None = None, run: str | None = None) -> Self:
        """Say for which agent, room and run, as far as it is known; what was said before stays."""
        self.agent = self.agent or agent
        self.room = self.room or room
        self.run = self.run or run
        return self


class FetchError(BotHostError):
    """An address on the web that was not read. The message names its host only: paths may hold secrets."""


class FetchRefused(FetchError):
    """Not allowed: the address, where it leads, or what is there. Asking again is no use."""


class FetchFailed(FetchError):
    """The network or the other server failed. `status`: its HTTP status, where it gave one."""

    def __init__(self, message: str, *, status: int | None = None, retryable: bool = True) -> None:
        super().__init__(message)
        self.status = status
        self.retryable = retryable
