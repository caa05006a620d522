"""Bringing a database to the present schema. Alembic is imported only when an upgrade is due."""

import sqlite3
from collections.abc import Collection, Sequence
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from bot_host.store import full_text_tables, ledger_tables, summary_tables
from bot_host.store.plugin_catalogue import metadata as metadata
from bot_host.store.schema import HEAD
from bot_host.types.errors import StoreError, StoreUnfit

MIGRATIONS: Final = Path(__file__).parent / "migrations"
REVISIONS: Final = (
    "0001",
    "0002",
    "0003",
    "0004",
    "0005",
    "0006",
    "0007",
    "0008",
    "0009",
    "0011",
    "0012",
    "0013",
    "0014",
    "0015",
    "0016",
    "0017",
    "0018",
    "0019",
    "0020",
    "0021",
    "0022",
    "0023",
)
"""All there are, oldest first."""
_VERSION_TABLE: Final = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


class Standing(Enum):
    """How a database stands to this version of the code."""

    EMPTY = "empty"
    OLDER = "older"
    READY = "ready"


def settle(db: sqlite3.Connection) -> Standing:
    """Create the tables of an empty database; say whether another one must be upgraded.

    Raises StoreError for a database that is not ours or comes from a newer version.
    """
    found = standing(db)
    if found is not Standing.EMPTY:
        return found
    db.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been quicker.
        found = standing(db)
        if found is Standing.EMPTY:
            create(db)
            found = Standing.READY
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return found


def standing(db: sqlite3.Connection) -> Standing:
    """How a database stands to this version of the code. Raises StoreError as `settle` does."""
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    known = "alembic_version" in tables
    found = db.execute("SELECT version_num FROM alembic_version") if known else ()
    return stands(tables, [version for (version,) in found])


def stands(tables: Collection[str], found: Sequence[str]) -> Standing:
    """How a database with these tables, of these revisions, stands. Raises StoreUnfit."""
    if not tables:
        return Standing.EMPTY
    if "alembic_version" not in tables:
        raise StoreUnfit("the database holds another program's tables; point database.url at one of its own")
    if list(found) == [HEAD]:
        return Standing.READY
    if all(version in REVISIONS for version in found):
        return Standing.OLDER
    raise StoreUnfit(
        f"the database was written by a newer version of Bot Host (schema {', '.join(found)}, this one knows "
        f"{HEAD}); install that version again, or point database.url at another one"
    )


@cache
def _schema() -> tuple[str, ...]:
    dialect = sqlite.dialect()
    statements: list[str] = []
    for table in metadata.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=dialect)))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        statements.extend(str(CreateIndex(index).compile(dialect=dialect)) for index in indexes)
    return (
        *statements,
        *full_text_tables.CREATE,
        *ledger_tables.TRIGGERS,
        *summary_tables.TRIGGERS,
        _VERSION_TABLE,
    )


def create(db: sqlite3.Connection) -> None:
    """All tables of the newest schema, in the transaction that is open."""
    for statement in _schema():
        db.execute(statement)
    db.execute("INSERT INTO alembic_version (version_num) VALUES (?)", (HEAD,))


def run_migrations(file: Path, *, to: str = "head") -> None:
    """Upgrade `file` to the newest schema, or `to`, in one transaction. Blocks.

    Raises StoreError: nothing was changed.
    """
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import NullPool, create_engine, event

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(file, timeout=30.0, isolation_level=None)

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, to)
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if broken:
                raise StoreError(f"{len(broken)} rows point at missing ones after the upgrade")
    except Exception as error:
        raise StoreError(
            f"the database {file} could not be upgraded and was left as it was: {error}"
        ) from error
    finally:
        engine.dispose()
