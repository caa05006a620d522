"""What must hold for every address: strange pages, strange names, secrets, bodies and headers without end."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot_host.app.build import load
from bot_host.connector import ConnectorConfig, HttpAnswer, HttpRequest, HttpRoute
from bot_host.plugin import Agent, Plugin, Route
from bot_host.testing.platform import FakePlatform
from bot_host.types.character import Character
from bot_host.web import door
from tests.web.conftest import Site, Sites

STRANGE = (
    ({"Origin": "http://evil.example"}, "other web pages"),
    ({"Origin": "null"}, "other web pages"),
    ({"Sec-Fetch-Site": "cross-site"}, "other web pages"),
    ({"Sec-Fetch-Site": "same-site"}, "other web pages"),
    ({"Host": "evil.example"}, "does not answer as"),
)
SECRET = "sk-THIS-is-not-for-anybody"


async def addresses(site: Site, **how: Any) -> list[tuple[str, str]]:
    """Every described address, with names of what is there."""
    _, document, _ = await site.get("/api/v1/openapi.json", **how)
    known = {"agent": "Keeper", "model": "Keeper", "conversation": "main"}
    return [
        (method.upper(), re.sub(r"\{(\w+)\}", lambda name: known.get(name[1], "x"), path))
        for path, item in document["paths"].items()
        for method in item
    ]


async def test_no_address_takes_what_a_strange_page_sends(site: Site) -> None:
    tried = [each for each in await addresses(site) if each[0] != "GET"]
    assert len(tried) > 8
    for method, path in tried:
        for headers, words in STRANGE:
            status, body, _ = await site.ask(method, path, headers=headers, data=b"{}")
            assert (status, words in str(body)) == (403, True), f"{method} {path} {headers}"
    assert site.model.requests == []


async def test_no_address_tells_a_strange_page_anything(site: Site) -> None:
    for method, path in await addresses(site):
        if method != "GET" or path.startswith("/health/"):
            continue
        for headers, words in STRANGE:
            status, body, _ = await site.ask(method, path, headers=headers)
            assert (status, words in str(body)) == (403, True), f"{method} {path} {headers}"
    for path in ("/health/live", "/api/v1/session", "/", "/console/style.css"):
        async with site.client.get(site.web.url + path, headers={"Host": "evil.example"}) as answer:
            assert answer.status == 403, path


class Named(FakePlatform):
    """A connector that is called like one of the host's own addresses."""

    def use_address(self, base: str) -> None:
        """It needs none."""

    def http_routes(self) -> Sequence[HttpRoute]:
        return [HttpRoute(method="GET", path=path, handler=self.take) for path in ("/models", "/v1/agents")]

    async def take(self, request: HttpRequest) -> HttpAnswer | None:
        return HttpAnswer(body=b"mine")


@pytest.mark.parametrize(("name", "path"), [("v1", "/v1/models"), ("api", "/api/v1/agents")])
async def test_a_connector_cannot_open_the_host_s_own_addresses(name: str, path: str, site: Site) -> None:
    connector = Named()
    connector.platform = name
    site.host.add_connector(connector, ConnectorConfig(), name=name, agent_id=site.agent_id)
    status, _, _ = await site.get(path, headers={"Host": "evil.example"})
    assert status == 403
    assert (await site.get(path))[0] == 200


async def test_plugins_stay_below_their_own_name(site_at: Sites) -> None:
    async def take(request: Any, agent: Agent) -> Any:
        return "the plugin's"

    routes = tuple(
        Route(method=method, path=path, handler=take)
        for method in ("GET", "POST")
        for path in ("/", "/api/v1/status", "/../../status", "/health/live")
    )
    plugins = tuple(Plugin(name=name, routes=routes) for name in ("garden", "../../api", "health"))
    async with site_at(plugins=plugins) as site:
        for path in ("/api/v1/status", "/health/live", "/api/v1/agents", "/v1/models"):
            status, body, _ = await site.get(path)
            assert (status, body == "the plugin's") == (200, False)
        assert (await site.get("/plugins/garden/api/v1/status"))[1] == "the plugin's"
        for headers, _ in STRANGE:
            status, _, _ = await site.ask("POST", "/plugins/garden/", headers=headers)
            assert status == 403


async def test_no_answer_holds_a_secret(site_at: Sites, tmp_path: Path) -> None:
    folder = tmp_path / "settings"
    folder.mkdir()
    (folder / ".env").write_text(f"OPENAI_API_KEY={SECRET}-env\n", encoding="utf-8")
    (folder / "config.toml").write_text(
        f'[web]\ntoken = "{SECRET}-web"\n[models.openai]\napi_key = "${{OPENAI_API_KEY}}"\n'
        f'[database]\nurl = "postgresql://bot:{SECRET}-db@localhost/bot"\n'
        f'[connectors.telegram]\ntoken = "123:{SECRET}-telegram"\n',
        encoding="utf-8",
    )
    token = f"{SECRET}-web"
    async with site_at(token=token) as site:
        site.web._api.hub.loaded = load(folder / "config.toml", {}, {})
        keeper = Character(
            name="Keeper", bio=["Keeps."], settings={"secrets": {"GARDEN_KEY": f"{SECRET}-character"}}
        )
        await site.host.add_agents([{"character": keeper, "plugins": ["basics", site.model.plugin]}])
        await site.host.start_agents()
        bearer = {"Authorization": f"Bearer {token}"}
        said = {"model": "Keeper", "messages": [{"role": "user", "content": "Hello"}]}
        assert (await site.ask("POST", "/v1/chat/completions", json=said, headers=bearer))[0] == 200
        asked = 0
        for method, path in await addresses(site, headers=bearer):
            if path.endswith("/events"):
                continue
            # A wrong body: what is refused must not say too much either.
            how = {} if method == "GET" else {"json": {"token": SECRET, "x": 1}}
            async with site.client.request(method, site.web.url + path, headers=bearer, **how) as answer:
                text = f"{answer.headers} {await answer.text()}"
            assert SECRET not in text, f"{method} {path}"
            asked += 1
        assert asked > 20


async def test_headers_without_end_are_refused(site: Site) -> None:
    head = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
    answer = await site.raw(head + b"X-Long: " + b"x" * 40_000)
    assert answer.startswith(b"HTTP/1.1 400")
    assert (await site.get("/health/live"))[0] == 200


@pytest.mark.parametrize(
    ("path", "form"), [("/v1/chat/completions", b'"error"'), ("/api/v1/session", b'"code"')]
)
async def test_a_body_that_does_not_come_is_not_waited_for(
    path: str, form: bytes, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "BODY_SECONDS", 0.05)
    monkeypatch.setattr(door, "FILE_SECONDS", 0.05)
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    async with asyncio.timeout(30):
        answer = await site.raw(head.encode() + b"Content-Length: 100\r\n\r\n{")
    assert answer.startswith(b"HTTP/1.1 408")
    assert form in answer
