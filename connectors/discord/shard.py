"""One connection to the gateway, kept up: login, identify, resume, and a new session when that is in vain.

A bot in many servers needs several, its shards (events/gateway#sharding). Each of ours is a client of its
own: with discord.py's `AutoShardedClient` one shard that Discord closes ends all the others with it, and
each of them has to log in again.
"""

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import Final

import discord

from bot_host.connector import ConnectorError, ConnectorHost, LoginError, backoff
from connectors.discord import bases
from connectors.discord.advice import TOKEN_ADVICE, content_advice, may_hear_members, members_advice
from connectors.discord.gateway import RETRY_CAP_S, GatewayClient, Logins, Pace
from connectors.discord.intake import Intake, Offer
from connectors.discord.rest import Rest, close_client, describe, log_in

log = logging.getLogger(__name__)

REQUEST_TIMEOUT_S: Final = 30.0
LEAVE_S: Final = 2.0
RESUME_FOR_S: Final = 90.0
"""How long discord.py may try to resume before the session is given up and history is read."""
STEADY_S: Final = 60.0
"""A connection that lived this long starts the waits anew."""
TOLD_FOR_S: Final = 5.0
MOST_SHARDS: Final = 1000
"""A number above it is no advice of Discord's."""
NEEDS_SHARDS: Final = 4011

# https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes
_FATAL: Final = {
    4004: f"Discord refuses the token. {TOKEN_ADVICE}",
    4010: "Discord refuses this connection as an invalid shard",
    4012: "this gateway does not speak version 10; check gateway_url",
    4013: "Discord does not know the intents that were asked for",
}


class MoreShards(Exception):
    """Discord wants more connections for this bot than there are."""


@dataclass(slots=True, kw_only=True)
class Shared:
    """What the shards of one account have in common."""

    host: ConnectorHost
    intake: Intake
    rest: Rest
    pace: Pace
    token: str
    gateway_url: str
    stop: asyncio.Event
    logins: Logins
    content: bool = True
    """Whether the message content intent is asked for."""
    members: bool = False
    """The same of the server members intent."""
    voice: bool = False
    """Whether voice states are asked for."""
    up: int = 0
    """Shards that are connected."""
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    told: int = 1
    """What Discord advised last …"""
    told_until: float = 0.0
    """… and how long that holds, by the monotonic clock."""

    async def pause(self, seconds: float) -> None:
        """Wait, but not beyond the connector's end."""
        try:
            async with asyncio.timeout(seconds):
                await self.stop.wait()
        except TimeoutError:
            pass


async def advised(shared: Shared) -> int:
    """How many shards Discord advises (`GET /gateway/bot`); 1 where it does not say.

    It tells the gateway's address, too, and how many logins are left: when none is, this waits. Shards that
    connect together ask once. Raises as `Rest.request`.
    """
    async with shared.asking:
        if time.monotonic() < shared.told_until:
            return shared.told
        found = await shared.rest.request("GET", "/gateway/bot", timeout=REQUEST_TIMEOUT_S)
        if not shared.gateway_url:
            bases.use_gateway(found["url"])
        limit = found.get("session_start_limit") or {}
        shared.logins.at_once = max(1, int(limit.get("max_concurrency") or 1))
        if limit.get("remaining", 1) <= 0:
            seconds = float(limit.get("reset_after", 0)) / 1000
            shared.host.waiting("no logins left for today")
            log.warning("discord: no logins left for today; connecting again in %.0f s", seconds)
            await shared.pause(seconds)
        shards = found.get("shards")
        shared.told = shards if isinstance(shards, int) and 1 <= shards <= MOST_SHARDS else 1
        shared.told_until = time.monotonic() + TOLD_FOR_S
        return shared.told


class Shard:
    """Shard `number` of `total`."""

    def __init__(self, shared: Shared, number: int, total: int) -> None:
        self._shared = shared
        self._number, self._total = number, total
        self._name = f"discord shard {number} of {total}" if total > 1 else "discord"
        self._client: GatewayClient | None = None
        self._is_up = False

    async def stay_connected(self) -> None:
        """Until the connector stops. Raises LoginError, MoreShards."""
        attempt = 0
        shared = self._shared
        while not shared.stop.is_set():
            began = time.monotonic()
            why = await self._connect_once()
            self._is_down()
            if shared.stop.is_set():
                return
            if shared.intake.overflowed:
                await shared.intake.drained()
            attempt = 1 if time.monotonic() - began > STEADY_S else attempt + 1
            wait = backoff(attempt, base=shared.pace.retry_base_s, cap=RETRY_CAP_S)
            log.warning("%s: %s; connecting again in %.0f s", self._name, why, wait)
            if not shared.up:
                shared.host.waiting(why)
            await shared.pause(wait)

    async def leave(self) -> None:
        """Close the connection; `stay_connected` goes on with a new one unless the connector stops."""
        client, self._client = self._client, None
        if client is not None:
            await close_client(client)

    def expects_echo(self) -> None:
        """Something was sent to where this shard listens: it will come back as an event."""
        if self._client is not None:
            self._client.expects_echo()

    async def ask_for_voice(self, guild_id: str, channel_id: str) -> None:
        """See `GatewayClient.ask_for_voice`. Raises TimeoutError."""
        if self._client is None:
            raise TimeoutError("the gateway is not connected")
        await self._client.ask_for_voice(guild_id, channel_id)

    async def _connect_once(self) -> str:
        """One client from login to its end; why it ended. Raises LoginError, MoreShards.

        Always a fresh client: after a first connection that failed, discord.py's own is beyond repair
        (it dies with AttributeError, as `Client.ws` is still None).
        """
        shared = self._shared
        try:
            await shared.rest.log_in()
            if not shared.gateway_url:
                await advised(shared)
            return await self._serve()
        except discord.LoginFailure as error:
            raise LoginError(f"Discord refuses the token. {TOKEN_ADVICE}") from error
        except discord.PrivilegedIntentsRequired:
            return await self._do_with_less()
        except discord.ConnectionClosed as error:
            if error.code == NEEDS_SHARDS:
                raise MoreShards from error
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

    async def _do_with_less(self) -> str:
        """Ask for no intent that the application may not have. Raises LoginError when none is left."""
        shared = self._shared
        client = await shared.rest.log_in()
        if shared.members and not may_hear_members(client):
            shared.members = False
            log.warning("discord: %s", members_advice(client.application_id))
            return "the server members intent is off; connecting without it"
        if shared.content:
            shared.content = False
            log.warning("discord: %s", content_advice(client.application_id))
            return "the message content intent is off; connecting without it"
        raise LoginError(_FATAL[4013])

    async def _serve(self) -> str:
        shared, intake = self._shared, self._shared.intake
        if shared.stop.is_set():
            return "stopped"

        def on_frame(frame: str) -> bool:
            # After an overflow nothing is taken, also not while the other shards are still closing: a mark
            # would jump over the gap.
            if self._client is not client:
                return False
            offer = intake.offer(frame)
            if offer is Offer.FULL:
                self._client = None
                shared.host.tasks.spawn("discord overflow", close_client(client))
            return offer is Offer.TAKEN

        client = GatewayClient(
            content=shared.content,
            members=shared.members,
            voice=shared.voice,
            on_frame=on_frame,
            on_up=self._came_up,
            on_drop=self._lost,
            pace=shared.pace,
            logins=shared.logins,
            gateway_url=shared.gateway_url,
            shard=(self._number, self._total) if self._total > 1 else None,
        )
        self._client = client
        intake.reopen()
        try:
            await log_in(client, shared.token)
            failure = await self._live(client)
        finally:
            self._client = None
            await close_client(client)
        if failure is not None:
            raise failure
        return "more came in than could be stored" if intake.overflowed else "connection closed"

    def _came_up(self) -> None:
        if not self._is_up:
            self._is_up = True
            self._shared.up += 1

    def _is_down(self) -> None:
        if self._is_up:
            self._is_up = False
            self._shared.up -= 1

    def _lost(self) -> None:
        self._is_down()
        if not self._shared.up:
            self._shared.intake.note_waiting("connection lost; resuming")
        else:
            log.info("%s: connection lost; resuming", self._name)

    async def _live(self, client: GatewayClient) -> Exception | None:
        """Let discord.py connect, receive and resume, until it gives up, is closed, or resumes in vain.

        Its own waits between tries grow to a quarter of an hour and do not end when the client is closed.
        """

        async def connect() -> Exception | None:
            try:
                await client.connect()
            except Exception as error:  # noqa: BLE001 - its caller raises it
                return error
            return None

        tasks = self._shared.host.tasks
        connecting = tasks.spawn(f"{self._name} gateway", connect())
        closing = tasks.spawn(f"{self._name} closing", client.closing.wait())
        try:
            while not connecting.done() and not closing.done():
                await asyncio.wait(
                    (connecting, closing),
                    timeout=self._shared.pace.watch_s,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if client.down_for > RESUME_FOR_S:
                    return ConnectorError(f"could not resume for {client.down_for:.0f} s")
                if self._shared.intake.echoes:
                    await client.hang_up_if_deaf()
            await asyncio.wait([connecting], timeout=LEAVE_S)
            return connecting.result() if connecting.done() else None
        finally:
            for task in (connecting, closing):
                task.cancel()
            await asyncio.wait([connecting, closing])


def _root(error: BaseException) -> BaseException:
    """What a first connection failed of: discord.py trips over it with an AttributeError."""
    if isinstance(error, AttributeError) and error.__context__ is not None:
        return error.__context__
    return error
