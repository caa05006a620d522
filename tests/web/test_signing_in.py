"""A browser that signs in, and those who guess."""

import asyncio

import aiohttp
import pytest

from bot_host.web import throttle
from bot_host.web.errors import ApiError
from bot_host.web.sessions import COOKIE, LASTS_S, Sessions, session_of, set_cookie
from bot_host.web.throttle import AT_ONCE, Throttle
from tests.web.conftest import Site, Sites

TOKEN = "a token with ümlauts"
LOOK = "/api/v1/session"


async def test_a_browser_signs_in_and_out(site_at: Sites) -> None:
    async with site_at(token=TOKEN) as site, aiohttp.ClientSession(site.web.url) as browser:
        async with browser.get(LOOK) as answer:
            assert await answer.json() == {"needed": True, "signed_in": False}
        async with browser.get("/api/v1/agents") as answer:
            assert answer.status == 401
        async with browser.post(LOOK, json={"token": TOKEN}) as answer:
            assert answer.status == 204
            cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert TOKEN not in cookie
        kept = {"Cookie": cookie.partition(";")[0]}
        async with browser.get("/api/v1/agents", headers=kept) as answer:
            assert answer.status == 200
        async with browser.get(LOOK, headers=kept) as answer:
            assert await answer.json() == {"needed": True, "signed_in": True}
        async with browser.delete(LOOK, headers=kept) as answer:
            assert answer.status == 204
        async with browser.get("/api/v1/agents", headers=kept) as answer:
            assert answer.status == 401


async def test_without_a_token_nobody_signs_in(site: Site) -> None:
    status, body, _ = await site.get(LOOK)
    assert (status, body) == (200, {"needed": False, "signed_in": True})


async def test_a_wrong_token_is_refused_and_named_nowhere(site_at: Sites) -> None:
    async with site_at(token=TOKEN) as site:
        status, body, headers = await site.ask("POST", LOOK, json={"token": "wrong one"})
        assert (status, body["code"]) == (401, "unauthorized")
        assert "Set-Cookie" not in headers
        assert "wrong one" not in str(body)
        for nonsense in ({}, {"token": ""}, {"token": 1}, {"token": TOKEN, "more": 1}, []):
            status, body, _ = await site.ask("POST", LOOK, json=nonsense)
            assert (status, body["status"], body["code"]) == (400, 400, "bad_request"), nonsense
            assert TOKEN not in str(body)


async def test_a_cookie_of_a_strange_page_opens_nothing(site_at: Sites) -> None:
    async with site_at(token=TOKEN) as site:
        good = {"Cookie": f"{COOKIE}={Sessions(TOKEN).make()}"}
        assert (await site.get("/api/v1/agents", headers=good))[0] == 200
        for strange in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert (await site.get("/api/v1/agents", headers={**good, **strange}))[0] == 403
            status, _, _ = await site.ask("POST", LOOK, headers=strange, json={"token": TOKEN})
            assert status == 403
        assert (await site.get("/api/v1/agents", headers={**good, "Sec-Fetch-Site": "same-origin"}))[0] == 200


def test_a_session_is_known_by_its_token_until_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = Sessions(TOKEN)
    value = sessions.make()
    assert sessions.knows(value)
    assert Sessions(TOKEN).knows(value)
    assert not Sessions("another").knows(value)
    said, _, proof = value.rpartition(".")
    for forged in ("", ".", "..", f"9{said}.{proof}", f"{said}.{proof[:-1]}", f"x.{proof}", f"{said}.ü"):
        assert not sessions.knows(forged), forged
    later = float(said.partition(".")[0]) + 1
    monkeypatch.setattr("bot_host.web.sessions.time.time", lambda: later)
    assert not sessions.knows(value)


def test_cookies_that_are_none() -> None:
    assert session_of("") == ""
    assert session_of("a=b; c=d") == ""
    assert session_of(f"x=1; {COOKIE}=value; y=2") == "value"
    assert "Secure" in set_cookie("v", secure=True)
    assert f"Max-Age={LASTS_S}" in set_cookie("v", secure=False)


async def guess(guesses: Throttle, *, wrong: bool) -> None:
    async with guesses.attempt("192.0.2.1") as attempt:
        attempt.wrong = wrong


async def test_each_wrong_token_costs_twice_as_much(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(throttle, "sleep", wait)
    guesses = Throttle()
    for _ in range(8):
        await guess(guesses, wrong=True)
    assert waits == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    await guess(guesses, wrong=False)
    await guess(guesses, wrong=True)
    assert waits[8:] == [0.25]


async def test_guesses_side_by_side_are_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, waiting = asyncio.Event(), asyncio.Semaphore(0)

    async def wait(seconds: float) -> None:
        waiting.release()
        await go_on.wait()

    monkeypatch.setattr(throttle, "sleep", wait)
    guesses = Throttle()
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(guess(guesses, wrong=True))
            await waiting.acquire()
        with pytest.raises(ApiError) as refused:
            await guess(guesses, wrong=False)
        assert refused.value.status_code == 429
        async with guesses.attempt("192.0.2.2"):
            pass
        go_on.set()
    await guess(guesses, wrong=False)
