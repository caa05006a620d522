"""The fake's Gateway v10 (docs.discord.com/developers/events/gateway and gateway-events)."""

import asyncio
import json
import time
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from aiohttp import WSCloseCode, WSMsgType, web

from tests.fakes.discord_model import Guild, Json, User, hide_content

try:  # Python 3.14; discord.py then asks for zstd-stream
    from compression import zstd  # type: ignore[import-not-found, unused-ignore]
except ImportError:
    zstd = None

GUILDS: Final = 1 << 0
GUILD_MEMBERS: Final = 1 << 1
GUILD_VOICE_STATES: Final = 1 << 7
GUILD_PRESENCES: Final = 1 << 8
GUILD_MESSAGES: Final = 1 << 9
GUILD_MESSAGE_REACTIONS: Final = 1 << 10
GUILD_MESSAGE_TYPING: Final = 1 << 11
DIRECT_MESSAGES: Final = 1 << 12
DIRECT_MESSAGE_REACTIONS: Final = 1 << 13
DIRECT_MESSAGE_TYPING: Final = 1 << 14
MESSAGE_CONTENT: Final = 1 << 15
KNOWN_INTENTS: Final = sum(1 << bit for bit in (*range(17), 20, 21, 24, 25))

MAX_SENT_BYTES: Final = 4096
MAX_SENDS: Final = 120
SENDS_WINDOW_S: Final = 60.0


class Owner(Protocol):
    """What the gateway asks of the rest of the fake."""

    token: str
    bot: User
    guilds: dict[str, Guild]

    def application_flags(self) -> int:
        """The application's flags."""

    def allowed_privileged(self) -> int:
        """The privileged intents that are switched on for the app."""

    @property
    def gateway_url(self) -> str:
        """The websocket address."""

    def changed(self) -> None:
        """Wake whoever waits for something."""

    def voice_asked(self, session: "Session", data: Json) -> None:
        """A connection asks for a voice channel."""


@dataclass(eq=False)
class Session:
    """A gateway session: outlives its connection, so that it can be resumed."""

    id: str
    intents: int
    shard: tuple[int, int] | None = None
    seq: int = 0
    sent: list[Json] = field(default_factory=list)
    connection: "Connection | None" = None

    def serves(self, guild_id: str) -> bool:
        """gateway#sharding-sharding-formula; what is of no server comes on shard 0."""
        number, total = self.shard or (0, 1)
        return (int(guild_id or 0) >> 22) % total == number


class _Zlib:
    def __init__(self) -> None:
        self._context = zlib.compressobj()

    def pack(self, data: bytes) -> bytes:
        return self._context.compress(data) + self._context.flush(zlib.Z_SYNC_FLUSH)


class _Zstd:
    def __init__(self) -> None:
        self._context = zstd.ZstdCompressor()

    def pack(self, data: bytes) -> bytes:
        packed: bytes = self._context.compress(data, mode=zstd.ZstdCompressor.FLUSH_BLOCK)
        return packed


def _packer(kind: str) -> "_Zlib | _Zstd | None":
    if kind == "zlib-stream":
        return _Zlib()
    if kind == "zstd-stream" and zstd is not None:
        return _Zstd()
    return None


class Connection:
    """One websocket: what goes out is queued, so that tests need not wait for it."""

    def __init__(self, ws: web.WebSocketResponse, request: web.Request) -> None:
        self.ws = ws
        self.request = request
        self.packer = _packer(request.query.get("compress", ""))
        self.session: Session | None = None
        self.received: list[Json] = []
        self.closed_by_us = False
        self._out: asyncio.Queue[Callable[[], Any] | None] = asyncio.Queue()
        self._sends: deque[float] = deque()

    def send(self, payload: Json) -> None:
        """Queue a payload."""
        self._out.put_nowait(lambda: self._send(json.dumps(payload, ensure_ascii=True)))

    def send_text(self, text: str) -> None:
        """Queue a text frame, as it is."""
        self._out.put_nowait(lambda: self.ws.send_str(text))

    def send_half(self, payload: Json) -> None:
        """Queue the first half of a compressed payload; the rest never comes."""
        self._out.put_nowait(lambda: self._send(json.dumps(payload), half=True))

    def send_bytes_raw(self, data: bytes) -> None:
        """Queue bytes that go onto the TCP connection, past the websocket's framing."""

        async def write() -> None:
            assert self.request.transport is not None
            self.request.transport.write(data)

        self._out.put_nowait(write)

    def close(self, code: int, reason: str = "") -> None:
        """Queue a close with a code."""
        self.closed_by_us = True
        self._out.put_nowait(lambda: self.ws.close(code=code, message=reason.encode()))

    def abort(self) -> None:
        """Cut the TCP connection now, without a close frame."""
        if self.request.transport is not None:
            self.request.transport.abort()

    def end(self) -> None:
        """Let the writer stop after what is queued."""
        self._out.put_nowait(None)

    def too_fast(self) -> bool:
        """Whether more than 120 payloads came in 60 seconds (gateway#rate-limiting)."""
        now = time.monotonic()
        self._sends.append(now)
        while self._sends[0] < now - SENDS_WINDOW_S:
            self._sends.popleft()
        return len(self._sends) > MAX_SENDS

    async def _send(self, text: str, *, half: bool = False) -> None:
        if self.packer is None:
            await self.ws.send_str(text[: len(text) // 2] if half else text)
            return
        data = self.packer.pack(text.encode())
        await self.ws.send_bytes(data[: len(data) // 2] if half else data)

    async def write_all(self) -> None:
        """Send what is queued, in order, until `end`."""
        while (step := await self._out.get()) is not None:
            try:
                await step()
            except (ConnectionError, RuntimeError):
                return


class Gateway:
    """The websocket side of the fake."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self.heartbeat_interval_ms = 45_000
        self.acks = True
        """Set to False: heartbeats go unanswered, and nothing else is sent (a zombie connection)."""
        self.deaf = False
        """Set to True: heartbeats are answered, and events are kept back until a resume."""
        self.refuse = 0
        """How many of the next connections are refused with HTTP 503."""
        self.mute = False
        """Set to True: connections get no hello."""
        self.connections: list[Connection] = []
        self.sessions: dict[str, Session] = {}
        self.identifies: list[Json] = []
        self.resumes: list[Json] = []
        self.closes: list[int | None] = []
        """The codes with which the client closed its connections; None: without one."""
        self._numbers = 0

    @property
    def live(self) -> list[Connection]:
        """The connections with a session."""
        return [c for c in self.connections if c.session is not None and c.session.connection is c]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One websocket from open to close."""
        if self.refuse > 0:
            self.refuse -= 1
            return web.Response(status=503, text="upstream connect error")
        ws = web.WebSocketResponse(max_msg_size=64 * 1024)
        await ws.prepare(request)
        connection = Connection(ws, request)
        self.connections.append(connection)
        writer = asyncio.create_task(connection.write_all(), name="fake discord writer")
        try:
            if request.query.get("v") != "10":
                connection.close(4012, "Invalid API version")
            elif not self.mute:
                connection.send({"op": 10, "d": {"heartbeat_interval": self.heartbeat_interval_ms}})
            self._owner.changed()
            async for frame in ws:
                if frame.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self._frame(connection, frame.data)
        finally:
            await self._gone(connection, writer)
        return ws

    async def _gone(self, connection: Connection, writer: "asyncio.Task[None]") -> None:
        code = connection.ws.close_code
        self.closes.append(code)
        self.connections.remove(connection)
        session = connection.session
        if session is not None and session.connection is connection:
            session.connection = None
            # gateway#initiating-a-disconnect: only a client that leaves on its own ends its session.
            if code in (WSCloseCode.OK, WSCloseCode.GOING_AWAY) and not connection.closed_by_us:
                self.sessions.pop(session.id, None)
        connection.end()
        writer.cancel()
        await asyncio.wait([writer])
        self._owner.changed()

    def _frame(self, connection: Connection, data: str | bytes) -> None:
        raw = data.encode() if isinstance(data, str) else data
        if len(raw) > MAX_SENT_BYTES:
            connection.close(4002, "Payload too large")
            return
        try:
            payload = json.loads(raw)
            op = payload["op"]
        except (ValueError, KeyError, TypeError):
            connection.close(4002, "Error while decoding payload.")
            return
        connection.received.append(payload)
        if connection.too_fast():
            connection.close(4008, "Rate limited.")
        elif op == 1:
            if self.acks:
                connection.send({"op": 11})
        elif op == 2:
            self._identify(connection, payload.get("d") or {})
        elif op == 6:
            self._resume(connection, payload.get("d") or {})
        elif op not in (3, 4, 8, 31):
            connection.close(4001, "Unknown opcode.")
        elif connection.session is None:
            connection.close(4003, "Not authenticated.")
        elif op == 8:
            self._members(connection, payload["d"])
        elif op == 4:
            self._owner.voice_asked(connection.session, payload["d"])
        self._owner.changed()

    def _identify(self, connection: Connection, data: Json) -> None:
        self.identifies.append(data)
        intents = data.get("intents")
        privileged = GUILD_MEMBERS | GUILD_PRESENCES | MESSAGE_CONTENT
        if connection.session is not None:
            connection.close(4005, "Already authenticated.")
        elif data.get("token") != self._owner.token:
            connection.close(4004, "Authentication failed.")
        elif not isinstance(intents, int) or intents & ~KNOWN_INTENTS:
            connection.close(4013, "Invalid intent(s).")
        elif intents & privileged & ~self._owner.allowed_privileged():
            connection.close(4014, "Disallowed intent(s).")
        elif not _valid_shard(data.get("shard")):
            connection.close(4010, "Invalid shard.")
        else:
            shard = data.get("shard")
            self._start(connection, intents, tuple(shard) if shard else None)

    def _start(self, connection: Connection, intents: int, shard: tuple[int, int] | None) -> None:
        self._numbers += 1
        session = Session(id=f"session-{self._numbers}", intents=intents, shard=shard, connection=connection)
        connection.session = session
        self.sessions[session.id] = session
        owner = self._owner
        ready = {
            "v": 10,
            "user": owner.bot.payload() | {"verified": True, "mfa_enabled": False, "email": None, "flags": 0},
            "guilds": [
                {"id": guild_id, "unavailable": True} for guild_id in owner.guilds if session.serves(guild_id)
            ],
            **({"shard": list(shard)} if shard else {}),
            "private_channels": [],
            "session_id": session.id,
            "resume_gateway_url": owner.gateway_url,
            "application": {"id": owner.bot.id, "flags": owner.application_flags()},
        }
        self._dispatch_to(session, "READY", ready)
        if intents & GUILDS:
            for guild in owner.guilds.values():
                self.send_guild(session, guild)

    def send_guild(self, session: Session, guild: Guild) -> None:
        """GUILD_CREATE to one session, if it is that server's."""
        if not session.serves(guild.id):
            return
        data = guild.create_payload(
            members=bool(session.intents & GUILD_MEMBERS),
            voice=bool(session.intents & GUILD_VOICE_STATES),
            bot_id=self._owner.bot.id,
        )
        self._dispatch_to(session, "GUILD_CREATE", data)

    def _resume(self, connection: Connection, data: Json) -> None:
        self.resumes.append(data)
        session = self.sessions.get(data.get("session_id", ""))
        if data.get("token") != self._owner.token:
            connection.close(4004, "Authentication failed.")
        elif session is None:
            connection.send({"op": 9, "d": False})
        elif not isinstance(data.get("seq"), int) or data["seq"] > session.seq:
            connection.close(4007, "Invalid seq.")
        else:
            session.connection = connection
            connection.session = session
            for payload in [p for p in session.sent if p["s"] > data["seq"]]:
                connection.send(payload)
            self._dispatch_to(session, "RESUMED", {})

    def _members(self, connection: Connection, data: Json) -> None:
        guild = self._owner.guilds.get(str(data.get("guild_id")))
        if guild is None or connection.session is None:
            return
        wanted = {str(user) for user in data.get("user_ids", ())}
        members = [m for m in guild.members.values() if not wanted or m.user.id in wanted]
        chunk = {
            "guild_id": guild.id,
            "members": [member.payload(with_user=True) for member in members],
            "chunk_index": 0,
            "chunk_count": 1,
            "nonce": data.get("nonce"),
        }
        self._dispatch_to(connection.session, "GUILD_MEMBERS_CHUNK", chunk)

    def dispatch(self, event: str, data: Json, *, intent: int = 0, is_dm: bool = False) -> None:
        """Send an event to every session that asked for it; sessions without a connection keep it."""
        for session in list(self.sessions.values()):
            if intent and not session.intents & intent:
                continue
            place = (
                data["id"] if event.startswith("GUILD_") and "guild_id" not in data else data.get("guild_id")
            )
            if event != "USER_UPDATE" and not session.serves(str(place or 0)):
                continue
            shown = data
            if event.startswith("MESSAGE_") and not session.intents & MESSAGE_CONTENT:
                shown = hide_content(data, bot_id=self._owner.bot.id, is_dm=is_dm)
            self._dispatch_to(session, event, shown)

    def _dispatch_to(self, session: Session, event: str, data: Json) -> None:
        session.seq += 1
        payload = {"op": 0, "t": event, "s": session.seq, "d": data}
        session.sent.append(payload)
        if session.connection is not None and self.acks and not self.deaf:
            session.connection.send(payload)
        self._owner.changed()


def _valid_shard(shard: Any) -> bool:
    return shard is None or (isinstance(shard, list) and len(shard) == 2 and 0 <= shard[0] < shard[1])
