"""Groups of units on one PostgreSQL connection."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final, TypeVar

import asyncpg

from bot_host.store.batches import Done, Failed, Result
from bot_host.store.postgres_errors import is_lost
from bot_host.store.postgres_line import Line
from bot_host.store.statement import MakeUnit, Preparer, Unit
from bot_host.types.errors import StoreError

log = logging.getLogger(__name__)
T = TypeVar("T")

WRITE_LOCK: Final = 0x626F745F77726974
"""`bot_writ`: processes that write to one database take turns, as they do on a SQLite file. Units read before
they write, and rely on nobody changing what they have read."""
_BEGIN: Final = f"BEGIN; SELECT pg_advisory_xact_lock({WRITE_LOCK})"
_BEGIN_READ: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
TRIES: Final = 3
"""How often a transaction is begun that a lost connection or another process has ended."""
_AGAIN: Final = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
FATE_TRIES: Final = 20
FATE_S: Final = 0.25


class _Unknown(StoreError):
    """The connection broke during the commit, and whether it counts could not be found out."""


class _Again(Exception):
    """Nothing of the transaction is in the database; it may be begun again."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class Groups:
    """Runs groups on a line. Transactions are begun and ended here only."""

    def __init__(self, prepare: Preparer) -> None:
        self._prepare = prepare

    async def read(self, line: Line, makes: Sequence[MakeUnit[Any]]) -> list[Result]:
        """Run units that only read, on one snapshot as long as none fails."""
        results: list[Result] = []
        tries = 0
        while len(results) < len(makes):
            connection = await line.get()
            try:
                await connection.execute(_BEGIN_READ)
                for make in makes[len(results) :]:
                    result = await self._attempt(connection, make)
                    if isinstance(result, Failed) and is_lost(result.error) and tries < TRIES:
                        raise _Again(result.error)
                    results.append(result)
                    if isinstance(result, Failed):
                        # PostgreSQL answers nothing more in a transaction in which a statement failed.
                        break
                await connection.execute("ROLLBACK")
            except _Again:
                tries += 1
                await line.drop()
            except Exception as error:
                tries += 1
                await line.drop()
                if tries > TRIES or not is_lost(error):
                    raise
        return results

    async def write(self, line: Line, makes: Sequence[MakeUnit[Any]]) -> list[Result]:
        """Run units in one shared transaction, each in a savepoint of its own.

        What is `Done` is committed. A unit that fails touches no other; when the shared transaction itself
        fails, each unit is tried alone.
        """
        if len(makes) == 1:
            return [await self._write_alone(line, makes[0])]
        try:
            return await self._transact(line, makes)
        except _Unknown:
            raise
        except Exception as error:  # noqa: BLE001 - each of its units gets its own answer
            log.warning(
                "a group of %d units did not commit (%s); each is tried alone", len(makes), _name(error)
            )
            return [await self._write_alone(line, make) for make in makes]

    async def _write_alone(self, line: Line, make: MakeUnit[Any]) -> Result:
        error: Exception = StoreError("not tried")
        for _ in range(TRIES):
            try:
                [result] = await self._transact(line, [make])
            except _Again as again:
                error = again.error
                continue
            except Exception as failed:  # noqa: BLE001 - the caller gets it
                return Failed(failed)
            if isinstance(result, Failed) and isinstance(result.error, _AGAIN):
                error = result.error
                continue
            return result
        return Failed(error)

    async def _transact(self, line: Line, makes: Sequence[MakeUnit[Any]]) -> list[Result]:
        """One transaction. Raises _Again, _Unknown, or what else kept it from its commit."""
        connection = await line.get()
        try:
            await connection.execute(_BEGIN)
            results = await self._attempt_all(connection, makes)
            if len(makes) == 1 and isinstance(results[0], Failed):
                await connection.execute("ROLLBACK")
                return results
            number: str | None = await connection.fetchval("SELECT pg_current_xact_id_if_assigned()::text")
        except Exception as error:
            await line.drop()
            if is_lost(error):
                raise _Again(error) from error
            raise
        try:
            await connection.execute("COMMIT")
        except Exception as error:
            await line.drop()
            if not is_lost(error):
                raise
            if not await self._was_committed(line, number, error):
                raise _Again(error) from error
        return results

    async def _attempt_all(
        self, connection: asyncpg.Connection, makes: Sequence[MakeUnit[Any]]
    ) -> list[Result]:
        if len(makes) == 1:
            result = await self._attempt(connection, makes[0])
            if isinstance(result, Failed) and is_lost(result.error):
                raise result.error
            return [result]
        results = []
        for make in makes:
            await connection.execute("SAVEPOINT unit")
            result = await self._attempt(connection, make)
            if isinstance(result, Failed):
                if is_lost(result.error):
                    raise result.error
                await connection.execute("ROLLBACK TO unit")
            await connection.execute("RELEASE unit")
            results.append(result)
        return results

    async def _was_committed(self, line: Line, number: str | None, error: Exception) -> bool:
        """Whether a transaction counts whose commit was not answered. Raises _Unknown."""
        if number is None:
            # It changed nothing.
            return True
        for _ in range(FATE_TRIES):
            try:
                connection = await line.get()
                fate = await connection.fetchval("SELECT pg_xact_status($1::text::xid8)", number)
            except Exception as failed:  # noqa: BLE001 - the server may still be starting
                log.debug("the fate of a transaction is not known yet: %s", _name(failed))
                await line.drop()
                fate = "in progress"
            if fate != "in progress":
                return bool(fate == "committed")
            await asyncio.sleep(FATE_S)
        raise _Unknown(
            "the connection to the database broke while something was being written, and whether it was "
            "could not be found out"
        ) from error

    async def _attempt(self, connection: asyncpg.Connection, make: MakeUnit[Any]) -> Result:
        try:
            return Done(await self._drive(connection, make()))
        except Exception as error:  # noqa: BLE001 - the caller gets it; the others of the group must go on
            return Failed(error)

    async def _drive(self, connection: asyncpg.Connection, unit: Unit[T]) -> T:
        prepare = self._prepare
        try:
            statement, values = next(unit)
            while True:
                prepared = prepare(statement)
                bound = prepared.bind(values)
                if prepared.returns_rows:
                    found = await connection.fetch(prepared.sql, *bound)
                    rows = prepared.read([tuple(row) for row in found])
                elif bound:
                    await connection.fetch(prepared.sql, *bound)
                    rows = []
                else:
                    await connection.execute(prepared.sql)
                    rows = []
                statement, values = unit.send(rows)
        except StopIteration as end:
            value: T = end.value
            return value
        finally:
            unit.close()


def _name(error: BaseException) -> str:
    return type(error.error if isinstance(error, _Again) else error).__name__
