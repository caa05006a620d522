"""PostgreSQL's errors, in words that say what to do. Never shows a URL's password, nor values."""

from typing import Final

import asyncpg

from bot_host.store.urls import Place
from bot_host.types.errors import BotHostError, StoreError, StoreUnfit

_LOST: Final = (
    OSError,
    asyncpg.InterfaceError,
    # What a connection says that the server has ended, before the end of its stream has been read.
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    TimeoutError,
)
_REFUSED: Final = (asyncpg.DataError, asyncpg.UnsupportedClientFeatureError)
"""Errors of what was given, which asyncpg counts among those of the interface."""
_KNOWN: Final[tuple[tuple[type[Exception], str, bool], ...]] = (
    (asyncpg.InvalidPasswordError, "refuses the user or password; see database.url", True),
    (asyncpg.InvalidAuthorizationSpecificationError, "does not let this user in; see database.url", True),
    (
        asyncpg.InvalidCatalogNameError,
        "does not exist; create it (createdb), or correct database.url",
        True,
    ),
    (
        asyncpg.InsufficientPrivilegeError,
        "does not let this user do that; the user must own the database, or have CREATE on its schema",
        True,
    ),
    (asyncpg.DiskFullError, "has no room to grow: the server's disk is full; make room there", False),
    (asyncpg.OutOfMemoryError, "has no memory left; see the server's settings", False),
    (asyncpg.ReadOnlySQLTransactionError, "is read-only (a standby?); name the primary server", False),
    (asyncpg.TooManyConnectionsError, "has no connection left; raise max_connections", False),
    (asyncpg.ForeignKeyViolationError, "does not know the agent, room or entity that was named", False),
)


def is_lost(error: BaseException) -> bool:
    """Whether the connection is gone, rather than a statement refused."""
    return isinstance(error, _LOST) and not isinstance(error, _REFUSED)


def place_of(url: str) -> str:
    """Where the database is: `name at host:port`."""
    return Place(url=url).shown


def explain(error: Exception, url: str) -> Exception:
    """`error` as our own, with the original as its cause."""
    if isinstance(error, BotHostError):
        return error
    which = f"the database {place_of(url)}"
    for kind, words, unfit in _KNOWN:
        if isinstance(error, kind):
            told: Exception = (StoreUnfit if unfit else StoreError)(f"{which} {words}")
            break
    else:
        told = StoreError(_sentence(error, which))
    told.__cause__ = error
    return told


def _sentence(error: Exception, which: str) -> str:
    if is_lost(error):
        why = error.strerror if isinstance(error, OSError) else ""
        return (
            f"{which} does not answer ({why or type(error).__name__}); see that the server runs and that "
            "database.url is right"
        )
    if isinstance(error, asyncpg.PostgresError) and not isinstance(error, asyncpg.DataError):
        # `detail` and `context` would show values.
        return f"{which} refused: {error.args[0] if error.args else type(error).__name__}"
    return f"{which} was given something that it cannot store: {type(error).__name__}: {error}"
