"""`db backup`, `db restore` and `db copy`: all of the database elsewhere, and back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from bot_host.app.database import place_of, without_host
from bot_host.config.schema import Loaded
from bot_host.kit.clock import utc_now
from bot_host.kit.lock import ProcessLock
from bot_host.store import backup as store
from bot_host.store import make_store
from bot_host.store.backup import Carried
from bot_host.store.transfer import Progress
from bot_host.store.urls import Place, parse
from bot_host.types.errors import ConfigError, StateError
from bot_host.types.secrets import SECRET_KEY


async def back_up(loaded: Loaded, file: Path, *, force: bool, tell: Progress) -> Carried:
    """See `store.backup.backup`."""
    return await store.backup(place_of(loaded), file, force=force, tell=tell)


async def restore(loaded: Loaded, file: Path, *, force: bool, tell: Progress) -> Carried:
    """See `store.backup.restore`."""
    with without_host(loaded):
        return await store.restore(file, place_of(loaded), now=utc_now(), force=force, tell=tell)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where `db copy` goes."""

    url: str
    place: Place

    @property
    def password(self) -> str:
        """To be blotted out wherever it might be shown."""
        return urlsplit(self.url).password or "" if self.place.url else ""

    @property
    def line(self) -> str:
        """The line of the configuration that names it, without its password."""
        if self.place.file is not None:
            return f'url = "sqlite:///{self.place.file.resolve()}"'
        parts = urlsplit(self.url)
        user, at, host = parts.netloc.rpartition("@")
        name, colon, _ = user.partition(":")
        secret = "${BOT_DATABASE_PASSWORD}" if colon else ""
        return f'url = "{urlunsplit(parts._replace(netloc=f"{name}{colon}{secret}{at}{host}"))}"'


def target_of(loaded: Loaded, url: str) -> Target:
    """What `--to` names. Raises ConfigError, which does not show it."""
    try:
        return Target(url=url, place=parse(url, base=loaded.folder))
    except ConfigError as error:
        raise ConfigError(str(error).replace("database.url", "--to")) from None


async def copy(loaded: Loaded, target: Target, *, tell: Progress) -> Carried:
    """See `store.backup.copy`. No host may run on either."""
    with without_host(loaded), _without_another(target, loaded):
        return await store.copy(place_of(loaded), target.place, tell=tell)


@contextmanager
def _without_another(target: Target, loaded: Loaded) -> Iterator[None]:
    # PostgreSQL has a lock of its own, which the copy takes; so has a SQLite file, but beside itself.
    path = make_store(target.url, base=loaded.folder).lock_path
    if path is None or target.place == place_of(loaded):
        yield
        return
    with ProcessLock(path) as lock:
        if not lock.try_take():
            raise StateError(f"a host (process {lock.holder}) runs on {target.place.shown}: stop it")
        yield


def not_in_it(loaded: Loaded) -> str:
    """What a backup of the database leaves out."""
    folder = loaded.config.data_dir
    return (
        f"not in it: files that are still to be sent ({folder / 'media'}), the key of encrypted tokens "
        f"({folder / 'secret.key'}, or {SECRET_KEY}), config.toml, .env and characters"
    )
