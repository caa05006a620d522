"""Routes that plugins bring."""

import logging
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from bot_host.plugin import Agent, Plugin, Route
from tests.web.conftest import Sites

TOKEN = "the-web-token"


async def name(request: Request, agent: Agent) -> Any:
    return {"agent": agent.character.name, "path": request.path_params, "query": dict(request.query_params)}


async def echo(request: Request, agent: Agent) -> Any:
    return await request.json()


async def page(request: Request, agent: Agent) -> Any:
    return HTMLResponse("<p>hi</p>", headers={"Content-Security-Policy": "default-src 'self'"})


async def away(request: Request, agent: Agent) -> Any:
    return RedirectResponse("/elsewhere")


async def broken(request: Request, agent: Agent) -> Any:
    raise RuntimeError("internals that nobody should see")


async def no_json(request: Request, agent: Agent) -> Any:
    return {"a": object()}


GARDEN = Plugin(
    name="@ada/garden",
    routes=(
        Route(method="GET", path="/beds/{bed}", handler=name),
        Route(method="POST", path="/beds", handler=echo),
        Route(method="GET", path="/beds", handler=name),
        Route(method="GET", path="/", handler=page),
        Route(method="POST", path="/hook/{secret}", handler=echo, public=True),
        Route(method="GET", path="/away", handler=away),
        Route(method="GET", path="/broken", handler=broken),
        Route(method="GET", path="/no-json", handler=no_json),
    ),
)
BASE = "/plugins/@ada/garden"


async def test_a_route_gets_request_and_agent(site_at: Sites) -> None:
    async with site_at(plugins=(GARDEN,), names=("Eliza", "Sage")) as site:
        status, body, headers = await site.get(f"{BASE}/beds/roses?full=1")
        assert (status, body) == (
            200,
            {"agent": "Eliza", "path": {"bed": "roses"}, "query": {"full": "1"}},
        )
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert (await site.get(f"{BASE}/beds?agent=sage"))[1]["agent"] == "Sage"
        assert (await site.get("/api/v1/agents/Sage/plugins/@ada/garden/beds"))[1]["agent"] == "Sage"
        assert (await site.ask("POST", f"{BASE}/beds", json={"bed": 1}))[1] == {"bed": 1}
        async with site.client.get(site.web.url + BASE) as answer:
            assert await answer.text() == "<p>hi</p>"
            assert answer.headers["Content-Security-Policy"] == "default-src 'self'"
        async with site.client.head(site.web.url + BASE + "/beds") as answer:
            assert answer.status == 200
        async with site.client.get(site.web.url + BASE + "/away", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (307, "/elsewhere")


async def test_what_does_not_fit_is_refused(site_at: Sites) -> None:
    async with site_at(plugins=(GARDEN,)) as site:
        for path in (
            f"{BASE}/nothing",
            f"{BASE}/beds/a/b",
            "/plugins/@ada/gardenbeds",
            "/plugins/other/beds",
        ):
            assert (await site.get(path))[0] == 404, path
        status, _, headers = await site.ask("PUT", f"{BASE}/beds")
        assert (status, headers["Allow"]) == (405, "GET, POST")
        status, body, _ = await site.get(f"{BASE}/beds?agent=Elisa")
        assert status == 404
        assert "Eliza" in body["detail"]
        status, _, _ = await site.ask("POST", f"{BASE}/beds", data=b'"' + b"x" * 1_000_000 + b'"')
        assert status == 413


async def test_faults_are_contained_and_told_to_the_log_only(
    site_at: Sites, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = Plugin(name="wrong", routes=(Route(method="GET", path="/{bed:nothing}", handler=name),))
    async with site_at(plugins=(GARDEN, wrong)) as site:
        assert (await site.get("/plugins/wrong/x"))[0] == 404
        for path in ("/broken", "/no-json"):
            status, body, _ = await site.get(BASE + path)
            assert (status, body["code"]) == (500, "internal_error")
            assert "internals" not in str(body)
            assert "@ada/garden" in body["detail"]
        assert (await site.get("/health/live"))[0] == 200
    assert "internals that nobody should see" in caplog.text
    assert caplog.text.count("path of a plugin's route is wrong") == 1


async def test_public_routes_need_no_token_and_others_do(
    site_at: Sites, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="bot_host")
    async with site_at(plugins=(GARDEN,), token=TOKEN) as site:
        assert (await site.get(f"{BASE}/beds"))[0] == 401
        status, body, _ = await site.ask("POST", f"{BASE}/hook/s3cr3t-path", json=[1])
        assert (status, body) == (200, [1])
        right = {"Authorization": f"Bearer {TOKEN}"}
        assert (await site.get(f"{BASE}/beds", headers=right))[0] == 200
        assert (await site.ask("PUT", f"{BASE}/hook/s3cr3t-path"))[0] == 401
        assert (await site.get(f"{BASE}/nothing"))[0] == 401
    assert "POST /plugins/@ada/garden/hook/{secret} 200" in caplog.text
    assert "s3cr3t-path" not in caplog.text


async def test_routes_of_a_plugin_that_comes_later(site_at: Sites) -> None:
    async with site_at() as site:
        assert (await site.get(f"{BASE}/beds"))[0] == 404
        site.host.get_agent(site.agent_id).routes.append((GARDEN.name, GARDEN.routes[2]))
        assert (await site.get(f"{BASE}/beds"))[0] == 200
