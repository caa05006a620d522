"""The settings of one Telegram bot."""

import re

from pydantic import ConfigDict, field_validator

from bot_host.connector import ConnectorConfig


class TelegramConfig(ConnectorConfig):
    """`[connectors.telegram]`. `allow` and `deny` take chat, topic (`CHAT-TOPIC`) and user ids."""

    model_config = ConfigDict(hide_input_in_errors=True)

    token: str = ""
    """From @BotFather."""
    api_base: str = ""
    """Address of a Bot API server of one's own, `http://127.0.0.1:8081`; empty: Telegram's."""

    @field_validator("token")
    @classmethod
    def _check_token(cls, token: str) -> str:
        token = token.strip()
        if token and not re.fullmatch(r"[0-9]+:[^\s/?#%]+", token):
            # The value is a secret, even a wrong one: it is not repeated.
            raise ValueError(
                "this is not a Telegram bot token (digits, a colon, letters): copy it again from @BotFather"
            )
        return token

    @field_validator("api_base")
    @classmethod
    def _check_base(cls, base: str) -> str:
        base = base.strip().rstrip("/")
        if base and not re.match(r"https?://[^/]", base):
            raise ValueError("expected an address like http://127.0.0.1:8081")
        return base
