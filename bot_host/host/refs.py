"""Worlds, rooms and people as a platform names them, with the ids that one agent knows them by."""

from bot_host.types.ids import UUID, create_unique_uuid
from bot_host.types.inbound import Account, PersonRef, RoomRef, WorldRef
from bot_host.types.places import Entity, Room, World


def world_of(agent_id: UUID, account: Account, ref: WorldRef) -> World:
    """A world of this account's platform."""
    return World(
        id=create_unique_uuid(agent_id, ref.key),
        agent_id=agent_id,
        name=ref.name,
        platform=account.platform,
        platform_id=ref.platform_id,
        metadata=dict(ref.metadata),
    )


def room_of(agent_id: UUID, account: Account, ref: RoomRef, world_id: UUID | None) -> Room:
    """A room of it."""
    return Room(
        id=create_unique_uuid(agent_id, ref.key),
        agent_id=agent_id,
        world_id=world_id,
        name=ref.name,
        source=account.platform,
        type=ref.type,
        channel_id=ref.channel_id,
        thread_id=ref.thread_id,
        metadata=dict(ref.metadata),
        open=ref.open,
    )


def person_of(agent_id: UUID, account: Account, ref: PersonRef) -> Entity:
    """Somebody on it."""
    names = tuple(dict.fromkeys(name for name in (ref.name, ref.user_name) if name))
    about = {"id": ref.platform_id, "name": ref.name, "user_name": ref.user_name}
    if ref.is_bot:
        about["is_bot"] = "true"
    return Entity(
        id=create_unique_uuid(agent_id, ref.key),
        agent_id=agent_id,
        names=names,
        metadata={account.platform: {key: value for key, value in about.items() if value}},
    )
