"""The web server as part of the real command: what switches it on, what it keeps alive, how it ends."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.journeys.harness import HostProcess, bot_host, clean_environment

PIPE = "[connectors.terminal]\nenabled = true\n"
TOKEN = "our-own-web-token"
ALONE = f'[web]\ntoken = "{TOKEN}"\n'
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@asynccontextmanager
async def host_with(folder: Path, config: str, *arguments: str, **env: str) -> AsyncIterator[HostProcess]:
    (folder / "config.toml").write_text(config, encoding="utf-8")
    given = [*arguments, "--config", "config.toml"]
    async with bot_host(*given, cwd=folder, env=clean_environment(**env)) as host:
        yield host


async def url_of(host: HostProcess) -> str:
    line = await host.wait_log("web on: http")
    found = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert found is not None
    return found[0]


async def test_with_a_token_it_runs_by_itself_and_a_signal_ends_it(tmp_path: Path) -> None:
    async with host_with(tmp_path, ALONE) as host:
        url = await url_of(host)
        async with aiohttp.ClientSession(headers=BEARER) as client:
            while (await client.get(url + "/health/ready")).status != 200:
                await asyncio.sleep(0.01)
            async with client.post(f"{url}/api/v1/agents/Eliza/messages", json={"text": "Hello"}) as answer:
                assert (await answer.json())["outcome"] == "answered"
        assert await host.stop() == 0
        assert "Traceback" not in host.all_log
        assert TOKEN not in host.all_log
        assert "POST /api/v1/agents/Eliza/messages 200 in" in host.all_log


async def test_with_a_token_it_goes_on_after_the_end_of_input(tmp_path: Path) -> None:
    async with host_with(tmp_path, ALONE + PIPE) as host:
        url = await url_of(host)
        host.end_of_input()
        await host.wait_log("the web goes on")
        async with aiohttp.ClientSession() as client, client.get(url + "/health/ready") as answer:
            assert answer.status == 200
        assert await host.stop() == 0


async def test_without_a_token_it_ends_with_the_rest(tmp_path: Path) -> None:
    async with host_with(tmp_path, PIPE) as host:
        url = await url_of(host)
        async with aiohttp.ClientSession() as client, client.get(url + "/health/live") as answer:
            assert answer.status == 200
        host.end_of_input()
        assert await host.end() == 0


async def test_without_a_token_it_is_no_reason_to_run(tmp_path: Path) -> None:
    async with host_with(tmp_path, "[web]\nenabled = true\n") as host:
        assert await host.end() == 2
        assert "Nothing is switched on" in host.all_log
        assert "[web] token" in host.all_log
        assert "web on" not in host.all_log


async def test_switched_off_it_says_so(tmp_path: Path) -> None:
    async with host_with(tmp_path, f"[web]\nenabled = false\n{PIPE}") as host:
        await host.wait_log("web off: enabled = false")
        host.end_of_input()
        assert await host.end() == 0


async def test_a_port_in_use_ends_only_a_host_that_has_nothing_else(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        async with host_with(tmp_path, PIPE, API_PORT=port) as host:
            await host.wait_log("error", f"web off: web.port: {port} at 127.0.0.1 is in use")
            await host.say("Hello")
            host.end_of_input()
            assert await host.end() == 0
            assert host.text.strip()
        async with host_with(tmp_path, ALONE, API_PORT=port) as host:
            assert await host.end() == 2
            assert "API_PORT" in host.all_log
        async with host_with(tmp_path, PIPE, "check", API_PORT=port) as host:
            assert await host.end() == 1
            assert f"BAD web: web.port: {port} at 127.0.0.1 is in use" in host.text
    async with host_with(tmp_path, PIPE, "check") as host:
        assert await host.end() == 0
        assert re.search(r"ok  web: port \d+ at 127\.0\.0\.1 is free", host.text)


async def test_a_request_under_way_is_answered_when_the_host_is_told_to_stop(tmp_path: Path) -> None:
    async with host_with(tmp_path, ALONE) as host:
        url = await url_of(host)
        async with aiohttp.ClientSession(headers=BEARER) as client:
            while (await client.get(url + "/health/ready")).status != 200:
                await asyncio.sleep(0.01)
            body = {"text": "Hello", "stream": True}
            async with client.post(f"{url}/api/v1/agents/Eliza/messages", json=body) as answer:
                host.signal()
                text = await answer.text()
        assert "event: done" in text or "waits in the inbox" in text
        assert await host.end() == 0
        assert "Traceback" not in host.all_log
