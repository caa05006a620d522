"""discord.py's voice connection, without the caches that it lives in otherwise.

It asks its server and channel for little, and its gateway for one frame: `Guild` and `Place` give that. Its
REST client is the account's own, which outlives the gateway's connections.
"""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import discord
from discord.voice_state import ConnectionFlowState, SocketReader, VoiceConnectionState

Mover = Callable[[str, str], Awaitable[None]]
"""Asks the gateway for a voice channel of a server; an empty one: to leave. Raises ConnectorError."""
Json = dict[str, Any]


class Guild:
    """A server, as discord.py's voice connection knows it."""

    voice: discord.VoiceState | None = None
    """Whether the bot is deaf: as it was asked for."""

    def __init__(self, guild_id: str, move: Mover) -> None:
        self.id = int(guild_id)
        self._move = move

    @property
    def me(self) -> "Guild":
        """Only asked for `voice`."""
        return self

    def get_channel(self, channel_id: int) -> "Place":
        """A channel: whichever the bot is moved to."""
        return Place(channel_id, self)

    async def change_voice_state(
        self, *, channel: "Place | None", self_mute: bool = False, self_deaf: bool = False
    ) -> None:
        """Ask for a channel, or to leave. The bot is always deaf: it does not listen, and shows it."""
        await self._move(str(self.id), str(channel.id) if channel is not None else "")


class Place:
    """A voice channel, as discord.py's voice connection knows it."""

    def __init__(self, channel_id: int, guild: Guild) -> None:
        self.id = channel_id
        self.guild = guild


class LineState(VoiceConnectionState):
    """discord.py's, with a new reading thread for each new socket.

    A `select` that is under way does not notice that its socket is closed. For up to 30 s discord.py's thread
    would look at the old one, and a connection that is made again in that time would wait in vain for its
    first answer.
    """

    _reads = True

    async def disconnect(self, *, force: bool = True, cleanup: bool = True, wait: bool = False) -> None:
        """As discord.py's."""
        await super().disconnect(force=force, cleanup=cleanup, wait=wait)
        self._stop_reading()

    async def soft_disconnect(
        self, *, with_state: ConnectionFlowState = ConnectionFlowState.got_both_voice_updates
    ) -> None:
        """As discord.py's."""
        await super().soft_disconnect(with_state=with_state)
        self._stop_reading()

    def _stop_reading(self) -> None:
        self._socket_reader.stop()
        self._reads = False

    def _create_socket(self) -> None:
        super()._create_socket()
        if not self._reads:
            self._reads = True
            self._socket_reader = SocketReader(self, start_paused=False)
            self._socket_reader.start()


class VoiceLine(discord.VoiceClient):
    """A voice connection that says when it has ended for good."""

    def __init__(self, client: discord.Client, place: Place, on_end: Callable[[], None]) -> None:
        super().__init__(client, cast(Any, place))
        self._on_end = on_end
        self.over = False
        """It has ended, and is not made again."""

    def create_connection_state(self) -> VoiceConnectionState:
        """Called by discord.py at the beginning."""
        return LineState(self)

    def cleanup(self) -> None:
        """Called by discord.py at the end; there is no cache to be taken out of."""
        self.over = True
        self._on_end()

    async def feed(self, event: str, data: Json) -> None:
        """Hand it a frame of the gateway about the bot's own voice."""
        if event == "VOICE_STATE_UPDATE":
            await self.on_voice_state_update(cast(Any, data))
        else:
            await self.on_voice_server_update(cast(Any, data))
