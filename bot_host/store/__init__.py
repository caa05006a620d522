"""Floor 3: the store. Schema and statements once, for SQLite and PostgreSQL."""

from importlib import import_module
from pathlib import Path

from bot_host.store.database import Database
from bot_host.store.driver import Driver
from bot_host.store.sqlite import SqliteDriver
from bot_host.store.urls import parse
from bot_host.types.errors import ConfigError

__all__ = ["Database", "make_store"]


def make_store(url: str, *, base: Path, read_only: bool = False) -> Database:
    """The store that `database.url` names; not opened yet.

    `read_only`: to look beside a running host; nothing is made, upgraded or written, and what is not there or
    of an older version is a NotReady at `open`, what is of a newer one another StoreError.

    `sqlite:///PATH` (three slashes; a relative path counts from `base`, an absolute one makes it four), or
    `sqlite://` for a database in memory that ends with the process, or `postgresql://USER:PASSWORD@HOST/NAME`
    (with the extra `postgres`). Raises ConfigError; the URL itself is not shown: it may hold a password.
    """
    place = parse(url, base=base)
    if place.url:
        return Database(_postgres(place.url, read_only=read_only))
    return Database(SqliteDriver(place.file, read_only=read_only))


def _postgres(url: str, *, read_only: bool) -> Driver:
    need_asyncpg()
    from bot_host.store.postgres import PostgresDriver

    return PostgresDriver(url, read_only=read_only)


def need_asyncpg() -> None:
    """Raises ConfigError where the extra `postgres` is not installed."""
    try:
        import_module("asyncpg")
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise ConfigError(
            'database.url names a PostgreSQL database, which needs the package asyncpg: pip install "bot-host'
            '[postgres]"'
        ) from None
