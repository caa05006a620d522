"""Around every request: Host check, size limit, headers of every answer, the access log, faults."""

import asyncio
import logging
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot_host.config.schema import WebConfig, is_loopback
from bot_host.kit.clean import one_line
from bot_host.web.auth import names_this_machine
from bot_host.web.errors import ApiError, refusal

log = logging.getLogger(__name__)

BODY_BYTES: Final = 1_000_000
"""Of one request."""
FILE_BYTES: Final = 25_000_000
FILES: Final = ("/api/v1/files", "/v1/chat/completions")
"""The addresses that take files."""
BODY_SECONDS: Final = 30.0
FILE_SECONDS: Final = 300.0
"""What a client may take to send all of its body."""
QUIET: Final = ("/health/", "/console/", "/api/v1/status", "/metrics")
"""Asked every few seconds, or with each page; logged at debug."""
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""On every answer, where a plugin's route says nothing else."""


class Door:
    """The outermost ASGI application."""

    def __init__(
        self, app: ASGIApp, config: WebConfig, *, is_open: Callable[[str], bool] = lambda _path: False
    ) -> None:
        """`is_open`: whether a path guards itself, so that it may be asked for under any name."""
        self._app = app
        self._is_open = is_open
        self._host = config.host
        # With a token a rebound name gains nothing: the page that uses it does not know the token.
        self._check_host = is_loopback(config.host) and not config.token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        begun = time.monotonic()
        status = 0
        sent = 0
        is_file = scope["path"] in FILES
        most = FILE_BYTES if is_file else BODY_BYTES
        until = asyncio.get_running_loop().time() + (FILE_SECONDS if is_file else BODY_SECONDS)
        whole = False

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _dress(message)
            await send(message)

        async def receive_on() -> Message:
            nonlocal sent, whole
            if whole:
                # Only the end of the connection comes now.
                return await receive()
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                raise ApiError(
                    408, "the body did not come in time", headers={"Connection": "close"}
                ) from None
            whole = not message.get("more_body", False)
            sent += len(message.get("body", b""))
            if sent > most:
                raise too_large(most)
            return message

        try:
            refused = self._refuse(scope)
            if refused is not None:
                await refused(scope, receive, send_on)
            else:
                await self._app(scope, receive_on, send_on)
        except Exception:
            log.exception("a fault while answering %s", _where(scope))
            if not status:
                await refusal(500, "something failed here", path=scope["path"])(scope, receive, send_on)
        finally:
            _note(scope, status, time.monotonic() - begun)

    def _refuse(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        # Browsers always send it; health checks over HTTP/1.0 do not.
        named = not host or not self._check_host or names_this_machine(host, configured=self._host)
        if not named and not self._is_open(scope["path"]):
            return refusal(
                403,
                f'this host does not answer as "{one_line(host)}"; ask for {self._host}, or set web.token',
                path=scope["path"],
            )
        length = headers.get("content-length", "")
        most = FILE_BYTES if scope["path"] in FILES else BODY_BYTES
        if length.isdecimal() and int(length) > most:
            error = too_large(most)
            return refusal(error.status_code, error.detail, path=scope["path"], headers=error.headers)
        return None


def too_large(most: int) -> ApiError:
    """The refusal of a body; closes the connection, so that the rest need not be read."""
    return ApiError(413, f"the body is larger than {most} bytes", headers={"Connection": "close"})


def _dress(message: Message) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    # uvicorn's own clock would tick ten times a second for this.
    headers["Date"] = formatdate(usegmt=True)
    for banner in ("server", "x-powered-by"):
        if banner in headers:
            del headers[banner]


def _where(scope: Scope) -> str:
    # A plugin's path may hold a secret (webhooks do): its pattern says enough. Query strings are left out.
    return f"{scope['method']} {one_line(scope.get('pattern') or scope['path'], 200)}"


def _note(scope: Scope, status: int, seconds: float) -> None:
    level = logging.DEBUG if scope["path"].startswith(QUIET) else logging.INFO
    if status >= 500 and level == logging.INFO:
        level = logging.WARNING
    log.log(level, "%s %d in %.0f ms", _where(scope), status, seconds * 1000)
