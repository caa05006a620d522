"""Who sits in which voice channel of the fake Discord.

https://docs.discord.com/developers/events/gateway-events (update-voice-state, voice-state-update,
voice-server-update).
"""

from typing import Protocol

from tests.fakes.discord_gateway import GUILD_VOICE_STATES, Gateway, Session
from tests.fakes.discord_model import Channel, Guild, Json, User


class Endpoint(Protocol):
    """A voice server, see `discord_voice`."""

    endpoint: str
    token: str


class VoiceRooms:
    """The part of `FakeDiscord` that knows who sits in which voice channel."""

    gateway: Gateway
    bot: User
    guilds: dict[str, Guild]
    channels: dict[str, Channel]

    def __init__(self) -> None:
        self.voice: Endpoint | None = None
        """Without one, wishes to join are not answered, as at Discord when it does not let one in."""
        self.voice_wishes: list[Json] = []
        """What the bot asked its gateway for."""

    def sit(self, guild: Guild, channel: Channel, user: User) -> None:
        """Somebody joins a voice channel, or moves to it."""
        guild.seats[user.id] = channel.id
        self._tell_seat(guild, user)

    def stand(self, guild: Guild, user: User) -> None:
        """Somebody leaves voice; the bot: it is disconnected."""
        guild.seats.pop(user.id, None)
        self._tell_seat(guild, user)

    def _tell_seat(self, guild: Guild, user: User) -> None:
        member = guild.members[user.id].payload(with_user=True)
        data = guild.voice_state(user.id) | {"guild_id": guild.id, "member": member}
        self.gateway.dispatch("VOICE_STATE_UPDATE", data, intent=GUILD_VOICE_STATES)

    def voice_asked(self, session: Session, data: Json) -> None:
        """The bot's gateway connection asks for a voice channel (gateway-events#update-voice-state)."""
        self.voice_wishes.append(data)
        guild = self.guilds.get(str(data.get("guild_id")))
        if guild is None or not session.serves(guild.id) or self.voice is None:
            return
        if data.get("channel_id") is None:
            self.stand(guild, self.bot)
            return
        self.sit(guild, self.channels[str(data["channel_id"])], self.bot)
        self.send_voice_server(guild)

    def send_voice_server(self, guild: Guild) -> None:
        """Tell the bot where to connect for sound."""
        assert self.voice is not None
        data = {"token": self.voice.token, "guild_id": guild.id, "endpoint": self.voice.endpoint}
        self.gateway.dispatch("VOICE_SERVER_UPDATE", data)
