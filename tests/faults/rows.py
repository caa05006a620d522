"""What the database holds, looked at from outside."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

from tests.journeys.party import Party

OPEN = """SELECT 1 FROM inbox WHERE state <> 'done'
    UNION ALL SELECT 1 FROM outbox WHERE state IN ('pending', 'sending')"""
BOOKS = {
    "one outcome for each message": "SELECT seq FROM inbox WHERE state <> 'done' OR outcome IS NULL",
    "no failure": "SELECT seq, reason FROM inbox WHERE outcome = 'failed'",
    "every part has gone out": "SELECT seq, state, error FROM outbox WHERE state <> 'sent'",
    "every part has its platform's id": "SELECT seq FROM outbox WHERE platform_message_id = ''",
    "no id twice": """SELECT account, platform_message_id FROM outbox
        GROUP BY account, destination, platform_message_id HAVING count(*) > 1""",
    "no part twice": """SELECT memory_id, part FROM outbox WHERE memory_id IS NOT NULL
        GROUP BY memory_id, part HAVING count(*) > 1""",
    "no call under way": "SELECT * FROM steps WHERE state IN ('planned', 'running')",
}


def rows(folder: Path, what: str) -> list[tuple[Any, ...]]:
    """A query on the host's database."""
    database = sqlite3.connect(folder / "data" / "bot_host.db", timeout=20)
    try:
        return database.execute(what).fetchall()
    finally:
        database.close()


async def at_rest(folder: Path) -> None:
    """Until nothing is pending, neither in nor out."""
    while rows(folder, OPEN):
        await asyncio.sleep(0.02)


async def verify(party: Party) -> None:
    """The books balance: seen in the rows, and by the host's own `verify`."""
    for what, query in BOOKS.items():
        assert rows(party.folder, query) == [], what
    async with party.command("verify") as command:
        code = await command.end()
    assert code == 0, command.text + command.all_log
