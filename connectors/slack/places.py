"""What Slack tells of channels, people and the workspace itself, as inbound events. Pure."""

from collections.abc import Callable, Mapping
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
from connectors.slack.events import Directory, Event, Self, display_name, text_of


def _room_renamed(event: Event, me: Self, names: Directory) -> InboundEvent:
    channel = event["channel"]
    room = RoomRef(
        key=f"slack-room-{channel['id']}",
        type=ChannelType.GROUP,
        channel_id=channel["id"],
        name=one_line(channel["name"]),
    )
    return InboundPlaces(world=me.world(names.team()), rooms=(room,))


def _team_renamed(event: Event, me: Self, _names: Directory) -> InboundEvent:
    return InboundPlaces(world=me.world(one_line(event["name"])))


def _joined(event: Event, me: Self, names: Directory) -> InboundEvent:
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


def _user_changed(event: Event, _me: Self, names: Directory) -> InboundEvent:
    # Each new status line in the workspace brings one of these: only people we have met are our business.
    user = event["user"]
    if not names.knows(user["id"]):
        return Skipped(reason="change of a stranger")
    person = _person(user)
    if (person.name, person.user_name) == (names.user(user["id"]), names.user_name(user["id"])):
        return Skipped(reason="change without a new name")
    return InboundPlaces(people=(person,))


PLACES: Final[Mapping[str, Callable[[Event, Self, Directory], InboundEvent]]] = {
    "channel_rename": _room_renamed,
    "group_rename": _room_renamed,
    "team_rename": _team_renamed,
    "user_change": _user_changed,
    "team_join": _joined,
}
"""By the event's kind. https://docs.slack.dev/reference/events"""
