"""What the fake Discord knows: users, guilds, channels, messages, and their payloads.

The shapes follow Discord's documentation (docs.discord.com/developers/resources: user, guild, channel,
message, application) as far as discord.py 2.7.1 and a bot read them.
"""

import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

Json = dict[str, Any]

DISCORD_EPOCH_MS: Final = 1_420_070_400_000

TEXT: Final = 0
DM: Final = 1
VOICE: Final = 2
CATEGORY: Final = 4
NEWS: Final = 5
PUBLIC_THREAD: Final = 11
PRIVATE_THREAD: Final = 12
FORUM: Final = 15
THREADS: Final = (10, PUBLIC_THREAD, PRIVATE_THREAD)

EVERYONE: Final = sum(1 << bit for bit in (6, 10, 11, 14, 15, 16, 18, 20, 21, 31, 35, 36, 37, 38, 46, 49))
"""What @everyone may do in a new server (topics/permissions): look, write, react, embed, attach, read
history, external emoji, voice, commands, threads, stickers, voice messages, polls; not pin messages."""

_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
_USER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")


class Snowflakes:
    """Ids that grow with time (reference#snowflakes): milliseconds since 2015, then a counter."""

    def __init__(self) -> None:
        self._count = 0
        self._last = 0

    def next(self, *, ago: float = 0.0) -> str:
        """A new id, as if made `ago` seconds ago. Ids of the present never go down."""
        stamp = int((time.time() - ago) * 1000) - DISCORD_EPOCH_MS
        self._count = (self._count + 1) % 4096
        value = (stamp << 22) | self._count
        if not ago:
            value = self._last = max(value, self._last + 1)
        return str(value)


def snowflake_time(snowflake: str) -> datetime:
    """When an id was made."""
    return datetime.fromtimestamp(((int(snowflake) >> 22) + DISCORD_EPOCH_MS) / 1000, UTC)


@dataclass(eq=False)
class User:
    """A person or bot."""

    id: str
    name: str
    global_name: str | None = None
    bot: bool = False

    @property
    def mention(self) -> str:
        """As it stands in a message's text."""
        return f"<@{self.id}>"

    def payload(self) -> Json:
        """The user object."""
        return {
            "id": self.id,
            "username": self.name,
            "global_name": self.global_name,
            "discriminator": "0001" if self.bot else "0",
            "avatar": None,
            "bot": self.bot,
            "public_flags": 0,
        }


@dataclass(eq=False)
class Role:
    """A role; `bot_id` makes it the managed role that a bot gets when it joins."""

    id: str
    name: str
    bot_id: str | None = None
    permissions: int = 0

    def __post_init__(self) -> None:
        if self.name == "@everyone":
            self.permissions = EVERYONE

    @property
    def mention(self) -> str:
        """As it stands in a message's text."""
        return f"<@&{self.id}>"

    def payload(self) -> Json:
        """The role object."""
        return {
            "id": self.id,
            "name": self.name,
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "icon": None,
            "unicode_emoji": None,
            "position": 0,
            "permissions": str(self.permissions),
            "managed": self.bot_id is not None,
            "mentionable": True,
            "flags": 0,
            **({"tags": {"bot_id": self.bot_id}} if self.bot_id else {}),
        }


@dataclass(eq=False)
class Member:
    """A user in a guild."""

    user: User
    nick: str | None = None
    roles: list[str] = field(default_factory=list)
    timed_out_until: str | None = None

    def payload(self, *, with_user: bool) -> Json:
        """The guild member object; in messages it comes without its user."""
        return {
            "nick": self.nick,
            "avatar": None,
            "roles": list(self.roles),
            "joined_at": "2024-01-01T00:00:00.000000+00:00",
            "premium_since": None,
            "deaf": False,
            "mute": False,
            "flags": 0,
            "pending": False,
            "communication_disabled_until": self.timed_out_until,
            **({"user": self.user.payload()} if with_user else {}),
        }


@dataclass(eq=False)
class Guild:
    """A server."""

    id: str
    name: str
    channels: list["Channel"] = field(default_factory=list)
    roles: dict[str, Role] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    seats: dict[str, str] = field(default_factory=dict)
    """Who sits in which voice channel, by ids."""
    owner_id: str = "1"
    emojis: list[Json] = field(default_factory=list)

    def payload(self) -> Json:
        """The guild object, without channels and members."""
        return {
            "id": self.id,
            "name": self.name,
            "icon": None,
            "owner_id": self.owner_id,
            "afk_channel_id": None,
            "afk_timeout": 300,
            "verification_level": 0,
            "default_message_notifications": 0,
            "explicit_content_filter": 0,
            "roles": [role.payload() for role in self.roles.values()],
            "emojis": [],
            "stickers": [],
            "features": [],
            "mfa_level": 0,
            "application_id": None,
            "system_channel_id": None,
            "system_channel_flags": 0,
            "rules_channel_id": None,
            "vanity_url_code": None,
            "description": None,
            "banner": None,
            "premium_tier": 0,
            "preferred_locale": "en-US",
            "nsfw_level": 0,
            "premium_progress_bar_enabled": False,
        }

    def voice_state(self, user_id: str) -> Json:
        """The voice state object, without the server (resources/voice#voice-state-object)."""
        return {
            "user_id": user_id,
            "channel_id": self.seats.get(user_id),
            "session_id": f"voice-{user_id}",
            "deaf": False,
            "mute": False,
            "self_deaf": False,
            "self_mute": False,
            "self_video": False,
            "suppress": False,
            "request_to_speak_timestamp": None,
        }

    def create_payload(self, *, members: bool, bot_id: str, voice: bool = False) -> Json:
        """GUILD_CREATE's data; without the members intent only the bot and who sits in voice are listed."""
        listed = {bot_id, *(self.seats if voice else ())}
        shown = [m for m in self.members.values() if members or m.user.id in listed]
        return {
            **self.payload(),
            "joined_at": "2024-01-01T00:00:00.000000+00:00",
            "large": False,
            "unavailable": False,
            "member_count": len(self.members),
            "voice_states": [self.voice_state(user) for user in self.seats] if voice else [],
            "members": [member.payload(with_user=True) for member in shown],
            "channels": [c.payload() for c in self.channels if c.type not in THREADS],
            "threads": [c.payload() for c in self.channels if c.type in THREADS and not c.archived],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }


@dataclass(eq=False)
class Channel:
    """A place for messages: guild channel, thread or direct messages."""

    id: str
    type: int
    name: str = ""
    guild: Guild | None = None
    parent: "Channel | None" = None
    recipient: User | None = None
    messages: dict[str, Json] = field(default_factory=dict)
    owner_id: str = "1"
    """Who made a thread."""
    archived: bool = False
    locked: bool = False
    topic: str | None = None
    overwrites: dict[str, Json] = field(default_factory=dict)
    thread_members: set[str] = field(default_factory=set)
    refusal: tuple[int, int, str] | None = None
    """What every request about this channel is answered with: status, code, message."""

    @property
    def mention(self) -> str:
        """As it stands in a message's text."""
        return f"<#{self.id}>"

    @property
    def last_message_id(self) -> str | None:
        """The newest message."""
        return max(self.messages, key=int, default=None)

    def payload(self) -> Json:
        """The channel object."""
        base: Json = {"id": self.id, "type": self.type, "last_message_id": self.last_message_id, "flags": 0}
        if self.recipient is not None:
            return base | {"recipients": [self.recipient.payload()]}
        assert self.guild is not None
        base |= {
            "guild_id": self.guild.id,
            "name": self.name,
            "parent_id": self.parent.id if self.parent else None,
            "rate_limit_per_user": 0,
        }
        if self.type not in THREADS:
            return base | {
                "topic": self.topic,
                "position": 0,
                "permission_overwrites": list(self.overwrites.values()),
                "nsfw": False,
                "available_tags": [],
                "bitrate": 64000,
                "user_limit": 0,
            }
        return base | {
            "owner_id": self.owner_id,
            "message_count": len(self.messages),
            "member_count": 1,
            "total_message_sent": len(self.messages),
            "thread_metadata": {
                "archived": self.archived,
                "auto_archive_duration": 1440,
                "archive_timestamp": snowflake_time(self.id).isoformat(),
                "locked": self.locked,
            },
        }


def allow_and_deny(channel: Channel, who: Role | User, *, allow: int = 0, deny: int = 0) -> None:
    """A permission overwrite (resources/channel#overwrite-object)."""
    kind = 0 if isinstance(who, Role) else 1
    channel.overwrites[who.id] = {"id": who.id, "type": kind, "allow": str(allow), "deny": str(deny)}


def find_mentions(text: str) -> tuple[list[str], list[str]]:
    """The ids of the users and roles that a text mentions; what stands in code does not count."""
    plain = _CODE.sub("", text)
    return list(dict.fromkeys(_USER.findall(plain))), list(dict.fromkeys(_ROLE.findall(plain)))


def hide_content(message: Json, *, bot_id: str, is_dm: bool) -> Json:
    """A message as an app without the message content intent sees it (gateway#message-content-intent).

    Text, embeds, attachments, components and the poll are emptied, except in direct messages, in the
    app's own messages and in those that mention it.
    """
    mentioned = any(user["id"] == bot_id for user in message.get("mentions", ()))
    if is_dm or mentioned or message.get("author", {}).get("id") == bot_id:
        return message
    empty = {"content": "", "embeds": [], "attachments": [], "components": []}
    shown = {key: empty.get(key, value) for key, value in message.items() if key != "poll"}
    if shown.get("referenced_message"):
        shown["referenced_message"] = hide_content(shown["referenced_message"], bot_id=bot_id, is_dm=is_dm)
    return shown


def application_payload(*, app_id: str, name: str, flags: int) -> Json:
    """The application object."""
    return {
        "id": app_id,
        "name": name,
        "icon": None,
        "description": "",
        "summary": "",
        "bot_public": True,
        "bot_require_code_grant": False,
        "owner": User(id="1", name="admin").payload(),
        "verify_key": "0" * 64,
        "team": None,
        "flags": flags,
        "interactions_endpoint_url": None,
    }
