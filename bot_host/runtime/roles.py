"""Who may do what: roles and ownership, kept in a world's metadata (elizaos.md 3.3-01, 3.7)."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from weakref import WeakValueDictionary

from bot_host.contracts.agent import AgentCore
from bot_host.runtime import seen
from bot_host.runtime.given import word
from bot_host.types.errors import StateError
from bot_host.types.ids import UUID, as_id, create_unique_uuid, is_uuid
from bot_host.types.memory import PLATFORM_ROLE, Memory
from bot_host.types.permissions import RANK
from bot_host.types.places import Role, World

_locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()
"""One a world: a role is changed by reading and writing its metadata."""


def least(held: Iterable[Role]) -> Role:
    """The one that may do least."""
    return min(held, key=RANK.__getitem__, default=Role.NONE)


def role_in_world(world: World | None, entity_id: UUID) -> Role:
    """What the world's metadata say: its owner, else `roles`; NONE for everybody else."""
    return Role.NONE if world is None else world.role_of(entity_id)


def owner_of(world: World) -> UUID | None:
    """`metadata.ownership.owner_id` (elizaOS: `ownerId`)."""
    return world.owner_id


async def get_user_server_role(agent: AgentCore, entity_id: UUID, server_id: str) -> Role:
    """An entity's role in the world of a platform's server (3.7-01), or of a world by its own id."""
    if entity_id in agent.owners:
        return Role.OWNER
    world = await seen.world(agent, server_id) if is_uuid(server_id) else None
    if world is None:
        world = await seen.world(agent, create_unique_uuid(agent.agent_id, server_id))
    return role_in_world(world, entity_id)


async def role_of_sender(agent: AgentCore, message: Memory) -> Role:
    """The role that counts for what a message asks for: its sender's, in the world of its room.

    The room's world comes from the store and not from the message, so that nobody brings their own. What
    the sender's roles on the platform made of them when they wrote it counts too, where it is more.
    """
    if message.entity_id in agent.owners:
        return Role.OWNER
    room = await agent.store.find_room(message.room_id)
    world_id = room.world_id if room is not None else None
    world = await agent.store.find_world(world_id) if world_id else None
    return max(role_in_world(world, message.entity_id), platform_role(message), key=RANK.__getitem__)


def platform_role(message: Memory) -> Role:
    """What the account's `roles` made of a message's sender; the host puts it there, and nobody else."""
    named = message.metadata.get(PLATFORM_ROLE)
    return Role(named) if named in list(Role) else Role.NONE


async def set_role(
    agent: AgentCore, world_id: UUID, entity_id: UUID, role: Role | str, *, actor: str = "code"
) -> Role:
    """Give an entity a role in a world; the one that it had. Audited.

    Raises StateError: no such world, or no such role.
    """
    world_id, entity_id, role = as_id(world_id), as_id(entity_id), word(Role, role, "the role")
    async with _locks.setdefault(world_id, asyncio.Lock()):
        world = await seen.world(agent, world_id)
        if world is None:
            raise StateError(f"there is no world {world_id}").about(agent=agent.character.name)
        before = role_in_world(world, entity_id)
        known = world.metadata.get("roles")
        roles = {**(known if isinstance(known, dict) else {}), entity_id: str(role)}
        if role is Role.NONE:
            del roles[entity_id]
        await agent.store.update_world(replace(world, metadata={**world.metadata, "roles": roles}))
    await agent.audit(
        "role changed",
        entity_id,
        {"world_id": world_id, "before": str(before), "after": str(role)},
        actor=actor,
    )
    return before


async def find_worlds_for_owner(agent: AgentCore, entity_id: UUID) -> list[World]:
    """The worlds that an entity owns (3.7-03), by the platform's word or by a role that it was given."""
    worlds = await agent.store.get_worlds(agent.agent_id)
    return [world for world in worlds if role_in_world(world, as_id(entity_id)) is Role.OWNER]
