"""What Slack's events are made of: who, where and when, for all that reads them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from bot_host.connector import WorldRef, one_line
from connectors.slack.text import Names

Event = Mapping[str, Any]

SPOKEN: Final = frozenset({None, "file_share", "thread_broadcast", "me_message"})
"""Subtypes that are somebody saying something. https://docs.slack.dev/reference/events/message#subtypes"""
NEWS: Final = frozenset(
    {
        "channel_join", "channel_leave", "channel_topic", "channel_purpose", "channel_name",
        "channel_archive", "channel_unarchive", "group_join", "group_leave",
        "group_topic", "group_purpose", "group_name", "group_archive", "group_unarchive", "pinned_item",
        "unpinned_item", "bot_add", "bot_remove", "reminder_add", "ekm_access_denied",
        "assistant_app_thread", "message_replied", "reply_broadcast",
    }
)  # fmt: skip
"""Subtypes that Slack itself writes, or that repeat what another event says."""
BOT_MESSAGE: Final = "bot_message"
SLACKBOT: Final = "USLACKBOT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Self:
    """Who we are in a workspace, by `auth.test`."""

    team_id: str
    user_id: str
    bot_id: str
    name: str
    enterprise_id: str = ""
    """The organisation (Enterprise Grid) that the workspace is a part of; empty: none."""

    def world(self, name: str) -> WorldRef:
        """The workspace, under its present name."""
        return WorldRef(key=f"slack-workspace-{self.team_id}", name=name, platform_id=self.team_id)


class Directory(Names, Protocol):
    """The names, and what else decode asks of people."""

    def user_name(self, id: str) -> str:
        """A person's short name (`ada.lovelace`)."""

    def is_bot(self, id: str) -> bool | None:
        """Whether this is a bot's user; None: not known."""

    def knows(self, id: str) -> bool:
        """Whether this person has been looked up lately."""

    def is_open(self, channel: str) -> bool | None:
        """Whether everybody of the workspace may read a channel; None: not known."""

    def has_outsiders(self, channel: str, user: str) -> bool:
        """Whether a channel, in which this person speaks, is known to have readers beside the workspace's
        full members."""

    def team(self) -> str:
        """The workspace's name."""


PUBLIC: Final = "channel"
CONVERTED: Final = frozenset({"channel_convert_to_private", "channel_convert_to_public"})
"""Subtypes that say who may read a channel from now on.
https://docs.slack.dev/reference/events/message/channel_convert_to_private"""


def is_open(event: Event, names: Directory) -> bool:
    """Whether everybody of the workspace may read what an event of a channel says.

    Messages tell the kind of their channel, `app_mention` and messages of history do not.
    """
    told = text_of(event, "channel_type")
    return told == PUBLIC if told else bool(names.is_open(text_of(event, "channel")))


def room_key(channel: str, thread: str = "") -> str:
    """A room's name in the store (elizaos.md 6.12-02)."""
    return f"slack-room-{channel}-{thread}" if thread else f"slack-room-{channel}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """What is to be looked up before an event can be decoded well."""

    users: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()


def ts_to_int(ts: str) -> int:
    """A time stamp in microseconds, without the rounding of a float."""
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1_000_000 + int((fraction + "000000")[:6])


def ts_to_time(ts: str) -> datetime:
    """A time stamp as a moment."""
    micros = ts_to_int(ts)
    return datetime.fromtimestamp(micros // 1_000_000, UTC).replace(microsecond=micros % 1_000_000)


def text_of(event: Event, key: str) -> str:
    """A text in an event; empty when there is none."""
    value = event.get(key)
    return value if isinstance(value, str) else ""


def is_dm(event: Event) -> bool:
    """Whether it happens in the direct messages of one person."""
    return event.get("channel_type") == "im" or text_of(event, "channel").startswith("D")


def event_key(me: Self, channel: str, ts: str) -> str:
    """A message's identity inside the account."""
    return f"{me.team_id}/{channel}/{ts}"


def display_name(user: Event) -> str:
    """How Slack shows a person: display name, else full name, else short name."""
    profile = user.get("profile")
    profile = profile if isinstance(profile, Mapping) else {}
    choices = (
        text_of(profile, "display_name"),
        text_of(profile, "real_name"),
        text_of(user, "real_name"),
        text_of(user, "name"),
    )
    return next((one_line(choice) for choice in choices if choice.strip()), "")
