"""Agents share nothing but the host and the database: another agent's rows are not there."""

import uuid

import pytest

from bot_host.plugin import Component, Content, Task
from bot_host.runtime import AgentRuntime
from bot_host.types.character import Character
from bot_host.types.errors import StateError
from bot_host.types.ids import new_id
from bot_host.types.memory import Memory
from bot_host.types.places import Entity, ParticipantState, Role, Room, World
from tests.runtime.conftest import ADA, BOB, ROOM, WORLD, Agents, message


@pytest.fixture
async def other(agents: Agents, agent: AgentRuntime) -> AgentRuntime:
    """A second agent on the database, which knows none of the first one's ids by itself."""
    one = agents(character=Character(name="Spy", bio=["Looks."]))
    await one.start()
    return one


async def test_memories_of_another_agent_are_neither_read_nor_changed(
    agent: AgentRuntime, other: AgentRuntime
) -> None:
    said = message("a secret")
    await agent.create_memory(said)
    assert await other.get_memory_by_id(said.id) is None
    assert await other.get_memories_by_ids([said.id]) == []
    assert not await other.update_memory({"id": said.id, "content": {"text": "changed"}})
    await other.delete_memory(said.id)
    await other.delete_many_memories([said.id])
    await other.delete_all_memories(ROOM)
    assert await other.count_memories(ROOM) == 0
    kept = await agent.get_memory_by_id(said.id)
    assert kept is not None
    assert kept.content.text == "a secret"
    assert await agent.count_memories(ROOM) == 1


async def test_tasks_of_another_agent_are_neither_read_nor_changed(
    agent: AgentRuntime, other: AgentRuntime
) -> None:
    task = Task(agent_id=agent.agent_id, name="mine")
    await agent.create_task(task)
    assert await other.get_task(task.id) is None
    assert not await other.update_task(task.id, {"name": "stolen"})
    assert not await other.update_task(task.id, Task(agent_id="", name="stolen"))
    await other.delete_task(task.id)
    kept = await agent.get_task(task.id)
    assert kept is not None
    assert kept.name == "mine"


async def test_people_and_places_of_another_agent_are_not_there(
    agent: AgentRuntime, other: AgentRuntime
) -> None:
    await agent.add_participant(ADA, ROOM)
    assert await other.get_entity(ADA) is None
    assert await other.get_entities_by_ids([ADA, BOB]) == []
    assert await other.get_room(ROOM) is None
    assert await other.get_rooms_by_ids([ROOM]) == []
    assert await other.get_world(WORLD) is None
    assert await other.get_entities_for_room(ROOM) == []
    assert await other.get_participants_for_room(ROOM) == []
    assert not await other.is_room_participant(ROOM, ADA)
    assert await other.get_participants_for_entity(ADA) == []
    assert await other.get_rooms_for_participant(ADA) == []
    assert await other.get_user_server_role(ADA, WORLD) is Role.NONE
    assert await agent.get_rooms_for_participant(ADA) == [ROOM]


async def test_people_and_places_of_another_agent_stay_as_they_are(
    agent: AgentRuntime, other: AgentRuntime
) -> None:
    await agent.add_participant(ADA, ROOM)
    assert not await other.update_entity(Entity(id=ADA, agent_id="", names=("Eve",)))
    assert not await other.update_room(Room(id=ROOM, agent_id="", name="cellar"))
    assert not await other.update_world(World(id=WORLD, agent_id="", name="Elsewhere"))
    assert not await other.remove_participant(ADA, ROOM)
    assert not await other.delete_room(ROOM)
    assert not await other.remove_world(WORLD)
    with pytest.raises(StateError, match="there is no room"):
        await other.add_participant(other.agent_id, ROOM)
    with pytest.raises(StateError, match="there is no room"):
        await other.set_participant_user_state(ROOM, ADA, ParticipantState.MUTED)
    with pytest.raises(StateError, match="there is no world"):
        await other.set_role(WORLD, ADA, Role.OWNER)
    room, world = await agent.get_room(ROOM), await agent.get_world(WORLD)
    person = await agent.get_entity(ADA)
    assert room is not None
    assert world is not None
    assert person is not None
    assert (room.name, world.name, person.names) == ("kitchen", "Home", ("Ada",))
    assert await agent.is_room_participant(ROOM, ADA)


async def test_components_and_logs_of_another_agent_are_not_there(
    agent: AgentRuntime, other: AgentRuntime
) -> None:
    part = Component(agent_id="", entity_id=ADA, type="mail", data={"at": "a@x"})
    await agent.create_component(part)
    assert await other.get_component(ADA, "mail") is None
    assert await other.get_components(ADA) == []
    assert not await other.update_component({"id": part.id, "data": {}})
    assert not await other.delete_component(part.id)
    await agent.log(type="note", body={})
    [entry] = await agent.get_logs()
    await other.delete_log(entry.id)
    assert await agent.get_logs() == [entry]
    assert [found.data for found in await agent.get_components(ADA)] == [{"at": "a@x"}]


async def test_a_room_that_a_caller_names_to_both_is_seen_by_both(
    agent: AgentRuntime, other: AgentRuntime
) -> None:
    room, person = new_id(), new_id()
    for each in (agent, other):
        await each.ensure_connection(entity_id=person, room_id=room, world_id=room, source="web")
        found = await each.get_room(room)
        assert found is not None
        assert (await each.get_world(room)) is not None
        assert (await each.get_entity(person)) is not None
        assert room in await each.get_rooms_for_participant(person)
        assert person in await each.get_participants_for_room(room)
        await each.create_memory(
            Memory(agent_id="", entity_id=person, room_id=room, content=Content(text=each.character.name))
        )
    assert [m.content.text for m in await other.get_memories(room_id=room)] == ["Spy"]
    assert await other.count_memories(room) == 1


async def test_uuid_objects_are_ids_too(agent: AgentRuntime) -> None:
    said = message("hi")
    await agent.create_memory(said)
    room, person = uuid.UUID(ROOM), uuid.UUID(ADA)
    assert [m.id for m in await agent.get_memories(room_id=room)] == [said.id]  # type: ignore[arg-type]
    assert await agent.count_memories(room) == 1  # type: ignore[arg-type]
    assert await agent.get_memory_by_id(uuid.UUID(said.id)) is not None  # type: ignore[arg-type]
    found = await agent.get_entities_by_ids([person])  # type: ignore[list-item]
    assert [entity.id for entity in found] == [ADA]
    assert await agent.get_room(ROOM.upper()) is not None
