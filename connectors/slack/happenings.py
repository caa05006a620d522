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
from connectors.slack.events import room_key

IGNORED: Final = frozenset(
    {
        "channel_archive", "channel_created", "channel_deleted", "file_change",
        "file_created", "file_deleted", "file_public", "file_shared", "file_unshared", "group_archive",
        "group_deleted", "member_left_channel",
    }
)  # fmt: skip
"""Of no use to an agent, and not asked for by our manifest: a closed conversation shows when sending, a
channel's members are no members of its workspace, and a file's message comes as a message, with its text."""


def read_reaction(
    event: Mapping[str, Any],
    *,
    world: WorldRef,
    sender: PersonRef,
    name: str,
    refusal: str | None,
    first: str,
) -> InboundReaction | Skipped:
    """A reaction that came or went. `name`: the channel's; `refusal`: why its sender is not heard there.

    `first`: the id that the channel had first.
    """
    item = event["item"]
    if item["type"] != "message":
        return Skipped(reason="reaction to a file")
    if refusal is not None and refusal != PAIRING:
        return Skipped(reason="own reaction" if refusal == "own message" else refusal)
    channel, ts = str(item["channel"]), str(item["ts"])
    dm = channel.startswith("D")
    return InboundReaction(
        event_key=f"{world.platform_id}/{first}/{ts}",
        message_id=ts,
        channel_id=channel,
        world=world,
        room=RoomRef(
            key=room_key(first),
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
