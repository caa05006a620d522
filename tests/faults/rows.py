"""What the database holds, looked at from outside."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

from bot_host.host.doubts import UNKNOWN
from tests.journeys.party import Party

OPEN = """SELECT 1 FROM inbox WHERE state <> 'done'
    UNION ALL SELECT 1 FROM outbox WHERE state IN ('pending', 'sending')"""
IN_DOUBT = (
    f"SELECT seq FROM outbox WHERE account LIKE 'telegram:%' AND state = 'failed' AND error = '{UNKNOWN}'"
)
BOOKS = {
    "one outcome for each message": "SELECT seq FROM inbox WHERE state <> 'done' OR outcome IS NULL",
    "no failure": "SELECT seq, reason FROM inbox WHERE outcome = 'failed'",
    "every part has gone out": "SELECT seq, state, error FROM outbox WHERE state <> 'sent'",
    "every part has its platform's id": "SELECT seq FROM outbox WHERE platform_message_id = ''",
    "no id twice": """SELECT max(seq), account, platform_message_id FROM outbox
        WHERE platform_message_id <> '' GROUP BY account, destination, platform_message_id
        HAVING count(*) > 1""",
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


async def verify(party: Party, *, in_doubt: bool = False) -> int:
    """The books balance: seen in the rows, and by the host's own `verify`.

    `in_doubt`: kills may have hit a part and its marked repeat, and at Telegram it ends there; how many
    parts that were.
    """
    left = {seq for (seq,) in rows(party.folder, IN_DOUBT)} if in_doubt else set()
    for what, query in BOOKS.items():
        found = [row for row in rows(party.folder, query) if row[0] not in left]
        assert found == [], f"{what}: {found[:5]}"
    async with party.command("verify") as command:
        code = await command.end()
    assert code == 0, command.text + command.all_log
    return len(left)
