"""The adapter against the installed aiosqlite: it leans on one private call."""

import asyncio
import importlib.metadata
import sqlite3
import threading
from pathlib import Path

import pytest

from bot_host.store.aiosqlite_thread import SqliteThread
from bot_host.types.errors import StoreError


def connect() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)


def threads() -> set[threading.Thread]:
    return set(threading.enumerate())


def test_the_installed_version_is_the_one_that_was_read() -> None:
    """0.22 is what the adapter was written against; a newer minor one needs a look at `_execute`, `_tx`."""
    assert importlib.metadata.version("aiosqlite").split(".")[:2] == ["0", "22"]


async def test_work_runs_in_order_on_one_other_thread() -> None:
    thread = await SqliteThread.open(connect)
    try:
        ran: list[int] = []

        def work(number: int) -> int:
            ran.append(number)
            return threading.get_ident()

        seen = await asyncio.gather(*(thread.run(lambda _, n=n: work(n)) for n in range(20)))  # type: ignore[misc]
        assert ran == list(range(20))
        assert len(set(seen)) == 1
        assert seen[0] != threading.get_ident()
        assert await thread.run(lambda db: db.execute("SELECT 41 + 1").fetchone()) == (42,)
    finally:
        await thread.close()


async def test_an_error_comes_back_and_the_thread_goes_on() -> None:
    thread = await SqliteThread.open(connect)
    try:
        with pytest.raises(sqlite3.OperationalError, match="syntax"):
            await thread.run(lambda db: db.execute("SELEKT"))
        assert await thread.run(lambda db: db.execute("SELECT 1").fetchone()) == (1,)
    finally:
        await thread.close()


async def test_a_cancelled_caller_leaves_the_work_to_finish() -> None:
    thread = await SqliteThread.open(connect)
    try:
        begun, go_on = threading.Event(), threading.Event()

        def work(db: sqlite3.Connection) -> None:
            begun.set()
            go_on.wait(30)
            db.execute("CREATE TABLE t (x)")

        caller = asyncio.get_running_loop().create_task(thread.run(work))
        await asyncio.to_thread(begun.wait, 30)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        go_on.set()
        assert await thread.run(lambda db: db.execute("SELECT count(*) FROM t").fetchone()) == (0,)
    finally:
        await thread.close()


async def test_close_ends_thread_and_connection_and_may_be_said_twice() -> None:
    before = threads()
    thread = await SqliteThread.open(connect)
    (own,) = threads() - before
    raw = await thread.run(lambda db: db)
    await thread.close()
    await thread.close()
    await asyncio.to_thread(own.join, 30)
    assert not own.is_alive()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        raw.execute("SELECT 1")
    with pytest.raises(StoreError, match="closed"):
        thread.submit(lambda _: None)


async def test_a_failing_connect_leaves_no_thread(tmp_path: Path) -> None:
    before = threads()
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        await SqliteThread.open(lambda: sqlite3.connect(tmp_path / "no" / "where.db"))
    for thread in threads() - before:
        await asyncio.to_thread(thread.join, 30)
        assert not thread.is_alive()


async def test_a_cancelled_open_leaves_no_thread_and_no_connection() -> None:
    before = threads()
    begun, go_on = threading.Event(), threading.Event()
    made: list[sqlite3.Connection] = []

    def slow() -> sqlite3.Connection:
        begun.set()
        go_on.wait(30)
        made.append(connect())
        return made[0]

    opening = asyncio.get_running_loop().create_task(SqliteThread.open(slow))
    while not begun.is_set():
        await asyncio.sleep(0)
    own = threads() - before
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    go_on.set()
    for thread in own:
        await asyncio.to_thread(thread.join, 30)
        assert not thread.is_alive()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        made[0].execute("SELECT 1")
