"""The settings of one Slack workspace."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, Literal

from pydantic import Field, field_validator

from bot_host.connector import AccessKind, ActingConfig, ConnectorConfig

DEFAULT_BASE: Final = "https://slack.com/api/"
BOT_PREFIX: Final = "xoxb-"
APP_PREFIX: Final = "xapp-"
ACTIONS: Final = (
    "READ_CHANNEL",
    "SEARCH_MESSAGES",
    "SUMMARIZE_CONVERSATION",
    "LIST_CHANNELS",
    "GET_USER_INFO",
    "REACT_TO_MESSAGE",
    "PIN_MESSAGE",
    "UNPIN_MESSAGE",
    "UPLOAD_FILE",
    "SEND_DM",
    "EDIT_MESSAGE",
    "DELETE_MESSAGE",
)
"""What only Slack can do, by name."""


class SlackConfig(ActingConfig):
    """`[connectors.slack]`."""

    known_actions: ClassVar[tuple[str, ...]] = ACTIONS

    id_shape: ClassVar[str] = "[A-Z][A-Z0-9]+"
    id_kinds: ClassVar[Mapping[AccessKind, str]] = {
        AccessKind.SERVER: "[TE][A-Z0-9]+",
        AccessKind.CHANNEL: "[CDG][A-Z0-9]+",
        AccessKind.USER: "[UWB][A-Z0-9]+",
        AccessKind.GROUP: "S[A-Z0-9]+",
    }
    user_id_shape: ClassVar[str] = "[UW][A-Z0-9]+"
    role_shape: ClassVar[str] = "S[A-Z0-9]+"
    id_help: ClassVar[str] = (
        "an id looks like C0123456789 (a channel: the end of its details' About tab) or U0123456789 "
        "(a person: their profile, the three dots, Copy member ID)"
    )

    bot_token: str = Field(default="", repr=False)
    """`xoxb-…`, from OAuth & Permissions of the app. SLACK_BOT_TOKEN."""
    app_token: str = Field(default="", repr=False)
    """`xapp-…` with the scope connections:write, for Socket Mode. SLACK_APP_TOKEN."""
    signing_secret: str = Field(default="", repr=False)
    """For the Events API over HTTP: Slack signs with it what it posts. SLACK_SIGNING_SECRET."""
    external: Literal["allow", "mentions", "ignore"] = "mentions"
    """People of other workspaces (Slack Connect): like the workspace's own, only when they turn to the agent,
    or never. They have no role in any case."""
    config_token: str = Field(default="", repr=False)
    """`xoxe.xoxp-…`, with which `check` compares the app's settings. It lasts twelve hours.
    SLACK_CONFIG_TOKEN."""
    client_id: str = ""
    """Of an app that is installed in several workspaces (Basic Information); empty: it has a bot token."""
    client_secret: str = Field(default="", repr=False)
    """Goes with it. SLACK_CLIENT_SECRET."""
    install: Literal["link", "open", "off"] = "link"
    """Who may install the app in further workspaces: who has a link of `slack-install`, anybody, nobody."""
    workspaces: list[str] = Field(default_factory=list)
    """Ids of workspaces and organisations in which it may be installed; empty: any."""
    assistant: bool = False
    """The app is one of Slack's agents: a chat beside all channels, with questions to begin with and a stop
    button. For the manifest; needs a paid plan of Slack's."""
    suggested_prompts: list[str] = Field(default_factory=list, max_length=4)
    """Questions to begin with; empty: those of the character's example conversations."""
    api_base: str = ""
    """Base URL of the Web API, e.g. https://slack-gov.com/api/; empty: Slack's own."""

    @field_validator("bot_token", "app_token", "signing_secret", "config_token", "client_id", "client_secret")
    @classmethod
    def _strip(cls, value: str) -> str:
        return value.strip()

    @field_validator("workspaces")
    @classmethod
    def _workspace_ids(cls, value: list[str]) -> list[str]:
        return cls._checked(value, "[TE][A-Z0-9]+", "ids of workspaces")

    @field_validator("mode")
    @classmethod
    def _known_mode(cls, value: str) -> str:
        if value not in ("", "socket", "http"):
            raise ValueError('expected "socket" (also when empty) or "http"')
        return value

    @field_validator("api_base")
    @classmethod
    def _check_base(cls, value: str) -> str:
        value = value.strip()
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("should be a URL that begins with https:// or http://")
        return value

    @property
    def groups(self) -> frozenset[str]:
        """User groups whose members matter: those that `allow`, `deny` and `roles` name."""
        door = self.door
        bare = door.allow.ids.get("", frozenset()) | door.deny.ids.get("", frozenset())
        named = door.asks_for(AccessKind.GROUP) | {id for id in bare if id.startswith("S")}
        return named | frozenset(self.roles)

    @property
    def base_url(self) -> str:
        """The Web API's base URL with the slash at the end that slack-sdk needs."""
        return (self.api_base or DEFAULT_BASE).rstrip("/") + "/"


def person_key(user_id: str) -> str:
    """The key under which a Slack user is known (elizaos.md 6.12-02)."""
    return f"slack-user-{user_id}"


def missing(config: ConnectorConfig) -> str:
    """Why this connector is off, when nobody has set it up; empty: somebody has."""
    assert isinstance(config, SlackConfig)
    if config.bot_token or config.app_token or config.client_id:
        return ""
    return "no bot token; set SLACK_BOT_TOKEN"


def wrong(config: ConnectorConfig) -> str:
    """What is wrong with the tokens, in words that never show one; empty: nothing that can be seen."""
    assert isinstance(config, SlackConfig)
    bot, app = config.bot_token, config.app_token
    if bot.startswith(APP_PREFIX) and app.startswith(BOT_PREFIX):
        return "the tokens are swapped; SLACK_BOT_TOKEN begins with xoxb-, SLACK_APP_TOKEN with xapp-"
    if config.client_id and not config.client_secret:
        return "no client secret; set SLACK_CLIENT_SECRET (Basic Information), or leave client_id away"
    if not bot and not config.client_id:
        return "no bot token; set SLACK_BOT_TOKEN"
    if bot and not bot.startswith(BOT_PREFIX):
        return f"SLACK_BOT_TOKEN is {_kind(bot)}; it should be the bot token, which begins with xoxb-"
    if config.mode == "http":
        return _wrong_secret(config.signing_secret)
    if not app and config.signing_secret:
        return 'no app token; set SLACK_APP_TOKEN, or mode = "http", which SLACK_SIGNING_SECRET is for'
    if not app:
        return "no app token; set SLACK_APP_TOKEN"
    if not app.startswith(APP_PREFIX):
        return f"SLACK_APP_TOKEN is {_kind(app)}; it should be the app-level token, which begins with xapp-"
    return ""


def _wrong_secret(secret: str) -> str:
    if not secret:
        return (
            'mode = "http" needs the signing secret; set SLACK_SIGNING_SECRET (the app\'s Basic Information, '
            'App Credentials), or mode = "socket"'
        )
    if secret.startswith(("xo", APP_PREFIX)):
        return (
            "SLACK_SIGNING_SECRET is a token; it should be the Signing Secret of the app's Basic Information"
        )
    return ""


def needs_web(config: ConnectorConfig) -> str:
    """See `ConnectorSpec`."""
    assert isinstance(config, SlackConfig)
    return 'mode = "socket"' if config.mode == "http" else ""


def _kind(token: str) -> str:
    known = {
        BOT_PREFIX: "a bot token",
        APP_PREFIX: "an app-level token",
        "xoxp-": "a user token",
        "xoxe": "a token of token rotation, which is not supported",
        "xoxa-": "a token of an old kind",
    }
    return next((name for prefix, name in known.items() if token.startswith(prefix)), "not a Slack token")


def secrets(config: ConnectorConfig) -> Sequence[str]:
    """The values that must never be shown."""
    assert isinstance(config, SlackConfig)
    apps = (config.signing_secret, config.client_secret, config.config_token)
    return [value for value in (config.bot_token, config.app_token, *apps) if value]
