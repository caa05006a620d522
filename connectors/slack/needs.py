"""What the app must be allowed to do and asked to be told: the source of its manifest and of `check`."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from connectors.slack.config import SlackConfig

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
    "app_home_opened": "",
    "app_uninstalled": "",
    "tokens_revoked": "",
}
"""Each bot event that decode or client handles, and its scope. https://docs.slack.dev/reference/events"""

METHODS: Final[Mapping[str, tuple[str, ...]]] = {
    "auth.test": (),
    "chat.postMessage": ("chat:write",),
    "chat.postEphemeral": ("chat:write",),
    "chat.update": ("chat:write",),
    "chat.startStream": ("chat:write",),
    "chat.appendStream": ("chat:write",),
    "chat.stopStream": ("chat:write",),
    "views.open": (),
    "views.publish": (),
    "assistant.threads.setStatus": ("chat:write",),
    "conversations.open": ("im:write",),
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
ACTION_METHODS: Final[Mapping[str, tuple[str, ...]]] = {
    "chat.delete": ("chat:write",),
    "users.list": ("users:read",),
    "conversations.members": ("channels:read", "groups:read", "mpim:read"),
    "conversations.list": ("channels:read",),
    "conversations.open": ("im:write", "mpim:write"),
    "pins.add": ("pins:write",),
    "pins.remove": ("pins:write",),
}
"""The same, of what only actions call, and what members are asked about."""
ACTION_SCOPES: Final[Mapping[str, tuple[str, ...]]] = {
    "PIN_MESSAGE": ("pins:write",),
    "UNPIN_MESSAGE": ("pins:write",),
    "SEND_DM": ("im:write", "mpim:write"),
}
"""Scopes that nothing but an action needs."""

AGENT_EVENTS: Final = frozenset({"agent_session_stopped", "app_context_changed", "app_home_opened"})
"""With `assistant`. https://docs.slack.dev/ai/agent-sessions"""
AGENT_SCOPE: Final = "assistant:write"
"""The same: Slack adds it to apps that are agents."""

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
    {
        "assistant:write", "commands", "files:read", "files:write", "im:read", "im:write", "mpim:write",
        "pins:write", "reactions:read", "reactions:write", "team:read",
    }
)  # fmt: skip
"""Without these people are answered all the same, but files are named only, and some comfort is missing. By
`im:read` the host sees that somebody wrote to it for the first time while it was down; by `im:write` it
answers shortcuts that belong to no conversation."""

SCOPES: Final = (
    frozenset({"commands"})
    | frozenset(scope for scope in EVENTS.values() if scope)
    | {scope for each in (METHODS, ACTION_METHODS) for scopes in each.values() for scope in scopes}
)
"""All bot scopes that an app needs with the usual config."""
DIRECT_EVENTS: Final = frozenset({"message.im"})
DIRECT_SCOPES: Final = frozenset({"im:history", "im:read"})
"""Where nobody may write directly, these would let the app read what is not for it."""
GROUPS: Final = "usergroups:read"
"""For `allow`, `deny` and `roles` that name user groups."""


_WRITTEN: Final = re.compile(rf"!({PREFIX}\w+)", re.IGNORECASE)
"""A command in a thread, where slash commands do not work."""


def slash_of(name: str) -> str:
    """How a command is written on Slack."""
    return f"/{PREFIX}{name}" if name in RESERVED else f"/{name}"


def command_of(slash: str) -> str:
    """The command that was written."""
    name = slash.removeprefix("/").lower()
    bare = name.removeprefix(PREFIX)
    return bare if bare in RESERVED else name


def plain_command(text: str) -> str:
    """`text`; one that begins with `!bot_mute`, as the slash command is called, begins with `!mute`."""
    found = _WRITTEN.match(text)
    return text if found is None else f"!{command_of(found[1])}{text[found.end() :]}"


def hears_direct(config: SlackConfig) -> bool:
    """Whether anybody may write to the app directly."""
    return config.dm_policy != "off" or bool(config.owners)


def _action_scopes(names: Iterable[str]) -> frozenset[str]:
    return frozenset(scope for name in names for scope in ACTION_SCOPES.get(name, ()))


def events_of(config: SlackConfig) -> list[str]:
    """The bot events that an app with this config has to be told of."""
    more = AGENT_EVENTS if config.assistant else frozenset()
    return sorted((EVENTS.keys() | more) - (set() if hears_direct(config) else DIRECT_EVENTS))


def scopes_of(config: SlackConfig) -> frozenset[str]:
    """The bot scopes that it has to have."""
    wanted = SCOPES if hears_direct(config) else SCOPES - DIRECT_SCOPES
    off = (name for name in ACTION_SCOPES if not config.offers(name))
    wanted -= _action_scopes(off) - _action_scopes(filter(config.offers, ACTION_SCOPES))
    wanted |= {AGENT_SCOPE} if config.assistant else set()
    return wanted | {GROUPS} if config.groups else wanted


def lacking(granted: Iterable[str], config: SlackConfig) -> tuple[list[str], list[str]]:
    """Scopes that are missing: those that matter, and those that are only nice to have."""
    gone = scopes_of(config) - set(granted)
    return sorted(gone - OPTIONAL), sorted(gone & OPTIONAL)


def superfluous(granted: Iterable[str], config: SlackConfig) -> list[str]:
    """Scopes that were granted and are not needed."""
    return sorted(scope for scope in set(granted) - scopes_of(config) if scope)
