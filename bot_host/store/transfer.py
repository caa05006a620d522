"""All rows of one database into another, of whichever kind, and the proof that they arrived."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from sqlalchemy import Dialect, Table

from bot_host.kit.clean import clean_text
from bot_host.store.statement import Row
from bot_host.store.transfer_digest import Digest
from bot_host.types.errors import StoreError

T = TypeVar("T")

BATCH: Final = 500
"""Rows in memory at once, of one table."""

Progress: TypeAlias = Callable[[str, int], None]
"""Is told what is done, with how many of it."""


class Rows(Protocol):
    """One database's rows, in one transaction."""

    @property
    def dialect(self) -> Dialect:
        """How values are turned there."""

    def select(self, sql: str) -> AsyncGenerator[list[Row], None]:
        """A query's rows, a batch at a time, in the driver's terms."""

    async def insert(self, table: Table, rows: AsyncIterable[Row]) -> None:
        """Put in rows in the driver's terms, in the order of the table's columns."""

    async def highest(self, table: Table) -> int:
        """The highest number that was ever given to a row; 0: none, or they have none."""

    async def count_on(self, table: Table, highest: int) -> None:
        """Give numbers above `highest` from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A table that was carried over, counted and compared."""

    table: str
    rows: int
    digest: str


async def on_thread(work: Callable[..., T], *given: Any) -> T:
    """Call `work` on a thread, and wait for its end also when cancelled: what it works on is closed next."""
    future = asyncio.get_running_loop().run_in_executor(None, work, *given)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        raise


def quoted(name: str, dialect: Dialect) -> str:
    """A table's or column's name in a statement."""
    return dialect.identifier_preparer.quote_identifier(name)


async def read(source: Rows, table: Table) -> AsyncGenerator[list[Row], None]:
    """A table's rows in Python's terms, a batch at a time."""
    dialect = source.dialect
    turns = [
        (place, turn)
        for place, column in enumerate(table.c)
        if (turn := column.type.dialect_impl(dialect).result_processor(dialect, None)) is not None
    ]
    names = ", ".join(quoted(column.name, dialect) for column in table.c)
    async with aclosing(source.select(f"SELECT {names} FROM {quoted(table.name, dialect)}")) as batches:
        async for batch in batches:
            columns: list[list[Any]] = [list(map(_clean, values)) for values in zip(*batch, strict=True)]
            for place, turn in turns:
                columns[place] = list(map(turn, columns[place]))
            yield list(zip(*columns, strict=True))


def _clean(value: Any) -> Any:
    # SQLite takes what PostgreSQL does not.
    return clean_text(value) if isinstance(value, str) else value


async def _bound(
    batches: AsyncIterable[list[Row]], table: Table, dialect: Dialect
) -> AsyncGenerator[Row, None]:
    turns = [
        (place, turn)
        for place, column in enumerate(table.c)
        if (turn := column.type.dialect_impl(dialect).bind_processor(dialect)) is not None
    ]
    async for batch in batches:
        columns: list[list[Any]] = [list(values) for values in zip(*batch, strict=True)]
        for place, turn in turns:
            columns[place] = list(map(turn, columns[place]))
        for row in zip(*columns, strict=True):
            yield row


async def move(source: Rows, target: Rows, tables: Sequence[Table], *, tell: Progress) -> list[Digest]:
    """Carry the rows of all tables over, parents first; what the source's rows come to.

    Both are left in the transaction that they were given in. Raises the drivers' errors.
    """
    digests = []
    for table in tables:
        digest = Digest()
        # Closed from the outside in: an error must not leave cursors behind on what is closed next.
        async with (
            aclosing(_digested(source, table, digest, tell)) as batches,
            aclosing(_bound(batches, table, target.dialect)) as rows,
        ):
            await target.insert(table, rows)
        await target.count_on(table, await source.highest(table))
        digests.append(digest)
    return digests


async def _digested(
    source: Rows, table: Table, digest: Digest, tell: Progress
) -> AsyncGenerator[list[Row], None]:
    async with aclosing(read(source, table)) as batches:
        async for batch in batches:
            digest.add(batch)
            yield batch
            tell(table.name, digest.rows)


async def add_up(source: Rows, table: Table, *, tell: Progress) -> Digest:
    """What a table's rows come to."""
    digest = Digest()
    async for _ in _digested(source, table, digest, tell):
        pass
    return digest


async def compare(
    target: Rows, tables: Sequence[Table], expected: Sequence[Digest], *, tell: Progress
) -> list[Moved]:
    """Read again what was written. Raises StoreError for a table that is not as it was."""
    moved = []
    for table, before in zip(tables, expected, strict=True):
        after = await add_up(target, table, tell=lambda name, rows: tell(f"compared: {name}", rows))
        if after != before:
            raise StoreError(
                f"the table {table.name} did not arrive as it was ({before.rows} rows went, {after.rows} "
                f"came, digests {before.text[:8]} and {after.text[:8]}): nothing was kept of it"
            )
        moved.append(Moved(table=table.name, rows=after.rows, digest=after.text))
    return moved


def described(schemas: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """All plugins' tables, by name, from the column `tables` of `plugin_schemas`."""
    return {name: told for tables in schemas for name, told in tables.items()}
