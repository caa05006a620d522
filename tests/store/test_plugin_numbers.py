"""Plugins' columns of SQLAlchemy's own kinds of numbers, in and out."""

from decimal import Decimal

from sqlalchemy import Column, Float, Integer, MetaData, Numeric, Table, insert, select

from bot_host.contracts.tables import Schema
from bot_host.store import Database
from bot_host.store.loose import loose
from tests.store.filled import run

TABLES = MetaData()
prices = Table(
    "plugin_shop_prices",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("weight", Float),
    Column("price", Numeric(10, 2)),
    Column("rate", Numeric(10, 2, asdecimal=False)),
    Column("exact", Float(asdecimal=True)),
)


async def test_they_come_back_as_they_were(store: Database) -> None:
    await store.migrate_schema("shop", Schema(tables=TABLES))
    row = {"id": 1, "weight": 0.1, "price": Decimal("12.30"), "rate": Decimal("0.25"), "exact": 0.5}
    await run(store, loose(insert(prices).values(**row)))
    await run(store, loose(insert(prices).values(id=2)))
    rows = await run(store, loose(select(prices).order_by(prices.c.id)))
    assert rows == [(1, 0.1, Decimal("12.30"), 0.25, Decimal("0.5")), (2, None, None, None, None)]
    kinds = [type(value) for value in rows[0]]
    assert kinds == [int, float, Decimal, float, Decimal]
