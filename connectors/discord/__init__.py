"""Discord: servers, threads and direct messages, by discord.py."""

from bot_host.connector import Connector, ConnectorConfig, ConnectorSpec
from connectors.discord.config import DiscordConfig, missing


def _create(config: ConnectorConfig) -> Connector:
    # The SDK costs half a second to import: only those who use Discord pay for it.
    from connectors.discord.client import DiscordConnector

    assert isinstance(config, DiscordConfig)
    return DiscordConnector(config)


def _secrets(config: ConnectorConfig) -> tuple[str, ...]:
    assert isinstance(config, DiscordConfig)
    return (config.token,)


connector = ConnectorSpec(
    platform="discord", config=DiscordConfig, missing=missing, create=_create, secrets=_secrets
)
