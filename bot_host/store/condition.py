"""How a database is, whatever its version: for `db status`. It looks, and changes nothing."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from bot_host.store import need_asyncpg, upgrade
from bot_host.store.schema import HEAD
from bot_host.store.sqlite_errors import explain
from bot_host.store.urls import Place
from bot_host.types.errors import StoreError, StoreUnfit

BUSY_S: Final = 5.0
FAULTS: Final = 10
"""Of one check of the file; further ones are not listed."""


class State(StrEnum):
    """How a database stands to this version of Bot Host."""

    MISSING = "missing"
    EMPTY = "empty"
    OLDER = "older"
    READY = "ready"
    UNFIT = "unfit"
    """A newer version's, or another program's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A table's size."""

    table: str
    rows: int
    bytes: int | None
    """On disk, indexes included; None: this build of SQLite cannot tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How a database is."""

    kind: str
    where: str
    version: str = ""
    """The server's, or the library's."""
    state: State
    revision: str = ""
    """Of its schema; empty: it has none."""
    newest: str = HEAD
    """What this version of Bot Host needs."""
    bytes: int | None = None
    """All of it on disk."""
    tables: tuple[Rows, ...] = ()
    checked: str = ""
    """What was looked at for damage."""
    faults: tuple[str, ...] = ()
    worker: str = ""
    """A host with the database's own lock (PostgreSQL), on whichever machine."""


async def look(place: Place) -> Condition:
    """How the database at `place` is. Raises StoreError where it cannot be opened, ConfigError."""
    if place.url:
        need_asyncpg()
        from bot_host.store import condition_postgres

        return await condition_postgres.look(place)
    if place.file is None:
        raise StoreError("the database lives in the memory of its host, and nobody else can look into it")
    if not await asyncio.to_thread(place.file.is_file):
        return Condition(kind="sqlite", where=str(place.file), state=State.MISSING)
    return await asyncio.to_thread(_look, place.file)


def stands(tables: Sequence[str], found: Sequence[str]) -> tuple[State, tuple[str, ...]]:
    """`upgrade.stands`, with what it refuses as a fault."""
    try:
        return State(upgrade.stands(tables, found).value), ()
    except StoreUnfit as error:
        return State.UNFIT, (str(error),)


def open_to_look(file: Path) -> sqlite3.Connection:
    """A connection without even the right to tidy up the log of a host that was killed."""
    db = sqlite3.connect(
        f"{file.absolute().as_uri()}?mode=ro",
        uri=True,
        timeout=BUSY_S,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        db.execute("PRAGMA query_only = ON")
    except BaseException:
        db.close()
        raise
    return db


def _look(file: Path) -> Condition:
    try:
        with closing(open_to_look(file)) as db:
            db.execute("BEGIN")
            return _condition(db, file)
    except sqlite3.Error as error:
        raise explain(error, file=file) from error


def _condition(db: sqlite3.Connection, file: Path) -> Condition:
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found: list[str] = []
    if "alembic_version" in names:
        found = [version for (version,) in db.execute("SELECT version_num FROM alembic_version")]
    state, faults = stands(names, found)
    damage = sqlite_faults(db)
    countable = not damage and state not in (State.EMPTY, State.UNFIT)
    return Condition(
        kind="sqlite",
        where=str(file),
        version=f"SQLite {sqlite3.sqlite_version}",
        state=state,
        revision=", ".join(found),
        bytes=sum(each.stat().st_size for each in files_of(file) if each.is_file()),
        tables=_sizes(db) if countable else (),
        checked="the whole file (quick_check)",
        faults=faults + damage,
    )


def files_of(file: Path) -> tuple[Path, Path, Path]:
    """The files of a SQLite database: itself, its log, its log's index."""
    return file, Path(f"{file}-wal"), Path(f"{file}-shm")


def sqlite_faults(db: sqlite3.Connection, *, check: str = "quick_check") -> tuple[str, ...]:
    """What SQLite finds damaged."""
    try:
        told = [line for (line,) in db.execute(f"PRAGMA {check}({FAULTS})")]
    except sqlite3.DatabaseError as error:
        return (f"damaged: {error}",)
    return () if told == ["ok"] else tuple(f"damaged: {line}" for line in told)


def own_tables(db: sqlite3.Connection) -> list[str]:
    """Tables with rows of ours or of a plugin: not what FTS5 and SQLite keep for themselves."""
    # https://www.sqlite.org/pragma.html#pragma_table_list
    return [
        name
        for schema, name, kind in db.execute("SELECT schema, name, type FROM pragma_table_list")
        if schema == "main" and kind == "table" and not name.startswith("sqlite_")
    ]


def _sizes(db: sqlite3.Connection) -> tuple[Rows, ...]:
    try:
        with_indexes = (
            "SELECT m.tbl_name, sum(d.pgsize) FROM dbstat AS d JOIN sqlite_master AS m ON m.name = d.name "
            "WHERE d.aggregate = 1 GROUP BY m.tbl_name"
        )
        sizes = dict(db.execute(with_indexes).fetchall())
    except sqlite3.Error:
        sizes = {}
    return tuple(
        Rows(
            table=name,
            rows=db.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0],
            bytes=sizes.get(name),
        )
        for name in sorted(own_tables(db))
        if name != "alembic_version"
    )
