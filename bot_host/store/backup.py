"""Backups, and moves from one database to another.

A backup is a SQLite file with our tables, whichever kind of database it was made of: it can be used as a
database as it is, restored into either kind, and looked into with any SQLite tool.
"""

import sqlite3
import stat
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import Table

from bot_host.store import need_asyncpg, upgrade
from bot_host.store import transfer_sqlite as files
from bot_host.store.condition import files_of
from bot_host.store.transfer import Moved, Progress, Rows, add_up, compare, move, on_thread
from bot_host.store.transfer_sqlite import SqliteRows, explained, snapshot
from bot_host.store.transfer_tables import OURS
from bot_host.store.upgrade import Standing
from bot_host.store.urls import Place
from bot_host.types.errors import ConfigError, NotReady, StateError, StoreError, StoreUnfit

UNREADABLE: Final = -1
PAGES: Final = 2000
"""That are copied at a stretch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What arrived: each table counted and compared with where it came from."""

    tables: tuple[Moved, ...]
    aside: str = ""
    """Where what was there before is now; empty: there was nothing."""
    upgraded_from: str = ""
    """The older schema that the backup was of."""


async def backup(place: Place, to: Path, *, force: bool, tell: Progress) -> Carried:
    """Write everything of the database at `place` into the file `to`, as it is at one moment.

    Hosts may run. `to` is there when it is complete, and not before. `force`: another file may be there.
    Raises StateError, StoreError, OSError: then `to` is as it was.
    """
    _refuse_in_memory(place)
    await on_thread(_refuse_target, to, place, force)
    made = files.new_file(to)
    try:
        if place.file is None:
            moved = await _dump(place, made, tell)
        else:
            _refuse_missing(place.file)
            with snapshot(place.file) as source:
                files.standing(source, str(place.file))
                moved = await _copy_file(source, place.file, made, tell)
        await on_thread(_publish, made, to)
    finally:
        files.discard(made)
    return Carried(tables=tuple(moved))


async def restore(file: Path, place: Place, *, now: datetime, force: bool, tell: Progress) -> Carried:
    """Put a backup in the place of the configured database. Nobody may work on that one.

    `force`: what is there is put aside first; else it must hold nothing. Raises StateError, StoreError,
    StoreUnfit, OSError: then everything is as it was.
    """
    _refuse_in_memory(place)
    await on_thread(_refuse_source, file, place)
    with snapshot(file) as source:
        older = await on_thread(_look, source, file) is Standing.OLDER
        was = _revision(source) if older else ""
        if place.file is not None:
            return await _restore_file(source, file, place.file, now=now, force=force, was=was, tell=tell)
        if not older:
            aside = _aside_schema(now) if force else ""
            tables = files.tables_of(source, file)
            return await _into_postgres(SqliteRows(source), tables, place, aside=aside, tell=tell)
        # What is upgraded is a copy: the backup stays as it is.
        made = files.new_file(file)
        try:
            await _copy_file(source, file, made, tell)
            await on_thread(upgrade.run_migrations, made)
            with snapshot(made) as newer:
                aside = _aside_schema(now) if force else ""
                tables = files.tables_of(newer, made)
                done = await _into_postgres(SqliteRows(newer), tables, place, aside=aside, tell=tell)
            return Carried(tables=done.tables, aside=done.aside, upgraded_from=was)
        finally:
            files.discard(made)


async def copy(source: Place, target: Place, *, tell: Progress) -> Carried:
    """Carry everything over into another database, which holds nothing yet. Nobody may work on either.

    Raises StateError, StoreError, StoreUnfit, OSError: then the target is as it was.
    """
    _refuse_in_memory(source)
    _refuse_in_memory(target)
    if source == target:
        raise StateError("--to names the configured database itself")
    if source.file is None:
        from bot_host.store import transfer_postgres as servers

        async with servers.snapshot(source, alone=True) as connection:
            rows = servers.PostgresRows(connection)
            tables = await servers.tables_of(connection, source)
            if target.file is None:
                return await _into_postgres(rows, tables, target, aside="", tell=tell)
            return await _new_file(target.file, partial(_into_sqlite, rows, tables, tell=tell))
    _refuse_missing(source.file)
    with snapshot(source.file) as db:
        if await on_thread(_look, db, source.file) is Standing.OLDER:
            raise StoreError(f"{source.file} is of an older version of Bot Host: `db upgrade` it first")
        if target.file is not None:
            return await _new_file(target.file, partial(_copy_file, db, source.file, tell=tell))
        tables = files.tables_of(db, source.file)
        return await _into_postgres(SqliteRows(db), tables, target, aside="", tell=tell)


# -- the ways -------------------------------------------------------------------------------------------


async def _dump(place: Place, made: Path, tell: Progress) -> list[Moved]:
    need_asyncpg()
    from bot_host.store import transfer_postgres as servers

    async with servers.snapshot(place, alone=False) as connection:
        tables = await servers.tables_of(connection, place)
        return await _into_sqlite(servers.PostgresRows(connection), tables, made, tell=tell)


async def _into_sqlite(source: Rows, tables: Sequence[Table], made: Path, *, tell: Progress) -> list[Moved]:
    with explained(made), closing(files.open_to_fill(made)) as db:
        files.begin_filling(db, [table for table in tables if table not in OURS])
        target = SqliteRows(db)
        digests = await move(source, target, tables, tell=tell)
        files.end_filling(db)
        moved = await compare(target, tables, digests, tell=tell)
        files.forget_fingerprints(db)
        db.execute("COMMIT")
        await on_thread(files.check, db, f"what was written to {made}")
    return moved


async def _into_postgres(
    source: Rows, tables: Sequence[Table], place: Place, *, aside: str, tell: Progress
) -> Carried:
    need_asyncpg()
    from bot_host.store import transfer_postgres as servers

    async with servers.filling(place) as connection:
        there = await servers.rows_in(connection)
        if there and not aside:
            raise StateError(_not_empty(place.shown, there))
        if there:
            await servers.put_aside(connection, aside)
        await servers.begin_filling(connection, [table for table in tables if table not in OURS])
        target = servers.PostgresRows(connection)
        digests = await move(source, target, tables, tell=tell)
        moved = await compare(target, tables, digests, tell=tell)
        if isinstance(source, SqliteRows):
            await servers.forget_fingerprints(connection)
        await servers.end_filling(connection)
    return Carried(tables=tuple(moved), aside=f"the schema {aside}" if there else "")


async def _copy_file(source: sqlite3.Connection, file: Path, made: Path, tell: Progress) -> list[Moved]:
    """A snapshot's file as it is, page by page, and each table compared."""

    def copy_pages() -> None:
        with closing(sqlite3.connect(made, isolation_level=None)) as db:
            db.execute("PRAGMA synchronous = OFF")
            source.backup(
                db,
                pages=PAGES,
                progress=lambda _, left, pages: tell("pages", pages - left),
            )
            # A file by itself, without a log beside it.
            db.execute("PRAGMA journal_mode = DELETE")
            files.check(db, str(file))

    with explained(made):
        await on_thread(copy_pages)
        tables = files.bare_tables(source)
        digests = [await add_up(SqliteRows(source), table, tell=tell) for table in tables]
        with closing(sqlite3.connect(made, isolation_level=None, check_same_thread=False)) as db:
            return await compare(SqliteRows(db), tables, digests, tell=tell)


async def _restore_file(
    source: sqlite3.Connection,
    backup: Path,
    file: Path,
    *,
    now: datetime,
    force: bool,
    was: str,
    tell: Progress,
) -> Carried:
    there = await on_thread(_rows_in, file)
    if there and not force:
        raise StateError(_not_empty(str(file), there))
    await on_thread(_make_folder, file.parent)
    made = files.new_file(file)
    try:
        moved = await _copy_file(source, backup, made, tell)
        if was:
            await on_thread(upgrade.run_migrations, made)
        aside = await on_thread(_swap, made, file, now, there)
    finally:
        files.discard(made)
    return Carried(tables=tuple(moved), aside=aside, upgraded_from=was)


async def _new_file(file: Path, fill: Callable[[Path], Awaitable[list[Moved]]]) -> Carried:
    there = await on_thread(_rows_in, file)
    if there:
        raise StateError(_not_empty(str(file), there))
    await on_thread(_make_folder, file.parent)
    made = files.new_file(file)
    try:
        moved = await fill(made)
        await on_thread(_publish, made, file)
    finally:
        files.discard(made)
    return Carried(tables=tuple(moved))


# -- looking, refusing, files ---------------------------------------------------------------------------


def _look(db: sqlite3.Connection, file: Path) -> Standing:
    found = files.standing(db, str(file))
    files.check(db, str(file))
    return found


def _revision(db: sqlite3.Connection) -> str:
    row = db.execute("SELECT version_num FROM alembic_version").fetchone()
    return row[0] if row else "the first version"


def _refuse_in_memory(place: Place) -> None:
    if place.in_memory:
        raise ConfigError("a database in memory ends with its host: it can be neither saved nor filled")


def _refuse_target(to: Path, place: Place, force: bool) -> None:
    if to.is_dir():
        raise StateError(f"{to} is a folder: name a file")
    if place.file is not None and to.exists() and place.file.exists() and to.samefile(place.file):
        raise StateError(f"{to} is the database itself: name another file")
    if to.exists() and not force:
        raise StateError(f"{to} is there already: name another file, or use --force to overwrite it")


def _refuse_source(file: Path, place: Place) -> None:
    _refuse_missing(file)
    if place.file is not None and place.file.exists() and file.samefile(place.file):
        raise StateError(f"{file} is the database itself: name a backup")


def _refuse_missing(file: Path) -> None:
    if file.is_dir():
        raise StateError(f"{file} is a folder: name a file")
    if not file.exists():
        raise NotReady(f"there is no database {file}")
    with file.open("rb") as begin:
        if begin.read(16) not in (b"SQLite format 3\x00", b""):
            raise StoreUnfit(f"{file} is not a SQLite database, which each backup is")


def _rows_in(file: Path) -> int:
    """How many rows are at stake there; `UNREADABLE` when nobody can tell."""
    if not file.exists() or not file.stat().st_size:
        return 0
    try:
        with snapshot(file) as db:
            counts = [
                db.execute(f'SELECT count(*) FROM "{table.name}"').fetchone()[0]
                for table in files.bare_tables(db)
                if table.name != "alembic_version"
            ]
    except StoreError:
        return UNREADABLE
    return sum(counts)


def _not_empty(where: str, rows: int) -> str:
    what = f"{rows} rows" if rows != UNREADABLE else "what just cannot be read"
    return (
        f"the database {where} holds something already ({what}): it was left as it is; use an empty "
        "one, or, with `db restore`, --force to put aside what is there"
    )


def _aside_schema(now: datetime) -> str:
    return f"before_restore_{now:%Y%m%d_%H%M%S}"


def _make_folder(folder: Path) -> None:
    with files.writable(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def _swap(made: Path, file: Path, now: datetime, there: int) -> str:
    """Put a complete file where a database with so many rows is; where that one is now, if it had any."""
    if not there:
        _publish(made, file)
        return ""
    with files.writable(file):
        files.settle_on_disk(made)
    aside = Path(f"{file}.before-restore-{now:%Y%m%d-%H%M%S}")
    if there != UNREADABLE:
        # The log is emptied first, so that there is one file to keep.
        with suppress(sqlite3.Error), closing(sqlite3.connect(file, isolation_level=None)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with files.writable(file):
        _put_aside(file, aside)
    try:
        _publish(made, file)
    except BaseException:
        _take_back(file, aside)
        raise
    return str(aside)


def _put_aside(file: Path, aside: Path) -> None:
    (old, new), *logs = zip(files_of(file), files_of(aside), strict=True)
    # What is in its log belongs to it.
    for log, moved in logs:
        if log.exists():
            log.rename(moved)
    try:
        # Two names for one file: at no moment is there none, of which a host would make an empty one.
        new.hardlink_to(old)
    except OSError:
        old.rename(new)


def _take_back(file: Path, aside: Path) -> None:
    for old, new in zip(files_of(file), files_of(aside), strict=True):
        if new.exists() and not (old.exists() and not old.samefile(new)):
            # To a second name of the same file a rename does nothing.
            new.rename(old)
            new.unlink(missing_ok=True)


def _publish(made: Path, to: Path) -> None:
    """Move a complete file to its place, for good."""
    with files.writable(to):
        files.settle_on_disk(made)
        made.chmod(stat.S_IRUSR | stat.S_IWUSR)
        # A log that another file left there would be taken for this one's.
        for left in files_of(to)[1:]:
            left.unlink(missing_ok=True)
        made.replace(to)
        files.settle_on_disk(to)
