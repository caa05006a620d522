"""`db status` and `db upgrade`, as an admin types them."""

import json
import sqlite3
from pathlib import Path

from bot_host.kit.lock import ProcessLock
from bot_host.store import upgrade
from bot_host.store.schema import HEAD
from tests.journeys.harness import bot_host
from tests.journeys.party import party
from tests.journeys.seats import DM
from tests.postgres import lent_database


async def command(folder: Path, *words: str) -> tuple[int, str]:
    """Exit code and all that it said."""
    async with bot_host("db", *words, cwd=folder) as process:
        code = await process.end()
        return code, process.text + process.all_log


async def test_the_condition_of_each_kind_beside_a_host(tmp_path: Path) -> None:
    async with lent_database() as url:
        for folder, told in ((tmp_path / "file", ""), (tmp_path / "server", url)):
            folder.mkdir()
            extra = f"[database]\nurl = {json.dumps(told)}\n" if told else ""
            async with party(folder, "telegram", extra=extra) as p:
                [seat] = p.seats
                async with p.host() as host:
                    await seat.say(DM, "hello")
                    await seat.wait_reply(DM)
                    code, text = await command(folder, "status")
                    assert code == 0, text
                    assert f"host        runs (process {host.process.pid})" in text
                    assert "inbox: 1 rows" in text
                    code, text = await command(folder, "upgrade")
                    assert (code, "nothing to do: " in text, HEAD in text) == (0, True, True), text
                    assert await host.stop() == 0
                code, text = await command(folder, "status", "--json")
                found = json.loads(text)
                assert (code, found["healthy"], found["host"], found["state"]) == (0, True, "", "ready")
                assert found["kind"] == ("postgresql" if told else "sqlite")


async def test_an_older_one_is_upgraded_a_newer_one_refused_and_none_made(tmp_path: Path) -> None:
    code, text = await command(tmp_path, "upgrade")
    assert code == 1
    assert "there is no database" in text
    assert "use --config if it is elsewhere" in text
    assert (await command(tmp_path, "status"))[0] == 0
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "bot_host.db"
    upgrade.run_migrations(file, to="0006")
    assert "0006, older than" in (await command(tmp_path, "status"))[1]
    code, text = await command(tmp_path, "upgrade")
    assert (code, text.strip()) == (0, f"upgraded {file} from schema 0006 to {HEAD}")
    with sqlite3.connect(file) as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    db.close()
    for words in ("upgrade", "status"):
        code, text = await command(tmp_path, words)
        assert code == 2
        assert "newer version of Bot Host (schema 9999" in text
        assert "Traceback" not in text


async def test_a_damaged_one_is_said_to_be_and_not_upgraded(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "bot_host.db"
    upgrade.run_migrations(file, to="0006")
    whole = bytearray(file.read_bytes())
    # Some index' or table's pages; the first ones are the list of them.
    whole[-8192:] = b"\x55" * 8192
    file.write_bytes(whole)
    code, text = await command(tmp_path, "status")
    assert code == 1
    assert "BAD damaged" in text
    code, text = await command(tmp_path, "upgrade")
    assert code == 1
    assert "it was left as it is: restore a backup of it" in text
    assert file.read_bytes() == whole


async def test_no_upgrade_under_the_hands_of_a_host(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "bot_host.db"
    upgrade.run_migrations(file, to="0006")
    with ProcessLock(Path(f"{file}.lock")) as lock:
        assert lock.try_take()
        code, text = await command(tmp_path, "upgrade")
        assert code == 1
        assert "a host is running (process" in text
    with sqlite3.connect(file) as db:
        assert db.execute("SELECT version_num FROM alembic_version").fetchall() == [("0006",)]
    db.close()
