"""Creating, recognising and upgrading a database."""

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from bot_host.store import make_store, upgrade
from bot_host.store.schema import HEAD, metadata
from bot_host.types.errors import StoreError
from tests.store.samples import AGENT, CHARACTER, make_admission

URL = "sqlite:///bot.db"
OWN_ONLY = {"include_name": lambda name, kind, _: kind != "table" or not name.startswith("memory_words")}
"""The tables of the schema; FTS5 keeps some of its own."""
VERSION_TABLE = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"


def execute(file: Path, *statements: str) -> None:
    db = sqlite3.connect(file)
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.close()


def shape(file: Path) -> dict[str, list[str]]:
    """What SQLite knows of each table, index, view and trigger; white space and constraints' order apart."""
    db = sqlite3.connect(file)
    rows = db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    db.close()
    return {
        name: parts("".join(sql.replace('"', "").split())) for name, sql in rows if name != "alembic_version"
    }


def parts(sql: str) -> list[str]:
    """A table's columns in order, then its constraints sorted; anything else as it is."""
    if not sql.startswith("CREATETABLE"):
        return [sql]
    head, _, body = sql.partition("(")
    found, depth = [""], 0
    for char in body:
        depth += (char == "(") - (char == ")")
        if char == "," and not depth:
            found.append("")
        else:
            found[-1] += char
    found[-1] = found[-1].removesuffix(")")
    constraints = sorted(part for part in found if part.startswith("CONSTRAINT"))
    return [head, *(part for part in found if part not in constraints), *constraints]


def version(file: Path) -> list[str]:
    db = sqlite3.connect(file)
    found = [row[0] for row in db.execute("SELECT version_num FROM alembic_version")]
    db.close()
    return found


async def create(folder: Path) -> Path:
    async with make_store(URL, base=folder):
        return folder / "bot.db"


def test_the_code_knows_all_migrations_there_are() -> None:
    config = Config()
    config.set_main_option("script_location", str(upgrade.MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    oldest_first = [script.revision for script in reversed(list(scripts.walk_revisions()))]
    assert tuple(oldest_first) == upgrade.REVISIONS
    assert scripts.get_heads() == [HEAD]


async def test_the_migrations_make_just_what_the_metadata_say(tmp_path: Path) -> None:
    created = await create(tmp_path / "created")
    migrated = tmp_path / "migrated.db"
    upgrade.run_migrations(migrated)
    assert shape(migrated) == shape(created)
    assert version(migrated) == version(created) == [HEAD]
    for file in (created, migrated):
        engine = create_engine(f"sqlite:///{file}")
        with engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection, opts=OWN_ONLY), metadata) == []
        engine.dispose()


async def test_an_older_database_is_upgraded_at_open(tmp_path: Path) -> None:
    """Stamped with nothing is the oldest that there can be."""
    execute(tmp_path / "bot.db", VERSION_TABLE)
    async with make_store(URL, base=tmp_path) as store:
        await store.ensure_agent(AGENT, CHARACTER)
        (admitted,) = await store.admit([make_admission()])
        assert not admitted.duplicate
    assert version(tmp_path / "bot.db") == [HEAD]


async def test_a_failing_upgrade_changes_nothing_and_lets_go(tmp_path: Path) -> None:
    file = tmp_path / "bot.db"
    execute(file, VERSION_TABLE, "CREATE TABLE runs (in_the_way TEXT)")
    before = shape(file)
    with pytest.raises(StoreError, match=r"could not be upgraded and was left as it was.*runs"):
        await make_store(URL, base=tmp_path).open()
    assert shape(file) == before
    assert version(file) == []
    execute(file, "DROP TABLE runs")
    async with make_store(URL, base=tmp_path) as store:
        assert await store.pending_count() == 0


async def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    file = await create(tmp_path)
    execute(file, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"newer version of Bot Host.*9999"):
        await make_store(URL, base=tmp_path).open()
    assert version(file) == ["9999"]


async def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    execute(tmp_path / "bot.db", "CREATE TABLE recipes (id)")
    with pytest.raises(StoreError, match="another program's tables"):
        await make_store(URL, base=tmp_path).open()
    assert set(shape(tmp_path / "bot.db")) == {"recipes"}


async def test_two_hosts_that_create_at_once_agree(tmp_path: Path) -> None:
    stores = [make_store(URL, base=tmp_path) for _ in range(2)]
    await asyncio.gather(*(store.open() for store in stores))
    try:
        await stores[0].ensure_agent(AGENT, CHARACTER)
        await stores[0].admit([make_admission()])
        assert await stores[1].pending_count() == 1
    finally:
        for store in stores:
            await store.close()


@pytest.mark.parametrize("again", [False, True])
def test_alembic_is_not_imported_unless_an_upgrade_is_due(tmp_path: Path, again: bool) -> None:
    code = f"""
import asyncio, sys
from pathlib import Path
from bot_host.store import make_store
async def main():
    for _ in range({1 + again}):
        async with make_store({URL!r}, base=Path({str(tmp_path)!r})) as store:
            await store.pending_count()
asyncio.run(main())
print(sorted(name for name in sys.modules if name.partition(".")[0] == "alembic"))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout.strip(), ran.stderr) == (0, "[]", "")
