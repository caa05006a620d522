"""What can be made to go wrong at the fake Discord."""

from typing import Any, Final

from tests.fakes.discord_door import Door, Fault, Hold
from tests.fakes.discord_gateway import Gateway
from tests.fakes.discord_model import Json
from tests.fakes.discord_rest import Routes

SEND: Final = "POST /channels/{channel_id}/messages"
HISTORY: Final = "GET /channels/{channel_id}/messages"
TYPING: Final = "POST /channels/{channel_id}/typing"
ME: Final = "GET /users/@me"


class Faults:
    """The faults of `FakeDiscord`: REST answers that fail, a gateway that stumbles."""

    door: Door
    gateway: Gateway
    routes: Routes

    def fail(
        self,
        route: str,
        status: int,
        body: Any = None,
        *,
        times: int = 1,
        headers: dict[str, str] | None = None,
        content_type: str = "application/json",
    ) -> None:
        """Answer the next requests to a route (`SEND` …) with this instead."""
        self.door.faults.append(Fault(route, times, status, body, headers or {}, content_type))

    def rate_limit(self, route: str, retry_after: float, *, times: int = 1, is_global: bool = False) -> None:
        """Answer the next requests to a route with Discord's own 429."""
        body = {"message": "You are being rate limited.", "retry_after": retry_after, "global": is_global}
        scope = "global" if is_global else "shared"
        headers = {"Retry-After": str(int(retry_after) + 1), "X-RateLimit-Scope": scope}
        self.fail(route, 429, body, times=times, headers=headers)

    def cloudflare_ban(self, route: str, *, times: int = 1) -> None:
        """Answer as the edge does when it has banned an address: 429, HTML, no `Via`."""
        page = b"<html>error code: 1015</html>"
        self.fail(route, 429, page, times=times, headers={"Retry-After": "600"}, content_type="text/html")

    def drop(self, route: str, when: str, *, times: int = 1) -> None:
        """Cut the connection instead of answering, `before` or `after` the request took effect."""
        self.door.faults.append(Fault(route, times, drop=when))

    def hold(self, route: str, *, after: bool = False) -> Hold:
        """Keep requests to a route waiting until `release` of what this returns; `after` they took effect."""
        hold = Hold(route, after)
        self.door.holds.append(hold)
        return hold

    def forget_nonces(self) -> None:
        """As after some minutes: the same nonce makes another message."""
        self.routes.nonces.clear()

    def cut(self) -> None:
        """Cut every gateway connection, without a close frame; sessions can be resumed."""
        for connection in list(self.gateway.connections):
            connection.abort()

    def close_gateway(self, code: int) -> None:
        """Close every gateway connection with a code."""
        for connection in list(self.gateway.connections):
            connection.close(code)

    def reconnect(self) -> None:
        """Op 7: the bot is to reconnect and resume."""
        for connection in self.gateway.live:
            connection.send({"op": 7, "d": None})

    def invalidate(self, *, resumable: bool = False) -> None:
        """Op 9; unless it is resumable, the sessions are forgotten."""
        for connection in self.gateway.live:
            connection.send({"op": 9, "d": resumable})
        if not resumable:
            self.forget_sessions()

    def forget_sessions(self) -> None:
        """As after some minutes offline: a resume will be answered with op 9."""
        self.gateway.sessions.clear()

    def ask_heartbeat(self) -> None:
        """Op 1 from the server's side."""
        for connection in self.gateway.live:
            connection.send({"op": 1, "d": None})

    def send_raw(self, text: str) -> None:
        """A text frame as it is, for malformed JSON or unknown ops."""
        for connection in self.gateway.live:
            connection.send_text(text)

    def send_cut_frame(self) -> None:
        """Half of a compressed payload; the stream is out of step from then on."""
        for connection in self.gateway.live:
            connection.send_half({"op": 0, "t": "TYPING_START", "s": None, "d": {"user_id": "1" * 200}})

    def send_garbage(self) -> None:
        """Bytes that are no websocket frame (a reserved opcode)."""
        for connection in self.gateway.live:
            connection.send_bytes_raw(b"\x8f\x05hello")

    def dispatch(self, event: str, data: Json) -> None:
        """Any event, for kinds that nobody knows."""
        self.gateway.dispatch(event, data)
