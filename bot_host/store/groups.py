"""Groups of units on one SQLite connection; plain functions that run on the connection's thread."""

import logging
import sqlite3
from collections.abc import Sequence
from typing import Any, TypeVar

from bot_host.store.batches import Done, Failed, Result
from bot_host.store.statement import MakeUnit, Preparer, Unit

log = logging.getLogger(__name__)
T = TypeVar("T")


class Groups:
    """Runs groups. The connection is in autocommit mode: transactions are begun and ended here only."""

    def __init__(self, prepare: Preparer) -> None:
        self._prepare = prepare

    def read(self, db: sqlite3.Connection, makes: Sequence[MakeUnit[Any]]) -> list[Result]:
        """Run units that only read, all on one snapshot."""
        db.execute("BEGIN")
        try:
            return [self._attempt(db, make) for make in makes]
        finally:
            db.execute("ROLLBACK")

    def write(self, db: sqlite3.Connection, makes: Sequence[MakeUnit[Any]]) -> list[Result]:
        """Run units in one shared transaction, each in a savepoint of its own.

        What is `Done` is committed. A unit that fails touches no other; when the shared transaction itself
        fails, each unit is tried alone.
        """
        if len(makes) == 1:
            return [self._write_alone(db, makes[0])]
        try:
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            return [Failed(error) for _ in makes]
        try:
            results = [self._write_in_group(db, make) for make in makes]
            db.execute("COMMIT")
        except sqlite3.Error as error:
            # The shared transaction is lost with all that was in it: each unit gets one of its own.
            log.warning("a group of %d units did not commit (%s); each is tried alone", len(makes), error)
            _roll_back(db)
            return [self._write_alone(db, make) for make in makes]
        return results

    def _write_in_group(self, db: sqlite3.Connection, make: MakeUnit[Any]) -> Result:
        db.execute("SAVEPOINT unit")
        result = self._attempt(db, make)
        if isinstance(result, Failed):
            # Raises when SQLite gave up the whole transaction (disk full, say).
            db.execute("ROLLBACK TO unit")
        db.execute("RELEASE unit")
        return result

    def _write_alone(self, db: sqlite3.Connection, make: MakeUnit[Any]) -> Result:
        try:
            db.execute("BEGIN IMMEDIATE")
            result = self._attempt(db, make)
            if isinstance(result, Done):
                db.execute("COMMIT")
                return result
        except sqlite3.Error as error:
            result = Failed(error)
        _roll_back(db)
        return result

    def _attempt(self, db: sqlite3.Connection, make: MakeUnit[Any]) -> Result:
        try:
            return Done(self._drive(db, make()))
        except Exception as error:  # noqa: BLE001 - the caller gets it; the others of the group must go on
            return Failed(error)

    def _drive(self, db: sqlite3.Connection, unit: Unit[T]) -> T:
        prepare = self._prepare
        try:
            statement, values = next(unit)
            while True:
                prepared = prepare(statement)
                cursor = db.execute(prepared.sql, prepared.bind(values))
                rows = prepared.read(cursor.fetchall()) if prepared.returns_rows else []
                statement, values = unit.send(rows)
        except StopIteration as end:
            value: T = end.value
            return value
        finally:
            unit.close()


def _roll_back(db: sqlite3.Connection) -> None:
    if db.in_transaction:
        db.execute("ROLLBACK")
