"""The door of the fake's REST API: record, faults, user agent, token, rate limits.

Sources: docs.discord.com/developers/reference (user agent, error messages) and topics/rate-limits.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import BodyPartReader, web

from tests.fakes.discord_model import Json


class ApiError(Exception):
    """An answer other than success, in Discord's JSON form."""

    def __init__(self, status: int, code: int, message: str, errors: Json | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"message": message, "code": code, **({"errors": errors} if errors else {})}


def invalid_form(name: str, code: str, message: str) -> ApiError:
    """400 with code 50035 and the place of the trouble (reference#error-messages)."""
    place = {"_errors": [{"code": code, "message": message}]}
    return ApiError(400, 50035, "Invalid Form Body", {name: place} if name else place)


@dataclass
class Call:
    """A request that the bot made."""

    method: str
    route: str
    """For example `POST /channels/{channel_id}/messages`."""
    path: str
    payload: Any
    at: float
    """Monotonic seconds."""
    status: int = 0
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Fault:
    """How the next requests to a route go wrong."""

    route: str
    times: int
    status: int = 0
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    drop: str = ""
    """`before` or `after` the request took effect: the connection is cut instead of an answer."""


@dataclass(eq=False)
class Hold:
    """Requests to a route wait here, already received (or, with `after`, carried out), until `release`."""

    route: str
    after: bool = False
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        """Let the waiting requests and all later ones go on."""
        self.released.set()


@dataclass
class _Bucket:
    used: int = 0
    ends: float = 0.0


class Owner(Protocol):
    """What the door asks of the rest of the fake."""

    token: str

    def changed(self) -> None:
        """Wake whoever waits for something."""


Handler = Callable[[web.Request, Call], Awaitable[Any]]


class Door:
    """What every request passes: record, faults, user agent, token, rate limits."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.holds: list[Hold] = []
        self.limits: dict[str, tuple[int, float]] = {}
        """Requests and seconds by route; others have 1,000 a second."""
        self._buckets: dict[str, _Bucket] = {}
        self.global_until = 0.0
        """Monotonic time until which everything answers with a global 429."""

    def wrap(self, route: str, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """A route's handler with the door before it."""

        async def handle(request: web.Request) -> web.StreamResponse:
            call = Call(request.method, route, request.path, None, time.monotonic())
            self.calls.append(call)
            try:
                await self._read(request, call)
                response = await self._answer(request, call, handler)
            except ApiError as error:
                response = answer(error.status, error.body)
            call.status = response.status
            if response.status != 401:
                self._add_limits(call, request, response)
            self._owner.changed()
            return response

        return handle

    async def _answer(self, request: web.Request, call: Call, handler: Handler) -> web.Response:
        fault = self._take_fault(call.route)
        await self._held(call.route, after=False)
        if fault is not None and fault.drop != "after":
            if fault.drop:
                assert request.transport is not None
                request.transport.abort()
            return answer(fault.status or 500, fault.body, fault.headers, fault.content_type)
        if not request.headers.get("User-Agent", "").startswith("DiscordBot ("):
            raise ApiError(403, 40333, "internal network error")
        if request.headers.get("Authorization") != f"Bot {self._owner.token}":
            raise ApiError(401, 0, "401: Unauthorized")
        limited = self._count(call, request)
        if limited is not None:
            return limited
        result = await handler(request, call)
        await self._held(call.route, after=True)
        if fault is not None:
            assert request.transport is not None
            request.transport.abort()
        return answer(204, None) if result is None else answer(200, result)

    async def _held(self, route: str, *, after: bool) -> None:
        for hold in [h for h in self.holds if h.route == route and h.after == after]:
            hold.reached.set()
            self._owner.changed()
            await hold.released.wait()

    def _take_fault(self, route: str) -> Fault | None:
        for fault in self.faults:
            if fault.route == route and fault.times > 0:
                fault.times -= 1
                return fault
        return None

    async def _read(self, request: web.Request, call: Call) -> None:
        if request.method not in ("POST", "PATCH", "PUT"):
            call.payload = dict(request.query)
            return
        if request.content_type == "multipart/form-data":
            await self._read_parts(request, call)
            return
        body = await request.read()
        if not body:
            return
        if request.content_type != "application/json":
            raise invalid_form(
                "",
                "CONTENT_TYPE_INVALID",
                "Expected \"Content-Type\" header to be one of {'application/json'}.",
            )
        try:
            call.payload = json.loads(body)
        except ValueError:
            raise ApiError(400, 50109, "The request body contains invalid JSON.") from None

    async def _read_parts(self, request: web.Request, call: Call) -> None:
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            data = await part.read(decode=True)
            if part.name == "payload_json":
                call.payload = json.loads(data)
            elif part.filename:
                call.files[part.filename] = bytes(data)

    def _key(self, call: Call, request: web.Request) -> str:
        major = request.match_info.get("channel_id") or request.match_info.get("guild_id") or ""
        return f"{call.route}:{major}"

    def _limit(self, call: Call) -> tuple[int, float]:
        return self.limits.get(call.route, (1000, 1.0))

    def _count(self, call: Call, request: web.Request) -> web.Response | None:
        now = time.monotonic()
        if now < self.global_until:
            return too_many(self.global_until - now, scope="global")
        limit, window = self._limit(call)
        bucket = self._buckets.setdefault(self._key(call, request), _Bucket())
        if now >= bucket.ends:
            bucket.used, bucket.ends = 0, now + window
        bucket.used += 1
        return too_many(bucket.ends - now, scope="user") if bucket.used > limit else None

    def _add_limits(self, call: Call, request: web.Request, response: web.Response) -> None:
        bucket = self._buckets.get(self._key(call, request))
        if bucket is None or response.headers.get("X-RateLimit-Scope") == "global":
            return
        limit, _ = self._limit(call)
        left = max(0.0, bucket.ends - time.monotonic())
        response.headers.update(
            {
                "X-RateLimit-Limit": str(limit),
                "X-RateLimit-Remaining": str(max(0, limit - bucket.used)),
                "X-RateLimit-Reset": f"{time.time() + left:.3f}",
                "X-RateLimit-Reset-After": f"{left:.3f}",
                "X-RateLimit-Bucket": f"{abs(hash(call.route)):032x}"[:32],
            }
        )


def answer(
    status: int, body: Any, headers: dict[str, str] | None = None, content_type: str = "application/json"
) -> web.Response:
    """A response as Discord's edge sends it: exact content type, a `Via` header."""
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    base = {"Via": "1.1 google"} if content_type == "application/json" else {}
    kind = {"Content-Type": content_type} if data else {}
    return web.Response(status=status, body=data, headers={**base, **kind, **(headers or {})})


def too_many(after: float, *, scope: str) -> web.Response:
    """429 (topics/rate-limits#exceeding-a-rate-limit)."""
    body = {
        "message": "You are being rate limited.",
        "retry_after": round(after, 3),
        "global": scope == "global",
    }
    headers = {"Retry-After": str(int(after) + 1), "X-RateLimit-Scope": scope}
    if scope == "global":
        headers["X-RateLimit-Global"] = "true"
    return answer(429, body, headers)
