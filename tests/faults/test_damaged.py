"""A database file that is damaged, is none, or has no room: what is told, and that nothing is lost."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.rows import at_rest, verify
from tests.faults.test_steps_killed import times
from tests.journeys.harness import bot_host
from tests.journeys.party import Party, party
from tests.journeys.seats import DM

NAME = "data/bot_host.db"
DAMAGED = "is damaged; stop the host and restore a backup (`db restore`)"


def header(file: Path) -> None:
    """What stands after the first 16 bytes is gone."""
    file.write_bytes(file.read_bytes()[:16] + b"\xff" * 4080 + file.read_bytes()[4096:])


def first_page(file: Path) -> None:
    """The list of tables is gone."""
    file.write_bytes(file.read_bytes()[:100] + b"\x55" * 3996 + file.read_bytes()[4096:])


def diary(file: Path) -> None:
    """Somebody else's file."""
    file.write_bytes(b"This is a diary, not a database. " * 100)


def folder(file: Path) -> None:
    """A folder of that name."""
    file.unlink()
    file.mkdir()


BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "header": (header, "is not a SQLite database"),
    "first page": (first_page, DAMAGED),
    "no database": (diary, "is not a SQLite database"),
    "folder": (folder, "is a folder; name a file in it"),
}


async def command(p: Party, *words: str) -> tuple[int, str]:
    async with p.command(*words) as process:
        code = await process.end()
        text = process.text + process.all_log
        assert "Traceback" not in text
        return code, text


async def fill(p: Party) -> Path:
    """A host that has answered somebody; its file, after its end."""
    async with p.host() as host:
        for seat in p.seats:
            await seat.say(DM, "hello")
            await seat.wait_reply(DM)
        assert await host.stop() == 0
    return p.folder / NAME


@pytest.mark.parametrize("how", BAD)
async def test_a_file_that_cannot_be_used_is_told_and_left_as_it_is(how: str, tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p:
        file = await fill(p)
        spoil, words = BAD[how]
        spoil(file)
        before = file.read_bytes() if file.is_file() else b""
        code, text = await command(p)
        assert code == 2, text
        assert f"{file} {words}" in text
        for name in ("status", "backup", "upgrade", "copy"):
            more = {"backup": ["x.db"], "copy": ["--to", "sqlite:///x.db"]}.get(name, [])
            code, text = await command(p, "db", name, *more)
            if how != "folder":
                assert code == 2, text
                assert str(file) in text
        assert not (tmp_path / "x.db").exists()
        assert (file.read_bytes() if file.is_file() else b"") == before


async def test_a_torn_page_costs_its_room_the_answer_and_nobody_a_message(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram", "discord") as p:
        hurt, other = p.seats
        async with p.host() as host:
            await other.say(DM, "hello")
            await other.wait_reply(DM)
            for number in range(1, 13):
                await hurt.say(DM, f"number {number} " + "word " * 300)
                await hurt.wait_reply(DM, number)
            assert await host.stop() == 0
        file = tmp_path / NAME
        with sqlite3.connect(file) as db:
            pages = db.execute(
                "SELECT pageno FROM dbstat WHERE name = 'memories' AND pagetype = 'leaf' ORDER BY path"
            )
            page = pages.fetchall()[-3][0]
            [size] = db.execute("PRAGMA page_size").fetchone()
        db.close()
        whole = file.read_bytes()
        place = slice((page - 1) * size, page * size)
        torn = bytearray(whole)
        torn[place] = b"\x55" * size
        file.write_bytes(torn)
        async with p.host() as host:
            await hurt.say(DM, "and now?")
            await times(host, DAMAGED, 1)
            await other.say(DM, "and you?")
            assert await other.wait_reply(DM, 2) == "echo: and you?"
            code, text = await command(p, "db", "status")
            assert (code, "BAD damaged: " in text) == (1, True), text
            code, text = await command(p, "db", "backup", "x.db")
            assert (code, "is damaged" in text, str(file) in text) == (1, True, True), text
            assert await host.stop() == 0
        assert not (tmp_path / "x.db").exists()
        # The page as it was: what was taken in meanwhile is there.
        mended = bytearray(file.read_bytes())
        mended[place] = whole[place]
        file.write_bytes(mended)
        async with p.host() as host:
            assert await hurt.wait_reply(DM, 13) == "echo: and now?"
            await at_rest(tmp_path)
            assert await host.stop() == 0
        assert len(hurt.replies(DM)) == 13
        await verify(p)


@pytest.mark.parametrize("keep", [0.7, 0.0])
async def test_a_log_that_is_cut_off_gives_what_stands_before_the_cut(keep: float, tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p:
        [seat] = p.seats
        file = await fill(p)
        async with p.host() as host:
            for number in range(2, 6):
                await seat.say(DM, f"number {number}")
                await seat.wait_reply(DM, number)
            await host.kill()
        log = Path(f"{file}-wal")
        whole = log.read_bytes()
        assert len(whole) > 10_000
        log.write_bytes(whole[: int(len(whole) * keep)])
        code, text = await command(p, "db", "status")
        assert code == 0, text
        async with p.host() as host:
            await seat.say(DM, "still there?")
            while seat.replies(DM)[-1] != "echo: still there?":
                await seat.wait_reply(DM, len(seat.replies(DM)) + 1)
            assert await host.stop() == 0
        code, text = await command(p, "db", "status")
        assert code == 0, text
        with sqlite3.connect(file) as db:
            [count] = db.execute("SELECT count(*) FROM inbox").fetchone()
        db.close()
        assert count >= 2


SMALL = (
    "import resource, sys; "
    "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2); "
    "from bot_host.cli import main; main()"
)
"""A host for which the disk is full: no file may grow over so many bytes."""


async def with_room(p: Party, size: int, *words: str) -> tuple[int, str]:
    given = ("--config", "config.toml")
    async with bot_host(
        str(size), *words, *given, cwd=p.folder, env=p.env, program=("-c", SMALL), fresh=True
    ) as process:
        code = await process.end()
        text = process.text + process.all_log
        assert "Traceback" not in text
        return code, text


async def test_no_room_at_the_start_is_told_and_the_next_start_works(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p:
        [seat] = p.seats
        code, text = await with_room(p, 20_000)
        assert code == 1, text
        assert f"the database {tmp_path / NAME} cannot be read or written: the disk reports an error" in text
        async with p.host() as host:
            await seat.say(DM, "hello")
            assert await seat.wait_reply(DM) == "echo: hello"
            assert await host.stop() == 0
        await verify(p)


async def test_no_room_for_a_backup_a_restore_or_a_copy_changes_nothing(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p:
        file = await fill(p)
        code, text = await command(p, "db", "backup", "saved.db")
        assert code == 0, text
        before = file.read_bytes()
        for words in (
            ("backup", "saved.db", "--force"),
            ("restore", "saved.db", "--force"),
            ("copy", "--to", "sqlite:///data/new.db"),
        ):
            saved = (tmp_path / "saved.db").read_bytes()
            code, text = await with_room(p, 100_000, "db", *words)
            assert code == 1, text
            assert "cannot be read or written: the disk reports an error" in text
            assert (tmp_path / "saved.db").read_bytes() == saved
            assert file.read_bytes() == before
            left = {each.name for each in (*tmp_path.iterdir(), *file.parent.iterdir())}
            assert not [name for name in left if ".part" in name or "before" in name or name == "new.db"]
        async with p.host() as host:
            assert await host.stop() == 0
        await verify(p)
