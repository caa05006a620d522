"""elizaOS's wrappers over the real store: places, people, memories, facts, tasks, cache, logs."""

import pytest

from bot_host.plugin import Audience, Component, Content, Task
from bot_host.runtime import AgentRuntime
from bot_host.store import Database
from bot_host.types.content import ChannelType
from bot_host.types.errors import StateError
from bot_host.types.ids import create_unique_uuid, new_id
from bot_host.types.memory import MemoryType
from bot_host.types.places import Entity, ParticipantState, Role, Room, World
from tests.runtime.conftest import ADA, BOB, ROOM, WORLD, message

NEW = new_id()


async def test_ensure_connection(agent: AgentRuntime) -> None:
    room_id, person = new_id(), new_id()
    await agent.ensure_connection(
        entity_id=person,
        room_id=room_id,
        message_server_id="guild",
        world_name="Guild",
        room_name="general",
        name="Cleo",
        user_name="cleo",
        user_id="42",
        source="discord",
        type=ChannelType.GROUP,
        channel_id="7",
        metadata={"ownership": {"owner_id": person}},
    )
    room = await agent.get_room(room_id)
    assert room is not None
    assert (room.name, room.type, room.channel_id) == ("general", ChannelType.GROUP, "7")
    world = await agent.get_world(create_unique_uuid(agent.agent_id, "guild"))
    assert world is not None
    assert (room.world_id, world.name) == (world.id, "Guild")
    assert set(await agent.get_participants_for_room(room_id)) == {person, agent.agent_id}
    assert await agent.get_user_server_role(person, "guild") is Role.OWNER
    assert await agent.find_worlds_for_owner(person) == [world]
    # Told again with less, nothing of it is lost, and nothing is renamed to nothing.
    await agent.ensure_connection(
        entity_id=person, room_id=room_id, message_server_id="guild", source="discord", name="Cleo II"
    )
    known = await agent.get_entity(person)
    assert known is not None
    assert known.names[0] == "Cleo II"
    assert "cleo" in known.names
    assert known.metadata["discord"] == {"id": "42", "name": "Cleo II", "user_name": "cleo"}
    assert (await agent.get_room(room_id)) is not None
    assert await agent.get_user_server_role(person, "guild") is Role.OWNER


async def test_ensure_connections_puts_everybody_into_every_room(agent: AgentRuntime) -> None:
    world = World(id=new_id(), agent_id="", name="W")
    rooms = [Room(id=new_id(), agent_id="", name=name) for name in ("a", "b")]
    people = [Entity(id=new_id(), agent_id="", names=(name,)) for name in ("x", "y")]
    await agent.ensure_connections(people, rooms, "slack", world)
    for room in rooms:
        found = await agent.get_participants_for_room(room.id)
        assert set(found) == {agent.agent_id, *(p.id for p in people)}
    assert {r.id for r in await agent.get_rooms(world.id)} == {r.id for r in rooms}
    shared = await agent.get_rooms_for_participants([people[0].id, people[1].id])
    assert set(shared) == {r.id for r in rooms}


async def test_what_must_be_known_first(agent: AgentRuntime) -> None:
    with pytest.raises(StateError, match="needs a world_id"):
        await agent.ensure_room_exists(Room(id=NEW, agent_id=""))
    with pytest.raises(StateError, match="no entity"):
        await agent.ensure_participant_in_room(NEW, ROOM)
    with pytest.raises(StateError, match="no room") as caught:
        await agent.ensure_participant_in_room(ADA, NEW)
    assert caught.value.room == NEW
    await agent.ensure_participant_in_room(ADA, ROOM)
    await agent.ensure_participant_in_room(agent.agent_id, ROOM)
    assert await agent.is_room_participant(ROOM, ADA)
    assert not await agent.is_room_participant(ROOM, BOB)


async def test_places_and_people_change(agent: AgentRuntime) -> None:
    assert await agent.create_entity(Entity(id=NEW, agent_id="", names=("New",)))
    assert not await agent.create_entity(Entity(id=NEW, agent_id="", names=("Twin",)))
    assert await agent.update_entity(Entity(id=NEW, agent_id="", names=("Newer",)))
    assert [e.names for e in await agent.get_entities_by_ids([NEW, new_id()])] == [("Newer",)]
    world_id = await agent.create_world(World(id=new_id(), agent_id="", name="W"))
    room_id = await agent.create_room(
        Room(id=new_id(), agent_id="", world_id=world_id, name="r", metadata={"kept": True})
    )
    room = await agent.get_room(room_id)
    assert room is not None
    assert room.metadata == {"kept": True}
    assert {w.id for w in await agent.get_all_worlds()} >= {WORLD, world_id}
    assert await agent.add_participant(NEW, room_id)
    assert not await agent.add_participant(NEW, room_id)
    assert [e.id for e in await agent.get_entities_for_room(room_id)] == [NEW]
    assert await agent.get_rooms_for_participant(NEW) == [room_id]
    await agent.set_participant_user_state(room_id, NEW, ParticipantState.MUTED)
    assert await agent.get_participant_user_state(room_id, NEW) is ParticipantState.MUTED
    assert await agent.remove_participant(NEW, room_id)
    assert await agent.delete_rooms_by_world_id(world_id) == 1
    assert await agent.remove_world(world_id)
    assert await agent.get_world(world_id) is None


async def test_a_role_is_given_and_audited(agent: AgentRuntime, store: Database) -> None:
    assert await agent.set_role(WORLD, ADA, Role.ADMIN, actor=BOB) is Role.NONE
    assert await agent.get_sender_role(message()) is Role.ADMIN
    assert await agent.set_role(WORLD, BOB, Role.OWNER) is Role.NONE
    assert await agent.get_user_server_role(ADA, WORLD) is Role.ADMIN
    assert await agent.set_role(WORLD, ADA, Role.NONE) is Role.ADMIN
    assert await agent.get_user_server_role(ADA, WORLD) is Role.NONE
    assert await agent.get_user_server_role(BOB, WORLD) is Role.OWNER
    oldest = (await store.get_audit(agent.agent_id))[-1]
    assert (oldest.actor, oldest.action, oldest.subject) == (BOB, "role changed", ADA)
    assert oldest.details == {"world_id": WORLD, "before": "NONE", "after": "ADMIN"}
    with pytest.raises(StateError, match="no world"):
        await agent.set_role(NEW, ADA, Role.ADMIN)


async def test_settings_are_audited_without_secrets(agent: AgentRuntime, store: Database) -> None:
    agent.set_setting("MOOD", "good")
    agent.set_setting("KEY", "sk-123", secret=True)
    await agent.audit("character updated", "Eliza", {"by": "test"}, actor=ADA)
    found = [(e.action, e.subject, e.details, e.actor) for e in await store.get_audit(agent.agent_id)]
    assert found == [
        ("character updated", "Eliza", {"by": "test"}, ADA),
        ("setting changed", "KEY", {}, "code"),
        ("setting changed", "MOOD", {"value": "good"}, "code"),
    ]


async def test_memories(agent: AgentRuntime) -> None:
    said = message("I like green tea")
    assert await agent.create_memory(said, "messages") == said.id
    note = message("a note").model_copy(update={"embedding": [1.0, 0.0]})
    await agent.create_memory(note, "memories")
    assert await agent.count_memories(ROOM) == 2
    assert await agent.count_memories(ROOM, False, "messages") == 1
    assert [m.id for m in await agent.get_memories(table_name="messages", room_id=ROOM)] == [said.id]
    assert [m.id for m in await agent.get_memories_by_room_ids(table_name="messages", room_ids=[ROOM])] == [
        said.id
    ]
    assert [m.id for m in await agent.get_memories_by_ids([note.id, said.id], "memories")] == [note.id]
    assert [m.id for m in await agent.search_memories("tea", 5)] == [said.id]
    assert [m.id for m in await agent.search_memories_by_embedding([1.0, 0.1])] == [note.id]
    assert await agent.update_memory({"id": said.id, "content": {"text": "I like black tea"}})
    changed = await agent.get_memory_by_id(said.id)
    assert changed is not None
    assert changed.content.text == "I like black tea"
    changed.content = Content(text="I like mate")
    assert await agent.update_memory(changed)
    assert [m.content.text for m in await agent.search_memories("mate")] == ["I like mate"]
    await agent.delete_memory(note.id)
    assert [m.id for m in await agent.get_all_memories()] == [said.id]
    assert await agent.clear_all_agent_memories() == 1
    with pytest.raises(StateError, match="no kind of memory called thoughts"):
        await agent.create_memory(said, "thoughts")


async def test_facts(agent: AgentRuntime) -> None:
    said = message("I moved to Lyon")
    await agent.create_memory(said)
    fact = await agent.create_fact(
        "Ada lives in Lyon", entity_id=ADA, room_id=ROOM, source_memory_id=said.id, confidence=0.8
    )
    [found] = await agent.search_facts("lyon", entity_id=ADA)
    assert found.id == fact.id
    assert (found.type, found.source_memory_id, found.confidence, found.audience) == (
        MemoryType.FACT,
        said.id,
        0.8,
        Audience.ROOM,
    )
    assert await agent.search_facts("lyon", entity_id=BOB) == []


async def test_relationships_and_components(agent: AgentRuntime) -> None:
    await agent.create_relationship(ADA, BOB, ["friend"], {"since": 2020})
    await agent.create_relationship(ADA, BOB, ["colleague"])
    [known] = await agent.get_relationships(BOB)
    assert (set(known.tags), known.metadata["since"]) == ({"friend", "colleague"}, 2020)
    assert await agent.get_relationships(ADA, ["friend"]) == [known]
    assert await agent.get_relationships(ADA, ["enemy"]) == []
    assert (await agent.get_relationship(ADA, BOB)) == known
    assert (await agent.get_relationship(BOB, ADA)) is None
    part = Component(agent_id="", entity_id=ADA, type="contact", data={"city": "Lyon"}, world_id=WORLD)
    assert await agent.create_component(part)
    found = await agent.get_component(ADA, "contact", WORLD)
    assert found is not None
    assert found.data == {"city": "Lyon"}
    assert len(await agent.get_components(ADA)) == 1
    assert await agent.delete_component(part.id)
    assert await agent.get_component(ADA, "contact") is None


async def test_tasks_cache_and_logs(agent: AgentRuntime) -> None:
    task = Task(agent_id="", name="REMIND", tags=("queue",), room_id=ROOM)
    assert await agent.create_task(task) == task.id
    assert [t.id for t in await agent.get_tasks(room_id=ROOM, tags=["queue"])] == [task.id]
    assert [t.id for t in await agent.get_tasks_by_name("REMIND")] == [task.id]
    assert await agent.update_task(task.id, {"description": "call Ada"})
    changed = await agent.get_task(task.id)
    assert changed is not None
    assert (changed.description, changed.agent_id) == ("call Ada", agent.agent_id)
    assert not await agent.update_task(NEW, {"description": "x"})
    await agent.delete_task(task.id)
    assert await agent.get_task(task.id) is None
    await agent.set_cache("k", {"a": 1})
    assert await agent.get_cache("k") == {"a": 1}
    await agent.delete_cache("k")
    assert await agent.get_cache("k") is None
    await agent.log(type="test", body={"a": 1}, room_id=ROOM)
    [entry] = await agent.get_logs(type="test")
    assert entry.body == {"a": 1}
    await agent.delete_log(entry.id)
    assert await agent.get_logs() == []
