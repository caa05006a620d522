"""The rows of a SQLite file, read from and written to; see `transfer`. What blocks runs on a thread."""

import os
import re
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Dialect, NullPool, Table, create_engine

from bot_host.store import upgrade
from bot_host.store.condition import files_of, open_to_look, own_tables, sqlite_faults
from bot_host.store.plugin_catalogue import plugin_schemas
from bot_host.store.sqlite_errors import explain
from bot_host.store.statement import Row
from bot_host.store.transfer import BATCH, described, on_thread, quoted
from bot_host.store.transfer_tables import OURS, SQLITE, bare, making, numbered, plugin_tables
from bot_host.types.errors import StoreError, StoreUnfit

_PART: Final = re.compile(r"\.\d+\.part$")


class SqliteRows:
    """See `Rows`."""

    dialect: Dialect = SQLITE

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    async def select(self, sql: str) -> AsyncGenerator[list[Row], None]:
        """See `Rows`."""
        with closing(self._db.execute(sql)) as cursor:
            while batch := await on_thread(cursor.fetchmany, BATCH):
                yield batch

    async def insert(self, table: Table, rows: AsyncIterable[Row]) -> None:
        """See `Rows`."""
        names = ", ".join(quoted(column.name, SQLITE) for column in table.c)
        marks = ", ".join("?" * len(table.c))
        sql = f"INSERT INTO {quoted(table.name, SQLITE)} ({names}) VALUES ({marks})"
        batch: list[Row] = []
        async for row in rows:
            batch.append(row)
            if len(batch) == BATCH:
                await on_thread(self._write, sql, batch)
                batch = []
        await on_thread(self._write, sql, batch)

    def _write(self, sql: str, batch: Sequence[Row]) -> None:
        # Closed here: let go of by another thread, later, it would reset the statement under the next one.
        with closing(self._db.executemany(sql, batch)):
            pass

    async def highest(self, table: Table) -> int:
        """See `Rows`."""
        key = numbered(table)
        if not key:
            return 0
        found = [0]
        if self._counted(table):
            found += [
                row[0]
                for row in self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", [table.name])
            ]
        sql = f"SELECT coalesce(max({quoted(key, SQLITE)}), 0) FROM {quoted(table.name, SQLITE)}"
        found += [row[0] for row in self._db.execute(sql)]
        return max(found)

    def _counted(self, table: Table) -> bool:
        """Whether numbers are never given twice there (AUTOINCREMENT)."""
        [sql] = self._db.execute("SELECT sql FROM sqlite_master WHERE name = ?", [table.name]).fetchone()
        return "AUTOINCREMENT" in sql

    async def count_on(self, table: Table, highest: int) -> None:
        """See `Rows`."""
        if highest and self._counted(table):
            self._db.execute("DELETE FROM sqlite_sequence WHERE name = ?", [table.name])
            self._db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", [table.name, highest])


@contextmanager
def snapshot(file: Path) -> Iterator[sqlite3.Connection]:
    """A file as it is now, whatever is written to it meanwhile. Raises StoreError."""
    with explained(file), closing(open_to_look(file)) as db:
        db.execute("BEGIN")
        # Only the first look takes the snapshot.
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield db


@contextmanager
def explained(file: Path) -> Iterator[None]:
    """SQLite's errors about `file` as our own; of one that is not complete yet under its later name."""
    try:
        yield
    except sqlite3.Error as error:
        raise explain(error, file=Path(_PART.sub("", str(file)))) from error


def standing(db: sqlite3.Connection, what: str) -> upgrade.Standing:
    """How a file of ours stands to this version. Raises StoreUnfit, which begins with `what`."""
    try:
        found = upgrade.standing(db)
    except StoreUnfit as error:
        raise StoreUnfit(f"{what}: {error}") from None
    if found is upgrade.Standing.EMPTY:
        raise StoreUnfit(f"{what}: it holds no tables")
    return found


def check(db: sqlite3.Connection, what: str) -> None:
    """Look through the whole file. Raises StoreError for a damaged one."""
    damage = sqlite_faults(db, check="integrity_check")
    if not damage:
        broken = db.execute("PRAGMA foreign_key_check").fetchall()
        damage = (f"damaged: {len(broken)} rows point at missing ones",) if broken else ()
    if damage:
        raise StoreError(f"{what} is {damage[0]}")


def tables_of(db: sqlite3.Connection, file: Path) -> list[Table]:
    """Ours and the plugins', of a file of this version."""
    kind = plugin_schemas.c.tables.type
    turn = kind.result_processor(SQLITE, None)
    assert turn is not None
    told = db.execute(f"SELECT tables FROM {plugin_schemas.name}").fetchall()
    known = described([turn(row[0]) or {} for row in told])
    if not known:
        return list(OURS)
    engine = create_engine("sqlite://", creator=lambda: open_to_look(file), poolclass=NullPool)
    with engine.connect() as connection:
        return [*OURS, *plugin_tables(connection, known)]


def bare_tables(db: sqlite3.Connection) -> list[Table]:
    """All tables with rows of ours or of plugins, as they lie there."""
    return [
        bare(name, [row[1] for row in db.execute(f"PRAGMA table_info({quoted(name, SQLITE)})")])
        for name in sorted(own_tables(db))
    ]


def new_file(file: Path) -> Path:
    """An empty file beside `file`, for its owner alone, to be written and then moved to its place."""
    made = Path(f"{file}.{os.getpid()}.part")  # `_PART`
    with writable(file):
        discard(made)
        os.close(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return made


@contextmanager
def writable(file: Path) -> Iterator[None]:
    """The system's errors about `file` as our own."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror}; nothing was changed") from error


def discard(made: Path) -> None:
    """Take away what `new_file` made."""
    for each in (*files_of(made), Path(f"{made}-journal")):
        with suppress(FileNotFoundError):
            each.unlink()


def open_to_fill(file: Path) -> sqlite3.Connection:
    """A connection to a file that counts only when it is complete: it is not safe against a crash."""
    db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = MEMORY")
    db.execute("PRAGMA synchronous = OFF")
    return db


def begin_filling(db: sqlite3.Connection, extra: Sequence[Table]) -> None:
    """Begin a transaction, and make all tables: ours and `extra`."""
    db.execute("BEGIN")
    upgrade.create(db)
    for statement in making(extra, SQLITE):
        db.execute(statement)
    # What they count is carried over itself.
    for name in _counters(db):
        db.execute(f"DROP TRIGGER {name}")


def end_filling(db: sqlite3.Connection) -> None:
    """Put the counting triggers back."""
    there = _counters(db)
    for name, sql in _trigger_texts().items():
        if name not in there:
            db.execute(sql)


def _counters(db: sqlite3.Connection) -> list[str]:
    found = db.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'tallies~_%' ESCAPE '~'"
    )
    return [name for (name,) in found]


def _trigger_texts() -> Mapping[str, str]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        upgrade.create(db)
        return {
            name: db.execute("SELECT sql FROM sqlite_master WHERE name = ?", [name]).fetchone()[0]
            for name in _counters(db)
        }


def settle_on_disk(file: Path) -> None:
    """What was written to `file` is on disk when this returns."""
    for path in (file, file.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def forget_fingerprints(db: Any) -> None:
    """Have plugins look at their tables again when they start: what is not portable is made then."""
    db.execute("UPDATE plugin_schemas SET fingerprint = 'carried over'")
