"""Reactions as inbound events. Pure.

https://docs.slack.dev/reference/events/reaction_added
"""

from collections.abc import Mapping
from typing import Any, Final

from bot_host.connector import (
    PAIRING,
    ChannelType,
    InboundReaction,
    PersonRef,
    RoomRef,
    Skipped,
    WorldRef,
    one_line,
)

IGNORED: Final = frozenset(
    {
        "app_home_opened", "channel_archive", "channel_created", "channel_deleted", "channel_unarchive",
        "group_archive", "group_deleted", "group_unarchive", "member_joined_channel", "member_left_channel",
    }
)  # fmt: skip
"""Of no use to an agent, and not asked for by our manifest: a closed conversation shows when sending, and a
channel's members are no members of its workspace."""


def read_reaction(
    event: Mapping[str, Any], *, world: WorldRef, sender: PersonRef, name: str, refusal: str | None
) -> InboundReaction | Skipped:
    """A reaction that came or went. `name`: the channel's; `refusal`: why its sender is not heard there."""
    item = event["item"]
    if item["type"] != "message":
        return Skipped(reason="reaction to a file")
    if refusal is not None and refusal != PAIRING:
        return Skipped(reason="own reaction" if refusal == "own message" else refusal)
    channel, ts = str(item["channel"]), str(item["ts"])
    dm = channel.startswith("D")
    return InboundReaction(
        event_key=f"{world.platform_id}/{channel}/{ts}",
        message_id=ts,
        channel_id=channel,
        world=world,
        room=RoomRef(
            key=f"slack-room-{channel}",
            type=ChannelType.DM if dm else ChannelType.GROUP,
            channel_id=channel,
            name="" if dm else name,
        ),
        sender=sender,
        # Slack names all of them, and adds the tone: `+1::skin-tone-2`.
        reaction=f":{one_line(str(event['reaction'])).partition('::')[0]}:",
        added=event["type"] == "reaction_added",
        pairing_id=sender.platform_id if refusal else "",
    )
