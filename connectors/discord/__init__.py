"""Discord: servers, threads and direct messages, by discord.py."""

from bot_host.connector import Connector, ConnectorConfig, ConnectorSpec
from connectors.discord.config import ACTIONS, VOICE_ACTIONS, DiscordConfig, missing
from connectors.discord.link import read_link


def _create(config: ConnectorConfig) -> Connector:
    # The SDK costs half a second to import: only those who use Discord pay for it.
    from connectors.discord.client import DiscordConnector

    assert isinstance(config, DiscordConfig)
    return DiscordConnector(config)


def _secrets(config: ConnectorConfig) -> tuple[str, ...]:
    assert isinstance(config, DiscordConfig)
    return (config.token,)


connector = ConnectorSpec(
    platform="discord",
    config=DiscordConfig,
    missing=missing,
    create=_create,
    secrets=_secrets,
    read_link=read_link,
    actions=(*ACTIONS, *VOICE_ACTIONS),
    reasons={
        "no text": (
            "it came without text: of server messages that do not mention it, a bot gets the text only with "
            "the message content intent",
            "switch the intent on (check says where), or mention the agent",
        ),
        "unknown component": ("somebody clicked something that is none of the agent's (any more)", ""),
    },
)
