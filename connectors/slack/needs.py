"""What the app must be allowed to do and asked to be told: the same list as in docs/slack-manifest.yaml."""

from collections.abc import Iterable, Mapping
from typing import Final

EVENTS: Final[Mapping[str, str]] = {
    "app_mention": "app_mentions:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
    "channel_id_changed": "groups:read",
    "channel_left": "channels:read",
    "channel_rename": "channels:read",
    "channel_unarchive": "channels:read",
    "group_left": "groups:read",
    "group_rename": "groups:read",
    "group_unarchive": "groups:read",
    "member_joined_channel": "channels:read",
    "team_rename": "team:read",
    "user_change": "users:read",
    "team_join": "users:read",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
    "app_uninstalled": "",
    "tokens_revoked": "",
}
"""Each bot event that decode or client handles, and its scope. https://docs.slack.dev/reference/events"""

METHODS: Final[Mapping[str, tuple[str, ...]]] = {
    "auth.test": (),
    "chat.postMessage": ("chat:write",),
    "chat.postEphemeral": ("chat:write",),
    "chat.update": ("chat:write",),
    "views.open": (),
    "assistant.threads.setStatus": ("chat:write",),
    "users.info": ("users:read",),
    "conversations.info": ("channels:read", "groups:read", "mpim:read"),
    "users.conversations": ("channels:read", "groups:read", "mpim:read", "im:read"),
    "conversations.history": ("channels:history", "groups:history", "im:history", "mpim:history"),
    "conversations.replies": ("channels:history", "groups:history", "im:history", "mpim:history"),
    "files.info": ("files:read",),
    "files.getUploadURLExternal": ("files:write",),
    "files.completeUploadExternal": ("files:write",),
    "files.delete": ("files:write",),
    "reactions.add": ("reactions:write",),
    "reactions.remove": ("reactions:write",),
}
"""Each method called with the bot token, and its scopes. https://docs.slack.dev/reference/methods"""

COMMANDS: Final[Mapping[str, str]] = {
    "ask": "Ask me something.",
    "why": "Why your last message here was answered, or was not.",
    "model": "Which model answers.",
    "mydata": "All that I have of you, as a file for you alone.",
    "forgetme": "Delete all that I have of you.",
    "reset": "Begin the conversation here anew.",
    "mute": "Be quiet here, except when mentioned.",
    "follow": "Look at every message here.",
    "settings": "Show or change how I am in this room.",
}
"""The host's own commands, with what people read of them. A plugin's are added to the manifest by hand."""
RESERVED: Final = frozenset(
    {
        "active", "apps", "archive", "away", "call", "close", "collapse", "dm", "dnd", "expand", "feed",
        "feedback", "help", "huddle", "invite", "join", "kick", "leave", "me", "msg", "mute", "open",
        "people", "prefs", "pro", "remind", "remove", "rename", "search", "shortcuts", "shrug", "star",
        "status", "topic", "who",
    }
)  # fmt: skip
"""Slack's own: it refuses a manifest that names one of them.
https://slack.com/help/articles/201259356-Use-built-in-slash-commands"""
PREFIX: Final = "bot_"

OPTIONAL: Final = frozenset(
    {"commands", "files:read", "files:write", "im:read", "reactions:read", "reactions:write", "team:read"}
)
"""Without these people are answered all the same, but files are named only, and some comfort is missing. By
`im:read` the host sees that somebody wrote to it for the first time while it was down."""

SCOPES: Final = (
    frozenset({"commands"})
    | frozenset(scope for scope in EVENTS.values() if scope)
    | {scope for scopes in METHODS.values() for scope in scopes}
)
"""All bot scopes that the app needs."""


def slash_of(name: str) -> str:
    """How a command is written on Slack."""
    return f"/{PREFIX}{name}" if name in RESERVED else f"/{name}"


def command_of(slash: str) -> str:
    """The command that was written."""
    name = slash.removeprefix("/").lower()
    bare = name.removeprefix(PREFIX)
    return bare if bare in RESERVED else name


def lacking(granted: Iterable[str]) -> tuple[list[str], list[str]]:
    """Scopes that are missing: those that matter, and those that are only nice to have."""
    gone = SCOPES - set(granted)
    return sorted(gone - OPTIONAL), sorted(gone & OPTIONAL)
