"""Killed at the worst moments, and asked to stop: nothing lost, nothing twice."""

import asyncio
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.journeys.party import party
from tests.journeys.seats import DM, PLATFORMS


@contextmanager
def locked_database(folder: Path) -> Iterator[None]:
    """Nobody can commit in here: what was received stays uncommitted."""
    database = sqlite3.connect(folder / "data" / "bot_host.db", isolation_level=None)
    try:
        database.execute("BEGIN IMMEDIATE")
        yield
        database.execute("ROLLBACK")
    finally:
        database.close()


async def all_recorded(folder: Path) -> None:
    """Until every part that was sent is recorded as sent: the lock must not fall between the two."""
    database = sqlite3.connect(folder / "data" / "bot_host.db")
    try:
        while database.execute("SELECT count(*) FROM outbox WHERE state <> 'sent'").fetchone()[0]:
            await asyncio.sleep(0.01)
    finally:
        database.close()


@pytest.mark.parametrize("name", PLATFORMS)
async def test_the_history_is_there_after_a_restart(name: str, tmp_path: Path) -> None:
    async with party(tmp_path, name) as p:
        [seat] = p.seats
        async with p.host() as host:
            await seat.say(DM, "I am Ada")
            await seat.wait_reply(DM)
            assert await host.stop() == 0
        async with p.host() as host:
            await seat.say(DM, "Who am I?")
            await seat.wait_reply(DM, 2)
            assert await host.stop() == 0
        said = [m["content"] for m in p.model.chats[1].messages if m["role"] != "system"]
        assert said == ["I am Ada", "echo: I am Ada", "Who am I?"]


@pytest.mark.parametrize("name", PLATFORMS)
async def test_killed_between_receipt_and_commit_it_is_delivered_again(name: str, tmp_path: Path) -> None:
    async with party(tmp_path, name) as p:
        [seat] = p.seats
        async with p.host() as host:
            # Discord's catch-up begins at a mark: one message makes the channel known.
            await seat.say(DM, "first")
            await seat.wait_reply(DM)
            await all_recorded(tmp_path)
            with locked_database(tmp_path):
                await seat.say(DM, "second")
                await seat.wait_handed_over()
                await host.kill()
            assert len(p.model.chats) == 1
        async with p.host() as host:
            assert await seat.wait_reply(DM, 2) == "echo: second"
            assert await host.stop() == 0
        assert seat.replies(DM) == ["echo: first", "echo: second"]


@pytest.mark.parametrize("name", PLATFORMS)
async def test_killed_between_commit_and_reply_there_is_one_reply_after_the_restart(
    name: str, tmp_path: Path
) -> None:
    async with party(tmp_path, name) as p:
        [seat] = p.seats
        async with p.host() as host:
            with p.model.hold() as held:
                await seat.say(DM, "hello")
                await held.wait_for_request()
                await host.kill()
        assert seat.replies(DM) == []
        async with p.host() as host:
            assert await seat.wait_reply(DM) == "echo: hello"
            await seat.say(DM, "thanks")
            assert await seat.wait_reply(DM, 2) == "echo: thanks"
            assert await host.stop() == 0
        assert seat.replies(DM) == ["echo: hello", "echo: thanks"]


async def test_sigterm_in_mid_turn_on_three_platforms_drains(tmp_path: Path) -> None:
    async with party(tmp_path, *PLATFORMS) as p, p.host() as host:
        with p.model.hold() as held:
            for seat in p.seats:
                await seat.say(DM, f"hello {seat.name}")
            await p.model.wait_for_requests(3)
            host.signal(signal.SIGTERM)
            await host.wait_log("stopping")
            held.release()
        assert await host.end() == 0
        for seat in p.seats:
            assert seat.replies(DM) == [f"echo: hello {seat.name}"]


async def test_a_second_signal_stops_at_once_and_loses_nothing(tmp_path: Path) -> None:
    async with party(tmp_path, *PLATFORMS) as p:
        async with p.host() as host:
            with p.model.hold():
                for seat in p.seats:
                    await seat.say(DM, f"hello {seat.name}")
                await p.model.wait_for_requests(3)
                host.signal(signal.SIGTERM)
                await host.wait_log("stopping")
                host.signal(signal.SIGTERM)
                assert await host.end() == 128 + signal.SIGTERM
            assert [seat.replies(DM) for seat in p.seats] == [[], [], []]
        async with p.host() as host:
            for seat in p.seats:
                assert await seat.wait_reply(DM) == f"echo: hello {seat.name}"
            assert await host.stop() == 0
        for seat in p.seats:
            assert len(seat.replies(DM)) == 1


async def test_a_second_host_on_the_same_database_waits_for_the_first(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p:
        [seat] = p.seats
        async with p.host() as first:
            await seat.say(DM, "hello")
            await seat.wait_reply(DM)
            async with p.host(wait=False) as second:
                await second.wait_log(f"another Bot Host (process {first.process.pid}) uses this database")
                assert await first.stop() == 0
                await second.wait_log("telegram on: connected as")
                await seat.say(DM, "and now?")
                assert await seat.wait_reply(DM, 2) == "echo: and now?"
                assert await second.stop() == 0
        assert seat.replies(DM) == ["echo: hello", "echo: and now?"]
