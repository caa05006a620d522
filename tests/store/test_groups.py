"""Group commit: many units, one commit; a failing one touches no other."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects import sqlite

from bot_host.store.batches import GROUP_LIMIT, WAITING_LIMIT, Done, Failed
from bot_host.store.groups import Groups
from bot_host.store.sqlite import SqliteDriver
from bot_host.store.statement import Preparer, Statement, Unit
from bot_host.types.errors import StateError, StoreError

_child = Table("test_child", MetaData(), Column("word", Text), Column("parent", Text))
ADD = Statement(
    "test.add", insert(_child).values(word=bindparam("word"), parent=bindparam("parent", required=True))
)
COUNT = Statement("test.count", select(func.count()).select_from(_child))
SAFETY = Statement(
    "test.safety",
    select(literal_column("synchronous", Integer), literal_column("foreign_keys", Integer)).select_from(
        text("pragma_synchronous, pragma_foreign_keys")
    ),
)
WORDS = Statement("test.words", select(_child.c.word).order_by(_child.c.word))
TABLES = """
CREATE TABLE test_parent (id TEXT PRIMARY KEY);
CREATE TABLE test_child (
    word TEXT UNIQUE, parent TEXT REFERENCES test_parent (id) DEFERRABLE INITIALLY DEFERRED
);
"""


def add(word: str, *, parent: str | None = None, then: Exception | None = None) -> Callable[[], Unit[str]]:
    """A unit that adds a word; an unknown parent is noticed only at COMMIT."""

    def unit() -> Unit[str]:
        yield ADD(word=word, parent=parent)
        if then is not None:
            raise then
        return word

    return unit


def count() -> Unit[int]:
    rows = yield COUNT()
    number: int = rows[0][0]
    return number


def words() -> Unit[list[str]]:
    rows = yield WORDS()
    return [word for (word,) in rows]


class TestOneConnection:
    """The function that runs a group, on a plain connection."""

    @pytest.fixture
    def db(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(":memory:", isolation_level=None)
        db.executescript(TABLES)
        db.execute("PRAGMA foreign_keys = ON")
        yield db
        db.close()

    @pytest.fixture
    def groups(self) -> Groups:
        return Groups(Preparer(sqlite.dialect()))

    @pytest.fixture
    def said(self, db: sqlite3.Connection) -> list[str]:
        """What SQLite is told, from now on."""
        said: list[str] = []
        db.set_trace_callback(said.append)
        return said

    def test_a_group_is_one_transaction(
        self, db: sqlite3.Connection, groups: Groups, said: list[str]
    ) -> None:
        results = groups.write(db, [add("a"), add("b"), add("c")])
        assert results == [Done("a"), Done("b"), Done("c")]
        assert (said.count("BEGIN IMMEDIATE"), said.count("COMMIT")) == (1, 1)
        assert said.count("SAVEPOINT unit") == said.count("RELEASE unit") == 3

    def test_one_unit_needs_no_savepoint(
        self, db: sqlite3.Connection, groups: Groups, said: list[str]
    ) -> None:
        assert groups.write(db, [add("a")]) == [Done("a")]
        assert (said[0], said[-1], "SAVEPOINT unit" in said) == ("BEGIN IMMEDIATE", "COMMIT", False)

    @pytest.mark.parametrize("many", [True, False])
    def test_a_failing_unit_touches_no_other(
        self, db: sqlite3.Connection, groups: Groups, many: bool
    ) -> None:
        fault = StateError("no")
        makes = [add("a"), add("lost", then=fault), add("a"), add("b")] if many else [add("lost", then=fault)]
        results = groups.write(db, makes)
        assert Failed(fault) in results
        assert not db.in_transaction
        kept = [word for (word,) in db.execute("SELECT word FROM test_child ORDER BY word")]
        if many:
            assert results[0] == Done("a")
            assert isinstance(results[2], Failed)
            assert isinstance(results[2].error, sqlite3.IntegrityError)
            assert results[3] == Done("b")
        assert kept == (["a", "b"] if many else [])

    def test_when_the_shared_commit_fails_each_is_tried_alone(
        self, db: sqlite3.Connection, groups: Groups, said: list[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        results = groups.write(db, [add("a"), add("orphan", parent="nobody"), add("b")])
        assert (results[0], results[2]) == (Done("a"), Done("b"))
        assert isinstance(results[1], Failed)
        assert "FOREIGN KEY" in str(results[1].error)
        assert not db.in_transaction
        assert db.execute("SELECT count(*) FROM test_child").fetchone() == (2,)
        assert said.count("BEGIN IMMEDIATE") == 4
        assert "each is tried alone" in caplog.text

    def test_when_sqlite_gives_up_the_transaction_each_is_tried_alone(
        self, db: sqlite3.Connection, groups: Groups
    ) -> None:
        """A full disk in the middle (here: a page limit) makes SQLite roll back more than the statement."""
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages + 3}")
        results = groups.write(db, [add("a"), add("b" * 100_000), add("c")])
        assert (results[0], results[2]) == (Done("a"), Done("c"))
        assert isinstance(results[1], Failed)
        assert getattr(results[1].error, "sqlite_errorname", "") == "SQLITE_FULL"
        assert db.execute("SELECT count(*) FROM test_child").fetchone() == (2,)

    def test_units_of_a_reading_group_see_one_snapshot_and_errors_stay_apart(
        self, db: sqlite3.Connection, groups: Groups, said: list[str]
    ) -> None:
        def broken() -> Unit[int]:
            yield COUNT()
            raise StateError("no")

        results = groups.read(db, [count, broken, count])
        assert (results[0], results[2]) == (Done(0), Done(0))
        assert isinstance(results[1], Failed)
        assert said.count("BEGIN") == 1
        assert not db.in_transaction


class Holding:
    """A unit that stays on the connection's thread until it is let go, so that others must wait."""

    def __init__(self) -> None:
        self._begun, self._go_on = threading.Event(), threading.Event()

    def __call__(self) -> Unit[int]:
        self._begun.set()
        self._go_on.wait(30)
        return (yield from count())

    async def begun(self) -> None:
        await asyncio.to_thread(self._begun.wait, 30)

    def let_go(self) -> None:
        self._go_on.set()


def spawn(work: Any) -> asyncio.Task[Any]:
    return asyncio.get_running_loop().create_task(work)


async def turns_of_the_loop() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class TestDriver:
    """The whole driver on a file."""

    @pytest.fixture
    async def driver(self, tmp_path: Path) -> AsyncIterator[SqliteDriver]:
        driver = SqliteDriver(tmp_path / "t.db")
        await driver.open()
        other = sqlite3.connect(tmp_path / "t.db")
        other.executescript(TABLES)
        other.close()
        yield driver
        await driver.close()

    async def test_callers_that_wait_together_commit_together(
        self, driver: SqliteDriver, tmp_path: Path
    ) -> None:
        holding = Holding()
        first = spawn(driver.write(holding))
        await holding.begun()
        fault = StateError("no")
        makes = [add("a"), add("lost", then=fault), add("b")]
        waiting = [spawn(driver.write(make)) for make in makes]
        await turns_of_the_loop()
        holding.let_go()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert results == ["a", fault, "b"]
        assert await first == 0
        assert await driver.read(words) == ["a", "b"]

    async def test_a_cancelled_caller_spoils_no_group(self, driver: SqliteDriver) -> None:
        holding = Holding()
        first = spawn(driver.write(holding))
        await holding.begun()
        waiting = [spawn(driver.write(add(word))) for word in "abc"]
        await turns_of_the_loop()
        waiting[1].cancel()
        first.cancel()
        await turns_of_the_loop()
        holding.let_go()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert (results[0], results[2]) == ("a", "c")
        assert isinstance(results[1], asyncio.CancelledError)
        # Its unit had not begun: nothing of it is written.
        assert await driver.read(words) == ["a", "c"]

    async def test_commits_reach_the_disk_and_references_hold(self, driver: SqliteDriver) -> None:
        def safety() -> Unit[list[tuple[int, int]]]:
            return (yield SAFETY())

        full, on = 2, 1
        assert await driver.write(safety) == [(full, on)]

    async def test_a_read_sees_what_its_caller_wrote(self, driver: SqliteDriver) -> None:
        for number in range(50):
            await driver.write(add(str(number)))
            assert await driver.read(count) == number + 1

    async def test_readers_do_not_wait_for_the_writer(self, driver: SqliteDriver) -> None:
        holding = Holding()
        writing = spawn(driver.write(holding))
        await holding.begun()
        assert await driver.read(count) == 0
        holding.let_go()
        await writing

    async def test_readers_cannot_write(self, driver: SqliteDriver) -> None:
        with pytest.raises(StoreError, match="readonly"):
            await driver.read(add("a"))

    async def test_the_queue_is_bounded_and_holds_callers_back(self, driver: SqliteDriver) -> None:
        holding = Holding()
        first = spawn(driver.write(holding))
        await holding.begun()
        begun = 0

        def counting() -> Unit[int]:
            nonlocal begun
            begun += 1
            return (yield from count())

        many = WAITING_LIMIT + 3 * GROUP_LIMIT
        waiting = [spawn(driver.write(counting)) for _ in range(many)]
        await turns_of_the_loop()
        assert driver.queued == WAITING_LIMIT
        holding.let_go()
        await asyncio.gather(first, *waiting)
        assert begun == many
        assert driver.queued == 0

    async def test_close_finishes_what_was_begun_and_takes_no_more(
        self, driver: SqliteDriver, tmp_path: Path
    ) -> None:
        holding = Holding()
        first = spawn(driver.write(holding))
        await holding.begun()
        second = spawn(driver.write(add("a")))
        await turns_of_the_loop()
        closing = spawn(driver.close())
        await turns_of_the_loop()
        with pytest.raises(StoreError, match="closed"):
            await driver.write(add("b"))
        holding.let_go()
        await closing
        assert (await first, await second) == (0, "a")
        with pytest.raises(StoreError, match="not open"):
            await driver.write(add("b"))
        await driver.close()
        await driver.open()
        assert await driver.read(words) == ["a"]

    async def test_a_cancelled_close_still_lets_go_of_everything(
        self, driver: SqliteDriver, tmp_path: Path
    ) -> None:
        own = [thread for thread in threading.enumerate() if "_connection_worker" in thread.name]
        assert len(own) == 3
        holding = Holding()
        first = spawn(driver.write(holding))
        await holding.begun()
        second = spawn(driver.write(add("a")))
        await turns_of_the_loop()
        closing = spawn(driver.close())
        await turns_of_the_loop()
        closing.cancel()
        await turns_of_the_loop()
        holding.let_go()
        with pytest.raises(asyncio.CancelledError):
            await closing
        for lost in (first, second):
            with pytest.raises(StoreError, match="may not be written"):
                await lost
        for thread in own:
            await asyncio.to_thread(thread.join, 30)
            assert not thread.is_alive()

    async def test_opening_twice_is_refused(self, driver: SqliteDriver) -> None:
        with pytest.raises(StateError, match="open already"):
            await driver.open()
        assert await driver.read(count) == 0
