"""The addresses that discord.py keeps once for the whole process.

discord.py 2.7.1 reads the REST base from `discord.http.Route.BASE` for each request, and the gateway from
`discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY` for each new session (an unsharded `discord.Client` never
asks `GET /gateway/bot`). So all accounts of one process must use the same addresses.
"""

import weakref
from typing import Final, Protocol

import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot_host.connector import ConfigError
from connectors.discord.config import DiscordConfig

OWN_API_BASE: Final = "https://discord.com/api/v10"


class Holder(Protocol):
    """Whoever uses the addresses."""

    config: DiscordConfig


_holders: "weakref.WeakSet[Holder]" = weakref.WeakSet()


def claim(holder: Holder) -> None:
    """Use the addresses of `holder`'s config from now on, until `release`.

    Raises ConfigError when another live account in this process uses other ones.
    """
    mine = holder.config
    for other in _holders:
        for key in ("api_base", "gateway_url"):
            wanted, used = getattr(mine, key), getattr(other.config, key)
            if wanted != used:
                raise ConfigError(
                    f"connectors.discord.{key} must be the same in every [[connectors.discord]] table: "
                    f"discord.py has one for the whole process. {_table(mine)} says {wanted or '(empty)'!r}, "
                    f"{_table(other.config)} says {used or '(empty)'!r}. Give both the same value, or run "
                    f"two hosts."
                )
    _holders.add(holder)
    Route.BASE = mine.api_base or OWN_API_BASE
    if mine.gateway_url:
        use_gateway(mine.gateway_url)


def use_gateway(url: str) -> None:
    """Open new gateway sessions at `url`."""
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url)


def release(holder: Holder) -> None:
    """`holder` no longer uses the addresses. Idempotent."""
    _holders.discard(holder)


def _table(config: DiscordConfig) -> str:
    return f"The table for agent {config.agent!r}" if config.agent else "The table without an agent name"
