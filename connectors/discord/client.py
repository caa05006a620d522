"""One Discord account: connect, take in, send."""

import asyncio
import logging
import time
from collections.abc import Sequence, Set
from datetime import datetime
from typing import Any, ClassVar, Final

import aiohttp
import discord

from bot_host.connector import (
    CheckLine,
    ConnectorError,
    ConnectorHost,
    Content,
    Heard,
    LoginError,
    Payload,
    SendRefused,
    Sent,
    Target,
    backoff,
)
from connectors.discord import bases
from connectors.discord.advice import TOKEN_ADVICE, check_lines, content_advice
from connectors.discord.config import DiscordConfig
from connectors.discord.encode import encode_message, nonce_of
from connectors.discord.errors import UNKNOWN_MESSAGE, look_error, refuses_reference, send_error
from connectors.discord.gateway import RETRY_CAP_S, GatewayClient, Pace, quiet_reconnects
from connectors.discord.intake import Intake
from connectors.discord.live import compare
from connectors.discord.proof import find_own
from connectors.discord.rest import Rest, close_client, describe, log_in
from connectors.discord.silence import silences

log = logging.getLogger(__name__)

SEND_TIMEOUT_S: Final = 60.0
TYPING_TIMEOUT_S: Final = 10.0
REQUEST_TIMEOUT_S: Final = 30.0
FINISH_S: Final = 5.0
"""How long a stopping connector goes on storing what it has already received."""
WATCH_S: Final = 10.0
LEAVE_S: Final = 2.0
RESUME_FOR_S: Final = 90.0
"""How long discord.py may try to resume before the session is given up and history is read."""
STEADY_S: Final = 60.0
"""A connection that lived this long starts the waits anew."""

# https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes
_FATAL: Final = {
    4004: f"Discord refuses the token. {TOKEN_ADVICE}",
    4010: "Discord refuses this connection as an invalid shard",
    4011: "this bot is in too many servers for one connection (Discord asks for sharding)",
    4012: "this gateway does not speak version 10; check gateway_url",
    4013: "Discord does not know the intents that were asked for",
}


_FAULTS: Final = (
    discord.DiscordException,
    aiohttp.ClientError,
    OSError,
    ConnectorError,
    KeyError,
    TypeError,
    ValueError,
)
"""What a request may end in; the last three: an answer that is not Discord's."""


class DiscordConnector:
    """See the contract `Connector`."""

    platform: ClassVar[str] = "discord"
    typing_interval_s: ClassVar[float] = 8.0
    """Discord shows it for ten seconds (resources/channel#trigger-typing-indicator)."""

    def __init__(self, config: DiscordConfig, *, pace: Pace | None = None) -> None:
        self.config = config
        bases.claim(self)
        quiet_reconnects()
        self._pace = pace or Pace()
        self._rest = Rest(config.token)
        self._stop = asyncio.Event()
        self._gateway: GatewayClient | None = None
        self._content = True

    async def run(self, host: ConnectorHost) -> None:
        """See the contract."""
        if self._stop.is_set():
            return
        self._content = True
        if self.config.dm_policy == "pairing":
            log.info("discord: dm_policy pairing comes later; until then it works like allowlist")
        intake = Intake(
            host=host,
            rest=self._rest,
            config=self.config,
            stopping=self._stop.is_set,
            retry_base_s=self._pace.retry_base_s,
        )
        handling = host.tasks.spawn("discord intake", intake.run())
        try:
            await self._stay_connected(host, intake)
            await self._finish(intake, handling)
        finally:
            handling.cancel()
            await asyncio.wait([handling])

    async def _finish(self, intake: Intake, handling: "asyncio.Task[None]") -> None:
        try:
            async with asyncio.timeout(FINISH_S):
                await intake.finish()
                await handling
        except TimeoutError:
            log.warning("discord: stopped with events in hand; they are read from history at the next start")

    async def _stay_connected(self, host: ConnectorHost, intake: Intake) -> None:
        attempt = 0
        while not self._stop.is_set():
            began = time.monotonic()
            why = await self._connect_once(host, intake)
            if self._stop.is_set():
                return
            if intake.overflowed:
                await intake.drained()
            attempt = 1 if time.monotonic() - began > STEADY_S else attempt + 1
            wait = backoff(attempt, base=self._pace.retry_base_s, cap=RETRY_CAP_S)
            log.warning("discord: %s; connecting again in %.0f s", why, wait)
            host.waiting(why)
            await self._pause(wait)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            pass

    async def _connect_once(self, host: ConnectorHost, intake: Intake) -> str:
        """One client from login to its end; why it ended. Raises LoginError.

        Always a fresh client: after a first connection that failed, discord.py's own is beyond repair
        (it dies with AttributeError, as `Client.ws` is still None).
        """
        try:
            await self._find_gateway(host)
            return await self._serve(host, intake)
        except discord.LoginFailure as error:
            raise LoginError(f"Discord refuses the token. {TOKEN_ADVICE}") from error
        except discord.PrivilegedIntentsRequired:
            if not self._content:
                raise LoginError(_FATAL[4013]) from None
            self._content = False
            why = content_advice((await self._rest.log_in()).application_id)
            log.warning("discord: %s", why)
            return "the message content intent is off; connecting without it"
        except discord.ConnectionClosed as error:
            if error.code in _FATAL:
                raise LoginError(_FATAL[error.code]) from error
            return f"connection closed with code {error.code}"
        except ConnectorError as error:
            return str(error)
        except discord.HTTPException as error:
            if error.status == 401:
                raise LoginError(_FATAL[4004]) from error
            return f"Discord does not answer: {describe(error)}"
        except Exception as error:  # noqa: BLE001 - whatever ends discord.py's loop: JSON, zlib, KeyError …
            return f"connection lost: {describe(_root(error))}"

    async def _find_gateway(self, host: ConnectorHost) -> None:
        """Ask the API where the gateway is, and whether the bot may still log in today.

        discord.py's unsharded client does not ask; it goes to `DEFAULT_GATEWAY`.
        """
        await self._rest.log_in()
        if self.config.gateway_url:
            return
        found = await self._rest.request("GET", "/gateway/bot", timeout=REQUEST_TIMEOUT_S)
        limit = found.get("session_start_limit") or {}
        if limit.get("remaining", 1) <= 0:
            seconds = float(limit.get("reset_after", 0)) / 1000
            host.waiting("no logins left for today")
            log.warning("discord: no logins left for today; connecting again in %.0f s", seconds)
            await self._pause(seconds)
        bases.use_gateway(found["url"])

    async def _serve(self, host: ConnectorHost, intake: Intake) -> str:
        if self._stop.is_set():
            return "stopped"

        def on_frame(frame: str) -> None:
            if not intake.offer(frame) and intake.overflowed and self._gateway is client:
                self._gateway = None
                host.tasks.spawn("discord overflow", close_client(client))

        client = GatewayClient(
            content=self._content,
            on_frame=on_frame,
            on_drop=lambda: intake.note_waiting("connection lost; resuming"),
            pace=self._pace,
            gateway_url=self.config.gateway_url,
        )
        self._gateway = client
        intake.reopen()
        try:
            await log_in(client, self.config.token)
            failure = await self._live(host, client)
        finally:
            self._gateway = None
            await close_client(client)
        if failure is not None:
            raise failure
        return "more came in than could be stored" if intake.overflowed else "connection closed"

    async def _live(self, host: ConnectorHost, client: GatewayClient) -> Exception | None:
        """Let discord.py connect, receive and resume, until it gives up, is closed, or resumes in vain.

        Its own waits between tries grow to a quarter of an hour and do not end when the client is closed.
        """

        async def connect() -> Exception | None:
            try:
                await client.connect()
            except Exception as error:  # noqa: BLE001 - its caller raises it
                return error
            return None

        connecting = host.tasks.spawn("discord gateway", connect())
        closing = host.tasks.spawn("discord closing", client.closing.wait())
        try:
            while not connecting.done() and not closing.done():
                await asyncio.wait(
                    (connecting, closing), timeout=WATCH_S, return_when=asyncio.FIRST_COMPLETED
                )
                if client.down_for > RESUME_FOR_S:
                    return ConnectorError(f"could not resume for {client.down_for:.0f} s")
            await asyncio.wait([connecting], timeout=LEAVE_S)
            return connecting.result() if connecting.done() else None
        finally:
            for task in (connecting, closing):
                task.cancel()
            await asyncio.wait([connecting, closing])

    async def stop_intake(self) -> None:
        """See the contract."""
        self._stop.set()
        client = self._gateway
        if client is not None:
            await close_client(client)

    def encode(self, content: Content, target: Target) -> list[Payload]:
        """See the contract."""
        return encode_message(content, target)

    async def send(self, payload: Payload, target: Target, *, key: str) -> Sent:
        """See the contract.

        `key` becomes the message's nonce: for some minutes a second try of the same key gives back the
        first try's message instead of making another.
        """
        try:
            channel_id = await self._channel(target)
            body = payload | {"nonce": nonce_of(key), "enforce_nonce": True}
            message = await self._post(channel_id, body)
            return Sent(platform_message_id=str(message["id"]))
        except _FAULTS as error:
            raise send_error(error) from error

    async def edit(self, payload: Payload, target: Target, platform_message_id: str, *, key: str) -> None:
        """See the contract `EditingConnector`."""
        body = {name: value for name, value in payload.items() if name != "message_reference"}
        try:
            await self._change("PATCH", target, platform_message_id, json=body)
        except _FAULTS as error:
            raise send_error(error) from error

    async def retract(self, target: Target, platform_message_id: str) -> None:
        """See the contract `EditingConnector`."""
        try:
            await self._change("DELETE", target, platform_message_id)
        except _FAULTS as error:
            if isinstance(error, discord.HTTPException) and error.code == UNKNOWN_MESSAGE:
                return
            raise send_error(error) from error

    async def _change(self, method: str, target: Target, message_id: str, **more: Any) -> None:
        await self._rest.request(
            method,
            "/channels/{channel_id}/messages/{message_id}",
            timeout=SEND_TIMEOUT_S,
            channel_id=await self._channel(target),
            message_id=message_id,
            **more,
        )

    async def find_sent(
        self, payload: Payload, target: Target, *, key: str, since: datetime, others: Set[str]
    ) -> Sent | None:
        """See the contract `ReadBackConnector`."""
        try:
            channel_id = await self._channel(target)
            found = await find_own(self._rest, channel_id, payload, key=key, since=since, others=others)
        except _FAULTS as error:
            raise look_error(error) from error
        return Sent(platform_message_id=found) if found else None

    async def _channel(self, target: Target) -> str:
        channel_id = target.thread_id or target.channel_id
        if channel_id:
            return channel_id
        user_id = target.extra.get("user_id", "")
        if not user_id:
            raise SendRefused("no Discord channel or user to send to")
        opened = await self._rest.request(
            "POST", "/users/@me/channels", timeout=REQUEST_TIMEOUT_S, json={"recipient_id": user_id}
        )
        return str(opened["id"])

    async def _post(self, channel_id: str, body: dict[str, Any]) -> dict[str, Any]:
        async def post(body: dict[str, Any]) -> dict[str, Any]:
            answer = await self._rest.request(
                "POST",
                "/channels/{channel_id}/messages",
                timeout=SEND_TIMEOUT_S,
                json=body,
                channel_id=channel_id,
            )
            return dict(answer)

        try:
            return await post(body)
        except discord.HTTPException as error:
            if "message_reference" not in body or not refuses_reference(error):
                raise
        return await post({key: value for key, value in body.items() if key != "message_reference"})

    async def typing(self, target: Target) -> None:
        """See the contract."""
        try:
            await self._rest.request(
                "POST",
                "/channels/{channel_id}/typing",
                timeout=TYPING_TIMEOUT_S,
                channel_id=await self._channel(target),
            )
        except (discord.DiscordException, aiohttp.ClientError, OSError, ConnectorError) as error:
            log.debug("discord: no typing indicator: %s", describe(error))

    async def typing_done(self, target: Target) -> None:
        """The indicator ends by itself, with the message or after ten seconds."""

    async def close(self) -> None:
        """See the contract."""
        await self.stop_intake()
        await self._rest.close()
        bases.release(self)

    async def check(self) -> Sequence[CheckLine]:
        """See the contract."""
        rest = Rest(self.config.token)
        try:
            return check_lines(await rest.log_in())
        except discord.LoginFailure:
            return [CheckLine(name="discord", ok=False, detail="the token is refused", advice=TOKEN_ADVICE)]
        except Exception as error:  # noqa: BLE001 - a check never raises
            advice = "Check the network, and api_base if it is set."
            return [CheckLine(name="discord", ok=False, detail=str(error), advice=advice)]
        finally:
            await rest.close()

    async def silences(self) -> Sequence[CheckLine]:
        """See the contract `SelfChecking`."""
        return await silences(self._rest, self.config)

    async def compare(self, heard: Heard) -> Sequence[CheckLine]:
        """See the contract `LiveChecking`."""
        return await compare(self._rest, self.config, heard)


def _root(error: BaseException) -> BaseException:
    """What a first connection failed of: discord.py trips over it with an AttributeError."""
    if isinstance(error, AttributeError) and error.__context__ is not None:
        return error.__context__
    return error
