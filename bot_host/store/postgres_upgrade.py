"""Bringing an older PostgreSQL database to the present schema. Alembic is imported only when it is due."""

from functools import partial
from typing import Final

import asyncpg

from bot_host.store.postgres_errors import place_of
from bot_host.store.upgrade import MIGRATIONS
from bot_host.types.errors import StoreError

_LOCK: Final = 0x626F745F6D696772


async def run_migrations(url: str, *, to: str = "head") -> None:
    """Upgrade to the newest schema, or `to`, in one transaction. Raises StoreError: nothing was changed."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import Connection, NullPool
    from sqlalchemy.ext.asyncio import create_async_engine

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))

    def upgrade(connection: Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, to)

    # Connected by asyncpg's own reading of the URL, as everywhere else: SQLAlchemy has another one.
    connect = partial(asyncpg.connect, url)
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            await connection.run_sync(upgrade)
    except Exception as error:
        raise StoreError(
            f"the database {place_of(url)} could not be upgraded and was left as it was: "
            f"{type(error).__name__}"
        ) from error
    finally:
        await engine.dispose()
