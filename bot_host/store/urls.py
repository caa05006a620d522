"""What `database.url` says: which database, and where."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from bot_host.kit.names import did_you_mean
from bot_host.types.errors import ConfigError

_POSTGRESQL: Final = ("postgresql", "postgres")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A database's place. A SQLite file, or a PostgreSQL URL; neither: a SQLite database in memory."""

    file: Path | None = None
    url: str = ""
    """May hold a password: `shown` is for people."""

    @property
    def in_memory(self) -> bool:
        """Whether it ends with its process."""
        return self.file is None and not self.url

    @property
    def shown(self) -> str:
        """Where it is, without user and password."""
        if not self.url:
            return "in memory" if self.file is None else str(self.file)
        parts = urlsplit(self.url)
        try:
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            port = ""
        return f"{parts.path.strip('/') or 'postgres'} at {parts.hostname or 'localhost'}{port}"


def parse(url: str, *, base: Path) -> Place:
    """The place that `url` names; see `make_store`. Raises ConfigError, which does not show the URL."""
    scheme, colon, rest = url.partition("://")
    kind = scheme.partition("+")[0].lower()
    if colon and kind in _POSTGRESQL:
        return Place(url=_postgres(url))
    if not colon or scheme.lower() != "sqlite":
        hint = did_you_mean(kind, ("sqlite", *_POSTGRESQL)) if colon else ""
        raise ConfigError(
            "database.url must begin with sqlite:/// or postgresql://, for example "
            f"sqlite:///data/bot_host.db{hint}"
        )
    return Place(file=_file_of(rest, base))


def _postgres(url: str) -> str:
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
    return urlunsplit(parts._replace(scheme="postgresql"))


def _file_of(rest: str, base: Path) -> Path | None:
    if rest in ("", "/", "/:memory:"):
        return None
    if not rest.startswith("/"):
        raise ConfigError(f"database.url needs three slashes before the path: sqlite:///{rest}")
    path = rest[1:]
    if "?" in path:
        raise ConfigError("database.url takes no options after a question mark; give the file's path only")
    return base / path
