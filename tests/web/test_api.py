"""Health, agents, who may ask, and what every answer carries."""

import asyncio
import logging
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bot_host.app.listen import close_all, listen
from bot_host.config.schema import WebConfig
from bot_host.types.errors import ConfigError, ModelError
from bot_host.web.auth import names_this_machine
from tests.web.conftest import Site, Sites

ROOT = Path(__file__).parent.parent.parent
TOKEN = "a token with ümlauts"


async def test_live_always_and_ready_once_the_agents_are(site_at: Sites) -> None:
    async with site_at(started=False) as site:
        assert (await site.get("/health/live"))[:2] == (200, {"status": "live"})
        status, body, _ = await site.get("/health/ready")
        assert (status, body["reason"]) == (503, "1 of 1 agents are not started")
        status, body = await site.say("Hello")
        assert (status, body["code"]) == (503, "unavailable")
        await site.host.start_agents()
        ready = {"status": "ready", "pending": 0, "unsent": 0, "balanced": True}
        assert (await site.get("/health/ready"))[:2] == (200, ready)


async def test_ready_asks_the_store(site: Site) -> None:
    await site.host.store.close()
    status, body, _ = await site.get("/health/ready")
    assert (status, body["reason"]) == (503, "the database does not answer")
    status, body, _ = await site.get("/api/v1/status")
    assert (status, body["detail"]) == (503, "the database does not answer")
    assert (await site.get("/health/live"))[0] == 200


async def test_a_stopping_host_is_not_ready_and_takes_no_messages(site: Site) -> None:
    site.web.drain()
    assert (await site.get("/health/ready"))[1]["reason"] == "the host is stopping"
    status, body = await site.say("Hello")
    assert (status, body["detail"]) == (503, "the host is stopping")
    assert site.model.requests == []


async def test_the_agents_are_listed(site_at: Sites) -> None:
    async with site_at(names=("Eliza", "Sage")) as site:
        status, body, _ = await site.get("/api/v1/agents")
        assert status == 200
        assert [(a["name"], a["status"]) for a in body["agents"]] == [("Eliza", "active"), ("Sage", "active")]
        assert body["agents"][0]["id"] == site.agent_id


async def test_the_status_tells_what_came_in_and_how_it_ended(site: Site) -> None:
    await site.say("Hello")
    site.model.answers.append(ModelError("out of order"))
    await site.say("Hello?")
    site.model.hold.clear()
    waiting = asyncio.ensure_future(site.say("And now?"))
    await site.model.wait_asked(3)
    status, body, _ = await site.get("/api/v1/status")
    assert status == 200
    assert body["messages"] == {
        "received": 3,
        "answered": 1,
        "ignored": 0,
        "superseded": 0,
        "failed": 1,
        "pending": 1,
        "balanced": True,
    }
    assert body["inbox"]["under_way"] == 1
    assert body["inbox"]["last_error"]["error"] == "out of order"
    assert body["lanes"]["rooms"] == {"working": 1, "waiting": 0}
    assert [agent["name"] for agent in body["agents"]] == ["Eliza"]
    assert body["stopping"] is False
    ready = (await site.get("/health/ready"))[1]
    assert (ready["pending"], ready["unsent"], ready["balanced"]) == (1, 0, True)
    site.model.hold.set()
    await waiting


async def test_the_status_of_a_host_that_has_not_begun(site_at: Sites) -> None:
    async with site_at(started=False) as site:
        status, body, _ = await site.get("/api/v1/status")
        assert (status, body["agents"][0]["started"]) == (200, False)
        assert "messages" not in body


async def test_with_a_token_only_health_is_open(site_at: Sites) -> None:
    async with site_at(token=TOKEN) as site:
        assert (await site.get("/health/live"))[0] == 200
        assert (await site.get("/health/ready"))[0] == 200
        for wrong in (None, "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN):
            given = {"Authorization": wrong} if wrong is not None else {}
            for method, path in (
                ("GET", "/api/v1/agents"),
                ("GET", "/api/v1/status"),
                ("POST", "/api/v1/agents/Eliza/messages"),
                ("GET", "/plugins/none/at-all"),
                ("GET", "/api/v1/agents/nobody/plugins/x"),
            ):
                status, body, headers = await site.ask(method, path, headers=given)
                assert (status, body["code"]) == (401, "unauthorized"), (wrong, path)
                assert headers["WWW-Authenticate"] == "Bearer"
                assert TOKEN not in str(body)
        for right in (f"Bearer {TOKEN}", f"bearer  {TOKEN}"):
            assert (await site.get("/api/v1/agents", headers={"Authorization": right}))[0] == 200
        # The token is never taken from an address, where logs and histories would keep it.
        assert (await site.get("/api/v1/agents", params={"token": TOKEN}))[0] == 401


async def test_a_rebound_name_and_a_strange_page_are_refused(site: Site) -> None:
    for host in (
        "evil.example",
        "evil.example:3000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "[",
    ):
        status, body, _ = await site.get("/health/live", headers={"Host": host})
        assert (status, body["code"]) == (403, "forbidden"), host
    for host in ("localhost", "LOCALHOST:80", "127.0.0.1:1", "127.0.0.9", "[::1]:3000"):
        assert (await site.get("/health/live", headers={"Host": host}))[0] == 200, host
    for origin in ("http://evil.example", "null", "http://[", f"http://127.0.0.1:{site.web.port + 1}"):
        status, body, _ = await site.get("/api/v1/agents", headers={"Origin": origin})
        assert status == 403, origin
    assert (await site.get("/api/v1/agents", headers={"Origin": site.web.url}))[0] == 200
    answer = await site.raw(b"GET /health/live HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")


def test_the_configured_name_is_one_of_this_machine_s() -> None:
    assert names_this_machine("[::1]:80", configured="::1")
    assert names_this_machine("my-laptop:3000", configured="My-Laptop")
    assert not names_this_machine("", configured="127.0.0.1")


async def test_behind_a_token_a_proxy_may_use_its_own_name(site_at: Sites) -> None:
    async with site_at(token=TOKEN) as site:
        assert (await site.get("/health/live", headers={"Host": "bots.example"}))[0] == 200


async def test_every_answer_is_dressed_and_names_no_server(site: Site) -> None:
    for path in ("/health/live", "/api/v1/agents", "/nowhere", "/api/v1/agents/nobody/plugins/x"):
        _, _, headers = await site.get(path, headers={"Origin": site.web.url})
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Date"].endswith("GMT")
        assert "Server" not in headers
        assert not [name for name in headers if name.lower().startswith("access-control-")]


async def test_unknown_addresses_and_methods(site: Site) -> None:
    for path in ("/api", "/console/none.js", "/api/v1/agents/", "/health/live/", "/docs"):
        status, body, _ = await site.get(path)
        assert (status, body["code"]) == (404, "not_found"), path
    for method, path, allowed in (
        ("POST", "/health/live", "GET"),
        ("DELETE", "/api/v1/agents/Eliza/messages", "POST"),
        ("OPTIONS", "/api/v1/agents/Eliza/messages", "POST"),
        ("DELETE", "/api/v1/agents", "GET"),
    ):
        status, body, headers = await site.ask(method, path)
        assert (status, body["code"]) == (405, "method_not_allowed"), path
        assert allowed in headers["Allow"]
    async with site.client.head(site.web.url + "/health/live") as answer:
        assert answer.status == 200


async def test_nonsense_instead_of_http(site: Site) -> None:
    assert (await site.raw(b"\x16\x03\x01 hello\r\n\r\n")).startswith(b"HTTP/1.1 400")
    assert (await site.get("/health/live"))[0] == 200


async def test_the_access_log_has_no_query_and_one_line(
    site_at: Sites, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="bot_host")
    async with site_at(token=TOKEN) as site:
        await site.get(
            "/api/v1/agents", params={"key": "in-the-query"}, headers={"Authorization": f"Bearer {TOKEN}"}
        )
        await site.get("/no%0a12:00:00%20error%20forged")
        await site.get("/health/live")
    lines = [record.getMessage() for record in caplog.records if record.name == "bot_host.web.door"]
    assert lines[0].startswith("GET /api/v1/agents 200 in ")
    assert lines[1].startswith("GET /no 12:00:00 error forged 404 in ")
    assert len(lines) == 2  # health checks are not worth a line
    text = " ".join(record.getMessage() for record in caplog.records)
    assert "in-the-query" not in text
    assert TOKEN not in text


async def test_signals_stay_where_they_were(site_at: Sites) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with site_at() as site:
        await site.get("/health/live")
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
        await site.web.stop()
        await site.web.stop()
        with pytest.raises(OSError, match="Connect"):
            await asyncio.open_connection("127.0.0.1", site.web.port)


async def test_a_port_in_use_names_the_key_and_the_way_out() -> None:
    first = await listen(WebConfig(port=0))
    port = first[0].getsockname()[1]
    try:
        with pytest.raises(ConfigError, match=rf"web\.port: {port} at 127\.0\.0\.1 is in use.*API_PORT"):
            await listen(WebConfig(port=port))
    finally:
        close_all(first)
    close_all(await listen(WebConfig(port=port)))


async def test_every_address_of_a_name_has_the_same_port() -> None:
    sockets = await listen(WebConfig(host="localhost", port=0))
    try:
        assert len({each.getsockname()[1] for each in sockets}) == 1
    finally:
        close_all(sockets)


@pytest.mark.parametrize("host", ["192.0.2.1", "no such name"])
async def test_an_address_of_another_machine_is_named(host: str) -> None:
    with pytest.raises(ConfigError, match=r"web\.host: .*no address of this machine"):
        await listen(WebConfig(host=host, port=0, token="needed here"))


def test_the_web_libraries_are_not_loaded_before_they_are_needed() -> None:
    code = (
        "import sys, bot_host, bot_host.cli, bot_host.web\n"
        "bot_host.BotHost\n"
        "print([name for name in ('starlette', 'uvicorn', 'h11') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


async def test_ipv6(site: Site) -> None:
    try:
        sockets = await listen(WebConfig(host="::1", port=0))
    except ConfigError:
        pytest.skip("no IPv6 here")
    assert sockets[0].family is socket.AF_INET6
    close_all(sockets)
