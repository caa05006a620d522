"""Opening a PostgreSQL database: what is made, what is refused, in words that show no password."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from bot_host.store import make_store, postgres_schema
from bot_host.store import postgres as driver
from bot_host.store.postgres_line import HOST_LOCK
from bot_host.store.postgres_upgrade import run_migrations
from bot_host.types.errors import ConfigError, NotReady, StoreError, StoreUnfit
from tests import postgres
from tests.store.samples import AGENT, CHARACTER, make_admission

BASE = Path("/nowhere")


async def run(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def tables(url: str, schema: str = "public") -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1", schema)
        return {row[0] for row in found}
    finally:
        await connection.close()


@pytest.fixture
async def empty() -> AsyncIterator[str]:
    """The URL of a database with nothing in it."""
    url = await postgres.make_database()
    yield url
    await postgres.drop_database(url)


class TestRefused:
    """A server of its own, whose rules for letting people in are changed."""

    @pytest.fixture(scope="class")
    @classmethod
    def guarded(cls) -> Iterator[postgres.Server]:
        """One that asks the user `bot` for a password, and knows a user `guest` who owns nothing."""
        server = postgres.Server()
        asyncio.run(
            run(
                server.url,
                "CREATE ROLE bot LOGIN PASSWORD 'hunter2'",
                "CREATE ROLE guest LOGIN",
                "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
                "CREATE DATABASE latin ENCODING 'SQL_ASCII' TEMPLATE template0",
            )
        )
        server.kill()
        rules = server.folder / "data" / "pg_hba.conf"
        kept = rules.read_text()
        rules.write_text(f"local all bot scram-sha-256\nlocal all outcast reject\n{kept}")
        server.start()
        yield server
        server.remove()

    @pytest.mark.parametrize(
        ("user", "name", "words"),
        [
            ("bot:wr0ng-secret", "postgres", "refuses the user or password; see database.url"),
            ("outcast:wr0ng-secret", "postgres", "does not let this user in; see database.url"),
            ("tests:wr0ng-secret", "nowhere", "does not exist; create it (createdb), or correct"),
            ("tests:wr0ng-secret", "latin", "has the encoding SQL_ASCII; make one with UTF8: createdb"),
            ("guest:wr0ng-secret", "postgres", "does not let this user do that; the user must own"),
        ],
    )
    async def test_it_is_told_why_and_how_out(
        self, guarded: postgres.Server, user: str, name: str, words: str
    ) -> None:
        url = urlunsplit(urlsplit(guarded.url)._replace(netloc=f"{user}@", path=f"/{name}"))
        with pytest.raises(StoreUnfit, match=re.escape(words)) as told:
            await make_store(url, base=BASE).open()
        assert f"the database {name} at " in str(told.value)
        assert "wr0ng" not in str(told.value)

    async def test_the_right_password_opens_it(self, guarded: postgres.Server) -> None:
        await run(guarded.url, "CREATE DATABASE bots OWNER bot")
        url = urlunsplit(urlsplit(guarded.url)._replace(netloc="bot:hunter2@", path="/bots"))
        async with make_store(url, base=BASE) as store:
            assert await store.pending_count() == 0


def test_without_its_package_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("bot_host.store.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(ConfigError, match=r'pip install "bot-host\[postgres\]"'):
        make_store("postgresql://bot:hunter2@db/bots", base=BASE)


async def test_a_server_that_is_too_old_is_refused(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_schema, "OLDEST", 99)
    with pytest.raises(StoreUnfit, match=r"is of PostgreSQL \d+, and Bot Host needs 99 or newer"):
        await make_store(empty, base=BASE).open()
    assert await tables(empty) == set()


async def test_another_programs_tables_are_left_alone(empty: str) -> None:
    await run(empty, "CREATE TABLE recipes (id integer)")
    with pytest.raises(StoreUnfit, match="another program's tables"):
        await make_store(empty, base=BASE).open()
    assert await tables(empty) == {"recipes"}


async def test_a_database_of_a_newer_version_is_left_alone(empty: str) -> None:
    async with make_store(empty, base=BASE):
        pass
    await run(empty, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreUnfit, match=r"newer version of Bot Host.*9999"):
        await make_store(empty, base=BASE).open()


async def test_two_hosts_that_create_at_once_agree(empty: str) -> None:
    stores = [make_store(empty, base=BASE) for _ in range(2)]
    await asyncio.gather(*(store.open() for store in stores))
    for store in stores:
        assert await store.pending_count() == 0
        await store.close()


async def test_a_schema_of_its_own_beside_another_programs_tables(empty: str) -> None:
    await run(empty, "CREATE TABLE recipes (id integer)", "CREATE SCHEMA bots")
    there = f"{empty}{'&' if '?' in empty else '?'}search_path=bots"
    for _ in range(2):
        async with make_store(there, base=BASE) as store:
            await store.ensure_agent(AGENT, CHARACTER)
            await store.admit([make_admission("m1")])
            assert await store.pending_count() == 1
    assert await tables(empty) == {"recipes"}
    assert {"inbox", "memories", "alembic_version"} <= await tables(empty, "bots")


async def test_an_older_database_is_upgraded_at_open_in_its_schema(empty: str) -> None:
    await run(empty, "CREATE SCHEMA bots")
    there = f"{empty}{'&' if '?' in empty else '?'}search_path=bots"
    # What is stamped with nothing is the oldest that there can be.
    await run(there, postgres_schema._VERSION_TABLE)
    async with make_store(there, base=BASE) as store:
        await store.ensure_agent(AGENT, CHARACTER)
        assert not (await store.admit([make_admission("m1")]))[0].duplicate
    assert await tables(empty) == set()
    assert "inbox" in await tables(empty, "bots")


async def test_a_failing_upgrade_changes_nothing(empty: str) -> None:
    await run(empty, postgres_schema._VERSION_TABLE, "CREATE TABLE runs (in_the_way text)")
    with pytest.raises(StoreError, match="could not be upgraded and was left as it was"):
        await make_store(empty, base=BASE).open()
    assert await tables(empty) == {"alembic_version", "runs"}
    await run(empty, "DROP TABLE runs")
    async with make_store(empty, base=BASE) as store:
        assert await store.pending_count() == 0


async def test_an_upgrade_waits_for_the_host_of_the_older_version(
    empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run_migrations(empty, to="0005")
    before = await tables(empty)
    monkeypatch.setattr(driver, "CLAIM_S", 0.0)
    older = await asyncpg.connect(empty)
    await older.execute(f"SELECT pg_advisory_lock({HOST_LOCK})")
    with pytest.raises(StoreError, match=r"another Bot Host .* works on the database"):
        await make_store(empty, base=BASE).open()
    assert await tables(empty) == before
    await older.close()
    monkeypatch.undo()
    async with make_store(empty, base=BASE) as store, make_store(empty, base=BASE) as host:
        # The lock was for the upgrade alone.
        await host.claim()
        assert await store.pending_count() == 0


class TestLooking:
    """A store that only looks."""

    async def test_it_sees_what_a_host_at_work_commits_and_writes_nothing(self, empty: str) -> None:
        async with make_store(empty, base=BASE) as store:
            await store.claim()
            await store.ensure_agent(AGENT, CHARACTER)
            async with make_store(empty, base=BASE, read_only=True) as looker:
                await store.admit([make_admission("m1")])
                assert (await looker.figures()).balance().received == 1
                with pytest.raises(StoreError, match="open to look only"):
                    await looker.admit([make_admission("m2")])
                with pytest.raises(StoreError, match="not open to be worked on"):
                    await looker.claim()
            assert await store.pending_count() == 1

    async def test_an_empty_database_is_left_empty(self, empty: str) -> None:
        with pytest.raises(NotReady, match="is empty: the host makes its tables at its next start"):
            await make_store(empty, base=BASE, read_only=True).open()
        assert await tables(empty) == set()

    async def test_an_older_one_is_left_as_it_is(self, empty: str) -> None:
        await run_migrations(empty, to="0005")
        before = await tables(empty)
        with pytest.raises(NotReady, match=r"older version .* start the host once to upgrade"):
            await make_store(empty, base=BASE, read_only=True).open()
        assert await tables(empty) == before
