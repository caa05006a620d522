"""Telegram by the Bot API: one bot account, by long polling or webhook (core.telegram.org/bots/api)."""

import os

from bot_host.connector import Connector, ConnectorConfig, ConnectorSpec
from connectors.telegram.config import ACTIONS, TelegramConfig, missing, needs_web, webhook_secret, wrong
from connectors.telegram.link import read_link
from connectors.telegram.reasons import MEANINGS

# The library's documented way to get time periods as `timedelta`, without a deprecation warning for each.
os.environ["PTB_TIMEDELTA"] = "true"


def _create(config: ConnectorConfig) -> Connector:
    # The library is imported only by those who switch Telegram on.
    from connectors.telegram.client import TelegramConnector

    assert isinstance(config, TelegramConfig)
    return TelegramConnector(config)


def _secrets(config: ConnectorConfig) -> list[str]:
    assert isinstance(config, TelegramConfig)
    return [config.token, webhook_secret(config.token)] if config.token else []


connector = ConnectorSpec(
    platform="telegram",
    config=TelegramConfig,
    missing=missing,
    wrong=wrong,
    create=_create,
    secrets=_secrets,
    read_link=read_link,
    needs_web=needs_web,
    actions=ACTIONS,
    reasons=MEANINGS,
)
