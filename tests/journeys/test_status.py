"""`status` is honest: of a host at work, of one that stopped, hangs, or was killed."""

import json
import os
import signal
from pathlib import Path
from typing import Any

from bot_host.app import pulse
from tests.journeys.harness import HostProcess
from tests.journeys.party import Party, party
from tests.journeys.seats import DM, GROUP, PLATFORMS


async def status(p: Party, *arguments: str) -> tuple[int, str]:
    """Exit code and output."""
    async with p.command("status", *arguments) as asked:
        code = await asked.end()
        return code, asked.text + asked.all_log


async def told(p: Party) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((await status(p, "--json"))[1])
    return found


async def healthy(p: Party) -> str:
    """The output as soon as all is well: a host says how it is every few seconds."""
    while True:
        code, text = await status(p)
        if code == 0:
            return text


def line(text: str, about: str) -> str:
    return next(each for each in text.splitlines() if each.startswith(about))


async def test_a_host_at_work_and_after_its_end(tmp_path: Path) -> None:
    async with party(tmp_path, *PLATFORMS) as p:
        code, text = await status(p)
        assert code == 1
        assert "BAD the host is not running" in text
        assert "there is no database" in text
        assert line(text, "host").endswith("not running")
        async with p.host() as host:
            for seat in p.seats:
                await seat.say(DM, "hello")
                await seat.wait_reply(DM)
                await seat.say(GROUP, "talking")
                await seat.other_bot_says("let us talk")
            text = await healthy(p)
            assert f"running (process {host.process.pid})" in line(text, "host")
            for name in PLATFORMS:
                assert "connected as" in line(text, name)
                assert "last event" in line(text, name)
            assert "terminal" not in text
            assert "3 answered + " in line(text, "messages")
            assert "0 in line" in line(text, "lanes")
            found = await told(p)
            assert found["healthy"] is True
            assert {each["state"] for each in found["connectors"]} == {"connected"}
            assert found["agents"][0]["name"] == "Eliza"
            assert await host.stop() == 0
        assert not (tmp_path / "data" / pulse.FILE).exists()
        code, text = await status(p)
        assert code == 1
        assert line(text, "host").endswith("not running; this is what its database holds")
        for name in PLATFORMS:
            assert "was stopped as" in line(text, name)
        assert "not addressed 3" in line(text, "ignored")
        assert "bot 3" in line(text, "skipped")
        found = await told(p)
        assert (found["running"], found["healthy"], found["lanes"]) == (False, False, None)
        assert found["messages"]["balanced"] is True


async def test_a_killed_host_and_what_it_left(tmp_path: Path) -> None:
    async with party(tmp_path, "discord") as p:
        [seat] = p.seats
        async with p.host() as host:
            with p.model.hold() as held:
                await seat.say(DM, "hello")
                await held.wait_for_request()
                await host.kill()
        # Its last words are still there, and are not believed.
        assert (tmp_path / "data" / pulse.FILE).exists()
        code, text = await status(p)
        assert code == 1
        assert "BAD the host is not running" in text
        assert "0 wait, 1 under way" in line(text, "inbox")
        assert "was connected as" in line(text, "discord")


async def test_a_host_that_hangs_is_found_out(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p, p.host() as host:
        await healthy(p)
        host.signal(signal.SIGSTOP)
        try:
            file = tmp_path / "data" / pulse.FILE
            old = json.loads(file.read_text(encoding="utf-8"))
            assert old["pid"] == host.process.pid
            file.write_text(json.dumps({**old, "at": "2026-01-01T00:00:00+00:00"}), encoding="utf-8")
            code, text = await status(p)
            assert code == 1
            assert "it hangs, or is overloaded" in text
            # Another process's words are not taken for its own.
            file.write_text(json.dumps({**old, "pid": os.getpid()}), encoding="utf-8")
            code, text = await status(p)
            assert code == 1
            assert "it starts, or hangs in its start" in text
            file.write_text("[", encoding="utf-8")
            assert (await status(p))[0] == 1
        finally:
            host.signal(signal.SIGCONT)
        await healthy(p)
        assert await host.stop() == 0


async def waits(p: Party, host: HostProcess, words: str) -> str:
    while True:
        code, text = await status(p)
        if code == 1 and words in text:
            return text


async def test_a_connector_in_trouble_is_named_with_its_error(tmp_path: Path) -> None:
    async with party(tmp_path, "discord", "telegram") as p:
        p.env["TELEGRAM_BOT_TOKEN"] = "123456789:wrong-token-wrong-token-wrong-token"
        discord = p.seats[0]
        async with p.host(wait=False) as host:
            await host.wait_log("discord on: connected as")
            text = await waits(p, host, "BAD telegram is failed: the token is refused")
            assert p.env["TELEGRAM_BOT_TOKEN"] not in text
            await discord.go_away()
            await waits(p, host, "BAD discord is waiting")
            await discord.come_back()
            await host.wait_log("discord on: connected as")
            while "connected as" not in line((await status(p))[1], "discord"):
                """It says so within seconds."""
            text = (await status(p))[1]
            assert "last error" in line(text, "discord")
            assert await host.stop() == 0
        code, text = await status(p)
        assert code == 1
        assert "was failed" in line(text, "telegram")
        assert "the token is refused" in line(text, "telegram")


async def test_a_configuration_that_cannot_be_read(tmp_path: Path) -> None:
    async with party(tmp_path, "discord") as p:
        (tmp_path / "config.toml").write_text("[hots]\n", encoding="utf-8")
        code, text = await status(p)
        assert code == 2
        assert "unknown table hots" in text
