"""Telegram by the Bot API: one bot account, taken in by long polling (core.telegram.org/bots/api)."""

from bot_host.connector import ConfigError, Connector, ConnectorConfig, ConnectorSpec
from connectors.telegram.config import TelegramConfig


def _config(config: ConnectorConfig) -> TelegramConfig:
    if not isinstance(config, TelegramConfig):
        raise ConfigError(f"telegram: expected TelegramConfig, found {type(config).__name__}")
    return config


def _missing(config: ConnectorConfig) -> str:
    return "" if _config(config).token else "no token; set TELEGRAM_BOT_TOKEN"


def _create(config: ConnectorConfig) -> Connector:
    # The library is imported only by those who switch Telegram on.
    from connectors.telegram.client import TelegramConnector

    return TelegramConnector(_config(config))


def _secrets(config: ConnectorConfig) -> list[str]:
    return [_config(config).token]


connector = ConnectorSpec(
    platform="telegram", config=TelegramConfig, missing=_missing, create=_create, secrets=_secrets
)
