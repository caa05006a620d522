"""One connection to PostgreSQL, made again when it was lost."""

import asyncio
import logging
from typing import Final

import asyncpg

from bot_host.store.postgres_errors import explain, is_lost, place_of
from bot_host.types.errors import StoreError, StoreUnfit

log = logging.getLogger(__name__)

CONNECT_S: Final = 10.0
"""For one try to connect."""
STATEMENT_S: Final = 60.0
"""For one statement; a connection that is silent for so long is given up."""
CLOSE_S: Final = 5.0
RETRY_S: Final = 0.25
HOST_LOCK: Final = 0x626F745F686F7374
"""`bot_host`: the advisory lock of the one host that works on a database."""
CACHED_STATEMENTS: Final = 1024


class Line:
    """One connection. Used by one group of units at a time."""

    def __init__(self, url: str, *, name: str, read_only: bool) -> None:
        self._url = url
        self._name = name
        self._read_only = read_only
        self.patience_s = 0.0
        """How long `get` waits for a server that is away."""
        self._connection: asyncpg.Connection | None = None
        self._claimed = False
        self._pid = 0
        """The server's process of the connection that has the host's lock."""

    async def get(self) -> asyncpg.Connection:
        """The connection. Raises StoreError."""
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        self._connection = None
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self.patience_s
        while True:
            try:
                self._connection = await self._connect()
                return self._connection
            except Exception as error:
                told = explain(error, self._url)
                if isinstance(told, StoreUnfit) or not is_lost(error) or loop.time() >= give_up_at:
                    raise told from error
                log.debug("%s; trying again", told)
                await asyncio.sleep(RETRY_S)

    async def _connect(self) -> asyncpg.Connection:
        connection = await asyncpg.connect(
            self._url,
            timeout=CONNECT_S,
            command_timeout=STATEMENT_S,
            statement_cache_size=CACHED_STATEMENTS,
            max_cached_statement_lifetime=0,
            server_settings={
                "application_name": f"bot_host {self._name}",
                "timezone": "UTC",
                "default_transaction_read_only": "on" if self._read_only else "off",
            },
        )
        try:
            if self._claimed:
                await self._take_again(connection)
        except BaseException:
            await _end(connection)
            raise
        return connection

    async def claim(self) -> str:
        """Take the host's lock for this connection and those after it; else who has it. Raises StoreError."""
        connection = await self.get()
        if await self._take(connection):
            self._claimed = True
            return ""
        pid, where = await holder(connection)
        return f"process {pid} of the server, from {where}" if pid else "a process that is ending"

    async def release(self) -> None:
        """Let go of the host's lock."""
        self._claimed = False
        await (await self.get()).execute(f"SELECT pg_advisory_unlock({HOST_LOCK})")

    async def _take_again(self, connection: asyncpg.Connection) -> None:
        """The lock for a new connection: the server may not have noticed yet that the old one is gone."""
        give_up_at = asyncio.get_running_loop().time() + CLOSE_S
        while not await self._take(connection):
            pid, _ = await holder(connection)
            if pid == self._pid:
                await connection.execute(f"SELECT pg_terminate_backend({pid})")
            if pid not in (0, self._pid) or asyncio.get_running_loop().time() >= give_up_at:
                raise StoreError(
                    f"the connection to {place_of(self._url)} was lost, and another Bot Host has taken the "
                    "database over meanwhile: this one writes nothing any more; end it"
                )
            await asyncio.sleep(RETRY_S)

    async def _take(self, connection: asyncpg.Connection) -> bool:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", HOST_LOCK):
            return False
        self._pid = connection.get_server_pid()
        return True

    async def drop(self) -> None:
        """Give the connection up: the next `get` makes another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def close(self) -> None:
        """Let go of the connection in order."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await _end(connection)


async def holder(connection: asyncpg.Connection) -> tuple[int, str]:
    """The server's process that has the host's lock, and where it comes from; 0: nobody."""
    row = await connection.fetchrow(
        "SELECT a.pid, coalesce(host(a.client_addr), 'its own machine') FROM pg_locks AS l "
        "JOIN pg_stat_activity AS a USING (pid) "
        "JOIN pg_database AS d ON d.oid = l.database AND d.datname = current_database() "
        "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 "
        "AND (l.classid::bigint << 32) + l.objid::bigint = $1",
        HOST_LOCK,
    )
    return (row[0], row[1]) if row is not None else (0, "")


async def _end(connection: asyncpg.Connection) -> None:
    try:
        await connection.close(timeout=CLOSE_S)
    except Exception as error:  # noqa: BLE001 - it is let go of either way
        log.debug("closing the database: %s", type(error).__name__)
        connection.terminate()
