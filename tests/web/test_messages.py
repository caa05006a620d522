"""Messages over HTTP: answers whole and streamed, bad requests, clients that leave."""

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot_host.app.build import load
from bot_host.app.reports import as_lines
from bot_host.app.why import Why
from bot_host.host import BotHost
from bot_host.host.result import MessageResult
from bot_host.types.errors import ModelError
from bot_host.types.ids import create_unique_uuid, is_uuid, new_id
from bot_host.types.places import Entity, Room
from bot_host.web.messages import Chunks
from tests.web.conftest import Site, Sites

HERE = "/api/v1/agents/Eliza/messages"


async def test_an_answer_as_json(site: Site, tmp_path: Path) -> None:
    status, body = await site.say("Hello there")
    assert status == 200
    assert set(body) == {"message_id", "text", "outcome", "reason", "run_id"}
    assert (body["text"], body["outcome"], body["reason"]) == (
        "echo: Hello there",
        "answered",
        "direct message",
    )
    with sqlite3.connect(tmp_path / "bot.db") as database:
        [(memory, state)] = database.execute("SELECT memory_id, state FROM inbox").fetchall()
        assert database.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
        [(run,)] = database.execute("SELECT id FROM runs").fetchall()
    database.close()
    assert (memory, state, run) == (body["message_id"], "done", body["run_id"])


async def test_why_calls_person_and_room_as_the_caller_does(site: Site, tmp_path: Path) -> None:
    await site.say("Hello there", entity_id="ada@example", room_id="kitchen ☕", user_name="Ada")
    await site.say("Hello again", room_id=new_id())
    (tmp_path / "config.toml").write_text("", encoding="utf-8")
    why = Why(load(tmp_path / "config.toml", {}, {}), site.host.store)
    lines = list(as_lines(await why.tell("row:1")))
    assert ("where", "HTTP API, room kitchen ☕, person ada@example, agent Eliza") in lines
    [ids] = [line for what, line in lines if what == "ids"]
    assert ids.startswith("memory ")
    [where] = [line for what, line in as_lines(await why.tell("row:2")) if what == "where"]
    assert where.startswith("HTTP API, room ")


async def test_agents_by_id_and_by_name_in_any_case(site: Site) -> None:
    for agent in (site.agent_id, site.agent_id.upper(), "eliza", "ELIZA"):
        assert (await site.say("Hi", agent=agent))[0] == 200
    status, body = await site.say("Hi", agent="Elisa")
    assert status == 404
    assert body["detail"] == 'there is no agent "Elisa" (did you mean "Eliza"?)'


async def test_texts_become_ids_of_this_agent_and_uuids_stay(site: Site) -> None:
    await site.say("I am Ada", entity_id="ada@example", room_id="kitchen ☕", user_name="Ada\nLovelace")
    entity = await site.host.store.find_entity(create_unique_uuid(site.agent_id, "web-user-ada@example"))
    assert entity is not None
    assert entity.names == ("Ada Lovelace",)
    room = await site.host.store.find_room(create_unique_uuid(site.agent_id, "web-room-kitchen ☕"))
    assert room is not None
    assert room.source == "web"
    await site.say("Who am I?", entity_id="ada@example", room_id="kitchen ☕")
    said = [m.content for m in site.model.requests[-1].messages if m.role != "system"]
    assert said == ["I am Ada", "echo: I am Ada", "Who am I?"]
    await site.say("Another room", entity_id="ada@example", room_id="garden")
    assert [m.content for m in site.model.requests[-1].messages if m.role == "user"] == ["Another room"]
    ids = {"entity_id": new_id(), "room_id": new_id().upper()}
    await site.say("By UUID", **ids)
    assert await site.host.store.find_entity(ids["entity_id"]) is not None
    assert await site.host.store.find_room(ids["room_id"].lower()) is not None


async def test_who_leaves_the_ids_out_is_one_person_in_one_conversation(site: Site) -> None:
    await site.say("I am Ada")
    await site.say("Who am I?", entity_id="", room_id="")
    said = [m.content for m in site.model.requests[-1].messages if m.role == "user"]
    assert said == ["I am Ada", "Who am I?"]


async def test_a_failed_turn_is_an_answer_that_says_so(site: Site) -> None:
    site.model.answers = [ModelError("the key was refused")]
    status, body = await site.say("Hello")
    assert (status, body["outcome"], body["reason"]) == (200, "failed", "the key was refused")


BAD: dict[str, tuple[bytes, str]] = {
    "no text": (b"{}", "text: expected a text that is not empty"),
    "blank text": (b'{"text": "  \\n"}', "text: expected a text that is not empty"),
    "text of another type": (b'{"text": 7}', "text: expected a text"),
    "unknown key": (
        b'{"text": "x", "rom_id": "y"}',
        'rom_id: there is no such key (did you mean "room_id"?)',
    ),
    "unknown key that is no text": (b'{"\\ud800": 1}', "there is no such key"),
    "entity of another type": (b'{"text": "x", "entity_id": {}}', "entity_id: expected a text"),
    "long room": (
        b'{"text": "x", "room_id": "' + b"y" * 257 + b'"}',
        "room_id: expected at most 256 characters, found 257",
    ),
    "stream of another type": (b'{"text": "x", "stream": "yes"}', "stream: expected true or false"),
    "not JSON": (b'{"text": ', "the body is not JSON"),
    "not UTF-8": (b'{"text": "\xff"}', "the body is not JSON"),
    "deeply nested": (b"[" * 100_000, "the body is not JSON"),
    "a list": (b'["text"]', "expected an object"),
    "empty": (b"", "the body is not JSON"),
}


@pytest.mark.parametrize("what", BAD)
async def test_a_bad_body_names_the_key(what: str, site: Site, tmp_path: Path) -> None:
    data, expected = BAD[what]
    status, body, _ = await site.ask(
        "POST", HERE, data=data, headers={"Content-Type": "application/json; charset=utf-8"}
    )
    assert (status, body["code"]) == (400, "bad_request")
    assert expected in body["detail"]
    with sqlite3.connect(tmp_path / "bot.db") as database:
        assert database.execute("SELECT count(*) FROM inbox").fetchone() == (0,)
    database.close()


async def test_the_agent_s_own_id_is_nobody_s(site: Site) -> None:
    status, body = await site.say("Hi", entity_id=site.agent_id)
    assert (status, body["detail"]) == (400, "entity_id: this is the agent's own id")


async def test_the_token_speaks_for_people_and_rooms_of_the_web_only(site: Site) -> None:
    store, me = site.host.store, site.agent_id
    ben, group, made = new_id(), new_id(), new_id()
    await store.apply_places(
        "discord:1",
        [],
        [Room(id=group, agent_id=me, source="discord", channel_id="c1")],
        [Entity(id=ben, agent_id=me, metadata={"discord": {"id": "4711"}}), Entity(id=made, agent_id=me)],
        None,
    )
    for refused in ({"entity_id": ben}, {"entity_id": ben.upper()}, {"entity_id": made}, {"room_id": group}):
        status, body = await site.say("I own this place", **refused)
        assert (status, body["code"]) == (403, "forbidden")
        assert next(iter(refused)) in body["detail"]
    assert site.model.requests == []
    # Somebody of the web by UUID, twice; and with a role that was given to them.
    mine = {"entity_id": new_id(), "room_id": new_id()}
    for _ in range(2):
        assert (await site.say("Hello", **mine))[0] == 200
    site.host.get_agent(me).owners.add(mine["entity_id"])
    assert (await site.say("Hello", **mine))[0] == 403
    # Both at once are the web's and a platform's: not the token's to speak for.
    await store.update_entity(Entity(id=ben, agent_id=me, metadata={"web": {}, "discord": {"id": "4711"}}))
    assert (await site.say("Hello", entity_id=ben))[0] == 403


async def test_what_was_said_can_be_read_again(site: Site) -> None:
    async def read(query: str, status: int = 200) -> Any:
        found, body, _ = await site.ask("GET", f"{HERE}?{query}")
        assert found == status
        return body["messages"] if status == 200 else body["detail"]

    assert await read("room_id=kitchen") == []
    for text in ("one", "two"):
        await site.say(text, entity_id="ada", room_id="kitchen")
    said = await read("room_id=kitchen")
    assert [each["text"] for each in said] == ["one", "echo: one", "two", "echo: two"]
    assert [each["from_agent"] for each in said] == [False, True, False, True]
    assert said[1]["in_reply_to"] == said[0]["id"]
    assert said[0]["entity_id"] == create_unique_uuid(site.agent_id, "web-user-ada")
    assert [each["text"] for each in await read("room_id=kitchen&count=1")] == ["echo: two"]
    earlier = await read(f"room_id=kitchen&before={said[2]['created_at']}")
    assert [each["text"] for each in earlier] == ["one", "echo: one"]
    for query, words in (
        ("count=0", "count: expected a number from 1 to 200"),
        ("count=x", "count: expected a number"),
        ("before=noon", "before: expected a time"),
        ("rom_id=x", 'rom_id: there is no such parameter (did you mean "room_id"?)'),
    ):
        assert words in await read(query, 400)
    room = Room(id=new_id(), agent_id=site.agent_id, source="discord", channel_id="c1")
    await site.host.store.apply_places("discord:1", [], [room], [], None)
    assert "not one of the web" in await read(f"room_id={room.id}", 403)


async def test_other_types_than_json_are_not_read(site: Site) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        status, body, _ = await site.ask("POST", HERE, data=b'{"text": "x"}', headers={"Content-Type": kind})
        assert (status, body["code"]) == (415, "unsupported_media_type")


async def test_a_large_body_is_refused_whether_it_says_so_or_not(site: Site) -> None:
    head = b"POST " + HERE.encode() + b" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    said = await site.raw(head + b"Content-Length: 1000001\r\n\r\n")
    chunk = b"f4250\r\n" + b"x" * 0xF4250 + b"\r\n"
    unsaid = await site.raw(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk)
    for answer in (said, unsaid):
        assert answer.startswith(b"HTTP/1.1 413")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "too_large"
    long = "x" * 900_000
    status, body = await site.say(long)
    assert (status, body["outcome"]) == (200, "answered")


async def test_text_is_cleaned_and_strange_scripts_come_through(site: Site) -> None:
    data = b'{"text": "a\\u0000b \\ud800 \\u202e \xd9\x85\xd8\xb1\xd8\xad\xd8\xa8\xd8\xa7"}'
    status, body, _ = await site.ask("POST", HERE, data=data, headers={"Content-Type": "application/json"})
    assert status == 200
    assert body["text"] == "echo: ab \ufffd \u202e مرحبا"


def events_of(text: str) -> list[tuple[str, Any]]:
    """Name and data of each server-sent event."""
    found = []
    for block in text.strip().split("\n\n"):
        lines = [line for line in block.split("\n") if not line.startswith(":")]
        if lines:
            name, data = lines
            found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


@pytest.mark.parametrize(
    ("extra", "headers"), [({"stream": True}, {}), ({}, {"Accept": "text/event-stream"})]
)
async def test_an_answer_as_a_stream(site: Site, extra: dict[str, Any], headers: dict[str, str]) -> None:
    site.model.answers = ["Two\nlines"]
    async with site.client.post(site.web.url + HERE, json={"text": "Hi", **extra}, headers=headers) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-store"
        events = events_of(await answer.text())
    assert {name for name, _ in events[:-1]} == {"chunk"}
    assert "".join(data["text"] for _, data in events[:-1]) == "Two\nlines"
    assert all(is_uuid(data["message_id"]) for _, data in events[:-1])
    name, done = events[-1]
    assert name == "done"
    assert (done["text"], done["outcome"]) == ("Two\nlines", "answered")


class StreamingHost(BotHost):
    """Hands chunks on as a streaming model gives them: the second when the test has seen the first."""

    seen = asyncio.Event()

    async def handle_message(
        self,
        agent: Any,
        message: Mapping[str, Any] | Any,
        *args: Any,
        on_stream_chunk: Callable[[str, str], Awaitable[None]] | None = None,
        **more: Any,
    ) -> MessageResult:
        assert on_stream_chunk is not None
        answer_id = new_id()
        await on_stream_chunk("one ", answer_id)
        await self.seen.wait()
        await on_stream_chunk("two", answer_id)
        return await super().handle_message(agent, message, *args, **more)


async def test_chunks_leave_as_they_come(site_at: Sites) -> None:
    StreamingHost.seen = asyncio.Event()
    async with site_at(host_class=StreamingHost) as site:
        site.model.answers = ["one two"]
        body = {"text": "Hi", "stream": True}
        async with site.client.post(site.web.url + HERE, json=body) as answer:
            first = (await answer.content.readuntil(b"\n\n")).decode()
            StreamingHost.seen.set()
            events = events_of(first + await answer.text())
    assert [(name, data["text"]) for name, data in events] == [
        ("chunk", "one "),
        ("chunk", "two"),
        ("done", "one two"),
    ]


async def test_a_slow_client_gets_fewer_and_longer_chunks() -> None:
    chunks = Chunks()
    for piece in "abc":
        await chunks.add(piece, "1")
    await chunks.add("d", "2")
    assert chunks.news.is_set()
    assert chunks.take() == [("1", "abc"), ("2", "d")]
    assert not chunks.news.is_set()
    assert chunks.take() == []


async def test_a_refusal_before_a_stream_is_a_plain_one(site: Site) -> None:
    status, body, _ = await site.ask(
        "POST", "/api/v1/agents/nobody/messages", json={"text": "x", "stream": True}
    )
    assert (status, body["code"]) == (404, "not_found")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_does_not_lose_its_message(
    stream: bool, site: Site, tmp_path: Path
) -> None:
    site.model.hold.clear()
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout) as leaving:
        post = asyncio.create_task(
            leaving.post(site.web.url + HERE, json={"text": "Are you there?", "stream": stream})
        )
        await site.model.wait_asked()
        post.cancel()
        [answer] = await asyncio.gather(post, return_exceptions=True)
        if isinstance(answer, aiohttp.ClientResponse):  # a stream begins before it is cancelled
            answer.close()
    assert (await site.get("/health/ready"))[0] == 200
    site.model.hold.set()
    await site.host.finish_pending()
    with sqlite3.connect(tmp_path / "bot.db") as database:
        rows = database.execute("SELECT state, outcome FROM inbox").fetchall()
        texts = database.execute("SELECT count(*) FROM memories WHERE entity_id = ?", [site.agent_id])
        assert texts.fetchone() == (1,)
    database.close()
    assert rows == [("done", "answered")]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_host_that_stops_meanwhile_names_the_message(
    stream: bool, site: Site, tmp_path: Path
) -> None:
    site.model.hold.clear()
    post = asyncio.create_task(
        site.client.post(site.web.url + HERE, json={"text": "Hello?", "stream": stream})
    )
    await site.model.wait_asked()
    await site.host.stop(0.0)
    async with await post as answer:
        if stream:
            [(name, body)] = events_of(await answer.text())
            assert (answer.status, name) == (200, "error")
        else:
            body = await answer.json()
            assert answer.status == 503
    with sqlite3.connect(tmp_path / "bot.db") as database:
        [(memory, state)] = database.execute("SELECT memory_id, state FROM inbox").fetchall()
    database.close()
    assert state == "pending"
    assert memory in body["detail"]


async def test_whoever_waits_while_the_host_drains_gets_the_answer(site: Site) -> None:
    site.model.hold.clear()
    post = asyncio.create_task(site.say("Hello"))
    await site.model.wait_asked()
    site.web.drain()
    asyncio.get_running_loop().call_soon(site.model.hold.set)
    await site.host.stop(5.0)
    await site.web.stop()
    status, body = await post
    assert (status, body["text"]) == (200, "echo: Hello")


async def test_rooms_are_answered_at_the_same_time(site: Site) -> None:
    site.model.hold.clear()
    posts = [asyncio.create_task(site.say(f"from {n}", room_id=str(n))) for n in range(20)]
    await site.model.wait_asked(20)
    site.model.hold.set()
    answers = await asyncio.gather(*posts)
    assert [body["text"] for _, body in answers] == [f"echo: from {n}" for n in range(20)]
