"""What restores and copies refuse, and that nothing is lost then; older backups; one moment amid work."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from bot_host.store import make_store, upgrade
from bot_host.store.backup import backup, copy, restore
from bot_host.store.postgres_line import HOST_LOCK
from bot_host.store.postgres_upgrade import run_migrations
from bot_host.store.schema import HEAD
from bot_host.store.urls import Place, parse
from bot_host.types.errors import ConfigError, NotReady, StateError, StoreError, StoreUnfit
from tests import postgres
from tests.store.conftest import DATABASES
from tests.store.raw import look
from tests.store.samples import AGENT, CHARACTER, NOON, make_admission

SQLITE = "sqlite:///data/bot_host.db"


def quiet(_: str, __: int) -> None:
    """Nobody looks on."""


async def put(url: str, base: Path, *keys: str) -> None:
    async with make_store(url, base=base) as store:
        await store.ensure_agent(AGENT, CHARACTER)
        await store.admit([make_admission(key) for key in keys])


async def messages(url: str, base: Path) -> list[str]:
    """What lies there, without opening it as a host would."""
    return [row["message_id"] for row in await look(url, base, "SELECT message_id FROM inbox ORDER BY seq")]


def change(file: Path, *statements: str) -> None:
    db = sqlite3.connect(file)
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.close()


@pytest.fixture
async def saved(tmp_path: Path) -> Path:
    """A backup with two messages."""
    await put("sqlite:///origin.db", tmp_path, "m1", "m2")
    file = tmp_path / "saved.db"
    await backup(parse("sqlite:///origin.db", base=tmp_path), file, force=False, tell=quiet)
    return file


@pytest.fixture(params=DATABASES)
async def own(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The URL of a database of the test's own, without tables."""
    if request.param == "sqlite":
        yield SQLITE
        return
    url = await postgres.make_database()
    yield url
    await postgres.drop_database(url)


async def test_what_holds_something_is_left_unless_it_is_put_aside(
    saved: Path, own: str, tmp_path: Path
) -> None:
    await put(own, tmp_path, "old")
    place = parse(own, base=tmp_path)
    with pytest.raises(StateError, match=r"holds something already \(\d+ rows\).*--force"):
        await restore(saved, place, now=NOON, force=False, tell=quiet)
    with pytest.raises(StateError, match="holds something already"):
        await copy(parse("sqlite:///saved.db", base=tmp_path), place, tell=quiet)
    assert await messages(own, tmp_path) == ["old"]
    done = await restore(saved, place, now=NOON, force=True, tell=quiet)
    assert await messages(own, tmp_path) == ["m1", "m2"]
    if place.file is not None:
        aside = "sqlite:///data/bot_host.db.before-restore-20261123-120000"
        assert done.aside == str(tmp_path / aside.removeprefix("sqlite:///"))
    else:
        assert done.aside == "the schema before_restore_20261123_120000"
        aside = f"{own}{'&' if '?' in own else '?'}search_path=before_restore_20261123_120000"
    # What was put aside is a database that works.
    await put(aside, tmp_path, "older")
    assert await messages(aside, tmp_path) == ["old", "older"]
    assert await messages(own, tmp_path) == ["m1", "m2"]
    received = "SELECT count FROM tallies WHERE ending = 'received'"
    assert [row["count"] for row in await look(aside, tmp_path, received)] == [2]


async def test_one_with_tables_and_no_rows_takes_a_backup(saved: Path, own: str, tmp_path: Path) -> None:
    async with make_store(own, base=tmp_path):
        pass
    done = await restore(saved, parse(own, base=tmp_path), now=NOON, force=True, tell=quiet)
    assert done.aside == ""
    assert await messages(own, tmp_path) == ["m1", "m2"]


async def test_an_older_backup_is_upgraded_and_stays_as_it_is(own: str, tmp_path: Path) -> None:
    file = tmp_path / "old.db"
    upgrade.run_migrations(file, to="0006")
    change(file, "INSERT INTO marks VALUES ('a', 'b', 7)")
    before = file.read_bytes()
    done = await restore(file, parse(own, base=tmp_path), now=NOON, force=False, tell=quiet)
    assert done.upgraded_from == "0006"
    assert [row["value"] for row in await look(own, tmp_path, "SELECT value FROM marks")] == [7]
    versions = await look(own, tmp_path, "SELECT version_num FROM alembic_version")
    assert [row["version_num"] for row in versions] == [HEAD]
    assert file.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir() if each.name != "data"] == ["old.db"]


def torn(file: Path) -> None:
    """Write over half of a page in the middle of the memories."""
    db = sqlite3.connect(file)
    [page] = db.execute("SELECT max(pageno) FROM dbstat WHERE name = 'memories'").fetchone()
    [size] = db.execute("PRAGMA page_size").fetchone()
    db.close()
    whole = bytearray(file.read_bytes())
    whole[(page - 1) * size : (page - 1) * size + size // 2] = b"\x55" * (size // 2)
    file.write_bytes(whole)


BAD = {
    "newer": ("newer version of Bot Host", StoreUnfit),
    "foreign": ("another program's tables", StoreUnfit),
    "no database": ("is not a SQLite database, which each backup is", StoreUnfit),
    "header": ("is not a SQLite database", StoreUnfit),
    "torn": ("damaged", StoreError),
    "cut": ("damaged", StoreError),
    "dangling": ("damaged: 2 rows point at missing ones", StoreError),
    "empty": ("it holds no tables", StoreUnfit),
    "missing": ("there is no database", NotReady),
    "folder": ("is a folder", StateError),
}


def spoil(file: Path, how: str) -> None:
    match how:
        case "newer":
            change(file, "UPDATE alembic_version SET version_num = '9999'")
        case "foreign":
            change(file, "DROP TABLE alembic_version")
        case "no database":
            file.write_bytes(b"This is a diary, not a database. " * 100)
        case "header":
            file.write_bytes(file.read_bytes()[:16] + b"\xff" * 4096)
        case "torn":
            torn(file)
        case "cut":
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        case "dangling":
            change(file, "PRAGMA foreign_keys = OFF", "DELETE FROM rooms")
            change(file, "DELETE FROM participants", "DELETE FROM inbox")
        case "empty":
            file.write_bytes(b"")
        case "missing":
            file.unlink()
        case "folder":
            file.unlink()
            file.mkdir()


@pytest.mark.parametrize("how", BAD)
async def test_a_bad_backup_changes_nothing(how: str, saved: Path, own: str, tmp_path: Path) -> None:
    await put(own, tmp_path, "old")
    spoil(saved, how)
    words, kind = BAD[how]
    with pytest.raises(kind, match=words) as told:
        await restore(saved, parse(own, base=tmp_path), now=NOON, force=True, tell=quiet)
    assert "saved.db" in str(told.value)
    assert await messages(own, tmp_path) == ["old"]
    assert not [each for each in tmp_path.rglob("*") if each.name.endswith((".part", "-20261123-120000"))]
    if not own.startswith("sqlite"):
        schemas = await look(own, tmp_path, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'before%'")
        assert schemas == []


async def test_a_damaged_database_can_be_restored_over(saved: Path, tmp_path: Path) -> None:
    file = tmp_path / "data" / "bot_host.db"
    file.parent.mkdir()
    file.write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000)
    Path(f"{file}-wal").write_bytes(b"its log")
    place = parse(SQLITE, base=tmp_path)
    with pytest.raises(StateError, match="holds something already"):
        await restore(saved, place, now=NOON, force=False, tell=quiet)
    await restore(saved, place, now=NOON, force=True, tell=quiet)
    assert await messages(SQLITE, tmp_path) == ["m1", "m2"]
    aside = Path(f"{file}.before-restore-20261123-120000")
    assert aside.read_bytes().startswith(b"SQLite format 3\x00\xff")
    assert Path(f"{aside}-wal").read_bytes() == b"its log"


WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'accounts'::regclass"


async def test_a_place_that_takes_no_file_keeps_what_it_had(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last step fails: the disk broke, say."""
    await put(SQLITE, tmp_path, "old")
    file = tmp_path / "data" / "bot_host.db"
    before = {each.name for each in file.parent.iterdir()}

    def refuse(self: Path, target: Path) -> None:
        raise OSError(5, "Input/output error")

    for linked in (True, False):
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", refuse)
            if not linked:
                patch.setattr(Path, "hardlink_to", refuse)
            with pytest.raises(StoreError, match=r"bot_host\.db cannot be written: Input/output error"):
                await restore(saved, parse(SQLITE, base=tmp_path), now=NOON, force=True, tell=quiet)
        assert {each.name for each in file.parent.iterdir()} == before
        assert file.stat().st_nlink == 1
        await put(SQLITE, tmp_path, f"more {linked}")
    assert await messages(SQLITE, tmp_path) == ["old", "more True", "more False"]


async def test_a_backup_is_one_moment_while_a_host_writes(url: str, tmp_path: Path) -> None:
    """Each batch that the backup reads is followed by another message: none of them is half in it."""
    async with make_store(url, base=tmp_path) as store:
        await store.ensure_agent(AGENT, CHARACTER)
        await store.admit([make_admission(f"m{number}", text="word " * 300) for number in range(300)])
        tells = 0

        def write_more(_: str, __: int) -> None:
            nonlocal tells
            tells += 1
            if url.startswith("sqlite"):
                db = sqlite3.connect(tmp_path / "data" / "bot_host.db")
                db.execute("UPDATE memories SET revision = revision + 1")
                db.execute("DELETE FROM inbox WHERE seq = (SELECT max(seq) FROM inbox)")
                db.commit()
                db.close()

        file = tmp_path / "saved.db"
        if not url.startswith("sqlite"):
            connection = await asyncpg.connect(url)
            # Before its rows are read, and after the snapshot was taken: held up in between.
            async with connection.transaction():
                await connection.execute("LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE")
                saving = backup(parse(url, base=tmp_path), file, force=False, tell=write_more)
                task = asyncio.get_running_loop().create_task(saving)
                waiting = (
                    "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'accounts'::regclass"
                )
                while not await connection.fetchval(waiting):
                    await asyncio.sleep(0.01)
                other = await asyncpg.connect(url)
                await other.execute("UPDATE memories SET revision = revision + 1")
                await other.execute("DELETE FROM inbox WHERE seq = (SELECT max(seq) FROM inbox)")
                await other.close()
            done = await task
            await connection.close()
        else:
            done = await backup(parse(url, base=tmp_path), file, force=False, tell=write_more)
            assert tells > 2
    counts = {each.table: each.rows for each in done.tables}
    assert (counts["inbox"], counts["memories"]) == (300, 300)
    db = sqlite3.connect(file)
    assert db.execute("SELECT DISTINCT revision FROM memories").fetchall() == [(0,)]
    db.close()


async def test_a_copy_that_breaks_leaves_the_target_empty(saved: Path, own: str, tmp_path: Path) -> None:
    class Broken(Exception):
        pass

    def break_off(what: str, _: int) -> None:
        if what.startswith("compared: ") and what.endswith("memories"):
            raise Broken

    place = parse(own, base=tmp_path)
    with pytest.raises((Broken, StoreError)):
        await copy(parse("sqlite:///saved.db", base=tmp_path), place, tell=break_off)
    if place.file is not None:
        assert [each.name for each in place.file.parent.iterdir()] == []
    else:
        assert await look(own, tmp_path, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []


async def test_rows_that_arrive_otherwise_are_found_and_nothing_kept(saved: Path, tmp_path: Path) -> None:
    """Something on the server changes what it is given: a trigger, say."""
    own = await postgres.make_database()
    async with make_store(own, base=tmp_path):
        pass
    connection = await asyncpg.connect(own)
    await connection.execute(
        "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN new.names = '[]'; RETURN new; END $$"
    )
    await connection.execute(
        "CREATE TRIGGER meddle BEFORE INSERT ON entities FOR EACH ROW EXECUTE FUNCTION meddle()"
    )
    await connection.close()
    with pytest.raises(StoreError, match="the table entities did not arrive as it was"):
        await copy(parse("sqlite:///saved.db", base=tmp_path), parse(own, base=tmp_path), tell=quiet)
    assert await messages(own, tmp_path) == []
    await postgres.drop_database(own)


async def test_a_host_that_works_on_it_keeps_it(saved: Path, tmp_path: Path) -> None:
    async with postgres.lent_database() as url, make_store(url, base=tmp_path) as store:
        await store.claim()
        place = parse(url, base=tmp_path)
        with pytest.raises(StateError, match=r"a host works on the database .* of the server"):
            await restore(saved, place, now=NOON, force=True, tell=quiet)
        with pytest.raises(StateError, match="a host works on the database"):
            await copy(place, parse("sqlite:///new.db", base=tmp_path), tell=quiet)
        assert not (tmp_path / "new.db").exists()
        await backup(place, tmp_path / "beside.db", force=False, tell=quiet)


async def test_no_host_can_start_in_the_middle_of_a_restore(saved: Path, tmp_path: Path) -> None:
    async with postgres.lent_database() as url:
        seen = []

        def look_on(_: str, __: int) -> None:
            seen.append(1)

        connection = await asyncpg.connect(url)
        assert await connection.fetchval(f"SELECT pg_try_advisory_lock({HOST_LOCK})")
        with pytest.raises(StateError, match="a host works on"):
            await restore(saved, parse(url, base=tmp_path), now=NOON, force=False, tell=look_on)
        assert seen == []
        await connection.close()
        await restore(saved, parse(url, base=tmp_path), now=NOON, force=False, tell=look_on)
        assert seen


@pytest.mark.parametrize("when", ["memories", "compared: memories"])
async def test_a_server_that_is_lost_in_the_middle_costs_nothing(
    when: str, saved: Path, tmp_path: Path
) -> None:
    server = postgres.Server()
    try:
        place = parse(server.url, base=tmp_path)
        killed: list[str] = []

        def kill(what: str, _: int) -> None:
            if what == when and not killed:
                killed.append(what)
                server.kill()

        with pytest.raises(StoreError, match="does not answer"):
            await copy(parse("sqlite:///saved.db", base=tmp_path), place, tell=kill)
        assert killed
        await asyncio.to_thread(server.start)
        left = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        assert await look(server.url, tmp_path, left) == []
        await copy(parse("sqlite:///saved.db", base=tmp_path), place, tell=kill)
        assert await messages(server.url, tmp_path) == ["m1", "m2"]
        killed.clear()
        with pytest.raises(StoreError, match="does not answer"):
            await backup(place, tmp_path / "again.db", force=False, tell=kill)
        assert killed
        assert not [each for each in tmp_path.iterdir() if each.name.startswith("again")]
    finally:
        server.remove()


class TestRefused:
    """Before anything is read or written."""

    async def test_a_file_that_is_there(self, saved: Path, tmp_path: Path) -> None:
        before = saved.read_bytes()
        place = parse("sqlite:///origin.db", base=tmp_path)
        with pytest.raises(StateError, match=r"is there already: name another file, or use --force"):
            await backup(place, saved, force=False, tell=quiet)
        assert saved.read_bytes() == before
        await put("sqlite:///origin.db", tmp_path, "m3")
        await backup(place, saved, force=True, tell=quiet)
        assert await messages("sqlite:///saved.db", tmp_path) == ["m1", "m2", "m3"]

    async def test_the_database_itself(self, saved: Path, tmp_path: Path) -> None:
        place = parse("sqlite:///origin.db", base=tmp_path)
        for work in (
            backup(place, tmp_path / "origin.db", force=True, tell=quiet),
            restore(tmp_path / "origin.db", place, now=NOON, force=True, tell=quiet),
            copy(place, place, tell=quiet),
        ):
            with pytest.raises(StateError, match=r"the (configured )?database itself"):
                await work
        assert await messages("sqlite:///origin.db", tmp_path) == ["m1", "m2"]

    async def test_folders_and_what_is_not_there(self, saved: Path, tmp_path: Path) -> None:
        place = parse("sqlite:///origin.db", base=tmp_path)
        with pytest.raises(StateError, match="is a folder: name a file"):
            await backup(place, tmp_path, force=True, tell=quiet)
        with pytest.raises(StoreError, match=r"deep/x\.db cannot be written: No such file or directory"):
            await backup(place, tmp_path / "deep" / "x.db", force=True, tell=quiet)
        with pytest.raises(NotReady, match="there is no database"):
            await backup(parse("sqlite:///no.db", base=tmp_path), tmp_path / "x.db", force=True, tell=quiet)

    async def test_a_database_in_memory(self, saved: Path, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="ends with its host"):
            await backup(Place(), tmp_path / "x.db", force=False, tell=quiet)
        with pytest.raises(ConfigError, match="ends with its host"):
            await restore(saved, Place(), now=NOON, force=False, tell=quiet)

    async def test_older_and_empty_ones(self, saved: Path, tmp_path: Path) -> None:
        new = parse("sqlite:///new.db", base=tmp_path)
        upgrade.run_migrations(tmp_path / "old.db", to="0006")
        with pytest.raises(StoreError, match="`db upgrade` it first"):
            await copy(parse("sqlite:///old.db", base=tmp_path), new, tell=quiet)
        url = await postgres.make_database()
        try:
            place = parse(url, base=tmp_path)
            with pytest.raises(StoreError, match="is empty: there is nothing to carry over"):
                await backup(place, tmp_path / "x.db", force=False, tell=quiet)
            await run_migrations(url, to="0006")
            for work in (
                backup(place, tmp_path / "x.db", force=False, tell=quiet),
                copy(place, new, tell=quiet),
            ):
                with pytest.raises(StoreError, match="`db upgrade` it first"):
                    await work
            with pytest.raises(StoreUnfit, match="the target is of an older version"):
                await copy(parse("sqlite:///saved.db", base=tmp_path), place, tell=quiet)
        finally:
            await postgres.drop_database(url)
        assert not (tmp_path / "new.db").exists()

    async def test_a_damaged_source_is_not_saved_as_if_it_were_whole(
        self, saved: Path, tmp_path: Path
    ) -> None:
        torn(saved)
        with pytest.raises(StoreError, match=r"saved\.db is damaged"):
            await backup(
                parse("sqlite:///saved.db", base=tmp_path), tmp_path / "x.db", force=False, tell=quiet
            )
        assert not (tmp_path / "x.db").exists()
