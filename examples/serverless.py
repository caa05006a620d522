"""An agent for serverless platforms: an ASGI app that answers one HTTP request with an agent made for it.

    POST /  {"text": "Hello!", "room_id": "<UUID, if the conversation goes on>", "entity_id": "<UUID>"}
    200     {"text": "…", "message_id": "…", "room_id": "…", "entity_id": "…"}

Any ASGI server runs it, for example `uvicorn --factory serverless:make_app`. The database is opened and
migrated once for each process; an agent for a request costs no more than its plugins' start. Nothing runs on
between requests: what a cancelled request leaves in the inbox is answered with the next one of its room.
"""

import json
import os
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from bot_host import BotHost, BotHostError, Character, make_store

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CHARACTER = Character(name="Assistant", bio=["A helpful assistant"])
LARGEST_BODY = 64 * 1024
SECONDS = 60.0


class App:
    """The ASGI app."""

    def __init__(self, url: str, *, plugins: list[Any] | None = None) -> None:
        """`url` names the database; `plugins` instead of the default ones."""
        self._store = make_store(url, base=Path.cwd())
        self._host = BotHost()
        self._plugins = plugins

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One connection, by ASGI 3."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            status, answer = await self._answer(scope, receive)
            body = json.dumps(answer, ensure_ascii=False).encode()
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
            ]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await self._store.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._host.stop()
        await self._store.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: Message, receive: Receive) -> tuple[int, dict[str, str]]:
        if scope["method"] != "POST":
            return 405, {"error": "POST a JSON object with text"}
        body = await _read(receive)
        if body is None:
            return 413, {"error": f"at most {LARGEST_BODY} bytes"}
        try:
            given = json.loads(body)
            text, ids = given["text"], {key: given.get(key) for key in ("room_id", "entity_id")}
        except (ValueError, KeyError, TypeError, AttributeError):
            return 400, {"error": "expected a JSON object with text"}
        message = {key: value or str(uuid4()) for key, value in ids.items()}
        message["content"] = {"text": text, "source": "web"}
        [agent] = await self._host.add_agents(
            [{"character": CHARACTER, "database_adapter": self._store, "plugins": self._plugins}],
            ephemeral=True,
            skip_migrations=True,
            return_runtimes=True,
        )
        try:
            result = await self._host.handle_message(agent, message, timeout=SECONDS)
        except TimeoutError:
            return 504, {"error": "no answer in time"}
        except BotHostError as error:
            return 400, {"error": str(error)}
        finally:
            await agent.stop()
        said = result.user_message
        return 200, {
            "text": result.processing.text,
            "message_id": said.id,
            "room_id": said.room_id,
            "entity_id": said.entity_id,
        }


async def _read(receive: Receive) -> bytes | None:
    """The request's body; None when it is too large."""
    body = b""
    more = True
    while more:
        part = await receive()
        body += part.get("body", b"")
        more = part.get("more_body", False)
        if len(body) > LARGEST_BODY:
            return None
    return body


def make_app() -> App:
    """The app on the database that DATABASE_URL names."""
    return App(os.environ.get("DATABASE_URL", "sqlite:///serverless.db"))
