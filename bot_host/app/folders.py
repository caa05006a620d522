"""The places that the config names on the disk: made, and closed to other users."""

import os
from pathlib import Path
from typing import Final

from bot_host.app.agents import place_of
from bot_host.config.schema import Loaded
from bot_host.kit.lock import ProcessLock
from bot_host.store import make_store
from bot_host.types.errors import ConfigError, NotReady

_SQLITE: Final = b"SQLite format 3\x00"
"""How each SQLite file begins (sqlite.org/fileformat.html 1.3.1); a new one is empty."""


def make_places(loaded: Loaded) -> None:
    """Make the data folder, for its owner alone, and look at the database's file.

    Raises ConfigError when a file or folder stands where the other should be.
    """
    folder = loaded.config.data_dir
    place = _place_of_data(loaded)
    try:
        # A folder that is there already keeps the rights that its owner gave it.
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except (FileExistsError, NotADirectoryError):
        raise _is_a_file(folder, place) from None
    except OSError as error:
        raise ConfigError(f"{place}: {folder} cannot be made: {error.strerror}") from None
    database = loaded.config.database.sqlite_path
    if database is not None:
        _look_at(database, _place_of_database(loaded))


def look_at_places(loaded: Loaded) -> None:
    """Whether `make_places` and the store would find all as they need it; makes nothing.

    Raises ConfigError.
    """
    folder = loaded.config.data_dir
    place = _place_of_data(loaded)
    if _file_in(folder) is not None:
        raise _is_a_file(folder, place)
    _may_write(folder, place)
    database = loaded.config.database.sqlite_path
    if database is not None:
        place = _place_of_database(loaded)
        _look_at(database, place)
        _may_write(database.parent, place)
        _may_write(database, place)


def with_hint(error: Exception, loaded: Loaded) -> str:
    """What went wrong; of a database that is not there also that another folder may have been meant."""
    if isinstance(error, NotReady) and loaded.file is None:
        return f"{error}; no config.toml in this folder: use --config if it is elsewhere"
    return str(error)


def process_lock(loaded: Loaded) -> ProcessLock:
    """What a host at work with this configuration holds."""
    store = make_store(loaded.config.database.url, base=loaded.folder)
    # One in memory has no lock of its own, but its accounts would be logged in twice.
    return ProcessLock(store.lock_path or loaded.config.data_dir / "bot_host.lock")


def _place_of_data(loaded: Loaded) -> str:
    return f"{place_of(loaded, 'host.data_dir')}: host.data_dir"


def _place_of_database(loaded: Loaded) -> str:
    return f"{place_of(loaded, 'database.url')}: database.url"


def _is_a_file(folder: Path, place: str) -> ConfigError:
    return ConfigError(f"{place}: {_file_in(folder)} is a file; name a folder")


def _may_write(path: Path, place: str) -> None:
    """To `path`, or to the folder in which it would be made."""
    there = next(part for part in (path, *path.parents) if part.exists())
    if not os.access(there, os.W_OK):
        raise ConfigError(f"{place}: {there} cannot be written by this user")


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
