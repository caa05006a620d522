"""SQLite's errors, in words that say what to do."""

import sqlite3
from pathlib import Path

from bot_host.types.errors import BotHostError, StoreError, StoreUnfit

_NO_REFERENCE = "FOREIGN KEY"
_UNFIT = ("SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM")


def explain(error: Exception, *, file: Path | None) -> Exception:
    """`error` as our own, with the original as its cause. Never shows values."""
    if isinstance(error, BotHostError):
        return error
    which = f"the database {file}" if file else "the database in memory"
    name = getattr(error, "sqlite_errorname", "") or ""
    told = (StoreUnfit if name.startswith(_UNFIT) else StoreError)(_sentence(error, which))
    told.__cause__ = error
    return told


def _sentence(error: Exception, which: str) -> str:
    if not isinstance(error, sqlite3.Error):
        return f"{which} was given something that it cannot store: {type(error).__name__}: {error}"
    name = getattr(error, "sqlite_errorname", "") or ""
    known = (
        ("SQLITE_FULL", "has no room to grow: the disk is full; make room, nothing else is needed"),
        ("SQLITE_BUSY", "is locked by another process; stop the other one (a second bot host?)"),
        ("SQLITE_LOCKED", "is locked by another process; stop the other one (a second bot host?)"),
        ("SQLITE_NOTADB", "is not a SQLite database; point database.url at another file"),
        ("SQLITE_CORRUPT", "is damaged; stop the host and restore a backup (`db restore`)"),
        ("SQLITE_CANTOPEN", "cannot be opened; check that the folder and file may be read and written"),
        ("SQLITE_READONLY", "is read-only; give this user write permission on the file and its folder"),
        ("SQLITE_PERM", "may not be used by this user; check the permissions of file and folder"),
        ("SQLITE_IOERR", "cannot be read or written: the disk reports an error; check the disk"),
        ("SQLITE_TOOBIG", "was given a value that is too big to store"),
    )
    for prefix, words in known:
        if name.startswith(prefix):
            return f"{which} {words} ({error})"
    if isinstance(error, sqlite3.IntegrityError) and _NO_REFERENCE in str(error):
        return f"{which} does not know the agent, room or entity that was named ({error})"
    return f"{which} refused: {error}"
