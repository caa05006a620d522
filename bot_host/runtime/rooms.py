"""Worlds, rooms, entities and participants by elizaOS's names (2.12), without its traps."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

from bot_host.contracts.agent import AgentCore
from bot_host.kit.names import did_you_mean
from bot_host.runtime import seen
from bot_host.runtime.base import AgentBase
from bot_host.runtime.given import keys_of, made, takes_ids, word
from bot_host.types.content import ChannelType
from bot_host.types.errors import StateError
from bot_host.types.ids import UUID, create_unique_uuid
from bot_host.types.places import Entity, Participant, ParticipantState, Room, World

CONNECTION: Final = (
    "entity_id",
    "room_id",
    "world_id",
    "world_name",
    "user_name",
    "name",
    "room_name",
    "source",
    "type",
    "channel_id",
    "message_server_id",
    "user_id",
    "metadata",
)
"""What `ensure_connection` may be told."""


@takes_ids
class Rooms(AgentBase):
    """Thin wrappers over the store; the agent's id is filled in.

    What is another agent's alone is not there (`runtime.seen`), and only an agent's own rows are changed.
    Rows may be given as plain mappings of their fields.
    """

    async def ensure_connection(
        self,
        given: Mapping[str, Any] | None = None,
        /,
        *,
        entity_id: UUID = "",
        room_id: UUID = "",
        world_id: UUID | None = None,
        world_name: str = "",
        user_name: str = "",
        name: str = "",
        room_name: str = "",
        source: str = "",
        type: ChannelType | str = ChannelType.DM,
        channel_id: str = "",
        message_server_id: str = "",
        user_id: str = "",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Make sure that a person, their room and world are known, and that both are in the room (2.12-01).

        `name` and `user_name` are the person's; what is left out is kept as it was (elizaOS erases it,
        2.12-03 [T]), and rooms and worlds are named by `room_name` and `world_name`. Without `world_id` the
        world is that of `message_server_id`, or the agent's own. `metadata` is the world's. All of it may
        stand in one mapping instead. Raises StateError without `entity_id` and `room_id`.
        """
        if given is not None:
            await self.ensure_connection(**_connection(given))
            return
        for key, value in (("entity_id", entity_id), ("room_id", room_id)):
            if not value:
                raise StateError(f"ensure_connection needs {key}")
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
            type=word(ChannelType, type, "the room's type"),
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
        self,
        entities: Sequence[Entity | Mapping[str, Any]],
        rooms: Sequence[Room | Mapping[str, Any]],
        source: str,
        world: World | Mapping[str, Any],
    ) -> None:
        """The same for many, who are then in each of the rooms (elizaOS: only the first, 2.12-07 [T])."""
        place = self._world(world)
        people = [self._entity(entity) for entity in entities]
        given = [self._room(room) for room in rooms]
        here = [replace(room, world_id=place.id, source=room.source or source) for room in given]
        await self._ensure([place], here, people)
        ids = [self.agent_id, *(entity.id for entity in people)]
        for room in here:
            await self.store.add_participants(self.agent_id, room.id, ids)

    async def ensure_world_exists(self, world: World | Mapping[str, Any]) -> None:
        """Make a world that is not known, or give it a new name."""
        await self._ensure([self._world(world)], [], [])

    async def ensure_room_exists(self, room: Room | Mapping[str, Any]) -> None:
        """Make a room that is not known, or give it a new name. Raises StateError without `world_id`."""
        mine = self._room(room)
        if mine.world_id is None:
            raise StateError(f"the room {mine.id} needs a world_id").about(room=mine.id)
        await self._ensure([], [mine], [])

    async def ensure_participant_in_room(self, entity_id: UUID, room_id: UUID) -> None:
        """Put an entity into a room. Raises StateError when either is not known."""
        if entity_id != self.agent_id and await self.get_entity(entity_id) is None:
            raise StateError(f"there is no entity {entity_id}").about(room=room_id)
        await self._need_room(room_id)
        await self.store.add_participants(self.agent_id, room_id, [entity_id])

    async def _ensure(self, worlds: list[World], rooms: list[Room], people: list[Entity]) -> None:
        await self.store.apply_places("", worlds, rooms, people, None)

    def _world(self, given: World | Mapping[str, Any]) -> World:
        return made(World, given, agent_id=self.agent_id)

    def _room(self, given: Room | Mapping[str, Any]) -> Room:
        return made(Room, given, agent_id=self.agent_id)

    def _entity(self, given: Entity | Mapping[str, Any]) -> Entity:
        return made(Entity, given, agent_id=self.agent_id)

    @property
    def _me(self) -> AgentCore:
        # The whole agent, which this is a part of.
        return cast(AgentCore, self)

    async def _need_room(self, room_id: UUID) -> None:
        if await self.get_room(room_id) is None:
            raise StateError(f"there is no room {room_id}").about(room=room_id)

    # -- entities ---------------------------------------------------------------------------------------

    async def ensure_entity(self, entity: Entity | Mapping[str, Any]) -> None:
        """Make an entity that is not known."""
        await self.create_entities([entity])

    async def create_entity(self, entity: Entity | Mapping[str, Any]) -> bool:
        """False when its id is known (nothing changes)."""
        return await self.create_entities([entity])

    async def create_entities(self, entities: Sequence[Entity | Mapping[str, Any]]) -> bool:
        """Make those that are not known; whether all were new."""
        mine = [self._entity(entity) for entity in entities]
        return await self.store.create_entities(mine) == len(mine)

    async def get_entity(self, entity_id: UUID) -> Entity | None:
        """One entity."""
        return await seen.entity(self._me, await self.store.find_entity(entity_id))

    get_entity_by_id = get_entity

    async def get_entities_by_ids(self, entity_ids: Sequence[UUID]) -> list[Entity]:
        """Known ones, in the order of the ids."""
        known = await self.store.get_entities(entity_ids)
        found = [await seen.entity(self._me, known.get(entity_id)) for entity_id in entity_ids]
        return [entity for entity in found if entity is not None]

    async def get_entities_for_room(self, room_id: UUID) -> list[Entity]:
        """Who is in a room, by time of joining."""
        return await self.store.get_entities_for_room(room_id) if await self.get_room(room_id) else []

    async def update_entity(self, entity: Entity | Mapping[str, Any]) -> bool:
        """Replace names and metadata; False when the agent has none of this id."""
        mine = self._entity(entity)
        known = await self.store.find_entity(mine.id)
        return self._owns(known) and await self.store.update_entity(mine)

    def _owns(self, row: Entity | Room | World | None) -> bool:
        return row is not None and row.agent_id == self.agent_id

    # -- worlds and rooms -------------------------------------------------------------------------------

    async def create_world(self, world: World | Mapping[str, Any]) -> UUID:
        """Make a world; its id."""
        mine = self._world(world)
        await self._ensure([mine], [], [])
        return mine.id

    async def get_world(self, world_id: UUID) -> World | None:
        """One world."""
        return await seen.world(self._me, world_id)

    async def get_all_worlds(self) -> list[World]:
        """The agent's worlds."""
        return await self.store.get_worlds(self.agent_id)

    async def update_world(self, world: World | Mapping[str, Any]) -> bool:
        """Replace name and metadata; False when the agent has none of this id."""
        mine = self._world(world)
        return self._owns(await self.store.find_world(mine.id)) and await self.store.update_world(mine)

    async def remove_world(self, world_id: UUID) -> bool:
        """Delete a world of the agent with its rooms and what is in them."""
        return self._owns(await self.store.find_world(world_id)) and await self.store.remove_world(world_id)

    async def create_room(self, room: Room | Mapping[str, Any]) -> UUID:
        """Make a room, with its metadata (elizaOS drops them, 2.12-08 [T]); its id."""
        [room_id] = await self.create_rooms([room])
        return room_id

    async def create_rooms(self, rooms: Sequence[Room | Mapping[str, Any]]) -> list[UUID]:
        """Make rooms; their ids."""
        mine = [self._room(room) for room in rooms]
        await self._ensure([], mine, [])
        return [room.id for room in mine]

    async def get_room(self, room_id: UUID) -> Room | None:
        """One room."""
        return await seen.room(self._me, room_id)

    async def get_rooms_by_ids(self, room_ids: Sequence[UUID]) -> list[Room]:
        """Known ones, in the order of the ids."""
        found = [await self.get_room(room_id) for room_id in room_ids]
        return [room for room in found if room is not None]

    async def get_rooms(self, world_id: UUID) -> list[Room]:
        """A world's rooms."""
        return await self.store.get_rooms(self.agent_id, world_id=world_id)

    get_rooms_by_world = get_rooms

    async def update_room(self, room: Room | Mapping[str, Any]) -> bool:
        """Replace what is not an id; False when the agent has none of this id."""
        mine = self._room(room)
        return self._owns(await self.store.find_room(mine.id)) and await self.store.update_room(mine)

    async def delete_room(self, room_id: UUID) -> bool:
        """Delete a room of the agent with what is in it."""
        return self._owns(await self.store.find_room(room_id)) and await self.store.delete_room(room_id)

    async def delete_rooms_by_world_id(self, world_id: UUID) -> int:
        """Delete a world's rooms; how many."""
        rooms = await self.get_rooms(world_id)
        return sum([await self.delete_room(room.id) for room in rooms])

    # -- participants -----------------------------------------------------------------------------------

    async def add_participant(self, entity_id: UUID, room_id: UUID) -> bool:
        """Put an entity into a room; whether it was new there. Raises StateError: no such room."""
        return await self.add_participants_room([entity_id], room_id)

    async def add_participants_room(self, entity_ids: Sequence[UUID], room_id: UUID) -> bool:
        """Put entities into a room; whether all were new there. Raises StateError: no such room."""
        await self._need_room(room_id)
        return await self.store.add_participants(self.agent_id, room_id, entity_ids) == len(entity_ids)

    async def remove_participant(self, entity_id: UUID, room_id: UUID) -> bool:
        """Take an entity out of a room."""
        if await self.get_room(room_id) is None:
            return False
        return await self.store.remove_participant(room_id, entity_id)

    async def is_room_participant(self, room_id: UUID, entity_id: UUID) -> bool:
        """Whether an entity is in a room."""
        return entity_id in await self.get_participants_for_room(room_id)

    async def get_participants_for_room(self, room_id: UUID) -> list[UUID]:
        """The ids of who is in a room, by time of joining."""
        found = await self.store.get_participants(room_id)
        return [each.entity_id for each in found] if await self.get_room(room_id) else []

    async def get_participants_for_entity(self, entity_id: UUID) -> list[Participant]:
        """Where an entity is."""
        found = await self.store.get_participants_for_entity(entity_id)
        here = set(await self.get_rooms_for_participants([entity_id]))
        return [each for each in found if each.room_id in here]

    async def get_rooms_for_participant(self, entity_id: UUID) -> list[UUID]:
        """The ids of the rooms that an entity is in."""
        return await self.get_rooms_for_participants([entity_id])

    async def get_rooms_for_participants(self, entity_ids: Sequence[UUID]) -> list[UUID]:
        """The ids of the rooms that all of these are in (elizaOS: any of them, 2.12-12 [T])."""
        found = await self.store.get_rooms_for_participants(entity_ids)
        if any(room.agent_id != self.agent_id for room in found):
            shared = await self.store.get_rooms_for_participants([*entity_ids, self.agent_id])
            mine = {room.id for room in shared}
            found = [room for room in found if room.agent_id == self.agent_id or room.id in mine]
        return [room.id for room in found]

    async def get_participant_user_state(self, room_id: UUID, entity_id: UUID) -> ParticipantState | None:
        """How an entity (mostly the agent) holds itself in a room."""
        if await self.get_room(room_id) is None:
            return None
        return await self.store.get_participant_state(room_id, entity_id)

    async def set_participant_user_state(
        self, room_id: UUID, entity_id: UUID, state: ParticipantState | str | None
    ) -> None:
        """Set it: FOLLOWED, MUTED or None. Raises StateError for another word, and for an unknown room."""
        held = None if state is None else word(ParticipantState, state, "the state of a participant")
        await self._need_room(room_id)
        await self.store.set_participant_state(self.agent_id, room_id, entity_id, held)


def _connection(given: Mapping[str, Any]) -> dict[str, Any]:
    said = {key: value for key, value in keys_of(given).items() if value is not None}
    # elizaOS's older name.
    if "server_id" in said:
        said.setdefault("message_server_id", said.pop("server_id"))
    for key in said:
        if key not in CONNECTION:
            hint = did_you_mean(key, CONNECTION)
            raise StateError(f"a connection has no {key!r}{hint}; it has {', '.join(CONNECTION)}")
    return said
