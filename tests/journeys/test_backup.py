"""A backup while people talk, a machine that is lost, and a move to the other kind of database."""

import asyncio
import json
import shutil
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from tests.journeys.harness import bot_host
from tests.journeys.party import Party, party
from tests.journeys.seats import DM, GROUP, PLATFORMS
from tests.postgres import drop_database, lent_database, make_database

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'accounts'::regclass"


async def command(p: Party, *words: str) -> tuple[int, str]:
    """A command beside the host: its exit code and all that it said."""
    async with p.command(*words) as process:
        code = await process.end()
        text = process.text + process.all_log
        assert "Traceback" not in text
        return code, text


async def done(p: Party, *words: str) -> str:
    code, text = await command(p, *words)
    assert code == 0, text
    return text


def use(p: Party, url: str) -> None:
    """Have the configuration name another database."""
    p.write_config(f"[database]\nurl = {json.dumps(url)}\n" if url else "")


@asynccontextmanager
async def empty(kind: str) -> AsyncIterator[str]:
    """A database without tables; its URL."""
    if kind == "sqlite":
        yield "sqlite:///data/again.db"
        return
    url = await make_database()
    try:
        yield url
    finally:
        await drop_database(url)


@pytest.mark.parametrize(("kind", "other"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
async def test_every_message_is_answered_once_wherever_its_database_went(
    kind: str, other: str, tmp_path: Path
) -> None:
    async with empty(kind) as first, empty(other) as second, party(tmp_path, *PLATFORMS) as p:
        use(p, first)
        async with p.host() as host:
            for seat in p.seats:
                await seat.say(DM, "hello")
                await seat.wait_reply(DM)
                await seat.say(GROUP, "among ourselves")
            with p.model.hold() as held:
                asked = len(p.model.chats)
                for seat in p.seats:
                    await seat.say(DM, "and you?")
                await p.model.wait_for_requests(asked + len(p.seats))
                text = await done(p, "db", "backup", "saved.db")
                assert "compared with the database" in text
                assert "not in it: " in text
                # The machine is lost, with all that came after the backup.
                await host.kill()
                held.release()
        shutil.rmtree(tmp_path / "data")
        async with empty(kind) as again:
            use(p, again)
            text = await done(p, "db", "restore", "saved.db")
            assert "compared with the backup" in text
            async with p.host() as host:
                for seat in p.seats:
                    assert await seat.wait_reply(DM, 2) == "echo: and you?"
                assert await host.stop() == 0
            await done(p, "verify")
            text = await done(p, "db", "copy", "--to", second)
            assert "each table the same on both sides" in text
            use(p, second)
            async with p.host() as host:
                for seat in p.seats:
                    await seat.say(DM, "still there?")
                    assert await seat.wait_reply(DM, 3) == "echo: still there?"
                    assert seat.replies(DM) == ["echo: hello", "echo: and you?", "echo: still there?"]
                    assert seat.replies(GROUP) == []
                assert await host.stop() == 0
            await done(p, "verify")


async def test_nothing_is_restored_or_copied_under_the_hands_of_a_host(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p:
        [seat] = p.seats
        async with p.host() as host:
            await seat.say(DM, "hello")
            await seat.wait_reply(DM)
            await done(p, "db", "backup", "saved.db")
            for words in (("restore", "saved.db", "--force"), ("copy", "--to", "sqlite:///new.db")):
                code, text = await command(p, "db", *words)
                assert (code, "a host is running (process" in text) == (1, True), text
            await seat.say(DM, "still there?")
            await seat.wait_reply(DM, 2)
            # Nor into a database on which another one runs.
            (tmp_path / "other").mkdir()
            (tmp_path / "other" / "data").mkdir()
            shutil.copy(tmp_path / "saved.db", tmp_path / "other" / "data" / "bot_host.db")
            busy = f"sqlite:///{tmp_path / 'data' / 'bot_host.db'}"
            async with bot_host("db", "copy", "--to", busy, cwd=tmp_path / "other") as process:
                assert await process.end() == 1
                assert "runs on" in process.all_log
            assert await host.stop() == 0


async def test_what_was_there_is_put_aside_and_a_password_never_shown(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p:
        [seat] = p.seats
        async with p.host() as host:
            await seat.say(DM, "hello")
            await seat.wait_reply(DM)
            assert await host.stop() == 0
        await done(p, "db", "backup", "saved.db")
        code, text = await command(p, "db", "backup", "saved.db")
        assert (code, "use --force to overwrite it" in text) == (1, True)
        code, text = await command(p, "db", "restore", "saved.db")
        assert (code, "holds something already" in text) == (1, True)
        text = await done(p, "db", "restore", "saved.db", "--force")
        assert "what was there before is now" in text
        [aside] = (tmp_path / "data").glob("bot_host.db.before-restore-*")
        with sqlite3.connect(aside) as db:
            assert db.execute("SELECT count(*) FROM inbox").fetchone() == (1,)
        db.close()
        url = "postgresql://bot:hunter2secret@127.0.0.1:9/bots"
        code, text = await command(p, "db", "copy", "--to", url)
        assert (code, "the database bots at 127.0.0.1:9 does not answer" in text) == (1, True), text
        assert "hunter2" not in text
        code, text = await command(p, "db", "copy", "--to", "mysql://bot:hunter2secret@db/bots")
        assert (code, "--to must begin with sqlite:/// or postgresql://" in text) == (2, True), text
        assert "hunter2" not in text
        (tmp_path / "diary.db").write_text("Dear diary")
        code, text = await command(p, "db", "restore", "diary.db", "--force")
        assert (code, "diary.db is not a SQLite database" in text) == (2, True), text
        with sqlite3.connect(tmp_path / "data" / "bot_host.db") as db:
            db.execute("UPDATE alembic_version SET version_num = '9999'")
        db.close()
        for words in (("backup", "x.db"), ("copy", "--to", "sqlite:///x.db")):
            code, text = await command(p, "db", *words)
            assert (code, "newer version of Bot Host (schema 9999" in text) == (2, True), text
        assert not (tmp_path / "x.db").exists()


async def test_ctrl_c_in_the_middle_of_a_backup_leaves_nothing(tmp_path: Path) -> None:
    async with lent_database() as url:
        (tmp_path / "config.toml").write_text(f"[database]\nurl = {json.dumps(url)}\n")
        connection = await asyncpg.connect(url)
        try:
            await connection.execute("BEGIN; LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE")
            async with bot_host("db", "backup", "x.db", cwd=tmp_path) as process:
                while not await connection.fetchval(WAITING):
                    await asyncio.sleep(0.02)
                assert [each.name for each in tmp_path.glob("x.db*")] != []
                process.signal(signal.SIGINT)
                assert await process.end() == 1
                assert "Traceback" not in process.all_log
                assert "Aborted" in process.all_log
        finally:
            await connection.close()
    assert [each.name for each in tmp_path.iterdir()] == ["config.toml"]
