"""A scripted model server on loopback that speaks OpenAI's HTTP API.

Chat completions (JSON and server-sent events, pictures in messages, objects), models, embeddings, pictures
and sound (`media`), and the ways in which such servers fail.
Checked against https://platform.openai.com/docs/api-reference and the openai package's own reading of it.

By default it answers `echo: <last user text>`. Scripted:

    async with FakeOpenAI() as fake:
        fake.answer("Hello!", "And again.")            # the next requests, in order
        fake.answer_with(lambda request: ...)          # a function of the request, for all others
        fake.fail(ApiError(429, ..., headers={"Retry-After": "1"}))
        fake.fault("hang" | "drop" | "break" | "no_done" | "html" | "bad_sse" | "no_choices" ...)
        with fake.hold() as held:                      # chat answers wait ...
            await held.wait_for_request()
            ...
        # ... until here
        await fake.wait_for_requests(2)

The queue of `answer`, `fail` and `fault` is one: its entries are used in order, one a chat request.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias

from aiohttp import web

from tests.fakes.openai_checks import wrong_key, wrong_messages, wrong_options
from tests.fakes.openai_media import FakeMedia, error_response
from tests.fakes.openai_wire import (
    Answer,
    ApiError,
    FakeToolCall,
    chunks,
    completion,
    last_user_text,
)

__all__ = ["Answer", "ApiError", "FakeOpenAI", "FakeToolCall", "Hold", "ModelRequest"]

FaultName: TypeAlias = Literal[
    "hang",
    "hang_mid_stream",
    "drop",
    "break",
    "break_after_finish",
    "no_done",
    "no_finish",
    "done_only",
    "html",
    "bad_sse",
    "bad_json",
    "no_choices",
    "null_choices",
    "null_content",
    "error_in_stream",
    "whole",
]


@dataclass(frozen=True, slots=True)
class Fault:
    """A way to go wrong, with the answer that it happens to."""

    name: FaultName
    answer: Answer


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """A request as it came in."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def model(self) -> str:
        """The model that was asked for."""
        return str(self.body.get("model", ""))

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages of a chat request."""
        found: list[dict[str, Any]] = self.body.get("messages", [])
        return found

    @property
    def last_user_text(self) -> str:
        """The text of the last user message."""
        return last_user_text(self.body)

    @property
    def system_text(self) -> str:
        """The text of all system messages."""
        return "\n".join(str(m.get("content")) for m in self.messages if m.get("role") == "system")

    @property
    def tool_names(self) -> list[str]:
        """The names of the offered tools."""
        return [tool["function"]["name"] for tool in self.body.get("tools", [])]

    @property
    def streamed(self) -> bool:
        """Whether a stream was asked for."""
        return bool(self.body.get("stream"))


Reply: TypeAlias = Answer | ApiError | Fault
Script: TypeAlias = Callable[[ModelRequest], "Reply | str | None"]


@dataclass(slots=True)
class Hold:
    """Chat requests wait here. With `after` chunks a streamed answer begins, then waits."""

    after: int | None = None
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0

    def release(self) -> None:
        """Let all go."""
        self._open.set()

    async def wait_for_request(self) -> None:
        """Until a request (or a stream, after its first chunks) is held here."""
        await self._arrived.wait()

    async def _pass(self) -> None:
        if self._open.is_set():
            return
        self.waiting += 1
        self._arrived.set()
        try:
            await self._open.wait()
        finally:
            self.waiting -= 1


class FakeOpenAI:
    """The server. `url` is what goes into base_url; a request needs the key `key` unless that is None."""

    def __init__(
        self,
        *,
        key: str | None = "sk-fake-0123456789abcdef",
        models: tuple[str, ...] = ("fake-small", "fake-large", "fake-embedding"),
        dimensions: int = 32,
    ) -> None:
        self.key = key
        self.models = models
        self.dimensions = dimensions
        self.any_model = False
        """Answer for every model name, known or not."""
        self.refuse: dict[str, ApiError] = {}
        """Parameter of a chat request (`tools`, `stream_options` …) -> the error that it is refused with."""
        self.requests: list[ModelRequest] = []
        self.media = FakeMedia(self)
        """Pictures and sound, and how to script them."""
        self._queue: deque[Reply] = deque()
        self._script: Script | None = None
        self._hold: Hold | None = None
        self._news = asyncio.Condition()
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._origin = ""
        self._number = 0

    @property
    def url(self) -> str:
        """The base URL, `/v1` included."""
        return f"{self._origin}/v1"

    @property
    def chats(self) -> list[ModelRequest]:
        """The chat requests, in order of arrival."""
        return [request for request in self.requests if request.path == "/v1/chat/completions"]

    # ---- scripting

    def answer(self, *answers: Reply | str) -> None:
        """Queue answers for the next chat requests."""
        self._queue.extend(Answer(a) if isinstance(a, str) else a for a in answers)

    def call_tool(
        self, name: str, arguments: dict[str, Any] | None = None, *, text: str | None = None
    ) -> None:
        """Queue an answer that calls one tool."""
        self.answer(Answer(text, (FakeToolCall(name, arguments or {}),)))

    def answer_with(self, script: Script | None) -> None:
        """Answer what the queue does not by a function; its None means the echo."""
        self._script = script

    def fail(self, error: ApiError, *, times: int = 1) -> None:
        """Queue an error for the next chat requests."""
        self._queue.extend([error] * times)

    def fault(self, name: FaultName, text: str = "one two three four five six") -> None:
        """Queue a fault.

        hang: no answer until the client goes away or the server closes. hang_mid_stream: a part, then so.
        drop: the connection is cut before any answer. break: cut in the middle of it. break_after_finish:
        cut between finish_reason and usage. no_done: complete, but without [DONE]. no_finish: some text,
        then a clean end without finish_reason and [DONE]. done_only: such an end with [DONE]. html: a
        page with status 200. bad_sse, bad_json: data that is not JSON. no_choices, null_choices,
        null_content: as said. error_in_stream: an error object after some text. whole: plain JSON
        although a stream was asked for.
        """
        self._queue.append(Fault(name, Answer(text)))

    def forget(self) -> None:
        """Drop what is still queued."""
        self._queue.clear()

    @contextmanager
    def hold(self, *, after: int | None = None) -> Iterator[Hold]:
        """Chat answers wait inside this context (from now on), and go on at its end or by `release`.

        With `after`, streamed answers send so many text chunks first.
        """
        held = Hold(after)
        self._hold = held
        try:
            yield held
        finally:
            held.release()
            if self._hold is held:
                self._hold = None

    async def wait_for_requests(
        self, count: int, *, path: str = "/v1/chat/completions"
    ) -> list[ModelRequest]:
        """Until `count` requests of a path have come in; all of them."""

        def found() -> list[ModelRequest]:
            return [request for request in self.requests if request.path == path]

        async with self._news:
            await self._news.wait_for(lambda: len(found()) >= count)
        return found()

    # ---- the server's life

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._models)
        self.media.add_to(app)
        app.router.add_route("*", "/{rest:.*}", self._unknown)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self._origin = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._hold is not None:
            self._hold.release()
        assert self._runner is not None
        await self._runner.cleanup()

    # ---- endpoints

    async def _take(self, request: web.Request) -> ModelRequest | web.Response:
        raw = await request.read()
        try:
            body = json.loads(raw) if raw else {}
        except ValueError:
            body = None
        wrong = await self.note(request, body if isinstance(body, dict) else {})
        if wrong is not None:
            return wrong
        if not isinstance(body, dict):
            text = "We could not parse the JSON body of your request."
            return error_response(ApiError(400, text, "invalid_request_error"))
        return self.requests[-1]

    async def note(self, request: web.Request, body: dict[str, Any]) -> web.Response | None:
        """Take down a request; an error when its key is wrong."""
        async with self._news:
            self.requests.append(ModelRequest(request.path, dict(request.headers), body))
            self._news.notify_all()
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.key is not None and given != self.key:
            return error_response(wrong_key(given))
        return None

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        taken = await self._take(request)
        if isinstance(taken, web.Response):
            return taken
        wrong = self._wrong(taken)
        if wrong is not None:
            return error_response(wrong)
        self._number += 1
        number = self._number
        reply = self._reply(taken)
        held = self._hold
        if held is not None and not (held.after is not None and taken.streamed):
            await held._pass()
            held = None
        if isinstance(reply, ApiError):
            return error_response(reply)
        fault = reply.name if isinstance(reply, Fault) else None
        answer = reply.answer if isinstance(reply, Fault) else reply
        if fault == "hang":
            await self._closing.wait()
        if fault in ("hang", "drop"):
            return _cut(request)
        if fault == "html":
            page = "<!DOCTYPE html><html><body><h1>Welcome to nginx!</h1></body></html>"
            return web.Response(text=page, content_type="text/html")
        if taken.streamed and fault != "whole":
            return await self._stream(request, taken, answer, number, fault, held)
        return self._whole(request, taken, answer, number, fault)

    def _wrong(self, taken: ModelRequest) -> ApiError | None:
        """What OpenAI refuses with 400 or 404."""
        if not taken.model:
            return ApiError(400, "you must provide a model parameter", "invalid_request_error")
        if not self.any_model and taken.model not in self.models:
            text = f"The model `{taken.model}` does not exist or you do not have access to it."
            return ApiError(404, text, "invalid_request_error", "model_not_found")
        if not isinstance(taken.messages, list) or not taken.messages:
            text = "[] is too short - 'messages'"
            return ApiError(400, text, "invalid_request_error", param="messages")
        for name, error in self.refuse.items():
            if name in taken.body:
                return error
        return wrong_messages(taken.messages) or wrong_options(taken.body)

    def _reply(self, taken: ModelRequest) -> Reply:
        if self._queue:
            return self._queue.popleft()
        scripted = self._script(taken) if self._script is not None else None
        if isinstance(scripted, str):
            return Answer(scripted)
        return scripted or Answer(f"echo: {taken.last_user_text}")

    @staticmethod
    def _whole(
        request: web.Request, taken: ModelRequest, answer: Answer, number: int, fault: str | None
    ) -> web.StreamResponse:
        data = completion(taken.body, answer, number)
        if fault == "no_choices":
            data["choices"] = []
        elif fault == "null_choices":
            data["choices"] = None
        elif fault == "null_content":
            data["choices"][0]["message"]["content"] = None
        text = json.dumps(data)
        if fault in ("bad_json", "bad_sse"):
            text = text[: len(text) // 2]
        if fault in ("break", "no_finish", "hang_mid_stream"):
            return _cut(request)
        return web.Response(
            text=text, content_type="application/json", headers={"x-request-id": f"req_{number}"}
        )

    async def _stream(
        self,
        request: web.Request,
        taken: ModelRequest,
        answer: Answer,
        number: int,
        fault: str | None,
        held: Hold | None,
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Cache-Control": "no-cache", "x-request-id": f"req_{number}"})
        response.content_type = "text/event-stream"
        response.charset = "utf-8"
        await response.prepare(request)
        parts = chunks(taken.body, answer, number)
        half = len(parts) // 2
        for index, part in enumerate(parts):
            if held is not None and held.after is not None and index == held.after + 1:
                await held._pass()
            if fault is not None and index == half:
                stop = await self._go_wrong(request, response, fault)
                if stop:
                    return response
            if fault in ("no_choices", "null_choices"):
                part["choices"] = [] if fault == "no_choices" else None
            elif fault == "null_content" and part["choices"]:
                part["choices"][0]["delta"].pop("content", None)
            await response.write(f"data: {json.dumps(part)}\n\n".encode())
            if fault == "break_after_finish" and part["choices"] and part["choices"][0]["finish_reason"]:
                _cut(request)
                return response
        if fault != "no_done":
            await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response

    async def _go_wrong(self, request: web.Request, response: web.StreamResponse, fault: str) -> bool:
        if fault == "hang_mid_stream":
            await self._closing.wait()
        if fault in ("break", "hang_mid_stream"):
            _cut(request)
            return True
        if fault == "done_only":
            await response.write(b"data: [DONE]\n\n")
        if fault in ("no_finish", "done_only"):
            await response.write_eof()
            return True
        if fault in ("bad_sse", "bad_json"):
            await response.write(b'data: {"id":"chatcmpl-x","choices":[{"del\n\n')
        if fault == "error_in_stream":
            error = {"error": {"message": "The server is overloaded.", "type": "server_error", "code": None}}
            await response.write(f"data: {json.dumps(error)}\n\n".encode())
        return False

    async def _models(self, request: web.Request) -> web.StreamResponse:
        taken = await self._take(request)
        if isinstance(taken, web.Response):
            return taken
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "fake"} for name in self.models]
        return web.json_response({"object": "list", "data": data})

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        text = f"Invalid URL ({request.method} {request.path})"
        return error_response(ApiError(404, text, "invalid_request_error"))


def _cut(request: web.Request) -> web.StreamResponse:
    """Close the connection without another byte."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
