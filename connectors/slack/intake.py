"""Events in, acknowledgements out, and the second only after the first is on disk: Socket Mode, or `calls`.

The socket is slack-sdk's `SocketModeClient`, which is also what bolt's own handler wraps; the dispatch is
slack-bolt's `AsyncApp`. Between them stands this module instead of bolt's `AsyncSocketModeHandler`:

* With `process_before_response=True` bolt's response exists only after the listener has returned with what
  it read. So we run the app, store what it read, and send its response as the acknowledgement: one way for
  events, commands and buttons alike, in which an acknowledgement cannot overtake the commit. (Bolt's default
  acknowledges before the listener runs.) What cannot be stored is not acknowledged: Slack delivers again.
* slack-sdk starts one task for each frame, so bolt's handler would take events in as the tasks happen to
  finish. Here they go through one bounded queue to one consumer, in the order of the socket. Those that wait
  together are stored together, in one transaction. What people press and command passes them (`using`).

On `disconnect` slack-sdk closes the old socket before it opens the new one. What was still in the old one is
lost to us but not to Slack, which has no acknowledgement of it and delivers it again; what had reached the
queue is acknowledged on the new socket, or comes again and is known by its event key.
"""

import asyncio
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import aiohttp
from slack_bolt.adapter.socket_mode.internals import build_headers
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot_host.connector import InboundEvent, LoginError, StoreError, Supervisor
from connectors.slack.calls import Wire
from connectors.slack.errors import login_error
from connectors.slack.events import Self
from connectors.slack.logs import BOLT_LOG, SDK_LOG
from connectors.slack.opening import hang_up
from connectors.slack.using import KINDS, Tell, Uses

log = logging.getLogger(__name__)

WAITING: Final = 1_000
"""Envelopes that wait for the disk. One more is not taken and not acknowledged: Slack delivers it again."""
FINISH_S: Final = 10.0
"""For the envelope under way when the intake stops."""
PING_S: Final = 5.0
"""Between pings; slack-sdk takes a socket for dead after four without an answer."""
ANY: Final = re.compile(r".*", re.DOTALL)

TOGETHER: Final = 50
"""Envelopes that are stored in one transaction at the most."""
READ_S: Final = 0.5
"""How long a group may take to read: Slack wants each acknowledgement within three seconds."""

ReadEvent = Callable[[Mapping[str, Any]], Awaitable[InboundEvent]]
"""Reads the payload of an event, or of what somebody used."""
StoreEvents = Callable[..., Awaitable[None]]
"""Takes events in, in order; returns when they are on disk. Raises StoreError."""

_Read = tuple[SocketModeResponse, list[InboundEvent]]
"""The acknowledgement, and what it acknowledges."""


class Socket(SocketModeClient):
    """slack-sdk's client, which tells us when Slack refuses the app token instead of asking for ever."""

    def __init__(self, app_token: str, web: AsyncWebClient, refused: Callable[[LoginError], None]) -> None:
        super().__init__(app_token=app_token, web_client=web, logger=SDK_LOG, ping_interval=PING_S)
        self._refused = refused
        # It would read the proxy from the environment, whatever the Web API's client goes by.
        self.proxy = web.proxy

    async def issue_new_wss_url(self) -> str:
        try:
            return await super().issue_new_wss_url()
        except SlackApiError as error:
            found = login_error(error, "app token")
            if isinstance(found, LoginError):
                self._refused(found)
            raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """Who reads what comes, by its kind."""

    event: ReadEvent
    press: ReadEvent
    form: ReadEvent
    shortcut: ReadEvent
    command: Callable[[Mapping[str, Any]], Awaitable[tuple[InboundEvent, bool]]]
    """Tells besides whether all may see that it was used."""


DONE: Final = "done"
"""In a request's context: the list into which what it says is read."""


def make_app(web: AsyncWebClient, me: Self, bot_token: str, read: Readers) -> AsyncApp:
    """The bolt app: reads what comes; what nobody handles is acknowledged and logged.

    `authorize` spares an `auth.test` for the first event, whose failure bolt would answer with status 200 as
    if the event had been handled; it also keeps bolt from reading OAuth settings out of the environment.
    """
    result = AuthorizeResult(
        enterprise_id=None,
        team_id=me.team_id,
        bot_user_id=me.user_id,
        bot_id=me.bot_id,
        bot_token=bot_token,
    )

    async def authorize() -> AuthorizeResult:
        return result

    app = AsyncApp(
        # Bolt makes a logger of this name and sets its level: it must not be one of ours.
        name="slack_bolt.bot_host",
        logger=BOLT_LOG,
        client=web,
        authorize=authorize,
        process_before_response=True,
        # decode says of each event why it is skipped.
        ignoring_self_events_enabled=False,
        request_verification_enabled=False,
        ssl_check_enabled=False,
        url_verification_enabled=False,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )

    @app.event(ANY)
    async def on_event(body: dict[str, Any], context: AsyncBoltContext) -> None:
        context[DONE].append(await read.event(body))

    # Only those of blocks: attachments of old have other ones, and none is ours.
    @app.action({"type": "block_actions", "action_id": ANY})
    async def on_press(ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext) -> None:
        context[DONE].append(await read.press(body))
        await ack()

    @app.view(ANY)
    async def on_form(ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext) -> None:
        context[DONE].append(await read.form(body))
        await ack()

    @app.shortcut(ANY)
    async def on_shortcut(ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext) -> None:
        context[DONE].append(await read.shortcut(body))
        await ack()

    @app.command(ANY)
    async def on_command(ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext) -> None:
        event, openly = await read.command(body)
        context[DONE].append(event)
        # Without a text this shows only what was typed.
        await (ack({"response_type": "in_channel"}) if openly else ack())

    @app.error
    async def on_error(error: Exception) -> BoltResponse:
        log.error("slack: an event could not be handled: %s", error, exc_info=error)
        return BoltResponse(status=500)

    return app


class Intake:
    """One connection's life: open, take in and acknowledge in order, close."""

    def __init__(
        self,
        *,
        me: Self,
        bot_token: str,
        app_token: str,
        web: AsyncWebClient,
        app_web: AsyncWebClient,
        read: Readers,
        store: StoreEvents,
        tell: Tell,
        on_hello: Callable[[], None],
        wire: Wire | None = None,
    ) -> None:
        """`app_web` is without a token, so that bolt takes the one that `authorize` gives.

        `on_hello`: a socket is open, the first or a new one; nothing of it has been taken in yet.
        `wire`: in its place, where Slack posts to us.
        """
        self._app = make_app(app_web, me, bot_token, read)
        self._store = store
        self._uses = Uses(store=store, tell=tell)
        self._on_hello = on_hello
        self._queue: asyncio.Queue[SocketModeRequest] = asyncio.Queue(WAITING)
        self._busy = asyncio.Lock()
        self._consumer: asyncio.Task[None] | None = None
        self.refusal: LoginError | None = None
        """Slack does not take the app token any more."""
        self.said_hello = asyncio.Event()
        self._socket: Socket | Wire = wire or Socket(app_token, web, self._refuse)
        self._socket.message_listeners.append(self._on_frame)
        self._socket.socket_mode_request_listeners.append(self._on_request)

    @property
    def wire(self) -> Wire | None:
        """What Slack's requests go into; None: there is a websocket."""
        return self._socket if isinstance(self._socket, Wire) else None

    def _refuse(self, error: LoginError) -> None:
        self.refusal = error

    async def open(self, url: str) -> None:
        """Connect to `url`. slack-sdk tries for ever, so the caller bounds the time."""
        self._socket.wss_uri = url
        await self._socket.connect()
        await self.said_hello.wait()

    def start(self, tasks: Supervisor) -> None:
        """Take in what has come and what will come."""
        self._uses.tasks = tasks
        self._consumer = tasks.spawn("slack intake", self._consume())

    @property
    def is_idle(self) -> bool:
        """Whether all that has come is on disk."""
        return self._queue.empty() and not self._busy.locked()

    async def is_connected(self) -> bool:
        """Whether the socket is open and answers pings."""
        return bool(await self._socket.is_connected())

    async def close(self) -> None:
        """Finish the envelope under way, take no other, hang up. What waits is delivered again by Slack."""
        socket = self._socket
        socket.socket_mode_request_listeners.clear()
        await self._uses.finish(FINISH_S)
        if self._consumer is not None:
            await self._end(self._consumer)
        await hang_up(socket)

    async def _end(self, consumer: "asyncio.Task[None]") -> None:
        try:
            async with asyncio.timeout(FINISH_S), self._busy:
                consumer.cancel()
        except TimeoutError:
            log.warning("slack: an event is still not on disk; it is left for Slack to deliver again")
        finally:
            consumer.cancel()
        await asyncio.wait([consumer])

    # frames

    async def _on_frame(
        self, _client: AsyncBaseSocketModeClient, message: dict[str, Any], raw: str | None
    ) -> None:
        kind = message.get("type")
        if kind == "hello":
            self._hello(message)
        elif kind == "disconnect":
            log.info("slack: asked to reconnect (%s)", message.get("reason", "no reason"))
        elif not isinstance(message.get("envelope_id"), str) or "payload" not in message:
            log.warning("slack: skipped a frame that is no envelope (%d characters)", len(raw or ""))

    def _hello(self, message: dict[str, Any]) -> None:
        others = message.get("num_connections", 1)
        if not self.said_hello.is_set() and isinstance(others, int) and others > 1:
            log.warning("slack: %d sockets are open for this app; Slack shares the events out", others)
        self.said_hello.set()
        self._on_hello()

    async def _on_request(self, _client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        # An envelope says as well as a hello that the socket works.
        self.said_hello.set()
        if request.type in KINDS and self._uses.offer(partial(self._read_one, request), self._acknowledge):
            return
        # Nothing is awaited before this in the task of a frame, and tasks start in order: so the order holds.
        try:
            self._queue.put_nowait(request)
        except asyncio.QueueFull:
            log.warning("slack: %d events wait for the disk; one is left for Slack to deliver again", WAITING)

    async def _consume(self) -> None:
        while True:
            request = await self._queue.get()
            async with self._busy:
                until = time.monotonic() + READ_S
                group = await self._read(request)
                while len(group) < TOGETHER and not self._queue.empty() and time.monotonic() < until:
                    group += await self._read(self._queue.get_nowait())
                await self._finish(group)

    async def _read(self, request: SocketModeRequest) -> list[_Read]:
        read = await self._read_one(request)
        return [] if read is None else [read]

    async def _read_one(self, request: SocketModeRequest) -> _Read | None:
        """The envelope with its events; None when it is not to be acknowledged."""
        done: list[InboundEvent] = []
        try:
            response = await self._dispatch(request, done)
        except Exception:
            log.exception("slack: an envelope could not be handled; Slack will deliver it again")
            return None
        if response.status != 200:
            return None
        told = json.loads(response.body) if response.body and request.accepts_response_payload else None
        return SocketModeResponse(envelope_id=request.envelope_id, payload=told), done

    async def _acknowledge(self, answer: SocketModeResponse) -> None:
        try:
            await self._socket.send_socket_mode_response(answer)
        except (ConnectionError, aiohttp.ClientError) as error:
            log.info("slack: not acknowledged (%s); Slack will deliver it again", type(error).__name__)

    async def _finish(self, group: list[_Read]) -> None:
        """Store what was read, then acknowledge it."""
        try:
            await self._store(*(event for _, events in group for event in events))
        except StoreError as error:
            log.warning(
                "slack: %d events could not be stored (%s); Slack will deliver them again", len(group), error
            )
            return
        except Exception:
            if len(group) == 1:
                log.exception("slack: an event could not be handled; Slack will deliver it again")
                return
            # One that cannot be taken in must not take the others along.
            for one in group:
                await self._finish([one])
            return
        for answer, _ in group:
            await self._acknowledge(answer)

    async def _dispatch(self, request: SocketModeRequest, done: list[InboundEvent]) -> BoltResponse:
        bolt_request = _bolt_request(request, done)
        if bolt_request is None:
            log.warning("slack: skipped a malformed envelope (%s)", request.type)
            return BoltResponse(status=200)
        response = await self._app.async_dispatch(bolt_request)
        if response.status == 404:
            log.info("slack: skipped %s, for which nothing is registered", request.type)
            return BoltResponse(status=200)
        return response


def _bolt_request(request: SocketModeRequest, done: list[InboundEvent]) -> AsyncBoltRequest | None:
    """As bolt's own handler makes it; None for what bolt would fail on, each time that it comes."""
    event = request.payload.get("event")
    if request.type == "events_api" and not (isinstance(event, dict) and isinstance(event.get("type"), str)):
        return None
    body = request.payload
    if request.type == "events_api":
        # The envelope has said what it is; bolt goes by the payload.
        body = {"type": "event_callback", **body}
    try:
        return AsyncBoltRequest(
            mode="socket_mode", body=body, headers=build_headers(request), context={DONE: done}
        )
    except (TypeError, ValueError, KeyError, AttributeError):
        return None
