"""What an agent may see of places and people: its own, and what it meets in the rooms that it is in.

Agents share nothing but the host and the database. Callers of the library bring ids of their own, though, and
may name one room and one person to several agents: each of these sees them, as each is in the room.
"""

from bot_host.contracts.agent import AgentCore
from bot_host.types.ids import UUID
from bot_host.types.places import Entity, Room, World


async def room(agent: AgentCore, room_id: UUID) -> Room | None:
    """A room, unless it is another agent's alone."""
    found = await agent.store.find_room(room_id)
    if found is None or found.agent_id == agent.agent_id:
        return found
    return found if found.id in await _shared(agent) else None


async def world(agent: AgentCore, world_id: UUID) -> World | None:
    """A world, unless it is another agent's alone."""
    found = await agent.store.find_world(world_id)
    if found is None or found.agent_id == agent.agent_id:
        return found
    return found if found.id in (await _shared(agent)).values() else None


async def entity(agent: AgentCore, found: Entity | None) -> Entity | None:
    """An entity, unless it is another agent's alone."""
    if found is None or found.agent_id == agent.agent_id:
        return found
    together = await agent.store.get_rooms_for_participants([found.id, agent.agent_id])
    return found if together else None


async def _shared(agent: AgentCore) -> dict[UUID, UUID | None]:
    """The rooms that it is in, with their worlds."""
    rooms = await agent.store.get_rooms_for_participants([agent.agent_id])
    return {each.id: each.world_id for each in rooms}
