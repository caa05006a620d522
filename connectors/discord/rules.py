"""Who may talk to the agent: the lists of the config, asked about Discord's ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from bot_host.connector import AccessKind, Door, Visit
from connectors.discord.config import DiscordConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The account's door keeper. Each answer is the reason of a refusal; empty: come in."""

    door: Door
    role_ids: frozenset[str]
    """Ids of the config that may be those of roles."""

    @classmethod
    def of(cls, config: DiscordConfig) -> Self:
        """The rules of a config."""
        door = config.door
        bare = door.allow.ids.get("", frozenset()) | door.deny.ids.get("", frozenset())
        return cls(door=door, role_ids=door.asks_for(AccessKind.ROLE) | bare | frozenset(config.roles))

    def refuse_dm(self, *, channel_id: str, user_id: str, is_bot: bool = False) -> str:
        """Why a direct message is not taken. Roles are a server's, and not known here."""
        return self.door.refuse(Visit(user=user_id, channels=(channel_id,), direct=True, is_bot=is_bot))

    def refuse_place(
        self,
        *,
        guild_id: str,
        channel_id: str,
        parent_id: str = "",
        user_id: str = "",
        roles: Sequence[str] | None = (),
        is_bot: bool = False,
    ) -> str:
        """Why a message in a server's channel is not taken; without a user: the channel as such.

        A user or role on the list may talk from any channel: without a user the channel cannot be ruled out,
        but its name is only worth keeping when the channel itself is on the list.
        """
        channels = tuple(filter(None, (channel_id, parent_id)))
        return self.door.refuse(
            Visit(user=user_id, servers=(guild_id,), channels=channels, roles=roles, is_bot=is_bot)
        )
