"""The root of the tree of errors, and its branch for what the kit itself raises.

The whole tree is in `bot_host.types.errors`, which has these names too.
"""


class BotHostError(Exception):
    """Anything that goes wrong here by our own judgement."""


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
