"""Who may talk to the agent: `allow`, `deny`, `owners` and `dm_policy` of the config."""

from dataclasses import dataclass
from typing import Self

from connectors.discord.config import DiscordConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The account's door keeper. Each answer is the reason of a refusal; empty: come in."""

    allow: frozenset[str]
    deny: frozenset[str]
    owners: frozenset[str]
    dm_policy: str

    @classmethod
    def of(cls, config: DiscordConfig) -> Self:
        """The rules of a config."""
        return cls(
            allow=frozenset(config.allow),
            deny=frozenset(config.deny),
            owners=frozenset(config.owners),
            dm_policy=config.dm_policy,
        )

    def refuse_dm(self, *, channel_id: str, user_id: str) -> str:
        """Why a direct message is not taken. Pairing is not there yet and works like the allowlist."""
        if self.dm_policy == "off":
            return "direct messages are off"
        if {channel_id, user_id} & self.deny:
            return "denied"
        listed = bool({channel_id, user_id} & self.allow) or user_id in self.owners
        if self.dm_policy in ("allowlist", "pairing"):
            return "" if listed else "not on the allowlist"
        return "" if listed or not self.allow else "not allowed"

    def refuse_place(self, *, guild_id: str, channel_id: str, parent_id: str = "", user_id: str = "") -> str:
        """Why a message in a server's channel is not taken; without a user: the channel as such."""
        ids = {guild_id, channel_id, parent_id, user_id} - {""}
        if ids & self.deny:
            return "denied"
        # A user on the list may talk from any channel: without a user the channel cannot be ruled out,
        # but its name is only worth keeping when the channel itself is on the list.
        if not self.allow or ids & self.allow or user_id in self.owners:
            return ""
        return "not allowed"
