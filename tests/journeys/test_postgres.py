"""A host on PostgreSQL: killed, left alone by its database, beside another one; the commands beside it."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from tests.faults.rows import BOOKS, OPEN
from tests.faults.test_steps_killed import times
from tests.journeys.harness import PATIENCE_S, bot_host
from tests.journeys.party import Party, party
from tests.journeys.seats import DM, GROUP, PLATFORMS, SlackSeat
from tests.postgres import Server, lent_database


def config(url: str) -> str:
    return f"[database]\nurl = {json.dumps(url)}\n"


async def rows(url: str, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(query)
    finally:
        await connection.close()


async def at_rest(url: str) -> None:
    """Until nothing is pending, neither in nor out."""
    while await rows(url, OPEN):
        await asyncio.sleep(0.02)


async def command(p: Party, *words: str) -> tuple[int, str]:
    """A command beside the host: its exit code and all that it said."""
    async with p.command(*words) as process:
        code = await process.end()
        return code, process.text + process.all_log


async def balanced(p: Party, url: str) -> None:
    """The books balance: seen in the rows, and by the host's own `verify`."""
    for what, query in BOOKS.items():
        found = await rows(url, query)
        assert found == [], f"{what}: {found[:5]}"
    code, text = await command(p, "verify")
    assert code == 0, text


@asynccontextmanager
async def party_on_postgres(folder: Path, *names: str) -> AsyncIterator[tuple[Party, str]]:
    async with lent_database() as url, party(folder, *names, extra=config(url)) as p:
        yield p, url


async def test_three_platforms_a_kill_and_the_commands_beside_it(tmp_path: Path) -> None:
    async with party_on_postgres(tmp_path, *PLATFORMS) as (p, url):
        code, text = await command(p, "check")
        assert code == 0, text
        assert "ok  database: reachable; 0 messages wait for an answer" in text
        async with p.host() as host:
            for seat in p.seats:
                await seat.say(DM, "hello")
                assert await seat.wait_reply(DM) == "echo: hello"
                await seat.say(GROUP, "among ourselves")
            code, text = await command(p, "why", "--json")
            assert code == 0, text
            while (await command(p, "status"))[0] != 0:
                pass  # it says how it is every few seconds
            with p.model.hold() as held:
                for seat in p.seats:
                    await seat.say(DM, "and you?")
                await held.wait_for_request()
                await p.model.wait_for_requests(6)
                await host.kill()
        code, text = await command(p, "check", "--live")
        assert "3 messages wait for an answer" in text, text
        assert "BAD the host is not running" in (await command(p, "status"))[1]
        async with p.host() as host:
            for seat in p.seats:
                assert await seat.wait_reply(DM, 2) == "echo: and you?"
            await at_rest(url)
            await balanced(p, url)
            assert await host.stop() == 0
            assert "Traceback" not in host.all_log
        for seat in p.seats:
            assert seat.replies(DM) == ["echo: hello", "echo: and you?"]
        assert not (tmp_path / "data" / "bot_host.db").exists()


async def test_people_are_let_in_from_beside_it(tmp_path: Path) -> None:
    async with party_on_postgres(tmp_path, "telegram") as (p, _):
        [seat] = p.seats
        file = tmp_path / "config.toml"
        table = seat.config()
        file.write_text(file.read_text().replace(table, f'{table}dm_policy = "pairing"\n'))
        async with p.host() as host:
            await seat.say(DM, "hello?")
            await seat.wait_reply(DM)
            code, text = await command(p, "pair", "list", "--json")
            assert code == 0, text
            [request] = json.loads(text)["pairings"]
            code, text = await command(p, "pair", "approve", request["code"])
            assert code == 0, text
            assert (await seat.wait_reply(DM, 2)).startswith("You have been let in")
            await seat.say(DM, "now then")
            assert await seat.wait_reply(DM, 3) == "echo: now then"
            assert await host.stop() == 0


@pytest.mark.parametrize("elsewhere", [True, False], ids=["elsewhere", "beside"])
async def test_a_second_host_waits_for_the_first(elsewhere: bool, tmp_path: Path) -> None:
    """`elsewhere`: with a data folder of its own, as on another machine."""
    async with party_on_postgres(tmp_path, "telegram") as (p, _):
        [seat] = p.seats
        async with p.host() as first:
            await seat.say(DM, "hello")
            await seat.wait_reply(DM)
            folder = tmp_path
            if elsewhere:
                folder = tmp_path / "other"
                folder.mkdir()
                (folder / "config.toml").write_text((tmp_path / "config.toml").read_text())
            async with bot_host("--config", "config.toml", cwd=folder, env=p.env) as second:
                await second.wait_log("another Bot Host (process", "uses this database; waiting")
                assert await first.stop() == 0
                await second.wait_log("telegram on: connected as")
                await seat.say(DM, "and now?")
                assert await seat.wait_reply(DM, 2) == "echo: and now?"
                assert await second.stop() == 0
        assert seat.replies(DM) == ["echo: hello", "echo: and now?"]


async def test_one_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://bot:secretword@127.0.0.1:9/bots"
    async with party(tmp_path, "telegram", extra=config(url)) as p:
        for words in ((), ("check",), ("status",), ("verify",), ("why",), ("pair", "list")):
            code, text = await command(p, *words)
            assert code == 1, text
            assert "the database bots at 127.0.0.1:9 does not answer" in text
            assert "secretword" not in text
            assert "Traceback" not in text


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One that may be killed."""
    server = Server()
    yield server
    server.remove()


@pytest.fixture
async def own(server: Server) -> str:
    """The URL of its first database, empty."""
    await rows(server.url, "DROP SCHEMA public CASCADE")
    await rows(server.url, "CREATE SCHEMA public")
    return server.url


async def test_postgresql_killed_during_traffic_comes_back_and_all_is_answered_once(
    own: str, server: Server, tmp_path: Path
) -> None:
    async with party(tmp_path, *PLATFORMS, extra=config(own)) as p, p.host() as host:
        said = []
        for seat in p.seats:
            await seat.say(DM, "first")
            await seat.wait_reply(DM)
        for number in range(3):
            words = f"round {number}"
            said.append(words)
            with p.model.hold() as held:
                asked = len(p.model.chats)
                for seat in p.seats:
                    await seat.say(DM, words)
                await p.model.wait_for_requests(asked + len(p.seats))
                server.kill()
                # The turns end, and more comes in, while it is away.
                held.release()
                said.append(f"{words}, more")
                for seat in p.seats:
                    await seat.say(DM, f"{words}, more")
                await asyncio.to_thread(server.start)
            for seat in p.seats:
                assert await seat.wait_reply(DM, 1 + len(said)) == f"echo: {words}, more"
        await at_rest(own)
        for seat in p.seats:
            assert seat.replies(DM) == ["echo: first", *(f"echo: {words}" for words in said)]
        await balanced(p, own)
        assert await host.stop() == 0
        assert "Traceback" not in host.all_log


AWAY = "does not answer"


@pytest.mark.slow
@pytest.mark.timeout(5 * PATIENCE_S)
async def test_away_for_longer_than_its_patience_at_each_end_of_a_messages_way(
    own: str, server: Server, tmp_path: Path
) -> None:
    async with (
        party(tmp_path, *PLATFORMS, extra=config(own), patience_s=4 * PATIENCE_S) as p,
        p.host() as host,
    ):

        @asynccontextmanager
        async def away() -> AsyncIterator[None]:
            before = sum(AWAY in line for line in host.log)
            server.kill()
            try:
                yield
                await times(host, AWAY, before + 1)
            finally:
                await asyncio.to_thread(server.start)

        for seat in p.seats:
            await seat.say(DM, "first")
            await seat.wait_reply(DM)
        await at_rest(own)
        async with away():  # as a message comes in
            for seat in p.seats:
                await seat.say(DM, "second")
                await seat.wait_handed_over()
        for seat in p.seats:
            if isinstance(seat, SlackSeat):
                await seat.fake.socket_mode.redeliver()
            assert await seat.wait_reply(DM, 2) == "echo: second"
        await at_rest(own)
        with p.model.hold() as held:  # as its turn ends
            asked = len(p.model.chats)
            for seat in p.seats:
                await seat.say(DM, "third")
            await p.model.wait_for_requests(asked + len(p.seats))
            async with away():
                held.release()
        for seat in p.seats:
            assert await seat.wait_reply(DM, 3) == "echo: third"
        await at_rest(own)
        answers = [seat.hold_answers() for seat in p.seats]
        for seat in p.seats:
            await seat.say(DM, "fourth")  # as its answer has arrived
            await seat.wait_reply(DM, 4)
        async with away():
            for each in answers:
                each.release()
        await at_rest(own)
        for seat in p.seats:
            assert seat.replies(DM) == [f"echo: {words}" for words in ("first", "second", "third", "fourth")]
        await balanced(p, own)
        assert await host.stop() == 0
