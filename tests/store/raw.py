"""A database as it lies there, past the store: for tests that look at what is left."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg

FILE = "sqlite:///"


async def look(url: str, base: Path, query: str) -> list[dict[str, Any]]:
    """A query's rows; the same words for both databases."""
    if not url.startswith(FILE):
        connection = await asyncpg.connect(url)
        try:
            return [dict(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()
    db = sqlite3.connect(base / url.removeprefix(FILE))
    db.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in db.execute(query)]
    finally:
        db.close()


async def dump(url: str, base: Path, tables: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """All rows of these tables."""
    return {name: await look(url, base, f"SELECT * FROM {name}") for name in tables}
