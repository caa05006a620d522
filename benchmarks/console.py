"""How long the console waits for its answers with very much stored, and what that takes of memory.

    python -m benchmarks.console [messages] [--keep FOLDER]

A host talks in some rooms; what came of it is then copied, row by row with other ids, texts and times, until
there are so many messages (1,000,000). Then every address of the API that can be read (as it says itself)
is asked several times by a client in the same process. With `--keep` the database stays, and is used again by
the next run. Takes some minutes and, with a million, about 2 GB of disk.
"""

import argparse
import asyncio
import gc
import json
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from benchmarks.hosts import CHARACTER, open_host
from benchmarks.processes import alone, middle, rss_mb
from benchmarks.rows import Row, show
from bot_host.app.listen import listen
from bot_host.config.schema import WebConfig
from bot_host.types.content import ChannelType
from bot_host.web.server import WebServer

TITLE = "Console: what an address of the API takes with so many messages stored (p50, wall)"
MESSAGES: Final = 1_000_000
ROOMS: Final = 40
EACH: Final = 10
"""Exchanges in each room, before they are copied."""
TIMES: Final = 15
DAYS: Final = 90
WORDS: Final = [f"word{number}" for number in range(20_000)]
LEFT_OUT: Final = ("events", "export", "openapi", "files", "stream", "health", ".csv")
"""Parts of addresses that are no lists or pages: streams that do not end, and whole files."""
ASKED_FOR: Final = {"q": "word7 word99", "query": "word7 word99", "text": "word7 word99"}
"""Parameters that are searched for."""


async def _talk(folder: Path) -> None:
    async with open_host(folder) as (host, platform):
        for number in range(ROOMS * EACH):
            room = f"room-{number % ROOMS}"
            group = number % ROOMS % 2 == 0
            await platform.say(
                f"message {number}",
                room=room,
                person=f"person {number % 97}",
                type=ChannelType.GROUP if group else ChannelType.DM,
                mention=group and number % 3 == 0,
                world=f"world {number % 7}",
            )
        await host.finish_pending()


_COPIED: Final = {
    "runs": ("id",),
    "memories": ("id", "source_memory_id"),
    "inbox": ("memory_id", "run_id", "turn_id", "reply_id"),
    "outbox": ("memory_id", "run_id", "message"),
}
_TIMES: Final = (
    "created_at",
    "started_at",
    "ended_at",
    "received_at",
    "sent_at",
    "finished_at",
    "not_before",
)
_NAMES: Final = "SELECT name FROM pragma_table_info(?)"
_OTHER: Final = {"event_key": "event_key || '/' || :n", "message_id": "message_id || '-' || :n"}


def _copy_statement(connection: sqlite3.Connection, table: str) -> str:
    names, values = [], []
    for (name,) in connection.execute(_NAMES, (table,)):
        if name == "seq":
            continue
        names.append(f'"{name}"')
        if name in _COPIED[table]:
            values.append(f"CASE WHEN {name} IS NULL THEN NULL ELSE :id || substr({name}, 9) END")
        elif name in _TIMES:
            values.append(f"{name} - :back")
        elif name in _OTHER:
            values.append(_OTHER[name])
        elif name == "content":
            values.append("json_replace(content, '$.text', words(), '$.in_reply_to', NULL)")
        else:
            values.append(f'"{name}"')
    last = "" if table == "runs" else " WHERE seq <= :last"
    if table == "runs":
        last = " WHERE id IN (SELECT run_id FROM inbox WHERE seq <= :last)"
    return f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} FROM {table}{last}"


def _multiply(database: Path, messages: int) -> None:
    chance = random.Random(1)
    weights = [1 / (rank + 1) for rank in range(len(WORDS))]
    some = chance.choices(WORDS, weights, k=200_000)

    def words() -> str:
        at = chance.randrange(len(some) - 20)
        return " ".join(some[at : at + 15])

    with closing(sqlite3.connect(database)) as connection, connection:
        connection.create_function("words", 0, words)
        connection.execute("PRAGMA synchronous = off")
        connection.execute("PRAGMA cache_size = -200000")
        (base,) = connection.execute("SELECT count(*) FROM memories").fetchone()
        last = {
            table: connection.execute(f"SELECT max(seq) FROM {table}").fetchone()[0]
            for table in ("memories", "inbox", "outbox")
        }
        last["runs"] = last["inbox"]
        copies = max(0, messages // base - 1)
        step = DAYS * 86_400_000_000 // max(1, copies)
        statements = {table: _copy_statement(connection, table) for table in _COPIED}
        # The oldest first, so that what comes last is newest, as in a database that has grown.
        for copy in range(1, copies + 1):
            given = {"id": f"{copy:08x}", "n": copy, "back": (copies - copy) * step}
            for table, statement in statements.items():
                connection.execute(statement, {**given, "last": last[table]})
        for table in _COPIED:
            there = {name for (name,) in connection.execute(_NAMES, (table,))} & set(_TIMES)
            earlier = ", ".join(f"{name} = {name} - {copies * step}" for name in sorted(there))
            copied = "id NOT LIKE '0000%'" if table == "runs" else f"seq <= {last[table]}"
            connection.execute(f"UPDATE {table} SET {earlier} WHERE {copied}")
        connection.commit()
        connection.execute("ANALYZE")


async def fill(folder: Path, messages: int) -> None:
    """So many messages in the database in this folder, with inbox, outbox and runs."""
    await _talk(folder)
    await asyncio.to_thread(_multiply, folder / "bench.db", messages)


def _newest(folder: Path) -> dict[str, str]:
    """What the addresses' parameters are filled with."""
    with closing(sqlite3.connect(folder / "bench.db")) as connection:
        room, entity, run, memory, row = connection.execute(
            "SELECT room_id, entity_id, run_id, memory_id, seq FROM inbox"
            " WHERE run_id IS NOT NULL ORDER BY seq DESC LIMIT 1"
        ).fetchone()
        (world,) = connection.execute("SELECT id FROM worlds LIMIT 1").fetchone()
    known = {"room": room, "entity": entity, "person": entity, "run": run, "memory": memory, "world": world}
    known |= {"agent": CHARACTER.agent_id, "row": f"row:{row}", "seq": str(row)}
    return known | {f"{name}_id": value for name, value in known.items()}


def addresses(described: dict[str, Any], known: dict[str, str]) -> Iterator[tuple[str, str]]:
    """What is asked, and the address that asks it: each one that can be read, and what it searches."""
    for path, methods in described["paths"].items():
        asked = methods.get("get")
        if asked is None or any(part in path for part in LEFT_OUT):
            continue
        given = {each["name"]: each for each in asked.get("parameters", ())}
        inside = [name for name, each in given.items() if each["in"] == "path"]
        needed = [name for name, each in given.items() if each["in"] == "query" and each.get("required")]
        if not all(name in known or name in ASKED_FOR for name in (*inside, *needed)):
            continue
        address = path
        for name in inside:
            address = address.replace(f"{{{name}}}", quote(known[name], safe=""))
        needs = "&".join(f"{name}={quote((known | ASKED_FOR)[name])}" for name in needed)
        yield path, f"{address}?{needs}" if needs else address
        for name in given.keys() & ASKED_FOR.keys() - set(needed):
            search = f"{name}={quote(ASKED_FOR[name])}"
            yield f"{path}?{name}=…", f"{address}?{search}&{needs}" if needs else f"{address}?{search}"


async def _measure(folder: Path, times: int) -> list[Row]:
    async with AsyncExitStack() as stack:
        host, _ = await stack.enter_async_context(open_host(folder))
        config = WebConfig(port=0)
        web = WebServer(host, config, await listen(config))
        await web.start()
        stack.push_async_callback(web.stop)
        client = await stack.enter_async_context(aiohttp.ClientSession(web.url))
        async with client.get("/api/v1/openapi.json") as answer:
            described = await answer.json()
        gc.collect()
        before = rss_mb()
        found = []
        for what, address in addresses(described, _newest(folder)):
            found += await _row(client, what, address, times)
        gc.collect()
        found.append(
            Row("resident memory after all of them", f"{rss_mb():.0f} MB", f"{before:.0f} MB before")
        )
        return found


async def _row(client: aiohttp.ClientSession, what: str, address: str, times: int) -> list[Row]:
    """The first page, and the one after ten more."""
    took, size, body = await _ask(client, address, times)
    rows = [Row(what, f"{middle(took):.1f} ms", f"slowest {max(took):.0f} ms, {size / 1000:.0f} kB")]
    after = ""
    for _ in range(10):
        following = body.get("next") if isinstance(body, dict) else None
        if not following:
            return rows
        after = f"{address}{'&' if '?' in address else '?'}after={quote(str(following))}"
        _, _, body = await _ask(client, after, 1)
    took, size, _ = await _ask(client, after, times)
    rows.append(Row("    ten pages on", f"{middle(took):.1f} ms", f"slowest {max(took):.0f} ms"))
    return rows


async def _ask(client: aiohttp.ClientSession, address: str, times: int) -> tuple[list[float], int, Any]:
    took, data = [], b""
    for _ in range(times):
        began = time.perf_counter()
        async with client.get(address) as answer:
            data = await answer.read()
        took.append((time.perf_counter() - began) * 1000)
        assert answer.status == 200, (address, answer.status, data[:300])
    return took, len(data), json.loads(data)


def _run(folder: Path, messages: int, times: int) -> list[Row]:
    if not (folder / "bench.db").exists():
        alone(_fill, folder, messages)
    return asyncio.run(_measure(folder, times))


def _fill(folder: Path, messages: int) -> None:
    asyncio.run(fill(folder, messages))


def rows(messages: int = 20_000, times: int = TIMES, keep: Path | None = None) -> Iterator[Row]:
    """The part's rows."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield from alone(_run, keep, messages, times)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield from alone(_run, Path(folder), messages, times)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("messages", type=int, nargs="?", default=MESSAGES)
    parser.add_argument("--keep", type=Path)
    chosen = parser.parse_args()
    show(f"{TITLE}: {chosen.messages:,}", rows(chosen.messages, keep=chosen.keep))
