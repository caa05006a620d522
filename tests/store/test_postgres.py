"""The PostgreSQL driver: groups on one connection, connections that break, and one host a database."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest

from bot_host.store import postgres, postgres_groups
from bot_host.store.postgres import PostgresDriver
from bot_host.types.errors import StateError, StoreError
from tests.postgres import Server, lent_database
from tests.postgres_wire import Wire, wire_to
from tests.store.test_groups import TABLES, add, count, spawn, words


@pytest.fixture
async def database() -> AsyncIterator[str]:
    async with lent_database() as url:
        connection = await asyncpg.connect(url)
        await connection.execute(TABLES)
        await connection.close()
        yield url


@pytest.fixture
async def wire(database: str) -> AsyncIterator[Wire]:
    async with wire_to(database) as wire:
        yield wire


@pytest.fixture
async def driver(wire: Wire) -> AsyncIterator[PostgresDriver]:
    driver = PostgresDriver(wire.url)
    await driver.open()
    wire.said.clear()
    yield driver
    await driver.close()


def times(wire: Wire, word: str) -> int:
    return sum(
        piece.count(b"Q\0\0\0" + bytes([len(word) + 5]) + word.encode() + b"\0") for piece in wire.said
    )


async def together(driver: PostgresDriver, *makes: Any) -> list[Any]:
    """What wait together is one group."""
    return await asyncio.gather(*(driver.write(make) for make in makes), return_exceptions=True)


class TestGroups:
    """Many units, one commit; a failing one touches no other."""

    async def test_what_waits_together_commits_together_and_a_failing_unit_touches_no_other(
        self, driver: PostgresDriver, wire: Wire
    ) -> None:
        fault = StateError("no")
        results = await together(driver, add("a"), add("lost", then=fault), add("a"), add("b"))
        assert (results[0], results[1], results[3]) == ("a", fault, "b")
        assert isinstance(results[2], StoreError)
        assert isinstance(results[2].__cause__, asyncpg.UniqueViolationError)
        assert await driver.read(words) == ["a", "b"]
        assert times(wire, "COMMIT") == 1

    async def test_a_failing_unit_alone_leaves_nothing(self, driver: PostgresDriver, wire: Wire) -> None:
        with pytest.raises(StateError, match="no"):
            await driver.write(add("lost", then=StateError("no")))
        assert await driver.write(add("a")) == "a"
        assert await driver.read(words) == ["a"]
        assert times(wire, "COMMIT") == 1

    async def test_when_the_shared_commit_fails_each_is_tried_alone(
        self, driver: PostgresDriver, wire: Wire, caplog: pytest.LogCaptureFixture
    ) -> None:
        results = await together(driver, add("a"), add("orphan", parent="nobody"), add("b"))
        assert (results[0], results[2]) == ("a", "b")
        assert isinstance(results[1], StoreError)
        assert "does not know the agent, room or entity" in str(results[1])
        assert await driver.read(words) == ["a", "b"]
        assert times(wire, "COMMIT") == 4
        assert "each is tried alone" in caplog.text

    async def test_a_reader_goes_on_after_a_unit_that_failed(self, driver: PostgresDriver) -> None:
        def broken() -> Any:
            yield from count()
            raise StateError("no")

        results = await asyncio.gather(
            driver.read(count), driver.read(broken), driver.read(count), return_exceptions=True
        )
        assert (results[0], results[2]) == (0, 0)
        assert isinstance(results[1], StateError)

    async def test_readers_cannot_write(self, driver: PostgresDriver) -> None:
        with pytest.raises(StoreError, match="read-only"):
            await driver.read(add("a"))
        assert await driver.read(count) == 0


class TestBrokenConnections:
    """What was committed is told, and what was not is begun again."""

    @pytest.mark.parametrize("word", [b"BEGIN", b"second word", b"COMMIT"])
    @pytest.mark.parametrize("others", [True, False])
    async def test_what_a_broken_connection_took_along_is_begun_again(
        self, driver: PostgresDriver, wire: Wire, word: bytes, others: bool
    ) -> None:
        wire.cut_at(word, passed_on=False)
        makes = [add("a"), add("second word"), add("b")] if others else [add("second word")]
        results = await together(driver, *makes)
        assert results == (["a", "second word", "b"] if others else ["second word"])
        assert await driver.read(words) == sorted(results)

    @pytest.mark.parametrize("others", [True, False])
    async def test_a_commit_whose_answer_was_lost_is_looked_up_and_not_done_twice(
        self, driver: PostgresDriver, wire: Wire, others: bool
    ) -> None:
        wire.cut_at(b"COMMIT", passed_on=True)
        begun: list[str] = []

        def unit() -> Any:
            begun.append("once")
            return (yield from add("a")())

        results = await together(driver, *([unit, add("b")] if others else [unit]))
        assert results == (["a", "b"] if others else ["a"])
        assert begun == ["once"]
        assert await driver.read(words) == results
        assert times(wire, "COMMIT") == 1

    async def test_a_commit_whose_fate_stays_unknown_is_told_so(
        self, wire: Wire, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(postgres_groups, "FATE_TRIES", 2)
        driver = PostgresDriver(wire.url, patience_s=0.0)
        await driver.open()
        wire.cut_at(b"COMMIT", passed_on=True)
        wire.is_up = False
        with pytest.raises(StoreError, match="whether it was could not be found out"):
            await driver.write(add("a"))
        wire.is_up = True
        assert await driver.read(words) == ["a"]
        await driver.close()

    async def test_readers_and_searchers_begin_again_too(self, driver: PostgresDriver, wire: Wire) -> None:
        for look in (driver.read, driver.search):
            wire.cut_at(b"BEGIN", passed_on=False)
            assert await look(count) == 0
            wire.cut()
            assert await look(count) == 0

    async def test_a_server_that_ends_a_connection_loses_nothing(
        self, driver: PostgresDriver, database: str
    ) -> None:
        other = await asyncpg.connect(database)
        said = [f"{number:02}" for number in range(30)]
        for word in said:
            await other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name LIKE 'bot_host%'"
            )
            assert await driver.write(add(word)) == word
        await other.close()
        assert await driver.read(words) == said


@pytest.fixture(scope="module")
def a_server() -> Iterator[Server]:
    server = Server()
    yield server
    server.remove()


@pytest.fixture
async def server(a_server: Server) -> Server:
    """One that may be killed; its first database is empty."""
    connection = await asyncpg.connect(a_server.url)
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await connection.close()
    return a_server


class TestServerAway:
    """A server of its own, which is killed and comes back."""

    async def test_units_wait_for_a_server_that_comes_back(
        self, server: Server, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "bot_host.store")
        driver = PostgresDriver(server.url, patience_s=30.0)
        await driver.open()
        await make_tables(server)
        await driver.claim()
        await driver.write(add("a"))
        server.kill()
        writing = [spawn(driver.write(add(word))) for word in "bc"]
        reading = spawn(driver.read(words))
        while "trying again" not in caplog.text:
            await asyncio.sleep(0)
        assert not any(task.done() for task in (*writing, reading))
        await asyncio.to_thread(server.start)
        assert await asyncio.gather(*writing) == ["b", "c"]
        assert set(await reading) <= {"a", "b", "c"}
        assert await driver.read(words) == ["a", "b", "c"]
        await driver.close()

    async def test_after_its_patience_the_caller_is_told_and_later_ones_are_served(
        self, server: Server
    ) -> None:
        driver = PostgresDriver(server.url, patience_s=0.0)
        await driver.open()
        await make_tables(server)
        server.kill()
        for attempt in (driver.write(add("a")), driver.read(count), driver.search(count)):
            with pytest.raises(StoreError, match=r"does not answer .* see that the server runs"):
                await attempt
        await asyncio.to_thread(server.start)
        assert await driver.write(add("b")) == "b"
        assert await driver.read(words) == ["b"]
        await driver.close()

    async def test_one_that_is_away_at_the_start_is_told_at_once(self, server: Server) -> None:
        server.kill()
        try:
            with pytest.raises(StoreError, match="does not answer"):
                await PostgresDriver(server.url).open()
        finally:
            await asyncio.to_thread(server.start)


async def make_tables(server: Server) -> None:
    connection = await asyncpg.connect(server.url)
    await connection.execute(TABLES)
    await connection.close()


class TestOneHost:
    """The lock of the host that works on a database."""

    async def test_a_second_host_is_told_who_works_there(
        self, driver: PostgresDriver, database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(postgres, "CLAIM_S", 0.0)
        await driver.claim()
        second = PostgresDriver(database)
        await second.open()
        with pytest.raises(StoreError, match=r"another Bot Host \(process \d+ .* answered twice: end it"):
            await second.claim()
        await driver.close()
        monkeypatch.undo()
        await second.claim()
        await second.close()

    async def test_a_second_host_waits_for_the_first_to_end(
        self,
        driver: PostgresDriver,
        database: str,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr(postgres, "LOOK_S", 0.01)
        await driver.claim()
        second = PostgresDriver(database)
        await second.open()
        waiting = spawn(second.claim())
        while "waiting for it to end" not in caplog.text:
            await asyncio.sleep(0)
        assert not waiting.done()
        await driver.close()
        await waiting
        await second.close()

    async def test_the_lock_comes_along_to_a_new_connection(
        self, driver: PostgresDriver, wire: Wire, database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(postgres, "CLAIM_S", 0.0)
        await driver.claim()
        wire.cut()
        assert await driver.write(add("a")) == "a"
        second = PostgresDriver(database)
        await second.open()
        with pytest.raises(StoreError, match="another Bot Host"):
            await second.claim()
        await second.close()

    async def test_a_host_that_lost_its_lock_to_another_writes_nothing(
        self, driver: PostgresDriver, wire: Wire, database: str
    ) -> None:
        await driver.claim()
        wire.go_down()
        second = PostgresDriver(database)
        await second.open()
        await second.claim()
        wire.is_up = True
        with pytest.raises(StoreError, match=r"has taken the database over .* writes nothing any more"):
            await driver.write(add("a"))
        assert await second.read(count) == 0
        await second.close()

    async def test_databases_of_one_server_have_each_a_host(self, driver: PostgresDriver) -> None:
        await driver.claim()
        async with lent_database() as other:
            second = PostgresDriver(other)
            await second.open()
            await second.claim()
            await second.close()


async def test_two_processes_that_write_take_turns(database: str) -> None:
    """As on a SQLite file: a unit reads and then writes, and nobody has changed it meanwhile."""
    first, second = PostgresDriver(database), PostgresDriver(database)
    await first.open()
    await second.open()

    def next_word() -> Any:
        number = yield from count()
        return (yield from add(f"{number:02}")())

    await asyncio.gather(*(driver.write(next_word) for _ in range(10) for driver in (first, second)))
    assert await first.read(words) == [f"{number:02}" for number in range(20)]
    await first.close()
    await second.close()


async def test_closing_finishes_what_was_begun_and_takes_no_more(driver: PostgresDriver) -> None:
    writing = [spawn(driver.write(add(word))) for word in "ab"]
    await asyncio.sleep(0)
    await driver.close()
    assert await asyncio.gather(*writing) == ["a", "b"]
    with pytest.raises(StoreError, match="not open"):
        await driver.write(add("c"))
    await driver.open()
    assert await driver.read(words) == ["a", "b"]
    with pytest.raises(StateError, match="open already"):
        await driver.open()
