"""The console's chat by its addresses: the same inbox, lanes and outbox as everywhere."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from bot_host.types.ids import create_unique_uuid
from tests.web.conftest import Site, Sites

TALK = "/api/v1/agents/Eliza/conversations/one"


@pytest.fixture
async def chat(site: Site) -> Site:
    site.host.start_connectors()
    async with asyncio.timeout(10):
        while not any(runner.state == "connected" for runner in site.host.connectors):
            await asyncio.sleep(0.01)
    return site


class Page:
    """A browser's page that hears what happens."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def next(self, *wanted: str) -> tuple[str, Any]:
        """The next event of one of these names."""
        name = ""
        async with asyncio.timeout(20):
            while True:
                line = (await self._answer.content.readline()).decode().strip()
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: ") and name in wanted:
                    return name, json.loads(line.removeprefix("data: "))


@asynccontextmanager
async def page(site: Site, talk: str = TALK) -> AsyncIterator[Page]:
    async with site.client.get(f"{site.web.url}{talk}/events") as answer:
        assert answer.content_type == "text/event-stream"
        one = Page(answer)
        await one.next("hello")
        yield one


async def say(site: Site, text: str, **more: Any) -> dict[str, Any]:
    status, body, _ = await site.ask("POST", f"{TALK}/messages", json={"text": text, **more})
    assert status == 202, body
    told: dict[str, Any] = body
    return told


async def said(site: Site) -> list[dict[str, Any]]:
    status, body, _ = await site.get(f"{TALK}/messages")
    assert status == 200
    return list(reversed(body["items"]))


async def answered(site: Site) -> None:
    await site.host.finish_pending()


async def test_an_answer_is_written_before_the_eyes_and_stays(chat: Site) -> None:
    chat.model.answers.append("**Hello** there")
    async with page(chat) as open_page:
        told = await say(chat, "Hi, who are you?")
        # The question and the first words of the answer may come in any order.
        heard = [await open_page.next("message", "chunk", "over") for _ in range(4)]
    messages = [data for name, data in heard if name == "message"]
    (first,) = [data for name, data in heard if name == "chunk"]
    mine, whole = messages
    assert (mine["id"], mine["text"], mine["from"]) == (told["id"], "Hi, who are you?", "you")
    assert (whole["id"], first["text"]) == (first["id"], "**Hello** there")
    assert whole["tree"] == [["p", {}, ["strong", {}, "Hello"], " there"]]
    await answered(chat)
    question, answer = await said(chat)
    assert (question["outcome"], question["done"], question["key"]) == ("answered", True, told["key"])
    assert answer["from"] == "agent"
    assert answer["run_id"] == question["run_id"] is not None


async def test_it_is_a_connector_like_the_others(chat: Site) -> None:
    await say(chat, "Hello")
    await answered(chat)
    _, status, _ = await chat.get("/api/v1/status")
    (web,) = status["connectors"]
    assert (web["platform"], web["state"], web["account"]) == ("web", "connected", f"web:{chat.agent_id}")
    assert status["messages"]["answered"] == 1
    assert status["outbox"]["waiting"] == 0
    assert web["events"] == 1


async def test_conversations_are_apart_and_have_names(chat: Site) -> None:
    await say(chat, "The first words\nand more")
    await answered(chat)
    chat.model.requests.clear()
    status, _, _ = await chat.ask(
        "POST", "/api/v1/agents/Eliza/conversations/two/messages", json={"text": "Another"}
    )
    assert status == 202
    await answered(chat)
    assert "The first words" not in str(chat.model.requests)
    _, body, _ = await chat.get("/api/v1/agents/Eliza/conversations")
    assert [(each["id"], each["name"]) for each in body["items"]] == [
        ("two", "Another"),
        ("one", "The first words and more"),
    ]
    _, first, _ = await chat.get("/api/v1/agents/Eliza/conversations?count=1")
    _, second, _ = await chat.get(
        "/api/v1/agents/Eliza/conversations", params={"count": "1", "after": first["next"]}
    )
    assert [each["id"] for each in (*first["items"], *second["items"])] == ["two", "one"]
    assert second["next"] is None
    status, body, _ = await chat.ask("PATCH", TALK, json={"name": "A better name"})
    assert (status, body["name"]) == (200, "A better name")
    await say(chat, "More")
    await answered(chat)
    status, _, _ = await chat.get(f"{TALK}/messages")
    async with chat.client.delete(chat.web.url + TALK) as gone:
        assert gone.status == 204
    _, body, _ = await chat.get("/api/v1/agents/Eliza/conversations")
    assert [each["name"] for each in body["items"]] == ["Another"]
    assert await said(chat) == []


async def test_history_goes_by_pages(chat: Site) -> None:
    for i in range(4):
        await say(chat, f"Line {i}")
        await answered(chat)
    seen: list[str] = []
    after = ""
    while True:
        _, body, _ = await chat.get(f"{TALK}/messages", params={"count": "3", "after": after})
        seen += [each["text"] for each in body["items"] if each["from"] == "you"]
        after = body["next"] or ""
        if not after:
            break
    assert seen == ["Line 3", "Line 2", "Line 1", "Line 0"]


async def test_stop_ends_the_answer(chat: Site) -> None:
    chat.model.hold.clear()
    await say(chat, "Tell me a long story")
    await chat.model.wait_asked(1)
    async with chat.client.post(f"{chat.web.url}{TALK}/stop", json={}) as stopped:
        assert stopped.status == 204
    chat.model.hold.set()
    await answered(chat)
    (question,) = await said(chat)
    assert (question["outcome"], question["reason"]) == ("superseded", "stopped")


async def test_once_more_takes_the_answer_s_place(chat: Site) -> None:
    chat.model.answers += ["The first answer", "The second answer"]
    told = await say(chat, "A question")
    await answered(chat)
    status, again, _ = await chat.ask("POST", f"{TALK}/messages/{told['key']}/retry")
    assert status == 202
    await answered(chat)
    assert [each["text"] for each in await said(chat)] == ["A question", "The second answer"]
    assert again["key"] != told["key"]


async def test_an_edit_changes_the_answer(chat: Site) -> None:
    chat.model.answers += ["About cats", "About dogs"]
    told = await say(chat, "Tell me of cats")
    await answered(chat)
    async with page(chat) as open_page:
        status, _, _ = await chat.ask(
            "PATCH", f"{TALK}/messages/{told['key']}", json={"text": "Tell me of dogs"}
        )
        assert status == 200
        _, mine = await open_page.next("message")
        assert (mine["text"], mine["edited"]) == ("Tell me of dogs", True)
        _, changed = await open_page.next("message")
        assert changed["text"] == "About dogs"
    assert [each["text"] for each in await said(chat)] == ["Tell me of dogs", "About dogs"]


async def test_a_deleted_question_takes_its_answer_along(chat: Site) -> None:
    told = await say(chat, "Forget this")
    await answered(chat)
    async with chat.client.delete(f"{chat.web.url}{TALK}/messages/{told['key']}") as gone:
        assert gone.status == 204
    await answered(chat)
    assert await said(chat) == []


async def test_files_go_in_and_come_out(chat: Site) -> None:
    async with chat.client.post(
        f"{chat.web.url}/api/v1/files", params={"name": "notes.txt"}, data=b"The code is 4711."
    ) as answer:
        assert answer.status == 201
        file = await answer.json()
    await say(chat, "What does it say?", attachments=[{"file": file["file"], "name": file["name"]}])
    await answered(chat)
    assert "The code is 4711." in str(chat.model.requests[-1])
    question = (await said(chat))[0]
    (shown,) = question["attachments"]
    assert shown["name"] == "notes.txt"
    async with chat.client.get(chat.web.url + shown["url"]) as got:
        assert await got.read() == b"The code is 4711."
        assert got.headers["Content-Disposition"].startswith("attachment")
        assert "sandbox" in got.headers["Content-Security-Policy"]
    assert (await chat.get("/api/v1/files/..%2f..%2fbot.db"))[0] == 404


async def test_what_does_not_fit_is_named(chat: Site) -> None:
    for path, body, word in (
        (f"{TALK}/messages", {"text": " "}, "text"),
        (f"{TALK}/messages", {"texd": "x"}, "texd"),
        (f"{TALK}/messages", {"text": 1}, "text"),
        ("/api/v1/agents/Eliza/conversations/bad%20name/messages", {"text": "x"}, "conversation"),
    ):
        status, told, _ = await chat.ask("POST", path, json=body)
        assert status == 400, path
        assert word in told["detail"]
    for method, path in (
        ("PATCH", f"{TALK}/messages/none"),
        ("DELETE", f"{TALK}/messages/{create_unique_uuid(chat.agent_id, 'x')}"),
        ("DELETE", "/api/v1/agents/Eliza/conversations/none"),
        ("GET", "/api/v1/agents/Nobody/conversations"),
    ):
        status, told, _ = await chat.ask(method, path, json={"text": "x"} if method == "PATCH" else None)
        assert (status, told["code"]) == (404, "not_found"), path
    status, told, _ = await chat.get("/api/v1/agents/Eliza/conversations?after=nonsense")
    assert status == 400
    assert "cursor" in told["detail"]


async def test_a_file_that_is_too_large_is_refused_and_others_are_not(chat: Site) -> None:
    async with chat.client.post(f"{chat.web.url}/api/v1/files", data=io.BytesIO(b"x" * 2_000_000)) as answer:
        assert answer.status == 201
    head = b"POST /api/v1/files HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99000000\r\n\r\n"
    assert b"413" in (await chat.raw(head)).splitlines()[0]
    async with chat.client.post(f"{chat.web.url}/api/v1/files", data=b"") as answer:
        assert answer.status == 400


async def test_before_the_connectors_run_nothing_is_taken(site_at: Sites) -> None:
    async with site_at() as site:
        status, told, _ = await site.ask("POST", f"{TALK}/messages", json={"text": "Hello"})
        assert (status, told["code"]) == (409, "conflict")
        assert "starts or stops" in told["detail"]
