"""What is no elizaOS database, or cannot be read, is told in words that say what to do."""

import asyncio
import os
import re
import sys
import uuid
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import pytest

from bot_host.app.elizaos.run import import_elizaos
from bot_host.app.elizaos.source import open_source
from bot_host.app.folders import process_lock
from bot_host.types.errors import BotHostError, ConfigError, StateError, StoreError, StoreUnfit
from tests import postgres
from tests.app.elizaos.conftest import Here
from tests.elizaos import Eliza, elizaos


def with_user(url: str, user: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:secret-word@{host}"))


@pytest.fixture
async def reader(eliza: Eliza) -> AsyncIterator[str]:
    """A user who may read everything there."""
    name = f"r_{uuid.uuid4().hex[:12]}"
    await eliza.connection.execute(
        f"CREATE ROLE {name} LOGIN PASSWORD 'secret-word'; GRANT SELECT ON ALL TABLES IN SCHEMA public "
        f"TO {name}"
    )
    yield name
    await eliza.connection.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


@pytest.mark.parametrize("given", [".eliza/.elizadb", "/srv/eliza/.elizadb", "memory://", "sqlite:///x.db"])
async def test_a_folder_of_pglite_is_told_how_to_get_out_of_it(given: str, here: Here) -> None:
    with pytest.raises(ConfigError, match=r"is no PostgreSQL URL .* PGlite .*docs/elizaos\.md") as caught:
        await import_elizaos(here.loaded, given)
    assert str(caught.value).startswith(given)


async def test_a_password_stands_in_no_error(here: Here) -> None:
    for url in (
        "postgresql://eliza:secret-word@127.0.0.1:9/eliza",
        "mysql://eliza:secret-word@127.0.0.1/eliza",
        "postgresql://eliza:secret-word@127.0.0.1:nine/eliza",
    ):
        with pytest.raises(BotHostError) as caught:
            await import_elizaos(here.loaded, url)
        assert "secret-word" not in str(caught.value)


async def test_one_that_does_not_answer(here: Here) -> None:
    with pytest.raises(
        StoreError, match=r"the elizaOS database eliza at 127\.0\.0\.1:9 does not answer .* URL"
    ):
        await import_elizaos(here.loaded, "postgresql://127.0.0.1:9/eliza")


async def test_one_that_is_not_there(eliza: Eliza, here: Here) -> None:
    url = urlunsplit(urlsplit(eliza.url)._replace(path="/nowhere_at_all"))
    with pytest.raises(StoreError, match=r"the elizaOS database nowhere_at_all .* does not exist"):
        await import_elizaos(here.loaded, url)


async def test_one_without_tables_and_one_of_ours(here: Here) -> None:
    async with postgres.lent_database() as url:
        with pytest.raises(StoreUnfit, match="is one of Bot Host, not of elizaOS: `db copy`"):
            await import_elizaos(here.loaded, url)
    url = await postgres.make_database()
    with pytest.raises(StoreUnfit, match=r"none of elizaOS 1\.x: it has no table agents"):
        await import_elizaos(here.loaded, url)
    await postgres.drop_database(url)


async def test_a_missing_table_or_column_is_named_and_others_are_done_without(here: Here) -> None:
    async with elizaos() as eliza:
        room = await eliza.room("222")
        await eliza.say(room, await eliza.person("77", "Ada"), "hello")
        await eliza.connection.execute("DROP TABLE components, relationships, embeddings, tasks")
        report = await here.take(eliza)
        assert report.tally("memories").new == 1
        assert "components" not in report.tallies
        assert (
            "there is no table embeddings as elizaOS makes it, so nothing of it is taken over" in report.notes
        )
        await eliza.connection.execute("ALTER TABLE memories DROP COLUMN content")
        with pytest.raises(StoreUnfit, match="it has no column content in its table memories"):
            await here.take(eliza)
        eliza.spoil()


async def test_one_of_0_x(here: Here) -> None:
    async with elizaos() as eliza:
        await eliza.connection.execute("DROP TABLE entities CASCADE; CREATE TABLE accounts (id uuid)")
        with pytest.raises(StoreUnfit, match=r"as elizaOS 0\.x had them"):
            await here.take(eliza)
        eliza.spoil()


async def test_one_without_agents(eliza: Eliza, here: Here) -> None:
    await eliza.connection.execute("DELETE FROM agents")
    with pytest.raises(StateError, match="has no agents"):
        await here.take(eliza)


async def test_rows_that_are_hidden_from_the_user_are_no_silent_gap(
    eliza: Eliza, reader: str, here: Here
) -> None:
    room = await eliza.room("222")
    await eliza.say(room, await eliza.person("77", "Ada"), "hello")
    url = with_user(eliza.url, reader)
    await eliza.connection.execute(
        "ALTER TABLE memories ENABLE ROW LEVEL SECURITY; ALTER TABLE memories FORCE ROW LEVEL SECURITY"
    )
    with pytest.raises(StoreUnfit, match=r"does not let this user read all of it .* BYPASSRLS"):
        await import_elizaos(here.loaded, url)
    await eliza.connection.execute(
        "ALTER TABLE memories DISABLE ROW LEVEL SECURITY; ALTER TABLE memories NO FORCE ROW LEVEL SECURITY"
    )
    report = await import_elizaos(here.loaded, url)
    assert report.tally("memories").new == 1
    await eliza.connection.execute(f"REVOKE SELECT ON worlds FROM {reader}")
    with pytest.raises(StoreUnfit, match=r"permission denied for table worlds.*SELECT on all tables"):
        await import_elizaos(here.loaded, url)


async def test_nothing_is_written_there(eliza: Eliza, here: Here) -> None:
    """Not even by a slip: the connection itself refuses."""
    room = await eliza.room("222")
    await eliza.say(room, await eliza.person("77", "Ada"), "hello")
    await eliza.connection.execute(
        "CREATE VIEW seen AS SELECT current_setting('transaction_read_only') AS ro, "
        "current_setting('transaction_isolation') AS level"
    )
    try:
        async with open_source(eliza.url) as source:
            [batch] = [
                rows async for rows in source.rows("SELECT * FROM seen WHERE $1::text[] IS NOT NULL", [])
            ]
    finally:
        await eliza.connection.execute("DROP VIEW seen")
    assert batch == [{"ro": "on", "level": "repeatable read"}]


async def test_beside_a_running_host_it_only_looks(eliza: Eliza, here: Here) -> None:
    lock = process_lock(here.loaded)
    assert lock.try_take()
    try:
        with pytest.raises(StateError, match=rf"a host is running \(process {os.getpid()}\): stop it"):
            await here.take(eliza)
        assert (await here.take(eliza, dry_run=True)).tally("agents").new == 1
    finally:
        lock.release()


async def test_a_token_in_an_address_is_not_taken_along(eliza: Eliza, here: Here) -> None:
    """elizaOS keeps a Telegram bot's token in the addresses of its files (6.10-03)."""
    token = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
    url = f"https://api.telegram.org/file/bot{token}/photos/file_1.jpg"
    room = await eliza.room("42", source="telegram", type="DM")
    attachment = {"id": "f", "url": url, "title": "Photo", "description": f"seen at {url}"}
    said = await eliza.say(
        room, await eliza.person("42", "Ada"), f"see {url}", content={"attachments": [attachment]}
    )
    await here.take(eliza)
    async with here.store() as store:
        memory = await store.find_memory(said)
    assert memory is not None
    assert memory.content.text == "see https://api.telegram.org/file/bot/photos/file_1.jpg"
    assert memory.content.attachments[0].url == ""
    for file in (here.folder / "data").iterdir():
        assert token.encode() not in file.read_bytes()


def test_without_asyncpg_it_is_said_what_to_install(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(ConfigError, match=re.escape('pip install "bot-host[postgres]"')):
        asyncio.run(import_elizaos(here.loaded, "postgresql://127.0.0.1/eliza"))
