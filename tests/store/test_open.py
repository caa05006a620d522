"""Opening, refusing, reopening, and being killed."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bot_host.store import Database, make_store
from bot_host.store.sqlite import SqliteDriver
from bot_host.types.errors import ConfigError, StoreError
from tests.store.samples import ACCOUNT, AGENT, CHARACTER, make_admission, make_commit, make_id

ROOM = make_id("room")
ROOT = Path(__file__).parents[2]


def worker_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if "_connection_worker" in thread.name]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://bot:hunter2@db", "must name host and database"),
        ("postgres://bot:hunter2@db:x/bots", "must name host and database"),
        ("postgresql+asyncpg://bot:hun/ter2@db/bots", "special characters of a password"),
        ("mysql://bot:hunter2@db/bots", "database.url must begin with sqlite:///"),
        ("sqlit:///x.db", 'did you mean "sqlite"'),
        ("data/bot.db", "database.url must begin with sqlite:///"),
        ("", "database.url must begin with sqlite:///"),
        ("sqlite://data/bot.db", "three slashes"),
        ("sqlite:///bot.db?mode=ro", "question mark"),
    ],
)
def test_a_wrong_url_is_refused_without_showing_it(tmp_path: Path, url: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_store(url, base=tmp_path)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


async def test_a_relative_path_counts_from_the_base_and_its_folder_is_made(tmp_path: Path) -> None:
    async with make_store("sqlite:///deep/er/bot.db", base=tmp_path):
        assert (tmp_path / "deep" / "er" / "bot.db").is_file()


async def test_an_absolute_path_is_taken_as_it_is(tmp_path: Path) -> None:
    async with make_store(f"sqlite:///{tmp_path}/a b%20c.db", base=Path("/nowhere")):
        assert (tmp_path / "a b%20c.db").is_file()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
async def test_a_memory_database_keeps_nothing(tmp_path: Path, url: str) -> None:
    for _ in range(2):
        async with make_store(url, base=tmp_path) as store:
            await store.ensure_agent(AGENT, CHARACTER)
            (admitted,) = await store.admit([make_admission()])
            assert not admitted.duplicate
            assert len((await store.take_turn(AGENT, ROOM, 1)).rows) == 1
    assert list(tmp_path.iterdir()) == []


async def test_a_reopened_store_goes_on_where_it_stopped(tmp_path: Path) -> None:
    async with make_store("sqlite:///b.db", base=tmp_path) as store:
        await store.ensure_agent(AGENT, CHARACTER)
        await store.admit([make_admission("m1"), make_admission("m2", minutes=1)])
        rows = (await store.take_turn(AGENT, ROOM, 1)).rows
        await store.commit_turn(make_commit(*rows))
        await store.take_turn(AGENT, ROOM, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["b.db"]
    async with make_store("sqlite:///b.db", base=tmp_path) as store:
        assert await store.recover() == [(AGENT, ROOM)]
        (row,) = (await store.take_turn(AGENT, ROOM, 5)).rows
        assert (row.message_id, row.attempts) == ("m2", 2)
        assert await store.unsent_count() == 1
        assert [m.content.text for m in await store.get_memories(ROOM)] == ["hello", "hello", "hi"]
        (again,) = await store.admit([make_admission("m1")])
        assert again.duplicate


async def test_the_promised_switches_are_on(tmp_path: Path) -> None:
    async with make_store("sqlite:///b.db", base=tmp_path):
        db = sqlite3.connect(tmp_path / "b.db")
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        db.close()


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from bot_host.store import make_store
from tests.store.samples import AGENT, CHARACTER, make_admission, make_commit, make_id
async def main():
    store = make_store("sqlite:///b.db", base=Path(sys.argv[1]))
    await store.open()
    await store.ensure_agent(AGENT, CHARACTER)
    await store.admit([make_admission("m1"), make_admission("m2")])
    if sys.argv[2] == "committed":
        rows = (await store.take_turn(AGENT, make_id("room"), 2)).rows
        (seq,) = (await store.commit_turn(make_commit(*rows))).seqs
        await store.mark_sending(seq)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


@pytest.mark.parametrize("when", ["admitted", "committed"])
async def test_what_was_promised_is_there_after_a_kill(tmp_path: Path, when: str) -> None:
    ran = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), when], timeout=60, cwd=ROOT)
    assert ran.returncode == -signal.SIGKILL
    async with make_store("sqlite:///b.db", base=tmp_path) as store:
        if when == "admitted":
            assert await store.recover() == [(AGENT, ROOM)]
            assert [row.message_id for row in (await store.take_turn(AGENT, ROOM, 9)).rows] == ["m1", "m2"]
            assert await store.unsent_count() == 0
        else:
            assert await store.recover() == []
            part = await store.next_part(f"{ACCOUNT}/room")
            assert part is not None
            assert (part.state, part.attempts) == ("sending", 1)


class TestRefusals:
    """What stands in the way is said, and nothing is left behind."""

    async def refused(self, store: Database, words: str) -> None:
        before = len(worker_threads())
        with pytest.raises(StoreError, match=words):
            await store.open()
        for thread in worker_threads()[before:]:
            thread.join(30)
        assert len(worker_threads()) == before

    async def test_no_database(self, tmp_path: Path) -> None:
        (tmp_path / "b.db").write_bytes(b"This is a diary, not a database. " * 100)
        await self.refused(make_store("sqlite:///b.db", base=tmp_path), "is not a SQLite database")

    async def test_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "b.db").mkdir()
        await self.refused(make_store("sqlite:///b.db", base=tmp_path), "cannot be opened")

    async def test_a_file_where_the_folder_should_be(self, tmp_path: Path) -> None:
        (tmp_path / "data").write_text("x")
        await self.refused(make_store("sqlite:///data/b.db", base=tmp_path), "folder .* cannot be made")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    async def test_no_permission(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        try:
            await self.refused(make_store("sqlite:///b.db", base=tmp_path), "cannot be opened")
        finally:
            tmp_path.chmod(0o700)

    async def test_locked_by_another(self, tmp_path: Path) -> None:
        other = sqlite3.connect(tmp_path / "b.db", isolation_level=None)
        try:
            other.execute("BEGIN EXCLUSIVE")
            driver = SqliteDriver(tmp_path / "b.db", busy_timeout_s=0.05)
            await self.refused(Database(driver), "locked by another process")
        finally:
            other.close()

    async def test_locked_while_it_is_open(self, tmp_path: Path) -> None:
        store = Database(SqliteDriver(tmp_path / "b.db", busy_timeout_s=0.05))
        async with store:
            await store.ensure_agent(AGENT, CHARACTER)
            other = sqlite3.connect(tmp_path / "b.db", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="locked by another process"):
                await store.admit([make_admission()])
            assert await store.pending_count() == 0
            other.close()
            (admitted,) = await store.admit([make_admission()])
            assert not admitted.duplicate
