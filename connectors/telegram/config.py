"""The settings of one Telegram bot."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import ClassVar, Final, Literal

from pydantic import ConfigDict, field_validator

from bot_host.connector import AccessKind, ActingConfig, ConnectorConfig

ACTIONS: Final = (
    "REACT_TO_MESSAGE",
    "PIN_MESSAGE",
    "UNPIN_MESSAGE",
    "CREATE_POLL",
    "CREATE_TOPIC",
    "CHANGE_TOPIC",
    "SEND_TO_CHAT",
    "DOWNLOAD_MEDIA",
    "CHAT_INFO",
    "GET_USER_INFO",
)
"""What only Telegram can do, by name."""


class TelegramConfig(ActingConfig):
    """`[connectors.telegram]`. `allow` and `deny` take chat, topic (`CHAT-TOPIC`) and user ids."""

    model_config = ConfigDict(hide_input_in_errors=True)

    known_actions: ClassVar[tuple[str, ...]] = ACTIONS
    id_shape: ClassVar[str] = r"-?[0-9]+(-[0-9]+)?"
    id_kinds: ClassVar[Mapping[AccessKind, str]] = {
        AccessKind.SERVER: "-?[0-9]+",
        AccessKind.CHANNEL: r"-?[0-9]+(-[0-9]+)?",
        AccessKind.USER: "-?[0-9]+",
    }
    """A group is the server of its topics, and a channel too. Anonymous administrators, and channels that
    write, are users by the id of their chat."""
    user_id_shape: ClassVar[str] = "[0-9]+"
    id_help: ClassVar[str] = (
        "an id is a number: write to @userinfobot for your own; a group's begins with a minus sign and "
        "stands in the address when you open it on https://web.telegram.org (CHAT-TOPIC for one topic)"
    )

    token: str = ""
    """From @BotFather."""
    api_base: str = ""
    """Address of a Bot API server of one's own, `http://127.0.0.1:8081`; empty: Telegram's."""
    resend_unknown: bool = True
    """Send a message once more, marked with ↻, when nobody can tell whether it arrived: the connection broke,
    or the host was killed, before Telegram answered. Off: it is given up, and may be lost."""
    link_previews: bool = False
    """Show previews of the pages that an answer links to."""
    commands: bool = True
    """Keep the list of commands that Telegram shows, and its menu button, as the agent's commands are. Off:
    they stay as they were set with @BotFather, or by another program."""

    anonymous_admins: Literal["answer", "ignore"] = "answer"
    """Administrators who write in their group's name."""
    channel_senders: Literal["answer", "ignore"] = "answer"
    """People who write in a group in the name of a channel of theirs."""
    channel_posts: Literal["ignore", "note", "mentions", "answer"] = "mentions"
    """Posts of channels that the bot is in: not taken in, only remembered, answered by a post where they turn
    to the bot (the others are remembered), or each answered."""
    linked_posts: Literal["ignore", "note", "answer"] = "ignore"
    """Posts of a group's linked channel, which Telegram forwards into the group."""

    @field_validator("mode")
    @classmethod
    def _known_mode(cls, mode: str) -> str:
        if mode not in ("", "polling", "webhook"):
            raise ValueError('expected "polling" (also when empty) or "webhook"')
        return mode

    @field_validator("token")
    @classmethod
    def _strip(cls, token: str) -> str:
        return token.strip()

    @field_validator("api_base")
    @classmethod
    def _check_base(cls, base: str) -> str:
        base = base.strip().rstrip("/")
        if base and not re.match(r"https?://[^/]", base):
            raise ValueError("expected an address like http://127.0.0.1:8081")
        return base


def missing(config: ConnectorConfig) -> str:
    """Why this bot is off; empty when it can start."""
    assert isinstance(config, TelegramConfig)
    return "" if config.token else "no token; set TELEGRAM_BOT_TOKEN"


def wrong(config: ConnectorConfig) -> str:
    """What is wrong with the token, which is not shown; empty: nothing that can be seen."""
    assert isinstance(config, TelegramConfig)
    if re.fullmatch(r"[0-9]+:[^\s/?#%]+", config.token):
        return ""
    return "this is not a Telegram bot token (digits, a colon, letters); copy it again from @BotFather"


def needs_web(config: ConnectorConfig) -> str:
    """See `ConnectorSpec`."""
    assert isinstance(config, TelegramConfig)
    return 'mode = "polling"' if config.mode == "webhook" else ""


def webhook_secret(token: str) -> str:
    """What Telegram shows with each update that it brings: always the same, and nothing of the token."""
    return hmac.new(token.encode(), b"bot_host telegram webhook", hashlib.sha256).hexdigest()
