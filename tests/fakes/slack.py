"""A Slack on loopback: Web API and Socket Mode, as strict as the real one where a wrong client is refused.

    async with FakeSlack() as slack:
        ada = slack.add_user("ada", display_name="Ada")
        room = slack.add_channel("general")
        # start the connector with slack.api_base, slack.bot_token, slack.app_token
        await slack.wait_connected()
        post = await slack.say(room, ada, f"<@{slack.bot_user_id}> hello")
        reply = await slack.wait_for_message()

Everything goes over the wire, and each URL that it hands out points at itself, so that the host may run in
another process. Sources: https://docs.slack.dev/reference/methods , …/apis/web-api , …/apis/events-api .
"""

import asyncio
import itertools
import json
import math
import secrets
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Literal, Self

from aiohttp import web

from tests.fakes.slack_acting import Acting
from tests.fakes.slack_apps import AppSettings
from tests.fakes.slack_assistant import Assistants
from tests.fakes.slack_methods import BY_KIND, SCOPES, Methods, Refused
from tests.fakes.slack_people import People
from tests.fakes.slack_socket import Envelope, Socket, SocketMode
from tests.fakes.slack_streams import TALKING, Streams
from tests.fakes.slack_views import Views
from tests.fakes.slack_workspace import (
    APP_ID,
    BOT_ID,
    BOT_USER_ID,
    TEAM_ID,
    FakeChannel,
    FakeUser,
    Json,
    Workspace,
    pings_of,
)

ALL_SCOPES = sorted(({scope for scopes in SCOPES.values() for scope in scopes}
                    | {f"{kind}:{what}" for kind in ("channels", "groups", "im", "mpim")
                       for what in BY_KIND.values()}
                    | {"app_mentions:read", "commands", "reactions:read"})
                    - {"assistant:write"})  # fmt: skip
"""All but what only agents have."""
PATIENCE_S = 30.0


@dataclass(eq=False)
class Call:
    """One Web API call."""

    method: str
    args: Json
    token: str
    in_header: bool
    """The token came as a header; else as an argument."""
    at: int
    """Place in the count of calls and acknowledgements."""
    answer: Json | None = None


@dataclass(eq=False)
class Fault:
    """What the next calls of a method meet."""

    status: int = 200
    body: Json | str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1
    hold: Literal["", "before", "after"] = ""
    """Wait for `release` and then go on as usual: before anything was done, or before the answer."""
    drop: Literal["", "before", "after"] = ""
    """Cut the connection: before anything was done, or after all was done and before the answer."""
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        """Let held calls go on."""
        self.open.set()


class FakeSlack(Views):
    """See the module."""

    def __init__(self) -> None:
        People.__init__(self, Workspace())
        Views.__init__(self)
        self.methods = Methods(self.workspace, self._emit_later)
        self.acting = Acting(self.methods)
        self.methods.show_ephemeral = self.show_ephemeral
        self.methods.table["views.open"] = self.open_view
        self.methods.table["views.publish"] = self.publish_view
        self.methods.table["users.info"] = partial(self.users_info, self.methods.table["users.info"])
        self.streams = Streams(self.methods)
        self.assistant = Assistants(self.methods)
        self.bot_token = f"xoxb-{secrets.randbelow(10**12):012d}-{secrets.token_hex(12)}"
        self.app_token = f"xapp-1-{APP_ID}-{secrets.randbelow(10**12):012d}-{secrets.token_hex(24)}"
        self.app = AppSettings()
        self.team_id, self.bot_user_id, self.bot_id = TEAM_ID, BOT_USER_ID, BOT_ID
        self.scopes = list(ALL_SCOPES)
        self.token_error = ""
        """`account_inactive`, `token_revoked` …: how the right bot token is answered."""
        self.limits: dict[str, float] = {}
        """Seconds between two calls of a method; what comes earlier is answered with 429."""
        self._free_at: dict[str, float] = {}
        self.calls: list[Call] = []
        self._count = itertools.count(1)
        self._faults: dict[str, list[Fault]] = defaultdict(list)
        self._pulse = asyncio.Event()
        self.socket_mode = SocketMode(self._count, self._changed)
        self._runner: web.AppRunner | None = None
        self._host = ""
        self._port = 0

    # life

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=32 * 1024 * 1024)
        app.router.add_route("*", "/api/{method}", self._handle)
        app.router.add_get("/link/", self.socket_mode.handle)
        app.router.add_get("/files-pri/{id}/{rest:.*}", self._file)
        app.router.add_get("/signin", self._signin)
        app.router.add_post("/response/{id}", self.respond)
        app.router.add_post("/upload/v1/{id}", self._upload)
        self.add_routes(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        address = self._runner.addresses[0]
        self._port = address[1]
        self._host = f"{address[0]}:{address[1]}"
        self.base_url = self.methods.base_url = f"http://{self._host}"
        return self

    def add_routes(self, app: web.Application) -> None:
        """Further addresses."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Go off the net; `__aenter__` brings it back at the same address."""
        for faults in self._faults.values():
            for fault in faults:
                fault.release()
        await self.socket_mode.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def api_base(self) -> str:
        """The Web API's base URL, with the slash at the end."""
        return f"http://{self._host}/api/"

    # waiting

    def _changed(self) -> None:
        self._pulse.set()
        self._pulse = asyncio.Event()

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for anything in this fake; TimeoutError after half a minute, so that a test ends."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await self._pulse.wait()

    async def wait_connected(self, count: int = 1) -> list[Socket]:
        """Wait until `count` sockets are open at the same time."""
        await self.wait_until(lambda: len(self.socket_mode.open_sockets) >= count)
        return self.socket_mode.open_sockets

    async def wait_for_call(self, method: str, count: int = 1) -> list[Call]:
        """Wait for the `count`th call of a method, answered or not."""
        await self.wait_until(lambda: len(self.calls_of(method)) >= count)
        return self.calls_of(method)

    async def wait_answered(self, method: str, count: int = 1) -> list[Call]:
        """Wait until `count` calls of a method have been answered."""

        def answered() -> list[Call]:
            return [call for call in self.calls_of(method) if call.answer is not None]

        await self.wait_until(lambda: len(answered()) >= count)
        return answered()

    async def wait_acked(self, *envelopes: Envelope) -> None:
        """Wait until these envelopes are acknowledged; without any: all that there are."""
        await self.wait_until(
            lambda: all(e.acked_at is not None for e in envelopes or self.socket_mode.envelopes)
        )

    async def wait_for_message(
        self, count: int = 1, *, channel: FakeChannel | None = None, thread_ts: str | None = None
    ) -> Json:
        """Wait for the app's `count`th message (in a channel, in a thread)."""

        def found() -> list[Json]:
            return self.posts(channel=channel, thread_ts=thread_ts)

        await self.wait_until(lambda: len(found()) >= count)
        return found()[count - 1]

    # looking

    def calls_of(self, method: str) -> list[Call]:
        """The calls of one method, in order."""
        return [call for call in self.calls if call.method == method]

    def posts(self, *, channel: FakeChannel | None = None, thread_ts: str | None = None) -> list[Json]:
        """The app's messages that stand, in order."""
        channels: Iterable[FakeChannel] = [channel] if channel else self.workspace.channels.values()
        found = [m | {"channel": c.id} for c in channels for m in c.messages.values()
                 if m.get("bot_id") == BOT_ID and thread_ts in (None, m.get("thread_ts"))]  # fmt: skip
        return sorted(found, key=lambda message: str(message["ts"]))

    def pings(self) -> list[str]:
        """All that the app's posts would have notified people with."""
        return [p for c in self.calls if c.method in TALKING for p in pings_of(c.args)]

    @property
    def envelopes(self) -> list[Envelope]:
        """All envelopes, in the order in which things happened."""
        return self.socket_mode.envelopes

    # faults

    def fail(
        self,
        method: str,
        error: str = "",
        *,
        status: int = 200,
        body: Json | str | None = None,
        headers: dict[str, str] | None = None,
        times: int = 1,
        **fields: Any,
    ) -> Fault:
        """The next `times` calls of a method are answered so. A text body is sent as HTML."""
        if body is None:
            body = {"ok": False, "error": error, **fields}
        return self._fault(method, Fault(status, body, headers or {}, times))

    def rate_limit(self, method: str, after_s: int, *, times: int = 1) -> Fault:
        """https://docs.slack.dev/apis/web-api/rate-limits"""
        return self.fail(
            method, "ratelimited", status=429, headers={"Retry-After": str(after_s)}, times=times
        )

    def hold(self, method: str, *, times: int = 1, when: Literal["before", "after"] = "before") -> Fault:
        """The next `times` calls of a method are answered after `release()`; `after` they are carried out."""
        return self._fault(method, Fault(hold=when, times=times))

    def drop(self, method: str, when: Literal["before", "after"], *, times: int = 1) -> Fault:
        """The next `times` calls of a method lose their connection."""
        return self._fault(method, Fault(drop=when, times=times))

    def _fault(self, method: str, fault: Fault) -> Fault:
        self._faults[method].append(fault)
        return fault

    def _take_fault(self, method: str) -> Fault | None:
        waiting = self._faults[method]
        if not waiting:
            return None
        waiting[0].times -= 1
        return waiting[0] if waiting[0].times > 0 else waiting.pop(0)

    # files

    async def _file(self, request: web.Request) -> web.StreamResponse:
        """To whoever may not read it, Slack shows the login page, with the status of success."""
        file = self.workspace.files.get(request.match_info["id"].partition("-")[2])
        allowed = request.headers.get("Authorization") == f"Bearer {self.bot_token}"
        if not allowed or "files:read" not in self.scopes:
            raise web.HTTPFound(f"/signin?redir={request.path}")
        if file is None:
            return web.Response(status=404)
        return web.Response(body=file.data, content_type=file.mime)

    async def _signin(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text="<!DOCTYPE html><html><title>Slack</title></html>", content_type="text/html")

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        file = self.workspace.files.get(request.match_info["id"])
        fault = self._take_fault("upload")
        if fault is not None and fault.drop:
            return _cut(request)
        if fault is not None:
            return web.Response(status=fault.status)
        if file is None:
            return web.Response(status=404)
        file.data = await request.read()
        return web.Response(text=f"OK - {len(file.data)}")

    # the Web API

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        try:
            args = await _read(request)
        except Refused as error:
            return self._answer(error.answer)
        header = request.headers.get("Authorization", "")
        token = header.removeprefix("Bearer ") if header else str(args.pop("token", ""))
        call = Call(method, args, token, bool(header), next(self._count))
        self.calls.append(call)
        self._changed()
        fault = self._take_fault(method)
        if fault is not None and fault.hold == "before":
            await fault.open.wait()
        if fault is not None and fault.drop == "before":
            return _cut(request)
        if fault is not None and fault.body is not None:
            call.answer = fault.body if isinstance(fault.body, dict) else {}
            self._changed()
            return self._answer(fault.body, status=fault.status, headers=fault.headers)
        limited = self._limited(method)
        if limited is not None:
            return limited
        try:
            call.answer = self._run(call)
        except Refused as error:
            call.answer = error.answer
        self._changed()
        await self._flush()
        if fault is not None and fault.hold == "after":
            await fault.open.wait()
        if fault is not None and fault.drop == "after":
            return _cut(request)
        return self._answer(call.answer)

    def _limited(self, method: str) -> web.Response | None:
        every_s = self.limits.get(method)
        if every_s is None:
            return None
        wait = self._free_at.get(method, 0.0) - time.monotonic()
        if wait <= 0:
            self._free_at[method] = time.monotonic() + every_s
            return None
        headers = {"Retry-After": str(math.ceil(wait))}
        return self._answer({"ok": False, "error": "ratelimited"}, status=429, headers=headers)

    def _answer(
        self, body: Json | str, *, status: int = 200, headers: dict[str, str] | None = None
    ) -> web.Response:
        if isinstance(body, str):
            return web.Response(text=body, status=status, headers=headers, content_type="text/html")
        own = {"X-OAuth-Scopes": ",".join(self.scopes), "X-Slack-Req-Id": uuid.uuid4().hex, **(headers or {})}
        return web.json_response(body, status=status, headers=own)

    def _run(self, call: Call) -> Json:
        if not call.token:
            raise Refused("not_authed")
        if call.method == "apps.connections.open":
            return self._open_connection(call)
        if call.method == "apps.manifest.export":
            return self.app.export(call.token, call.args)
        if call.method not in self.methods.table:
            raise Refused("unknown_method", req_method=call.method)
        if call.token == self.app_token:
            raise Refused("not_allowed_token_type")
        if call.token != self.bot_token:
            raise Refused("invalid_auth")
        if self.token_error:
            raise Refused(self.token_error)
        for scope in self.methods.needed_all(call.method, call.args):
            if scope not in self.scopes:
                raise Refused("missing_scope", needed=scope, provided=",".join(self.scopes))
        needed = self.methods.needed(call.method, call.args)
        if needed and not set(needed) & set(self.scopes):
            raise Refused("missing_scope", needed=needed[0], provided=",".join(self.scopes))
        return self.methods.table[call.method](call.args)

    def _open_connection(self, call: Call) -> Json:
        """https://docs.slack.dev/reference/methods/apps.connections.open

        What Slack answers when Socket Mode is switched off is not documented; `forbidden_team` comes nearest.
        """
        if not call.in_header:
            raise Refused("invalid_auth")
        if call.token == self.bot_token:
            raise Refused("not_allowed_token_type")
        if call.token != self.app_token:
            raise Refused("invalid_auth")
        if self.socket_mode.disabled:
            raise Refused("forbidden_team")
        debug = str(call.args.get("debug", "")).lower() in ("1", "true")
        return {"ok": True, "url": self.socket_mode.new_url(self._host, debug=debug)}


async def _read(request: web.Request) -> Json:
    """Arguments from the query and the body. https://docs.slack.dev/apis/web-api/#methods_supporting_json"""
    args: Json = dict(request.query)
    if request.method == "GET":
        return args
    if request.method != "POST":
        raise Refused("invalid_post_type")
    kind = request.content_type
    if kind == "application/json":
        try:
            body = json.loads(await request.text() or "{}")
        except ValueError:
            raise Refused("invalid_json") from None
        if not isinstance(body, dict):
            raise Refused("json_not_object")
        return args | body
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return args | {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    if request.can_read_body:
        raise Refused("invalid_post_type")
    return args


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


__all__ = [
    "ALL_SCOPES",
    "Call",
    "Envelope",
    "FakeChannel",
    "FakeSlack",
    "FakeUser",
    "Fault",
    "Json",
    "Socket",
]
