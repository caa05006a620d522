"""A store that only looks: beside a host at work, and at what a killed one left."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from bot_host.store import make_store
from bot_host.types.errors import NotReady, StoreError
from tests.store.samples import AGENT, CHARACTER, make_admission, make_id

ROOT = Path(__file__).parents[2]


async def test_it_sees_what_a_host_at_work_commits_and_writes_nothing(tmp_path: Path) -> None:
    url = "sqlite:///my bot%20.db"
    async with make_store(url, base=tmp_path) as store:
        await store.ensure_agent(AGENT, CHARACTER)
        async with make_store(url, base=tmp_path, read_only=True) as looker:
            await store.admit([make_admission("m1")])
            assert (await looker.figures()).balance().received == 1
            with pytest.raises(StoreError, match="open to look only"):
                await looker.admit([make_admission("m2")])
        await store.admit([make_admission("m3")])
        assert await store.pending_count() == 2


async def test_it_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match=r"there is no database .*bot\.db yet"):
        await make_store("sqlite:///deep/bot.db", base=tmp_path, read_only=True).open()
    assert list(tmp_path.iterdir()) == []


async def test_an_empty_file_is_left_empty(tmp_path: Path) -> None:
    (tmp_path / "bot.db").touch()
    with pytest.raises(NotReady, match="is empty: the host makes its tables"):
        await make_store("sqlite:///bot.db", base=tmp_path, read_only=True).open()
    assert (tmp_path / "bot.db").stat().st_size == 0


async def test_it_cannot_look_into_a_memory(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="memory of its host"):
        await make_store("sqlite://", base=tmp_path, read_only=True).open()


@pytest.mark.parametrize(
    ("version", "words"), [("0001", "older version .* start the host once"), ("9999", "newer version")]
)
async def test_another_version_is_left_as_it_is(tmp_path: Path, version: str, words: str) -> None:
    async with make_store("sqlite:///bot.db", base=tmp_path):
        pass
    db = sqlite3.connect(tmp_path / "bot.db")
    db.execute("UPDATE alembic_version SET version_num = ?", (version,))
    db.commit()
    db.close()
    before = (tmp_path / "bot.db").read_bytes()
    with pytest.raises(StoreError, match=words):
        await make_store("sqlite:///bot.db", base=tmp_path, read_only=True).open()
    assert (tmp_path / "bot.db").read_bytes() == before


async def test_what_a_killed_host_left_in_the_log_is_seen_and_stays_there(tmp_path: Path) -> None:
    code = f"""
import asyncio, os, signal, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from bot_host.store import make_store
from tests.store.samples import AGENT, CHARACTER, make_admission
async def main():
    store = make_store("sqlite:///bot.db", base=Path({str(tmp_path)!r}))
    await store.open()
    await store.ensure_agent(AGENT, CHARACTER)
    await store.admit([make_admission("m1"), make_admission("m2")])
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    log = tmp_path / "bot.db-wal"
    size = log.stat().st_size
    assert size
    async with make_store("sqlite:///bot.db", base=tmp_path, read_only=True) as looker:
        assert (await looker.figures()).balance().received == 2
        story = await looker.tell_story(1)
        assert story is not None
        assert story.received is not None
        assert story.received.memory_id == make_id("memory m1")
    assert log.stat().st_size == size
