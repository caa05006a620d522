"""The fake Slack over HTTP: what happens is posted, signed, to the app's Request URL instead of into sockets.

https://docs.slack.dev/apis/events-api and
https://docs.slack.dev/authentication/verifying-requests-from-slack: events as JSON, what people use as forms;
each signed over its raw bytes. Events that are not answered with 200 within three seconds come again, with
`x-slack-retry-num`; the rest does not.

    async with FakeSlack() as slack, Posts(slack) as posts:
        posts.url = "http://127.0.0.1:3000/slack/events"
"""

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp

from tests.fakes.slack import FakeSlack
from tests.fakes.slack_socket import Envelope, Socket
from tests.fakes.slack_workspace import APP_ID, TEAM_ID, Json

ANSWER_S = 3.0
REPEAT_S = 0.05
"""The real one repeats at once, after a minute and after five."""


class Posts:
    """Takes the place of the fake's sockets."""

    def __init__(self, slack: FakeSlack) -> None:
        self.slack = slack
        self.signing_secret = secrets.token_hex(16)
        self.url = ""
        """The Request URL; empty: nothing is delivered, and what happens meanwhile waits."""
        self.statuses: list[tuple[Envelope, int]] = []
        """Each attempt, and how it was answered; 0: not at all."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: aiohttp.ClientSession | None = None
        self._beginning: dict[int, int] = {}
        slack.socket_mode.deliver = self.deliver  # type: ignore[method-assign]

    async def __aenter__(self) -> Self:
        self._client = aiohttp.ClientSession()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._client is not None
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._client.close()

    def signed(self, body: bytes, *, at: float | None = None) -> dict[str, str]:
        """The headers of a request that says this."""
        stamp = str(int(time.time() if at is None else at))
        digest = hmac.new(self.signing_secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256)
        return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest.hexdigest()}"}

    async def post(
        self, body: bytes, headers: dict[str, str], *, kind: str = "application/json"
    ) -> tuple[int, str]:
        """One request; status and text of the answer."""
        assert self._client is not None
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        given = {"Content-Type": kind, **headers}
        async with self._client.post(self.url, data=body, headers=given, timeout=timeout) as answer:
            return answer.status, await answer.text()

    async def send(self, payload: Json) -> tuple[int, str]:
        """Any JSON, signed."""
        body = json.dumps(payload).encode()
        return await self.post(body, self.signed(body))

    async def limit(self, minute: int) -> tuple[int, str]:
        """https://docs.slack.dev/apis/events-api/#rate_limiting"""
        told = {"token": "fake", "type": "app_rate_limited", "minute_rate_limited": minute}
        return await self.send({**told, "team_id": TEAM_ID, "api_app_id": APP_ID})

    async def deliver(self, envelope: Envelope, *, to: Socket | None = None) -> bool:
        """In place of `SocketMode.deliver`: returns at once, as Slack posts side by side."""
        task = asyncio.create_task(self._bring(envelope))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _bring(self, envelope: Envelope) -> None:
        why = ""
        while envelope in self.slack.socket_mode.envelopes:
            if not self.url:
                await asyncio.sleep(REPEAT_S)
                continue
            status = await self._try(envelope, why)
            self.slack._changed()
            if status == 200 or envelope.type != "events_api":
                return
            why = "http_error" if status else "connection_failed"
            await asyncio.sleep(REPEAT_S)

    async def _try(self, envelope: Envelope, why: str) -> int:
        body, kind = _body(envelope)
        headers = self.signed(body)
        if why:
            headers |= {"X-Slack-Retry-Num": str(envelope.deliveries), "X-Slack-Retry-Reason": why}
        envelope.ids.append("")
        self.slack._changed()
        try:
            status, text = await self.post(body, headers, kind=kind)
        except (aiohttp.ClientError, TimeoutError, OSError):
            status, text = 0, ""
        self.statuses.append((envelope, status))
        if status == 200 and envelope.acked_at is None:
            envelope.acked_at = next(self.slack._count)
            envelope.response = json.loads(text) if text else None
        return status


def _body(envelope: Envelope) -> tuple[bytes, str]:
    if envelope.type == "events_api":
        # ASCII escapes, so that a lone surrogate of a user's text gets through as it does on Slack.
        return json.dumps(envelope.payload).encode(), "application/json"
    form: dict[str, Any] = envelope.payload
    if envelope.type == "interactive":
        form = {"payload": json.dumps(envelope.payload)}
    return urlencode(form).encode(), "application/x-www-form-urlencoded"
