"""Who sits in which voice channel, learned from the gateway's own events."""

from typing import Any

Json = dict[str, Any]


class Seats:
    """The voice states of one account's servers."""

    def __init__(self) -> None:
        self.me = ""
        """The bot's own id."""
        self._by_guild: dict[str, dict[str, str]] = {}
        self._bots: dict[str, set[str]] = {}

    def learn(self, event: str, data: Json) -> None:
        """Take in a gateway event; others change nothing."""
        if event == "READY":
            self.me = str(data["user"]["id"])
        elif event == "GUILD_CREATE":
            self._learn_guild(data)
        elif event == "GUILD_DELETE":
            self._by_guild.pop(str(data["id"]), None)
            self._bots.pop(str(data["id"]), None)
        elif event == "VOICE_STATE_UPDATE" and data.get("guild_id"):
            self._learn_state(str(data["guild_id"]), data)

    def _learn_guild(self, data: Json) -> None:
        guild_id = str(data["id"])
        if data.get("unavailable"):
            return
        self._by_guild[guild_id] = {}
        # Without the members intent these are the bot itself and who sits in voice channels
        # (events/gateway-events#guild-create).
        users = [member["user"] for member in data.get("members", ()) if member.get("user")]
        self._bots[guild_id] = {str(user["id"]) for user in users if user.get("bot")}
        for state in data.get("voice_states", ()):
            self._learn_state(guild_id, state)

    def _learn_state(self, guild_id: str, state: Json) -> None:
        user_id = str(state["user_id"])
        seats, bots = self._by_guild.setdefault(guild_id, {}), self._bots.setdefault(guild_id, set())
        if ((state.get("member") or {}).get("user") or {}).get("bot"):
            bots.add(user_id)
        if state.get("channel_id"):
            seats[user_id] = str(state["channel_id"])
        else:
            seats.pop(user_id, None)
            bots.discard(user_id)

    def seat(self, user_id: str) -> tuple[str, str] | None:
        """The server and voice channel that somebody is in."""
        for guild_id, seats in self._by_guild.items():
            if user_id in seats:
                return guild_id, seats[user_id]
        return None

    def sits_in(self, guild_id: str, channel_id: str, user_id: str) -> bool:
        """Whether somebody is in this channel."""
        return self._by_guild.get(guild_id, {}).get(user_id) == channel_id

    def people(self, guild_id: str, channel_id: str) -> set[str]:
        """Who is in a channel, without bots."""
        seats, bots = self._by_guild.get(guild_id, {}), self._bots.get(guild_id, set())
        return {user for user, where in seats.items() if where == channel_id and user not in bots} - {self.me}
