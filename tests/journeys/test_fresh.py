"""The commands as an admin starts them: each by an interpreter that has imported nothing yet."""

import json
from pathlib import Path

import pytest

from tests.journeys.party import Party, party
from tests.journeys.seats import DM, PLATFORMS


async def run(p: Party, *arguments: str) -> str:
    """The output of a command that ends with 0."""
    async with p.command(*arguments) as asked:
        assert await asked.end() == 0, asked.text + asked.all_log
        return asked.text


@pytest.mark.parametrize("name", PLATFORMS)
async def test_a_host_with_one_platform(name: str, tmp_path: Path) -> None:
    async with party(tmp_path, name) as p:
        p.fresh = True
        async with p.host() as host:
            await p.seats[0].say(DM, "hello")
            assert await p.seats[0].wait_reply(DM) == "echo: hello"
            assert await host.stop() == 0


async def test_all_commands_and_a_host_with_all_platforms(tmp_path: Path) -> None:
    async with party(tmp_path, *PLATFORMS) as p:
        p.fresh = True
        assert "All that is switched on works." in await run(p, "check", "--live")
        async with p.host() as host:
            for seat in p.seats:
                await seat.say(DM, "hello")
                assert await seat.wait_reply(DM) == "echo: hello"
            assert f"running (process {host.process.pid})" in await run(p, "status")
            assert await host.stop() == 0
        assert "outcome   answered" in await run(p, "why")
        assert json.loads(await run(p, "verify", "--json"))["messages"]["answered"] == len(PLATFORMS)
