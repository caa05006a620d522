"""What `check` and the log say about an application's switches, and the way to them."""

from typing import Final

import discord

from bot_host.connector import CheckLine, one_line
from connectors.discord.config import DiscordConfig
from connectors.discord.permissions import (
    CONNECT,
    FILES,
    HISTORY,
    LINKS,
    PIN,
    POLLS,
    REACT,
    SEND,
    SEND_IN_THREADS,
    SPEAK,
    THREADS,
    VIEW,
)
from connectors.discord.rest import LoginClient

TOKEN_ADVICE: Final = (
    "Open https://discord.com/developers/applications, choose the application, page Bot, press Reset Token "
    "and put the new token into DISCORD_BOT_TOKEN."
)


def content_advice(application_id: int | None) -> str:
    """The way to the message content switch."""
    place = f"https://discord.com/developers/applications/{application_id or 'select'}/bot"
    return (
        f"the message content intent is off for this bot. Open {place}, section Privileged Gateway Intents, "
        f"switch on Message Content Intent, press Save Changes and restart. Until then only direct "
        f"messages, mentions and replies that ping carry text."
    )


def members_advice(application_id: int | None) -> str:
    """The way to the server members switch."""
    place = f"https://discord.com/developers/applications/{application_id or 'select'}/bot"
    return (
        f"the server members intent is off for this bot, and members = true asks for it. Open {place}, "
        "section Privileged Gateway Intents, switch on Server Members Intent, press Save Changes and "
        "restart. Until then the bot does not hear of people who join or leave."
    )


def may_hear_members(client: LoginClient) -> bool:
    """Whether the application says that it has the server members intent."""
    flags = client.application.flags if client.application else None
    return flags is not None and (flags.gateway_guild_members or flags.gateway_guild_members_limited)


def check_lines(client: LoginClient, config: DiscordConfig) -> list[CheckLine]:
    """The findings about a logged-in account."""
    application, user = client.application, client.user
    assert application is not None
    assert user is not None
    name = one_line(user.name)
    found = [
        CheckLine(name="discord", ok=True, detail=f"logged in as {name} ({user.id})", account=str(user.id))
    ]
    flags = application.flags
    if flags.gateway_message_content:
        found.append(CheckLine(name="discord intents", ok=True, detail="message content is granted"))
    elif flags.gateway_message_content_limited:
        found.append(CheckLine(name="discord intents", ok=True, detail="message content is switched on"))
    elif not client.flags_known:
        found.append(CheckLine(name="discord intents", ok=True, detail="which ones are granted is not told"))
    else:
        found.append(
            CheckLine(
                name="discord intents",
                ok=True,
                detail="message content is off: only direct messages, mentions and replies are read",
                advice=content_advice(application.id),
            )
        )
    if config.members and client.flags_known and not may_hear_members(client):
        found.append(
            CheckLine(
                name="discord intents",
                ok=False,
                detail="members = true, but the server members intent is off",
                advice=members_advice(application.id),
            )
        )
    found.append(CheckLine(name="discord invite", ok=True, detail=invite_link(application.id, config)))
    return found


def invite_link(application_id: int, config: DiscordConfig | None = None) -> str:
    """Where somebody invites the bot to a server; it asks for what the switched-on features need."""
    permissions = needed_permissions(config)
    return discord.utils.oauth_url(application_id, permissions=permissions, scopes=("bot",))


def needed_permissions(config: DiscordConfig | None = None) -> discord.Permissions:
    """What the bot asks for when it is invited to a server; without a config: by the default one."""
    return discord.Permissions(needed_flags(config or DiscordConfig()))


def needed_flags(config: DiscordConfig) -> int:
    """The permissions that answers and the actions that are on need."""
    flags = VIEW | SEND | SEND_IN_THREADS | HISTORY | LINKS | FILES
    for action, needs in _OF_ACTIONS.items():
        flags |= needs if config.offers(action) else 0
    flags |= REACT if config.working_reaction or config.failed_reaction else 0
    flags |= CONNECT | SPEAK if config.voice else 0
    return flags | (THREADS if config.threads == "mention" else 0)


_OF_ACTIONS: Final = {
    "REACT_TO_MESSAGE": REACT,
    "PIN_MESSAGE": PIN,
    "UNPIN_MESSAGE": PIN,
    "CREATE_THREAD": THREADS,
    "CREATE_POLL": POLLS,
}
