"""Socket Mode of the fake Slack.

https://docs.slack.dev/apis/events-api/using-socket-mode : a single-use URL from `apps.connections.open`,
`hello`, envelopes that are to be acknowledged by their id, `disconnect` messages, up to ten sockets that
share the events. What is not acknowledged is delivered again with `retry_attempt` and `retry_reason`
(https://docs.slack.dev/apis/events-api/#retries).
"""

import itertools
import json
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import WSMsgType, web

from tests.fakes.slack_workspace import APP_ID, Json

MOST_SOCKETS = 10
DisconnectReason = Literal["warning", "refresh_requested", "link_disabled", "too_many_websockets"]


@dataclass(eq=False)
class Socket:
    """One websocket of the app."""

    ws: web.WebSocketResponse
    number: int
    pings: int = 0
    pongs: int = 0
    leaving: bool = False
    """Told to go: gets nothing more."""

    @property
    def open(self) -> bool:
        return not self.ws.closed and not self.leaving


@dataclass(eq=False)
class Envelope:
    """Something for the app, from the first delivery to the acknowledgement."""

    type: str
    payload: Any
    accepts_response_payload: bool
    ids: list[str] = field(default_factory=list)
    """One id a delivery."""
    sockets: list[Socket] = field(default_factory=list)
    acked_at: int | None = None
    """Place in the fake's count of calls and acknowledgements; None: not acknowledged."""
    acked_on: Socket | None = None
    response: Any = None
    """The payload of the acknowledgement."""

    @property
    def event(self) -> Json:
        """The event of an `events_api` envelope."""
        found: Json = self.payload["event"]
        return found

    @property
    def deliveries(self) -> int:
        return len(self.ids)


class SocketMode:
    """The websocket side. `changed` is called after each change that a test may wait for."""

    def __init__(self, count: "itertools.count[int]", changed: Callable[[], None]) -> None:
        self._count = count
        self._changed = changed
        self._tickets: dict[str, bool] = {}
        self._turn = itertools.count()
        self.sockets: list[Socket] = []
        """All that ever were, oldest first."""
        self.envelopes: list[Envelope] = []
        self.bad_frames: list[str] = []
        """Frames of the app that Slack would not understand, and acknowledgements of unknown envelopes."""
        self.answer_pings = True
        self.refuse_next = 0
        """So many websockets are refused with status 503; their URL stays good."""
        self.disabled = False
        """Socket Mode switched off for the app."""

    def new_url(self, host: str, *, debug: bool) -> str:
        """A single-use URL."""
        ticket = secrets.token_urlsafe(12)
        self._tickets[ticket] = debug
        more = "&debug_reconnects=true" if debug else ""
        return f"ws://{host}/link/?ticket={ticket}&app_id={APP_ID}{more}"

    @property
    def open_sockets(self) -> list[Socket]:
        return [socket for socket in self.sockets if socket.open]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The websocket's endpoint."""
        if self.refuse_next > 0:
            self.refuse_next -= 1
            return web.Response(status=503, text="try again")
        debug = self._tickets.pop(request.query.get("ticket", ""), None)
        if debug is None:
            return web.Response(status=401, text="invalid ticket")
        ws = web.WebSocketResponse(autoping=False)
        await ws.prepare(request)
        if self.disabled:
            await ws.send_str(json.dumps({"type": "disconnect", "reason": "link_disabled"}))
            await ws.close()
            return ws
        if len(self.open_sockets) >= MOST_SOCKETS:
            await ws.send_str(json.dumps({"type": "disconnect", "reason": "too_many_websockets"}))
            await ws.close()
            return ws
        socket = Socket(ws, len(self.sockets))
        self.sockets.append(socket)
        try:
            await self._hello(socket, debug=debug)
            await self._deliver_waiting()
            self._changed()
            await self._read(socket)
        except ConnectionError:
            pass  # The app went away in the middle of a frame, as apps do.
        finally:
            socket.leaving = True
            self._changed()
        return ws

    async def _hello(self, socket: Socket, *, debug: bool) -> None:
        hello = {
            "type": "hello",
            "num_connections": len(self.open_sockets),
            "connection_info": {"app_id": APP_ID},
            "debug_info": {
                "host": "applink-fake",
                "build_number": 1,
                "approximate_connection_time": 360 if debug else 18060,
            },
        }
        await socket.ws.send_str(json.dumps(hello))

    async def _read(self, socket: Socket) -> None:
        async for message in socket.ws:
            if message.type is WSMsgType.PING:
                socket.pings += 1
                if self.answer_pings:
                    await socket.ws.pong(message.data)
            elif message.type is WSMsgType.PONG:
                socket.pongs += 1
            elif message.type is WSMsgType.TEXT:
                self._acknowledge(socket, message.data)
            self._changed()

    def _acknowledge(self, socket: Socket, text: str) -> None:
        try:
            frame = json.loads(text)
            id = frame["envelope_id"]
        except (ValueError, KeyError, TypeError):
            self.bad_frames.append(text)
            return
        envelope = next((e for e in self.envelopes if id in e.ids), None)
        if envelope is None:
            self.bad_frames.append(text)
        elif envelope.acked_at is None:
            envelope.acked_at, envelope.acked_on = next(self._count), socket
            envelope.response = frame.get("payload")
            if envelope.response is not None and not envelope.accepts_response_payload:
                self.bad_frames.append(text)

    # delivering

    def add(self, type: str, payload: Any, *, accepts_response_payload: bool = False) -> Envelope:
        """Something new for the app; it leaves with the next `deliver`."""
        envelope = Envelope(type, payload, accepts_response_payload)
        self.envelopes.append(envelope)
        return envelope

    async def deliver(self, envelope: Envelope, *, to: Socket | None = None) -> bool:
        """Hand an envelope to one of the open sockets, in turn. False: there is none, it waits."""
        sockets = self.open_sockets
        if to is None and not sockets:
            return False
        socket = to or sockets[next(self._turn) % len(sockets)]
        envelope.ids.append(str(uuid.uuid4()))
        envelope.sockets.append(socket)
        frame: Json = {
            "envelope_id": envelope.ids[-1],
            "payload": envelope.payload,
            "type": envelope.type,
            "accepts_response_payload": envelope.accepts_response_payload,
        }
        if envelope.type == "events_api":
            again = envelope.deliveries - 1
            frame |= {"retry_attempt": again, "retry_reason": "timeout" if again else ""}
        try:
            # ASCII escapes, so that a lone surrogate of a user's text gets through as it does on Slack.
            await socket.ws.send_str(json.dumps(frame))
        except ConnectionError:
            return False  # Counted as delivered and never acknowledged: it comes again.
        self._changed()
        return True

    async def _deliver_waiting(self) -> None:
        """To a new socket: all that nobody has, in the order in which it happened."""
        for envelope in self.envelopes:
            held = any(socket.open for socket in envelope.sockets)
            if envelope.acked_at is None and not held:
                await self.deliver(envelope)

    async def redeliver(self, *envelopes: Envelope) -> None:
        """What Slack does when three seconds pass: deliver what is not acknowledged again."""
        for envelope in envelopes or tuple(self.envelopes):
            if envelope.acked_at is None:
                await self.deliver(envelope)

    def give_up(self) -> None:
        """What Slack does after its third try, some minutes later: nobody is told any more."""
        self.envelopes = [envelope for envelope in self.envelopes if envelope.acked_at is not None]

    # trouble

    async def send_frame(self, text: str) -> None:
        """Any text to every open socket."""
        for socket in self.open_sockets:
            await socket.ws.send_str(text)

    async def ping(self) -> None:
        """Slack's own ping to every open socket."""
        for socket in self.open_sockets:
            await socket.ws.ping(b"Ping from applink-fake")

    async def disconnect(self, reason: DisconnectReason, *, close: bool = False) -> None:
        """Tell every socket to go. With `close` Slack hangs up at once, else the app does or lives on.

        `warning` comes about ten seconds before the end, `refresh_requested` when the container is renewed,
        `link_disabled` when Socket Mode is switched off.
        """
        for socket in self.open_sockets:
            socket.leaving = close
            frame = {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-fake"}}
            await socket.ws.send_str(json.dumps(frame))
            if close:
                await socket.ws.close()

    def drop(self) -> None:
        """Cut every connection, without a word."""
        for socket in self.open_sockets:
            socket.leaving = True
            transport = socket.ws._req.transport if socket.ws._req is not None else None
            if transport is not None:
                transport.abort()

    async def close(self) -> None:
        """Hang up on everybody."""
        for socket in self.sockets:
            if not socket.ws.closed:
                await socket.ws.close()
