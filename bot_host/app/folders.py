"""The places that the config names on the disk: made, and closed to other users."""

from pathlib import Path
from typing import Final

from bot_host.app.agents import place_of
from bot_host.config.schema import Loaded
from bot_host.kit.lock import ProcessLock
from bot_host.store import make_store
from bot_host.types.errors import ConfigError

_SQLITE: Final = b"SQLite format 3\x00"
"""How each SQLite file begins (sqlite.org/fileformat.html 1.3.1); a new one is empty."""


def make_places(loaded: Loaded) -> None:
    """Make the data folder, for its owner alone, and look at the database's file.

    Raises ConfigError when a file or folder stands where the other should be.
    """
    folder, key = loaded.config.data_dir, "host.data_dir"
    place = f"{place_of(loaded, key)}: {key}"
    try:
        # A folder that is there already keeps the rights that its owner gave it.
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except (FileExistsError, NotADirectoryError):
        raise ConfigError(f"{place}: {_file_in(folder)} is a file; name a folder") from None
    except OSError as error:
        raise ConfigError(f"{place}: {folder} cannot be made: {error.strerror}") from None
    database = loaded.config.database.sqlite_path
    if database is not None:
        _look_at(database, f"{place_of(loaded, 'database.url')}: database.url")


def process_lock(loaded: Loaded) -> ProcessLock:
    """What a host at work with this configuration holds."""
    store = make_store(loaded.config.database.url, base=loaded.folder)
    # One in memory has no lock of its own, but its accounts would be logged in twice.
    return ProcessLock(store.lock_path or loaded.config.data_dir / "bot_host.lock")


def _look_at(database: Path, place: str) -> None:
    if database.is_dir():
        raise ConfigError(f"{place}: {database} is a folder; name a file in it")
    above = _file_in(database.parent)
    if above is not None:
        raise ConfigError(f"{place}: {above} is a file; name a path through folders")
    try:
        with database.open("rb") as file:
            begin = file.read(len(_SQLITE))
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError(f"{place}: {database} cannot be read: {error.strerror}") from None
    if begin and begin != _SQLITE:
        raise ConfigError(f"{place}: {database} is not a SQLite database; point it at another file")


def _file_in(path: Path) -> Path | None:
    """The part of `path` that exists and is no folder."""
    return next((part for part in (path, *path.parents) if part.exists() and not part.is_dir()), None)
