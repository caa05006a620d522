"""Which id a row of elizaOS has here: nearly always its own, since the algorithm is the same."""

from collections.abc import Mapping
from typing import Any, Final

from bot_host.types.content import ChannelType
from bot_host.types.ids import UUID, create_unique_uuid, string_to_uuid

PRIVATE_TYPES: Final = frozenset({ChannelType.DM.value, ChannelType.VOICE_DM.value, ChannelType.SELF.value})
"""Rooms that are no part of a world: the world of such a room is made anew by the connector."""
CONNECTED: Final = ("discord", "telegram", "slack")


def entity_id(agent_id: UUID, id: UUID, owner: UUID | None, slack_id: str | None) -> UUID:
    """The id of a person, as this agent knows them.

    Slack's plugin makes one id for all agents (elizaos.md 6.12-02); it becomes the agent's own. So does that
    of somebody who is another agent's there (7.1-02).
    """
    if id == agent_id:
        return id
    if slack_id and string_to_uuid(slack_person(slack_id)) == id:
        return create_unique_uuid(agent_id, slack_person(slack_id))
    return id if owner is None or owner == agent_id else create_unique_uuid(agent_id, id)


def slack_person(user_id: str) -> str:
    """The key of a Slack user (elizaos.md 6.12-02)."""
    return f"slack-user-{user_id}"


def is_private(room_type: str | None) -> bool:
    """Whether a room is between the agent and one person."""
    return (room_type or "").upper() in PRIVATE_TYPES


def telegram_chat(channel: str | None) -> tuple[str, str]:
    """Chat and topic of a Telegram room's channel: `-100123-7` is topic 7."""
    text = channel or ""
    chat, dash, topic = text[1:].partition("-")
    return (text[:1] + chat, topic) if dash and topic.isdecimal() else (text, "")


def world_of_room(agent_id: UUID, row: Mapping[str, Any]) -> UUID | None:
    """The world of a room here; None: of a private chat, and where elizaOS has none.

    Telegram's plugin gives one group several worlds (6.9-03): here it is the group's.
    """
    if is_private(row["room_type"]) or row["world_id"] is None or row["world_agent"] != agent_id:
        return None
    return world_id(agent_id, row["world_id"], row["room_source"], row["room_channel"])


def world_id(agent_id: UUID, id: UUID, source: str | None, channel: str | None) -> UUID:
    """The id of a world that has such a room."""
    if source == "telegram" and channel:
        return create_unique_uuid(agent_id, telegram_chat(channel)[0])
    return id


def room_key(source: str, channel: str) -> str:
    """The key by which our connector finds the room of a channel again."""
    return f"slack-room-{channel}" if source == "slack" else channel


def person_key(source: str, user_id: str) -> str:
    """The key by which our connector finds a person again."""
    return slack_person(user_id) if source == "slack" else user_id
