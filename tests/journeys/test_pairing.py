"""A stranger writes; an admin lets them in from the command line: real command, real libraries."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.harness import bot_host
from tests.journeys.party import Party, party
from tests.journeys.seats import DM, PLATFORMS, Seat


async def command(p: Party, *words: str) -> tuple[int, str, str]:
    """A command beside the host: its exit code, what it printed, and what it complained of."""
    async with bot_host("pair", *words, "--config", "config.toml", cwd=p.folder, env=p.env) as process:
        code = await process.end()
        return code, process.text, process.all_log


async def as_json(p: Party, *words: str) -> Any:
    code, text, log = await command(p, *words, "--json")
    assert code == 0, log
    return json.loads(text)


def with_pairing(p: Party) -> Seat:
    [seat] = p.seats
    table = seat.config()
    config = (p.folder / "config.toml").read_text(encoding="utf-8")
    (p.folder / "config.toml").write_text(
        config.replace(table, f'{table}dm_policy = "pairing"\n'), encoding="utf-8"
    )
    return seat


@pytest.mark.parametrize("name", PLATFORMS)
async def test_a_stranger_is_let_in_from_the_command_line(name: str, tmp_path: Path) -> None:
    async with party(tmp_path, name) as p:
        seat = with_pairing(p)
        async with p.host() as host:
            await seat.say(DM, "hello?")
            found = re.search(r"[A-HJ-NP-Z2-9]{8}", await seat.wait_reply(DM))
            assert found
            await seat.say(DM, "anybody there?")
            [request] = (await as_json(p, "list"))["pairings"]
            assert (request["code"], request["state"]) == (found[0], "open")
            assert request["account"].startswith(f"{name}:")
            assert (await command(p, "approve", "WRONGONE"))[0] == 1
            code, text, _ = await command(p, "approve", found[0])
            assert (code, text.endswith("is let in, and is told so.\n")) == (0, True)
            assert (await seat.wait_reply(DM, 2)).startswith("You have been let in")
            await seat.say(DM, "now then")
            assert await seat.wait_reply(DM, 3) == "echo: now then"
            assert len(p.model.chats) == 1
            code, text, _ = await command(p, "revoke", request["user_id"])
            assert (code, text.endswith("is a stranger again.\n")) == (0, True)
            await seat.say(DM, "me again")
            assert re.search(r"[A-HJ-NP-Z2-9]{8}", await seat.wait_reply(DM, 4))
            assert len(p.model.chats) == 1
            assert await host.stop() == 0
            assert "Traceback" not in host.all_log


async def test_why_and_the_commands_faults(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p:
        seat = with_pairing(p)
        code, _, log = await command(p, "list")
        assert (code, "there is no database" in log) == (1, True)
        assert not (tmp_path / "data").exists()
        async with p.host() as host:
            await seat.say(DM, "hello?")
            await seat.wait_reply(DM)
            assert await host.stop() == 0
        async with bot_host("why", "--config", "config.toml", cwd=p.folder, env=p.env) as process:
            assert await process.end() == 0
        assert "pairing" in process.text
        assert "somebody unknown wrote directly, and was given a code" in process.text
        assert 'dm_policy = "pairing" in [connectors.telegram] (config.toml line ' in process.text
        assert "pair approve CODE" in process.text
        # Turned down, with the host away; the JSON form of a fault.
        [request] = (await as_json(p, "list"))["pairings"]
        code, text, _ = await command(p, "deny", request["code"])
        assert (code, text.endswith("is turned down, and is not told.\n")) == (0, True)
        code, text, _ = await command(p, "approve", request["code"], "--json")
        assert code == 1
        assert "`pair revoke` it first" in json.loads(text)["error"]
        assert (await as_json(p, "list"))["pairings"][0]["state"] == "denied"
        async with bot_host("verify", "--config", "config.toml", cwd=p.folder, env=p.env) as process:
            assert await process.end() == 0, process.text
