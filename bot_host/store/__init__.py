"""Floor 3: the store. Schema and statements once, for SQLite and PostgreSQL."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from bot_host.kit.names import did_you_mean
from bot_host.store.database import Database
from bot_host.store.driver import Driver
from bot_host.store.sqlite import SqliteDriver
from bot_host.types.errors import ConfigError

__all__ = ["Database", "make_store"]

_POSTGRESQL: Final = ("postgresql", "postgres")


def make_store(url: str, *, base: Path, read_only: bool = False) -> Database:
    """The store that `database.url` names; not opened yet.

    `read_only`: to look beside a running host; nothing is made, upgraded or written, and what is not there or
    of an older version is a NotReady at `open`, what is of a newer one another StoreError.

    `sqlite:///PATH` (three slashes; a relative path counts from `base`, an absolute one makes it four), or
    `sqlite://` for a database in memory that ends with the process, or `postgresql://USER:PASSWORD@HOST/NAME`
    (with the extra `postgres`). Raises ConfigError; the URL itself is not shown: it may hold a password.
    """
    scheme, colon, rest = url.partition("://")
    kind = scheme.partition("+")[0].lower()
    if colon and kind in _POSTGRESQL:
        return Database(_postgres(url, read_only=read_only))
    if not colon or scheme.lower() != "sqlite":
        hint = did_you_mean(kind, ("sqlite", *_POSTGRESQL)) if colon else ""
        raise ConfigError(
            "database.url must begin with sqlite:/// or postgresql://, for example "
            f"sqlite:///data/bot_host.db{hint}"
        )
    return Database(SqliteDriver(_file_of(rest, base), read_only=read_only))


def _postgres(url: str, *, read_only: bool) -> Driver:
    try:
        from bot_host.store.postgres import PostgresDriver
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise ConfigError(
            'database.url names a PostgreSQL database, which needs the package asyncpg: pip install "bot-host'
            '[postgres]"'
        ) from None
    try:
        parts = urlsplit(url)
        good = bool(parts.path.strip("/")) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ConfigError(
            "database.url must name host and database: postgresql://user:password@host:5432/name (special "
            "characters of a password as %40 and the like)"
        )
    return PostgresDriver(urlunsplit(parts._replace(scheme="postgresql")), read_only=read_only)


def _file_of(rest: str, base: Path) -> Path | None:
    if rest in ("", "/", "/:memory:"):
        return None
    if not rest.startswith("/"):
        raise ConfigError(f"database.url needs three slashes before the path: sqlite:///{rest}")
    path = rest[1:]
    if "?" in path:
        raise ConfigError("database.url takes no options after a question mark; give the file's path only")
    return base / path
