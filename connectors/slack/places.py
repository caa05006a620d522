"""What Slack tells of channels, people and the workspace itself, as inbound events. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from bot_host.connector import (
    ChannelType,
    InboundEvent,
    InboundMembership,
    InboundPlaces,
    PersonRef,
    RoomRef,
    Skipped,
    one_line,
)
from connectors.slack.config import person_key
from connectors.slack.events import Directory, Event, Self, display_name, is_open, room_key, text_of

Origin = Callable[[str], str]
"""The id that a channel had first."""

REMOVED: Final = "removed from the channel"


def _room(channel: str, name: str, origin: Origin) -> RoomRef:
    return RoomRef(
        key=room_key(origin(channel)), type=ChannelType.GROUP, channel_id=channel, name=one_line(name)
    )


def converted(event: Event, me: Self, names: Directory, origin: Origin) -> InboundEvent:
    """A channel was made private, with its threads; or public, as each of them is with its next message."""
    channel = str(event["channel"])
    room = replace(_room(channel, names.channel(channel), origin), open=is_open(event, names))
    return InboundPlaces(world=me.world(names.team()), rooms=(room,))


def _room_renamed(event: Event, me: Self, names: Directory, origin: Origin) -> InboundEvent:
    channel = event["channel"]
    room = _room(str(channel["id"]), str(channel["name"]), origin)
    return InboundPlaces(world=me.world(names.team()), rooms=(room,))


def _room_moved(event: Event, me: Self, names: Directory, origin: Origin) -> InboundEvent:
    old, new = str(event["old_channel_id"]), str(event["new_channel_id"])
    room = _room(new, names.channel(new) or names.channel(old), origin)
    return InboundPlaces(world=me.world(names.team()), rooms=(room,))


def _room_opened(event: Event, me: Self, names: Directory, origin: Origin) -> InboundEvent:
    channel = str(event["channel"])
    room = _room(channel, names.channel(channel), origin)
    return InboundPlaces(world=me.world(names.team()), rooms=(room,), opened=(channel,))


def _member_joined(event: Event, me: Self, names: Directory, origin: Origin) -> InboundEvent:
    if event["user"] != me.user_id:
        return Skipped(reason="news: member_joined_channel")
    return _room_opened(event, me, names, origin)


def _left(_event: Event, _me: Self, _names: Directory, _origin: Origin) -> InboundEvent:
    return Skipped(reason=REMOVED)


def _team_renamed(event: Event, me: Self, _names: Directory, _origin: Origin) -> InboundEvent:
    return InboundPlaces(world=me.world(one_line(event["name"])))


def _joined(event: Event, me: Self, names: Directory, _origin: Origin) -> InboundEvent:
    person = _person(event["user"])
    return InboundMembership(world=me.world(names.team()), person=person, joined=True)


def _person(user: Event) -> PersonRef:
    return PersonRef(
        key=person_key(user["id"]),
        platform_id=user["id"],
        name=display_name(user),
        user_name=one_line(text_of(user, "name")),
        is_bot=bool(user.get("is_bot")),
    )


def _user_changed(event: Event, _me: Self, names: Directory, _origin: Origin) -> InboundEvent:
    # Each new status line in the workspace brings one of these: only people we have met are our business.
    user = event["user"]
    if not names.knows(user["id"]):
        return Skipped(reason="change of a stranger")
    person = _person(user)
    if (person.name, person.user_name) == (names.user(user["id"]), names.user_name(user["id"])):
        return Skipped(reason="change without a new name")
    return InboundPlaces(people=(person,))


PLACES: Final[Mapping[str, Callable[[Event, Self, Directory, Origin], InboundEvent]]] = {
    "channel_id_changed": _room_moved,
    "channel_left": _left,
    "channel_rename": _room_renamed,
    "channel_unarchive": _room_opened,
    "group_left": _left,
    "group_unarchive": _room_opened,
    "member_joined_channel": _member_joined,
    "group_rename": _room_renamed,
    "team_rename": _team_renamed,
    "user_change": _user_changed,
    "team_join": _joined,
}
"""By the event's kind. https://docs.slack.dev/reference/events"""
