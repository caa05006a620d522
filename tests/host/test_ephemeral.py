"""Ephemeral runtimes: the same pipeline, inline, on somebody else's database; and the serverless example."""

import asyncio
import importlib.util
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot_host.host import BotHost
from bot_host.runtime import AgentRuntime
from bot_host.store import Database, make_store
from bot_host.testing import ScriptedModel
from bot_host.types.errors import StateError
from bot_host.types.ids import new_id
from tests.host.test_asking import Heard, said
from tests.host.test_host import inbox_of

EXAMPLE = Path(__file__).parents[2] / "examples" / "serverless.py"


class Rig:
    """A shared database, a host, and agents on demand."""

    def __init__(self, host: BotHost, store: Database) -> None:
        self.host = host
        self.store = store
        self.model = ScriptedModel()
        self.made: list[AgentRuntime] = []

    async def agent(self) -> AgentRuntime:
        item = {
            "character": {"name": "Brief"},
            "plugins": ["basics", self.model.plugin],
            "database_adapter": self.store,
        }
        [runtime] = await self.host.add_agents(
            [item], ephemeral=True, skip_migrations=True, return_runtimes=True
        )
        self.made.append(runtime)
        return runtime


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """One of it."""
    async with make_store("sqlite:///bot.db", base=tmp_path) as store:
        rig = Rig(BotHost(), store)
        yield rig
        for runtime in rig.made:
            await runtime.stop()
        await rig.host.stop()


async def test_an_ephemeral_agent_answers_inline_and_leaves_nothing_behind(rig: Rig, tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    during: set[asyncio.Task[Any]] = set()

    def look(request: object) -> str:
        during.update(asyncio.all_tasks())
        return "hello"

    rig.model.answers = [look]
    runtime = await rig.agent()
    seen: list[str] = []
    result = await rig.host.handle_message(runtime, said("hi"), on_stream_chunk=lambda c, _: seen.append(c))
    assert (result.processing.text, seen) == ("hello", ["hello"])
    assert inbox_of(tmp_path) == [("done", "answered", "direct message")]
    assert rig.host.get_agents() == []
    assert during == before == asyncio.all_tasks()
    await runtime.stop()
    # Not closed with the agent: it is somebody else's.
    assert await rig.store.find_memory(result.message_id) is not None


async def test_with_on_response_an_ephemeral_agent_has_told_all_before_it_returns(rig: Rig) -> None:
    heard = Heard()
    accepted = await rig.host.handle_message(await rig.agent(), said("hi"), **heard.callbacks)
    assert accepted.processing is None
    assert [name for name, _ in heard.calls] == ["chunk", "response", "complete"]


async def test_two_requests_at_once_in_one_room_are_both_answered(rig: Rig) -> None:
    room = new_id()
    runtimes = [await rig.agent() for _ in range(3)]
    results = await asyncio.gather(
        *(
            rig.host.handle_message(runtime, {**said(f"{n}"), "room_id": room})
            for n, runtime in enumerate(runtimes)
        )
    )
    assert all(result.processing.text.startswith("echo: ") for result in results)


async def test_a_cancelled_request_leaves_a_row_that_the_next_one_takes_along(
    rig: Rig, tmp_path: Path
) -> None:
    room, message_id = new_id(), new_id()
    rig.model.hold.clear()
    request = asyncio.ensure_future(
        rig.host.handle_message(await rig.agent(), {**said("first", id=message_id), "room_id": room})
    )
    await rig.model.wait_asked()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert inbox_of(tmp_path)[0][0] == "pending"
    assert await rig.store.find_memory(message_id) is not None
    rig.model.hold.set()
    with pytest.raises(StateError, match="handled before"):
        await rig.host.handle_message(await rig.agent(), {**said("first", id=message_id), "room_id": room})
    await rig.host.handle_message(await rig.agent(), {**said("second"), "room_id": room})
    assert [state for state, _, _ in inbox_of(tmp_path)] == ["done", "done"]
    shown = [m.content for m in rig.model.requests[-1].messages if m.role == "user"]
    assert shown == ["first", "second"]


async def test_on_the_hosts_own_database_it_needs_nothing_else() -> None:
    host = BotHost()
    try:
        [runtime] = await host.add_agents(
            [{"character": {"name": "Brief"}, "plugins": ["basics", ScriptedModel().plugin]}],
            ephemeral=True,
            skip_migrations=True,
            auto_start=True,
            return_runtimes=True,
        )
        assert (await host.handle_message(runtime, said("hi"))).processing.text == "echo: hi"
        await runtime.stop()
    finally:
        await host.stop()


class Server:
    """As much of an ASGI server as one app needs."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def __aenter__(self) -> "Server":
        self._life = asyncio.ensure_future(
            self._app({"type": "lifespan"}, self._to_app.get, self._from_app.put)
        )
        await self._to_app.put({"type": "lifespan.startup"})
        assert (await self._from_app.get())["type"] == "lifespan.startup.complete"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._to_app.put({"type": "lifespan.shutdown"})
        assert (await self._from_app.get())["type"] == "lifespan.shutdown.complete"
        await self._life

    async def request(self, method: str, *parts: bytes) -> tuple[int, dict[str, str]]:
        given = [
            {"type": "http.request", "body": part, "more_body": n < len(parts) - 1}
            for n, part in enumerate(parts)
        ]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return given.pop(0)

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self._app({"type": "http", "method": method, "path": "/", "headers": []}, receive, send)
        start, body = sent
        assert dict(start["headers"])[b"content-length"] == str(len(body["body"])).encode()
        return start["status"], json.loads(body["body"])


async def test_the_serverless_example_answers_requests(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("serverless", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    model = ScriptedModel()
    app = example.App(f"sqlite:///{tmp_path / 'bot.db'}", plugins=["basics", model.plugin])
    async with Server(app) as server:
        status, first = await server.request("POST", b'{"text": ', b'"Hello!"}')
        assert (status, first["text"]) == (200, "echo: Hello!")
        again = {"text": "And now?", "room_id": first["room_id"], "entity_id": first["entity_id"]}
        status, second = await server.request("POST", json.dumps(again).encode())
        assert (status, second["text"]) == (200, "echo: And now?")
        shown = [message.content for message in model.requests[-1].messages[1:]]
        assert shown == ["Hello!", "echo: Hello!", "And now?"]
        assert (await server.request("GET", b""))[0] == 405
        assert (await server.request("POST", b"[]"))[0] == 400
        assert (await server.request("POST", b'{"text": 7}'))[0] == 400
        assert (await server.request("POST", b'{"text": "x", "room_id": "lobby"}'))[0] == 400
        assert (await server.request("POST", b"x" * 70_000))[0] == 413
    assert [state for state, _, _ in inbox_of(tmp_path)] == ["done", "done"]
