"""What connectors serve over HTTP: whose it is, what keeps others out, and what platforms are told."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from bot_host.connector import ConnectorConfig, HttpAnswer, HttpRequest, HttpRoute
from bot_host.testing.platform import FakePlatform
from tests.web.conftest import Site, Sites

TOKEN = "our-own-web-token"


class Called(FakePlatform):
    """A connector with one address, which takes what carries its secret."""

    def __init__(self, secret: str, *, account_id: str = "") -> None:
        super().__init__(account_id=account_id or secret)
        self.secret = secret
        self.asked: list[HttpRequest] = []
        self.address = ""
        self.refusing = False

    def use_address(self, base: str) -> None:
        self.address = base

    def http_routes(self) -> Sequence[HttpRoute]:
        return [HttpRoute(method="POST", path="/in", handler=self.take)]

    async def take(self, request: HttpRequest) -> HttpAnswer | None:
        self.asked.append(request)
        if request.headers.get("x-secret") == self.secret:
            return HttpAnswer(body=b"mine", content_type="text/plain", headers={"X-Who": self.secret})
        return HttpAnswer(status=403) if self.refusing else None


def add(site: Site, *connectors: Called) -> None:
    for connector in connectors:
        site.host.add_connector(connector, ConnectorConfig(), name=connector.secret, agent_id=site.agent_id)


async def post(
    site: Site, secret: str = "", path: str = "/fake/in", **how: Any
) -> tuple[int, str, dict[str, str]]:
    headers = {"X-Secret": secret, **how.pop("headers", {})}
    async with site.client.post(site.web.url + path, headers=headers, **how) as answer:
        return answer.status, await answer.text(), dict(answer.headers)


async def test_a_request_comes_as_it_is_and_the_answer_goes_back(site: Site) -> None:
    one = Called("one")
    add(site, one)
    raw = b'{"a":\x00\xff'
    status, text, headers = await post(site, "one", "/fake/in?b=1&b=2&c=", data=raw)
    assert (status, text, headers["x-who"]) == (200, "mine", "one")
    [asked] = one.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/in", raw)
    assert asked.query == {"b": "2", "c": ""}
    assert asked.headers["x-secret"] == "one"
    site.host.use_address("https://bots.example.org")
    assert one.address == "https://bots.example.org/fake"


async def test_accounts_that_share_an_address_are_asked_one_after_the_other(site: Site) -> None:
    one, two = Called("one"), Called("two")
    add(site, one, two)
    assert (await post(site, "two"))[0] == 200
    assert (await post(site, "three"))[0] == 404
    one.refusing = True
    # A refusal is no answer for the others; it stands where nobody takes it.
    assert (await post(site, "two"))[2]["x-who"] == "two"
    assert (await post(site, "three"))[0] == 403
    assert [len(each.asked) for each in (one, two)] == [4, 4]


async def test_other_paths_and_methods(site: Site) -> None:
    add(site, Called("one"))
    for path in ("/fake", "/fake/", "/fake/in/", "/fake/in/more", "/other/in", "/fake/in%2F"):
        assert (await post(site, "one", path))[0] == 404, path
    status, _, headers = await site.get("/fake/in")
    assert (status, headers["Allow"]) == (405, "POST")
    assert (await site.ask("DELETE", "/api/v1/agents"))[0] == 405


async def test_they_stand_outside_the_token_and_under_any_name(site_at: Sites) -> None:
    for token in ("", TOKEN):
        async with site_at(token=token) as site:
            add(site, Called("one"))
            proxied = {"Host": "bots.example.org", "Origin": "https://elsewhere.example"}
            assert (await post(site, "one", headers=proxied))[0] == 200
            status, _, _ = await site.get("/fake/elsewhere", headers={"Host": "bots.example.org"})
            assert status == (404 if token else 403)
            status, _, _ = await site.get("/api/v1/agents", headers={"Host": "bots.example.org"})
            assert status == (401 if token else 403)


async def test_while_the_host_stops_platforms_are_told_to_come_again(site: Site) -> None:
    one = Called("one")
    add(site, one)
    site.web.drain()
    assert (await post(site, "one"))[0] == 503
    assert one.asked == []


async def test_large_bodies_are_refused_unread(site: Site) -> None:
    one = Called("one")
    add(site, one)
    assert (await post(site, "one", data=b"x" * 1_000_001))[0] == 413
    assert (await post(site, "one", data=b"x" * 1_000_000))[0] == 200
    told = b"POST /fake/in HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert (await site.raw(told + b"f4250\r\n" + b"x" * 0xF4250 + b"\r\n")).startswith(b"HTTP/1.1 413")
    assert len(one.asked) == 1


async def test_a_handler_that_fails_or_hangs_costs_nobody_else(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Called):
        async def take(self, request: HttpRequest) -> HttpAnswer | None:
            if "slow" in request.query:
                await asyncio.Event().wait()
            raise RuntimeError("a slip")

    class Nowhere(Called):
        def http_routes(self) -> Sequence[HttpRoute]:
            raise RuntimeError("no addresses")

    monkeypatch.setattr("bot_host.web.connector_routes.HANDLER_SECONDS", 0.05)
    add(site, Nowhere("none"), Broken("broken"))
    assert (await post(site, "one"))[0] == 500
    assert (await post(site, "one", "/fake/in?slow=1"))[0] == 503
    assert "broken failed at POST /in" in caplog.text
    assert "broken: no answer to POST /in in time" in caplog.text
    assert "none: its addresses cannot be served" in caplog.text


async def test_a_body_that_does_not_come_is_not_waited_for(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot_host.web.connector_routes.BODY_SECONDS", 0.05)
    add(site, Called("one"))
    begun = b"POST /fake/in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc"
    assert (await site.raw(begun)).startswith(b"HTTP/1.1 408")
