"""A room that is closed to the bot: told to the admin once, with the way out; the next message opens it."""

import sqlite3
from pathlib import Path

import pytest

from tests.journeys.harness import bot_host
from tests.journeys.party import party
from tests.journeys.seats import DM, GROUP, PLATFORMS


@pytest.mark.parametrize("name", PLATFORMS)
async def test_a_closed_room_is_told_and_opens_with_the_next_message(name: str, tmp_path: Path) -> None:
    ways_out = {
        "discord": "has to allow direct messages",
        "telegram": "has to unblock the bot",
        "slack": "Messages tab",
    }
    async with party(tmp_path, name) as p, p.host() as host:
        [seat] = p.seats
        seat.shut_out()
        await seat.say(DM, "hello")
        line = await host.wait_log("is closed to the bot", ways_out[name])
        assert " error " in line
        await seat.say(GROUP, "and here?", mention=True)
        assert (await seat.wait_reply(GROUP)).endswith("and here?")
        async with bot_host("status", cwd=tmp_path, env=p.env) as asked:
            await asked.end()
            [told] = [line for line in asked.text.splitlines() if line.startswith("closed")]
        assert "takes nothing since" in told
        assert ways_out[name] in told
        seat.let_in()
        await seat.say(DM, "hello again")
        assert await seat.wait_reply(DM) == "echo: hello again"
        await host.wait_log("counts as open again")
        assert await host.stop() == 0
        database = sqlite3.connect(tmp_path / "data" / "bot_host.db")
        assert database.execute("SELECT count(*) FROM closed_rooms").fetchone() == (0,)
        assert database.execute("SELECT state FROM outbox ORDER BY seq").fetchall() == [
            ("failed",),
            ("sent",),
            ("sent",),
        ]
        database.close()
