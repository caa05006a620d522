"""Worlds, rooms, entities and participants by elizaOS's names (2.12), without its traps."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot_host.runtime.base import AgentBase
from bot_host.types.content import ChannelType
from bot_host.types.errors import StateError
from bot_host.types.ids import UUID, create_unique_uuid
from bot_host.types.places import Entity, Participant, ParticipantState, Room, World


class Rooms(AgentBase):
    """Thin wrappers over the store; the agent's id is filled in."""

    async def ensure_connection(
        self,
        *,
        entity_id: UUID,
        room_id: UUID,
        world_id: UUID | None = None,
        world_name: str = "",
        user_name: str = "",
        name: str = "",
        room_name: str = "",
        source: str = "",
        type: ChannelType = ChannelType.DM,
        channel_id: str = "",
        message_server_id: str = "",
        user_id: str = "",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Make sure that a person, their room and world are known, and that both are in the room (2.12-01).

        `name` and `user_name` are the person's; what is left out is kept as it was (elizaOS erases it,
        2.12-03 [T]), and rooms and worlds are named by `room_name` and `world_name`. Without `world_id` the
        world is that of `message_server_id`, or the agent's own. `metadata` is the world's.
        """
        server = message_server_id
        world = World(
            id=world_id or (create_unique_uuid(self.agent_id, server) if server else self.agent_id),
            agent_id=self.agent_id,
            name=world_name,
            platform=source,
            platform_id=server,
            metadata=dict(metadata or {}),
        )
        room = Room(
            id=room_id,
            agent_id=self.agent_id,
            world_id=world.id,
            name=room_name,
            source=source,
            type=type,
            channel_id=channel_id,
        )
        said = {"id": user_id, "name": name, "user_name": user_name}
        told = {key: text for key, text in said.items() if text}
        names = tuple(dict.fromkeys(text for text in (name, user_name) if text))
        person = Entity(
            id=entity_id,
            agent_id=self.agent_id,
            names=names,
            metadata={source: told} if source and told else {},
        )
        await self._ensure([world], [room], [person])
        await self.store.add_participants(self.agent_id, room_id, [entity_id, self.agent_id])

    async def ensure_connections(
        self, entities: Sequence[Entity], rooms: Sequence[Room], source: str, world: World
    ) -> None:
        """The same for many, who are then in each of the rooms (elizaOS: only the first, 2.12-07 [T])."""
        mine = [replace(entity, agent_id=self.agent_id) for entity in entities]
        here = [
            replace(room, agent_id=self.agent_id, world_id=world.id, source=room.source or source)
            for room in rooms
        ]
        await self._ensure([replace(world, agent_id=self.agent_id)], here, mine)
        ids = [self.agent_id, *(entity.id for entity in mine)]
        for room in here:
            await self.store.add_participants(self.agent_id, room.id, ids)

    async def ensure_world_exists(self, world: World) -> None:
        """Make a world that is not known, or give it a new name."""
        await self._ensure([replace(world, agent_id=self.agent_id)], [], [])

    async def ensure_room_exists(self, room: Room) -> None:
        """Make a room that is not known, or give it a new name. Raises StateError without `world_id`."""
        if room.world_id is None:
            raise StateError(f"the room {room.id} needs a world_id").about(room=room.id)
        await self._ensure([], [replace(room, agent_id=self.agent_id)], [])

    async def ensure_participant_in_room(self, entity_id: UUID, room_id: UUID) -> None:
        """Put an entity into a room. Raises StateError when either is not known."""
        if entity_id != self.agent_id and await self.store.find_entity(entity_id) is None:
            raise StateError(f"there is no entity {entity_id}").about(room=room_id)
        if await self.store.find_room(room_id) is None:
            raise StateError(f"there is no room {room_id}").about(room=room_id)
        await self.store.add_participants(self.agent_id, room_id, [entity_id])

    async def _ensure(self, worlds: list[World], rooms: list[Room], people: list[Entity]) -> None:
        await self.store.apply_places("", worlds, rooms, people, None)

    # -- entities ---------------------------------------------------------------------------------------

    async def ensure_entity(self, entity: Entity) -> None:
        """Make an entity that is not known."""
        await self.create_entities([entity])

    async def create_entity(self, entity: Entity) -> bool:
        """False when its id is known (nothing changes)."""
        return await self.create_entities([entity])

    async def create_entities(self, entities: Sequence[Entity]) -> bool:
        """Make those that are not known; whether all were new."""
        mine = [replace(entity, agent_id=self.agent_id) for entity in entities]
        return await self.store.create_entities(mine) == len(mine)

    async def get_entity(self, entity_id: UUID) -> Entity | None:
        """One entity."""
        return await self.store.find_entity(entity_id)

    get_entity_by_id = get_entity

    async def get_entities_by_ids(self, entity_ids: Sequence[UUID]) -> list[Entity]:
        """Known ones, in the order of the ids."""
        known = await self.store.get_entities(entity_ids)
        return [known[entity_id] for entity_id in entity_ids if entity_id in known]

    async def get_entities_for_room(self, room_id: UUID) -> list[Entity]:
        """Who is in a room, by time of joining."""
        return await self.store.get_entities_for_room(room_id)

    async def update_entity(self, entity: Entity) -> bool:
        """Replace names and metadata."""
        return await self.store.update_entity(replace(entity, agent_id=self.agent_id))

    # -- worlds and rooms -------------------------------------------------------------------------------

    async def create_world(self, world: World) -> UUID:
        """Make a world; its id."""
        await self.ensure_world_exists(world)
        return world.id

    async def get_world(self, world_id: UUID) -> World | None:
        """One world."""
        return await self.store.find_world(world_id)

    async def get_all_worlds(self) -> list[World]:
        """The agent's worlds."""
        return await self.store.get_worlds(self.agent_id)

    async def update_world(self, world: World) -> bool:
        """Replace name and metadata."""
        return await self.store.update_world(replace(world, agent_id=self.agent_id))

    async def remove_world(self, world_id: UUID) -> bool:
        """Delete a world with its rooms and what is in them."""
        return await self.store.remove_world(world_id)

    async def create_room(self, room: Room) -> UUID:
        """Make a room, with its metadata (elizaOS drops them, 2.12-08 [T]); its id."""
        await self._ensure([], [replace(room, agent_id=self.agent_id)], [])
        return room.id

    async def create_rooms(self, rooms: Sequence[Room]) -> list[UUID]:
        """Make rooms; their ids."""
        await self._ensure([], [replace(room, agent_id=self.agent_id) for room in rooms], [])
        return [room.id for room in rooms]

    async def get_room(self, room_id: UUID) -> Room | None:
        """One room."""
        return await self.store.find_room(room_id)

    async def get_rooms_by_ids(self, room_ids: Sequence[UUID]) -> list[Room]:
        """Known ones, in the order of the ids."""
        found = [await self.store.find_room(room_id) for room_id in room_ids]
        return [room for room in found if room is not None]

    async def get_rooms(self, world_id: UUID) -> list[Room]:
        """A world's rooms."""
        return await self.store.get_rooms(self.agent_id, world_id=world_id)

    get_rooms_by_world = get_rooms

    async def update_room(self, room: Room) -> bool:
        """Replace what is not an id."""
        return await self.store.update_room(replace(room, agent_id=self.agent_id))

    async def delete_room(self, room_id: UUID) -> bool:
        """Delete a room with what is in it."""
        return await self.store.delete_room(room_id)

    async def delete_rooms_by_world_id(self, world_id: UUID) -> int:
        """Delete a world's rooms; how many."""
        rooms = await self.get_rooms(world_id)
        return sum([await self.delete_room(room.id) for room in rooms])

    # -- participants -----------------------------------------------------------------------------------

    async def add_participant(self, entity_id: UUID, room_id: UUID) -> bool:
        """Put an entity into a room; whether it was new there."""
        return await self.store.add_participants(self.agent_id, room_id, [entity_id]) > 0

    async def add_participants_room(self, entity_ids: Sequence[UUID], room_id: UUID) -> bool:
        """Put entities into a room; whether all were new there."""
        return await self.store.add_participants(self.agent_id, room_id, entity_ids) == len(entity_ids)

    async def remove_participant(self, entity_id: UUID, room_id: UUID) -> bool:
        """Take an entity out of a room."""
        return await self.store.remove_participant(room_id, entity_id)

    async def is_room_participant(self, room_id: UUID, entity_id: UUID) -> bool:
        """Whether an entity is in a room."""
        return any(each.entity_id == entity_id for each in await self.store.get_participants(room_id))

    async def get_participants_for_room(self, room_id: UUID) -> list[UUID]:
        """The ids of who is in a room, by time of joining."""
        return [each.entity_id for each in await self.store.get_participants(room_id)]

    async def get_participants_for_entity(self, entity_id: UUID) -> list[Participant]:
        """Where an entity is."""
        return await self.store.get_participants_for_entity(entity_id)

    async def get_rooms_for_participant(self, entity_id: UUID) -> list[UUID]:
        """The ids of the rooms that an entity is in."""
        return await self.get_rooms_for_participants([entity_id])

    async def get_rooms_for_participants(self, entity_ids: Sequence[UUID]) -> list[UUID]:
        """The ids of the rooms that all of these are in (elizaOS: any of them, 2.12-12 [T])."""
        return [room.id for room in await self.store.get_rooms_for_participants(entity_ids)]

    async def get_participant_user_state(self, room_id: UUID, entity_id: UUID) -> ParticipantState | None:
        """How an entity (mostly the agent) holds itself in a room."""
        return await self.store.get_participant_state(room_id, entity_id)

    async def set_participant_user_state(
        self, room_id: UUID, entity_id: UUID, state: ParticipantState | None
    ) -> None:
        """Set it: FOLLOWED, MUTED or None."""
        await self.store.set_participant_state(self.agent_id, room_id, entity_id, state)
