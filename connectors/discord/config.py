"""The settings of a Discord account, checked."""

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, field_validator

from bot_host.connector import AccessKind, ActingConfig, ConnectorConfig, one_line

ACTIONS: Final = (
    "READ_CHANNEL",
    "SEARCH_MESSAGES",
    "SUMMARIZE_CONVERSATION",
    "LIST_CHANNELS",
    "CHANNEL_INFO",
    "GET_USER_INFO",
    "SERVER_INFO",
    "REACT_TO_MESSAGE",
    "PIN_MESSAGE",
    "UNPIN_MESSAGE",
    "CREATE_THREAD",
    "CREATE_POLL",
    "SEND_DM",
    "DOWNLOAD_MEDIA",
)
"""What only Discord can do, by name."""
_OWN_EMOJI: Final = re.compile(r"(<a?:)?\w{2,32}:\d{5,20}>?", re.ASCII)
VOICE_ACTIONS: Final = ("JOIN_VOICE", "LEAVE_VOICE")
"""Those that `voice = true` brings."""


class DiscordConfig(ActingConfig):
    """One `[connectors.discord]` table. Ids are snowflakes (docs.discord.com/developers/reference)."""

    known_actions: ClassVar[tuple[str, ...]] = ACTIONS
    id_shape: ClassVar[str] = "[0-9]+"
    id_kinds: ClassVar[Mapping[AccessKind, str]] = dict.fromkeys(
        (AccessKind.SERVER, AccessKind.CHANNEL, AccessKind.USER, AccessKind.ROLE), "[0-9]+"
    )
    user_id_shape: ClassVar[str] = "[0-9]+"
    role_shape: ClassVar[str] = "[0-9]+"
    id_help: ClassVar[str] = (
        "an id is digits only: in Discord switch on User Settings, Advanced, Developer Mode, "
        "then right-click the server, channel, user or role and choose Copy ID"
    )

    token: str = Field(default="", repr=False)
    """The bot's token, from the Developer Portal's Bot page."""
    api_base: str = ""
    """REST base URL with the version, for a proxy: `http://127.0.0.1:8080/api/v10`; empty: Discord's."""
    gateway_url: str = ""
    """Websocket URL for a gateway proxy; empty: what the API says (`GET /gateway/bot`)."""
    threads: Literal["never", "mention"] = "never"
    """`mention`: a mention in a text channel is answered in a thread of its own, a room of its own."""
    working_reaction: str = ""
    """An emoji that the bot puts to a message of a server while it works on the answer; empty: none."""
    ping_reply: bool = False
    """Whether an answer pings the person that it replies to."""
    role_mentions: Literal["own", "any", "none"] = "own"
    """Which roles' mentions are mentions of the bot: the one that Discord made for it, any that it has."""
    members: bool = False
    """Hear of people who join and leave servers; needs the privileged server members intent."""
    voice: bool = False
    """Join voice channels when people there ask for it, and say answers aloud; needs the extra `voice`."""
    shards: Annotated[int, Field(ge=1, le=1000)] | Literal["auto"] = "auto"
    """Connections to the gateway; `auto`: as many as Discord advises, one for each 1,000 servers or so."""

    @field_validator("working_reaction", "failed_reaction")
    @classmethod
    def _check_emoji(cls, value: str) -> str:
        value = value.strip()
        # resources/message#create-reaction: an emoji itself, or name:id of a server's own; no short names.
        if value.isascii() and value and not _OWN_EMOJI.fullmatch(value):
            raise ValueError(
                "must be an emoji such as 👀, or one of a server's own as name:id; "
                f"found {one_line(value, 40)!r}"
            )
        return value

    @field_validator("token")
    @classmethod
    def _clean_token(cls, value: str) -> str:
        # Copied from examples of raw HTTP requests, a token often comes with its scheme.
        return value.strip().removeprefix("Bot ").strip()

    @field_validator("api_base")
    @classmethod
    def _check_api_base(cls, value: str) -> str:
        return _check_url(value, "http", example="http://127.0.0.1:8080/api/v10").rstrip("/")

    @field_validator("gateway_url")
    @classmethod
    def _check_gateway_url(cls, value: str) -> str:
        return _check_url(value, "ws", example="ws://127.0.0.1:8081/")


def _check_url(value: str, scheme: str, *, example: str) -> str:
    value = value.strip()
    if value and not value.startswith((f"{scheme}://", f"{scheme}s://")):
        raise ValueError(f"must begin with {scheme}:// or {scheme}s://, like {example}; found {value!r}")
    return value


def missing(config: ConnectorConfig) -> str:
    """Why this account cannot start; empty when it can."""
    assert isinstance(config, DiscordConfig)
    return "" if config.token else "no token; set DISCORD_BOT_TOKEN"
