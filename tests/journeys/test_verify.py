"""`verify` finds all in order after real traffic, and what a kill or a hand in the database left."""

import json
import sqlite3
from pathlib import Path
from typing import Any

from tests.journeys.party import Party, party
from tests.journeys.seats import DM, GROUP, PLATFORMS, THREAD


async def verify(p: Party, *arguments: str) -> tuple[int, str]:
    """Exit code and output."""
    async with p.command("verify", *arguments) as asked:
        code = await asked.end()
        return code, asked.text + asked.all_log


async def test_all_is_accounted_for_while_the_host_runs_and_after_it(tmp_path: Path) -> None:
    async with party(tmp_path, *PLATFORMS) as p:
        async with p.host() as host:
            for seat in p.seats:
                first = await seat.say(DM, "one")
                await seat.wait_reply(DM)
                await seat.say(GROUP, "talking among ourselves")
                await seat.other_bot_says("let us talk")
                await seat.say(GROUP, "hello", mention=True)
                await seat.wait_reply(GROUP)
                await seat.say(THREAD, "hello", mention=True)
                await seat.wait_reply(THREAD)
                p.model.answer("word " * 1500)
                await seat.say(DM, "a long one")
                await seat.wait_reply(DM, 3)
                await seat.edit(DM, first, "one, I mean")
            code, text = await verify(p)
            assert code == 0, text
            assert await host.stop() == 0
        code, text = await verify(p, "--json")
        assert code == 0, text
        told: dict[str, Any] = json.loads(text)
        assert told["balanced"] is True
        messages = told["messages"]
        assert messages == {
            "received": 15,
            "answered": 12,
            "ignored": 3,
            "superseded": 0,
            "failed": 0,
            "pending": 0,
        }
        assert told["others"]["skip"]["handled"] >= 3
        assert told["parts"]["sent"] > 12
        code, text = await verify(p)
        assert (
            "messages    15 received = 12 answered + 3 ignored + 0 superseded + 0 failed + 0 pending" in text
        )
        assert "BAD" not in text


async def test_what_a_killed_host_left_is_named_until_the_next_start(tmp_path: Path) -> None:
    async with party(tmp_path, "discord") as p:
        [seat] = p.seats
        async with p.host() as host:
            with p.model.hold() as held:
                await seat.say(DM, "hello")
                await held.wait_for_request()
                code, text = await verify(p)
                assert code == 0, text
                assert "0 failed + 1 pending" in text
                await host.kill()
        code, text = await verify(p)
        assert code == 1
        assert "BAD rows under way have a host: 1 not so (row:1)" in text
        assert "do this: the host was killed; start it" in text
        async with p.host() as host:
            await seat.wait_reply(DM)
            assert await host.stop() == 0
        code, text = await verify(p)
        assert code == 0, text


async def test_a_row_that_somebody_took_out_is_missed(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p:
        [seat] = p.seats
        code, text = await verify(p)
        assert code == 1
        assert "there is no database" in text
        async with p.host() as host:
            await seat.say(DM, "hello")
            await seat.wait_reply(DM)
            assert await host.stop() == 0
        database = sqlite3.connect(tmp_path / "data" / "bot_host.db")
        database.execute("DELETE FROM inbox")
        database.commit()
        database.close()
        code, text = await verify(p, "--json")
        assert code == 1
        found = {each["check"]: each for each in json.loads(text)["violations"]}
        assert found["as many messages as were counted"]["count"] == 2
        [memory] = found["each received message has its row"]["examples"]
        assert len(memory) == 36
