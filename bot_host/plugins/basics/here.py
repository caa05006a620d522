"""Where a message was said, and by whom: what several parts of this plugin ask."""

from collections.abc import Sequence
from typing import Final

from bot_host.plugin import (
    PLATFORM_ROLE,
    ActionCall,
    Agent,
    ChannelType,
    Entity,
    Memory,
    Role,
    Room,
    State,
    World,
    one_line,
)

PRIVATE: Final = frozenset({ChannelType.DM, ChannelType.VOICE_DM, ChannelType.SELF, ChannelType.API})
"""Kinds of rooms with one person in them."""
RANK: Final = {Role.NONE: 0, Role.ADMIN: 1, Role.OWNER: 2}


async def room_of(agent: Agent, message: Memory, state: State) -> Room | None:
    """The message's room; from the state, where ROOM has put it."""
    room = state.data.get("room")
    if isinstance(room, Room) and room.id == message.room_id:
        return room
    return await agent.store.find_room(message.room_id)


async def world_of(agent: Agent, message: Memory, state: State) -> World | None:
    """The world of the message's room, as far as it has one."""
    room = await room_of(agent, message, state)
    if room is None or room.world_id is None:
        return None
    world = state.data.get("world")
    if isinstance(world, World) and world.id == room.world_id:
        return world
    return await agent.store.find_world(room.world_id)


async def is_private(agent: Agent, message: Memory, state: State) -> bool:
    """Whether only one person hears it. A room that nobody knows counts as shared."""
    room = await room_of(agent, message, state)
    return room is not None and room.type in PRIVATE


async def role_here(agent: Agent, message: Memory, state: State) -> Role:
    """The sender's role, for what is offered; what runs asks `Agent.get_sender_role`."""
    if message.entity_id in agent.owners:
        return Role.OWNER
    world = await world_of(agent, message, state)
    here = world.role_of(message.entity_id) if world is not None else Role.NONE
    named = message.metadata.get(PLATFORM_ROLE)
    return max(here, Role(named) if named in list(Role) else Role.NONE, key=RANK.__getitem__)


def called(entity: Entity | None) -> str:
    """How to call somebody."""
    return one_line(entity.names[0], 60) if entity is not None and entity.names else "Somebody"


def handles(entity: Entity) -> list[str]:
    """Their user names on the platforms: unlike names, nobody else has them."""
    found = []
    for told in entity.metadata.values():
        handle = told.get("user_name") if isinstance(told, dict) else None
        if isinstance(handle, str) and handle:
            found.append(handle)
    return found


def find_person(people: Sequence[Entity], asked: str) -> tuple[Entity | None, str]:
    """Who is meant by a name, a user name or an id; or why nobody can be named.

    Names are whatever people call themselves, so one that fits several people names nobody.
    """
    wanted = asked.strip().lstrip("@").casefold()
    exact = [each for each in people if wanted in (each.id.casefold(), *map(str.casefold, handles(each)))]
    found = exact or [each for each in people if any(wanted == name.casefold() for name in each.names)]
    if len(found) == 1:
        return found[0], ""
    if not found:
        return None, f"nobody here is called {one_line(asked, 60)}"
    names = ", ".join(f"{called(each)} ({', '.join(handles(each)) or each.id})" for each in found[:10])
    return None, f"several people here are called {one_line(asked, 60)}: {names}; which user name is meant?"


def others_spoke(call: ActionCall) -> str:
    """Why nothing is done when a turn answers several people at once: whose wish it was cannot be known."""
    if any(each.entity_id != call.message.entity_id for each in call.answering):
        return "several people spoke at once: the one who wants it has to say it again, alone"
    return ""
