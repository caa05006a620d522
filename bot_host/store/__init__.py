"""Floor 3: the store. Schema and statements once, for SQLite now and PostgreSQL later."""

from pathlib import Path
from typing import Final

from bot_host.kit.names import did_you_mean
from bot_host.store.database import Database
from bot_host.store.sqlite import SqliteDriver
from bot_host.types.errors import ConfigError

__all__ = ["Database", "make_store"]

_POSTGRESQL: Final = ("postgresql", "postgres")


def make_store(url: str, *, base: Path, read_only: bool = False) -> Database:
    """The store that `database.url` names; not opened yet.

    `read_only`: to look beside a running host; nothing is made, upgraded or written, and what is not there or
    of an older version is a NotReady at `open`, what is of a newer one another StoreError.

    `sqlite:///PATH` (three slashes; a relative path counts from `base`, an absolute one makes it four), or
    `sqlite://` for a database in memory that ends with the process. Raises ConfigError; the URL itself is
    not shown, since it may hold a password.
    """
    scheme, colon, rest = url.partition("://")
    kind = scheme.partition("+")[0].lower()
    if colon and kind in _POSTGRESQL:
        raise ConfigError(
            "database.url names a PostgreSQL database, which comes in a later version of Bot Host; data go "
            'nowhere else than configured, so nothing was started. Use "sqlite:///data/bot_host.db" for now'
        )
    if not colon or scheme.lower() != "sqlite":
        hint = did_you_mean(kind, ("sqlite", *_POSTGRESQL)) if colon else ""
        raise ConfigError(
            f"database.url must begin with sqlite:///, for example sqlite:///data/bot_host.db{hint}"
        )
    return Database(SqliteDriver(_file_of(rest, base), read_only=read_only))


def _file_of(rest: str, base: Path) -> Path | None:
    if rest in ("", "/", "/:memory:"):
        return None
    if not rest.startswith("/"):
        raise ConfigError(f"database.url needs three slashes before the path: sqlite:///{rest}")
    path = rest[1:]
    if "?" in path:
        raise ConfigError("database.url takes no options after a question mark; give the file's path only")
    return base / path
