"""The Events API over HTTP: what Slack posts to the host's web server, instead of into a websocket.

The payloads are those of Socket Mode, so each request becomes an envelope and goes the same way (`intake`).
It is answered with 200 when that acknowledges it, which it does when it is on disk. Events that are not
answered within three seconds Slack repeats, three times (https://docs.slack.dev/apis/events-api/#retries);
commands and buttons it does not: their people see a failure, and press again.
"""

import asyncio
import json
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bot_host.connector import CheckLine, HttpAnswer, HttpRequest, HttpRoute
from connectors.slack.config import SlackConfig

log = logging.getLogger(__name__)

PATH: Final = "/events"
"""Below `/slack`: bolt's own default for events, interactivity and commands."""
ANSWER_S: Final = 2.8
"""For the disk: Slack waits for three seconds."""
AT_ONCE: Final = 1_000
"""Requests that wait for it."""
SILENCE_S: Final = 60.0
"""When nothing came for so long and then something comes again, other things may not have come."""
WARN_EVERY_S: Final = 60.0
WINDOW_S: Final = 300
"""Older requests are somebody's repetition (https://docs.slack.dev/authentication/verifying-requests-from-slack)."""

Json = dict[str, Any]


class Wire:
    """Stands where the SDK's socket client does, for one login: envelopes in, acknowledgements out."""

    def __init__(self, team_id: str, *, lost: Callable[[float, float], None]) -> None:
        """`lost` hears from when to when, in Slack's time, something may not have come."""
        self.team_id = team_id
        self.wss_uri = ""
        self.message_listeners: list[Callable[[Any, Json, str | None], Awaitable[None]]] = []
        self.socket_mode_request_listeners: list[Callable[[Any, SocketModeRequest], Awaitable[None]]] = []
        self.message_processor: asyncio.Future[Any] | None = None
        self.message_receiver: asyncio.Future[Any] | None = None
        self.current_session_monitor: asyncio.Future[Any] | None = None
        self.lost = lost
        self.heard_at = time.time()
        """When Slack's last request was answered with 200."""
        self.closed = False
        self._waiting: dict[str, asyncio.Future[Json | None]] = {}

    async def is_connected(self) -> bool:
        """Nobody can tell whether Slack would reach us."""
        return not self.closed

    async def connect(self) -> None:
        """What comes from now on is taken in."""
        for listener in self.message_listeners:
            await listener(self, {"type": "hello", "num_connections": 1}, None)

    async def close(self) -> None:
        """What waits is left for Slack to repeat."""
        self.closed = True
        for waiting in self._waiting.values():
            waiting.cancel()

    async def send_socket_mode_response(self, response: SocketModeResponse | Json) -> None:
        """It is on disk."""
        assert isinstance(response, SocketModeResponse)
        waiting = self._waiting.get(response.envelope_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(response.payload)

    async def bring(self, kind: str, payload: Json, headers: Mapping[str, str]) -> HttpAnswer:
        """One request, until it is on disk or its time is over."""
        if self.closed or len(self._waiting) >= AT_ONCE:
            return HttpAnswer(status=503)
        envelope = SocketModeRequest(
            type=kind,
            envelope_id=str(uuid.uuid4()),
            payload=payload,
            accepts_response_payload=kind != "events_api",
            retry_attempt=_number(headers.get("x-slack-retry-num", "")),
            retry_reason=headers.get("x-slack-retry-reason"),
        )
        waiting = self._waiting[envelope.envelope_id] = asyncio.get_running_loop().create_future()
        try:
            for listener in self.socket_mode_request_listeners:
                await listener(self, envelope)
            await asyncio.wait([waiting], timeout=ANSWER_S)
        finally:
            del self._waiting[envelope.envelope_id]
        if waiting.cancelled() or not waiting.done():
            return HttpAnswer(status=503)
        self._notice(bool(envelope.retry_attempt))
        told = waiting.result()
        if told is None:
            return HttpAnswer()
        return HttpAnswer(body=json.dumps(told).encode(), content_type="application/json")

    def _notice(self, again: bool) -> None:
        """A repeated request after a silence: the way here was cut, and what Slack gave up came never."""
        before, self.heard_at = self.heard_at, time.time()
        if again and self.heard_at - before > SILENCE_S:
            log.info("slack: nothing came for %.0f s; reading what was missed", self.heard_at - before)
            self.lost(before, self.heard_at)


class Calls:
    """The address that Slack posts to; it outlives logins."""

    def __init__(self, config: SlackConfig) -> None:
        self._config = config
        self._verifier = SignatureVerifier(config.signing_secret) if config.signing_secret else None
        self._warned_at = float("-inf")
        self.wire: Wire | None = None
        """Of the login that stands; None: none does."""
        self.address = ""
        """As Slack reaches it; empty: there is no web server."""

    def use_address(self, base: str) -> None:
        """See `HttpConnector`."""
        self.address = base + PATH

    def http_routes(self) -> Sequence[HttpRoute]:
        """See `HttpConnector`."""
        if self._config.mode != "http":
            return ()
        return [HttpRoute(method="POST", path=PATH, handler=self.take)]

    async def take(self, request: HttpRequest) -> HttpAnswer | None:
        """One request of Slack's; None: it is for another workspace."""
        if not self._is_slack(request):
            return HttpAnswer(status=401)
        read = read_body(request)
        if read is None:
            log.warning("slack: a request of %d bytes cannot be read", len(request.body))
            return HttpAnswer(status=400)
        kind, payload = read
        if kind == "url_verification":
            return HttpAnswer(body=str(payload.get("challenge", "")).encode())
        if kind == "ssl_check":
            return HttpAnswer()
        return await self._pass_on(kind, payload, request.headers)

    async def _pass_on(self, kind: str, payload: Json, headers: Mapping[str, str]) -> HttpAnswer | None:
        wire = self.wire
        if wire is None:
            return HttpAnswer(status=503)
        teams = teams_of(payload)
        if teams and wire.team_id not in teams:
            log.debug("slack: a request for another workspace")
            return None
        if kind == "app_rate_limited":
            self._limited(wire, payload)
            return HttpAnswer()
        return await wire.bring(kind, payload, headers)

    def _is_slack(self, request: HttpRequest) -> bool:
        if self._verifier is None:
            return False
        stamp = request.headers.get("x-slack-request-timestamp", "")
        signature = request.headers.get("x-slack-signature", "")
        try:
            if self._verifier.is_valid(request.body, stamp, signature):
                return True
        except (ValueError, TypeError):
            # The SDK's verifier stumbles over stamps that are no numbers, and over bytes that are no text.
            return False
        self._warn_of_clock(stamp)
        return False

    def _warn_of_clock(self, stamp: str) -> None:
        """An old request may be a repetition, or all of them are, as this machine's clock is wrong."""
        off = time.time() - int(stamp)
        if abs(off) > WINDOW_S and time.monotonic() - self._warned_at > WARN_EVERY_S:
            self._warned_at = time.monotonic()
            log.warning(
                "slack: refused a request that is %.0f s old; if all are, set this machine's clock",
                off,
            )

    def _limited(self, wire: Wire, payload: Json) -> None:
        """https://docs.slack.dev/apis/events-api/#rate_limiting"""
        try:
            minute = float(payload["minute_rate_limited"])
        except (KeyError, TypeError, ValueError):
            minute = time.time()
        log.warning(
            "slack: more than 30,000 events an hour; those of a minute do not come, and are read from the "
            "history"
        )
        wire.lost(minute, minute + 60.0)

    def line(self) -> CheckLine:
        """What `check` tells of it."""
        public = self.address.startswith("https://") or bool(self._config.api_base)
        return CheckLine(
            name="slack events",
            ok=True,
            detail=f"Slack posts to {self.address or 'nowhere: the web server is off'}",
            advice="the app's Request URL of Event Subscriptions, Interactivity and each slash command is "
            + (
                "that address"
                if public
                else f"the public https address of {self.address}: set web.public_url"
            ),
        )


def read_body(request: HttpRequest) -> tuple[str, Json] | None:
    """Its kind, as Socket Mode names it, and its payload; None: it is none of Slack's.

    https://docs.slack.dev/apis/events-api/#receiving-events (JSON), and as forms
    https://docs.slack.dev/interactivity/handling-user-interaction#payloads
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        text = request.body.decode("utf-8")
        if kind == "application/x-www-form-urlencoded":
            form = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=200))
            if "payload" in form:
                return "interactive", _object(form["payload"])
            return ("ssl_check" if form.get("ssl_check") else "slash_commands"), dict(form)
        payload = _object(text)
    except (ValueError, RecursionError):
        return None
    told = payload.get("type")
    return told if told in ("url_verification", "app_rate_limited") else "events_api", payload


def _object(text: str) -> Json:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def teams_of(payload: Json) -> set[str]:
    """The workspaces, or organisations, that a payload is for; empty: it does not say.

    Of what happens in shared channels `team_id` may be another workspace: the authorizations say whose it is.
    """
    found: set[str] = set()
    authorizations = payload.get("authorizations")
    for each in authorizations if isinstance(authorizations, list) else ():
        if isinstance(each, dict):
            found |= {str(each[key]) for key in ("team_id", "enterprise_id") if each.get(key)}
    if found:
        return found
    team = payload.get("team")
    named = [payload.get("team_id"), team.get("id") if isinstance(team, dict) else None]
    view = payload.get("view")
    if isinstance(view, dict):
        named.append(view.get("app_installed_team_id"))
    return {str(each) for each in named if each}


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 9 else None
