"""The gateway connection: discord.py's client, whose raw frames are taken in order."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import discord
import yarl

from connectors.discord.rest import LoginClient

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Waits of the connection, in seconds."""

    identify_s: float = 5.0
    """Before a second IDENTIFY: Discord allows one in five seconds."""
    retry_base_s: float = 1.0
    """Before the first new try; doubles up to `RETRY_CAP_S`."""
    heartbeat_s: float = 60.0
    """Silence after which the connection counts as dead (discord.py's default)."""
    echo_s: float = 60.0
    """Silence after something was sent, after which the connection counts as deaf."""
    watch_s: float = 10.0
    """Between two looks at the connection."""
    voice_empty_s: float = 30.0
    """How long the bot stays in a voice channel that everybody has left."""
    voice_connect_s: float = 20.0
    """How long it waits to be let into one."""


RETRY_CAP_S: Final = 120.0
"""Discord resets the token of a bot with more than 1,000 IDENTIFYs a day; this is at most 960."""


class MalformedFrame(ValueError):
    """A frame that is not a JSON object. The message is its beginning."""


def intents(*, content: bool, members: bool, voice: bool = False) -> discord.Intents:
    """What the gateway is to send. `content` and `members` are privileged: Discord may refuse them."""
    return discord.Intents(
        guilds=True,
        guild_messages=True,
        dm_messages=True,
        guild_reactions=True,
        dm_reactions=True,
        message_content=content,
        members=members,
        voice_states=voice,
    )


class Logins:
    """The turns of an account's shards to identify: of those with the same number modulo `at_once`, one in
    `every_s` seconds (events/gateway#sharding-max-concurrency)."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._next: dict[int, float] = {}
        self.at_once = 1

    def take(self, shard: int) -> float:
        """Take the next turn; how many seconds it is off."""
        now, key = time.monotonic(), shard % self.at_once
        turn = max(now, self._next.get(key, 0.0))
        self._next[key] = turn + self._every_s
        return turn - now


class GatewayClient(LoginClient):
    """Hands each received frame to `on_frame` (which may raise MalformedFrame), at once and in order.

    discord.py runs every event handler as a task of its own, from its own objects. The debug event
    `socket_raw_receive` is dispatched in the receive loop before the frame is parsed, so `dispatch` is
    the one place where the order is certain, and where a frame is seen even when discord.py then fails on
    it.

    discord.py itself reads only READY, without its servers, and RESUMED. Its other parsers fill caches that
    nobody here asks, and one that meets a payload it does not expect (a MESSAGE_UPDATE without `type`, a
    server in READY that is there already) ends the connection.
    """

    def __init__(
        self,
        *,
        content: bool,
        members: bool,
        voice: bool = False,
        on_frame: Callable[[str], bool],
        on_up: Callable[[], None],
        on_drop: Callable[[], None],
        pace: Pace,
        logins: Logins,
        gateway_url: str = "",
        shard: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(
            intents=intents(content=content, members=members, voice=voice),
            enable_debug_events=True,
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            # Nobody here waits for discord.py's own `ready`.
            guild_ready_timeout=0.0,
            heartbeat_timeout=pace.heartbeat_s,
            shard_id=shard[0] if shard else None,
            shard_count=shard[1] if shard else None,
        )
        for event in set(self._connection.parsers) - {"READY", "RESUMED"}:
            del self._connection.parsers[event]
        read_ready = self._connection.parsers["READY"]
        self._connection.parsers["READY"] = lambda data: read_ready(data | {"guilds": []})
        self._on_frame = on_frame
        self._on_up = on_up
        self._on_drop = on_drop
        self._pace = pace
        self._logins = logins
        self._gateway_url = gateway_url
        self.closing = asyncio.Event()
        self._down_since: float | None = None
        self._malformed = ""
        self._echo_due: float | None = None
        self.is_up = False
        """It has been connected once."""

    @property
    def down_for(self) -> float:
        """Seconds since the connection was lost; 0 while it stands."""
        return 0.0 if self._down_since is None else time.monotonic() - self._down_since

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """discord.py's own events, of which few matter here."""
        if event == "socket_raw_receive":
            self._receive(args[0])
        elif event in ("connect", "resumed"):
            self._down_since = None
            self.is_up = True
            self._on_up()
            if self._gateway_url:
                # READY names Discord's own address to resume at, past the proxy.
                self.ws.gateway = yarl.URL(self._gateway_url)
        elif event == "disconnect" and self._down_since is None:
            self._down_since = time.monotonic()
            self._on_drop()
        super().dispatch(event, *args, **kwargs)

    def _receive(self, frame: str) -> None:
        try:
            if self._on_frame(frame):
                self._echo_due = None
        except MalformedFrame as error:
            log.warning("discord: skipped a malformed frame: %s", error)
            if self._malformed == str(error):
                return  # It came again: discord.py fails on it, and a new session begins.
            self._malformed = str(error)
            # discord.py answers a time-out in here by RESUME, which brings what came since the last whole
            # frame; on the frame itself it would end, and the session with all that was missed.
            raise TimeoutError("malformed frame") from None

    def expects_echo(self) -> None:
        """What the bot says comes back as an event, here."""
        if self._echo_due is None:
            self._echo_due = time.monotonic() + self._pace.echo_s

    async def ask_for_voice(self, guild_id: str, channel_id: str) -> None:
        """Ask for a voice channel of a server, or (empty) for none (gateway-events#update-voice-state).

        Raises TimeoutError while the connection is down: discord.py's voice connection tries again then.
        """
        if self._down_since is not None or not self.is_up:
            raise TimeoutError("the gateway is not connected")
        # Deaf for everybody to see: nothing is listened to.
        await self.ws.voice_state(int(guild_id), int(channel_id) if channel_id else None, self_deaf=True)

    async def hang_up_if_deaf(self) -> None:
        """Close a connection that answers heartbeats and brings no events; discord.py resumes it.

        Only what the bot itself says can tell this from a quiet evening.
        """
        if self._echo_due is None or time.monotonic() < self._echo_due or self._down_since is not None:
            return
        self._echo_due = None
        log.warning("discord: what the bot said did not come back; the connection is deaf, resuming")
        await self.ws.close(4000)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait for this shard's turn to identify, but not beyond `close`."""
        seconds = self._logins.take(shard_id or 0)
        try:
            async with asyncio.timeout(seconds):
                await self.closing.wait()
        except TimeoutError:
            pass

    async def close(self) -> None:
        """Close the connection and the client's own REST session."""
        self.closing.set()
        await super().close()


class QuietReconnects(logging.Filter):
    """discord.py logs each reconnect with a traceback; one line says as much."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Take the traceback off reconnect lines."""
        if record.levelno == logging.ERROR and str(record.msg).startswith("Attempting a reconnect"):
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            record.exc_info = record.exc_text = None
        return True


def quiet_reconnects() -> None:
    """Install the filter once for the process."""
    logger = logging.getLogger("discord.client")
    if not any(isinstance(known, QuietReconnects) for known in logger.filters):
        logger.addFilter(QuietReconnects())
