"""Plain mappings as in elizaOS's examples, and words for enums; what does not fit is named."""

import uuid
from typing import Any

import pytest

from bot_host.plugin import Task
from bot_host.runtime import AgentRuntime
from bot_host.types.content import ChannelType
from bot_host.types.errors import StateError
from bot_host.types.ids import new_id
from bot_host.types.knowledge import Audience
from bot_host.types.places import ParticipantState, Role
from bot_host.types.task import Misfire, TaskState
from tests.runtime.conftest import ADA, BOB, ROOM, WORLD


async def test_a_memory_as_a_mapping(agent: AgentRuntime) -> None:
    memory_id = await agent.create_memory(
        {
            "entityId": uuid.UUID(ADA),
            "room_id": ROOM,
            "content": {"text": "hi"},
            "createdAt": 1_700_000_000_000,
        },
        "facts",
    )
    found = await agent.get_memory_by_id(memory_id)
    assert found is not None
    assert (found.entity_id, found.agent_id, found.content.text) == (ADA, agent.agent_id, "hi")
    assert (found.type, found.created_at.isoformat()) == ("fact", "2023-11-14T22:13:20+00:00")
    assert await agent.update_memory({"id": uuid.UUID(memory_id), "content": "bye"})
    found = await agent.get_memory_by_id(memory_id)
    assert found is not None
    assert found.content.text == "bye"


async def test_people_places_and_parts_as_mappings(agent: AgentRuntime) -> None:
    person, world = uuid.uuid4(), uuid.uuid4()
    assert await agent.create_entity({"id": person, "agentId": agent.agent_id, "names": ["Cleo"]})
    assert await agent.update_entity({"id": person, "names": ["Cleo", "cleo"], "metadata": {"a": 1}})
    known = await agent.get_entity(str(person))
    assert known is not None
    assert (known.names, known.metadata) == (("Cleo", "cleo"), {"a": 1})
    world_id = await agent.create_world({"id": world, "name": "W", "serverId": "42"})
    room_id = await agent.create_room({"id": new_id(), "worldId": world, "type": "THREAD", "serverId": "42"})
    room, made = await agent.get_room(room_id), await agent.get_world(world_id)
    assert room is not None
    assert made is not None
    assert (room.type, room.world_id, made.platform_id) == (ChannelType.THREAD, str(world), "42")
    assert await agent.create_component({"entityId": person, "type": "mail", "data": {"at": "x"}})
    assert [part.data for part in await agent.get_components(str(person))] == [{"at": "x"}]
    tie = await agent.create_relationship({"sourceEntityId": ADA, "targetEntityId": BOB, "tags": ["friend"]})
    assert (tie.source_entity_id, tie.tags) == (ADA, ("friend",))


async def test_a_connection_as_a_mapping(agent: AgentRuntime) -> None:
    person, room_id = uuid.uuid4(), uuid.uuid4()
    given = {"entityId": person, "roomId": room_id, "userName": "cleo", "source": "web", "type": "group"}
    await agent.ensure_connection({**given, "worldId": None})
    room = await agent.get_room(str(room_id))
    assert room is not None
    assert room.type is ChannelType.GROUP
    assert await agent.is_room_participant(room.id, str(person))


async def test_a_task_as_a_mapping(agent: AgentRuntime) -> None:
    task_id = await agent.create_task(
        {"name": "PING", "roomId": ROOM, "tags": ["queue"], "misfire": "skip", "metadata": {"a": 1}}
    )
    task = await agent.get_task(task_id)
    assert task is not None
    assert (task.room_id, task.tags, task.misfire) == (ROOM, ("queue",), Misfire.SKIP)
    assert await agent.update_task(task_id, {"state": "paused", "roomId": None})
    task = await agent.get_task(task_id)
    assert task is not None
    assert (task.state, task.room_id) == (TaskState.PAUSED, None)


async def test_words_stand_for_enums(agent: AgentRuntime) -> None:
    await agent.set_participant_user_state(ROOM, agent.agent_id, "MUTED")
    assert await agent.get_participant_user_state(ROOM, agent.agent_id) is ParticipantState.MUTED
    await agent.set_role(WORLD, ADA, "admin")  # type: ignore[arg-type]
    assert await agent.get_user_server_role(ADA, WORLD) is Role.ADMIN
    fact = await agent.create_fact("likes tea", entity_id=ADA, room_id=ROOM, audience="world")
    assert fact.audience is Audience.WORLD


SAID = {"text": "x"}
FAULTS: list[tuple[str, tuple[Any, ...], str]] = [
    (
        "create_memory",
        ({"entity_id": ADA, "content": SAID},),
        "the memory's room_id: Field required",
    ),
    (
        "create_memory",
        ({"entity_id": ADA, "room_id": ROOM, "content": {"text": 5}},),
        r"memory's content\.text",
    ),
    ("create_memory", ({"rom_id": ROOM},), "a memory has no 'rom_id' .did you mean \"room_id\""),
    ("create_memory", (None,), "expected a Memory or a mapping, found NoneType"),
    ("update_memory", ({"content": "x"},), "need its id"),
    ("create_entity", ({"names": ["x"]},), "the entity's id: Field required"),
    ("create_room", ({"id": ROOM, "type": "CAVE"},), "the room's type: Input should be"),
    ("create_component", ({"entity_id": ADA, "type": "mail", "dat": {}},), "a component has no 'dat'"),
    ("update_component", ({"id": ADA},), "need its id and data"),
    ("create_relationship", (ADA,), "the relationship's target_entity_id: Field required"),
    ("ensure_connection", ({"entity_id": ADA, "rom_id": ROOM},), "a connection has no 'rom_id'"),
    ("ensure_connection", ({"entity_id": ADA},), "ensure_connection needs room_id"),
    ("create_task", ({"tags": ["queue"]},), "the task's name: Field required"),
    ("create_task", ({"name": "x", "crn": "* * * * *"},), "a task has no 'crn' .did you mean \"cron\""),
    ("create_task", (Task(agent_id="", name="x", misfire="nope"),), "the task's misfire: Input"),  # type: ignore[arg-type]
    ("set_participant_user_state", (ROOM, ADA, "DEAF"), "found 'DEAF', expected one of FOLLOWED, MUTED"),
    ("set_role", (WORLD, ADA, "KING"), "the role: found 'KING', expected one of OWNER, ADMIN, NONE"),
]


@pytest.mark.parametrize(("method", "given", "says"), FAULTS)
async def test_what_does_not_fit_is_named(
    agent: AgentRuntime, method: str, given: tuple[Any, ...], says: str
) -> None:
    with pytest.raises(StateError, match=says):
        await getattr(agent, method)(*given)


async def test_an_update_of_a_task_names_what_it_does_not_have(agent: AgentRuntime) -> None:
    task_id = await agent.create_task({"name": "x"})
    with pytest.raises(StateError, match=r"a task has no 'crn' .did you mean"):
        await agent.update_task(task_id, {"crn": "* * * * *"})
    with pytest.raises(StateError, match="the task's every_s"):
        await agent.update_task(task_id, {"every_s": "often"})


@pytest.mark.parametrize("every_s", [0, -5, 0.01, float("nan"), float("inf")])
async def test_an_interval_that_cannot_be_kept_is_refused(agent: AgentRuntime, every_s: float) -> None:
    with pytest.raises(StateError, match="every_s is 1 second at least"):
        await agent.create_task(Task(agent_id="", name="x", every_s=every_s))
    task_id = await agent.create_task({"name": "x", "every_s": 60})
    with pytest.raises(StateError, match="every_s is 1 second at least"):
        await agent.update_task(task_id, {"every_s": every_s})


async def test_a_role_that_is_none_takes_no_role_away(agent: AgentRuntime) -> None:
    await agent.set_role(WORLD, ADA, Role.OWNER)
    assert [world.id for world in await agent.find_worlds_for_owner(ADA)] == [WORLD]
    with pytest.raises(StateError, match="KING"):
        await agent.set_role(WORLD, ADA, "KING")  # type: ignore[arg-type]
    assert await agent.get_user_server_role(ADA, WORLD) is Role.OWNER
    assert await agent.set_role(WORLD, ADA, Role.NONE) is Role.OWNER
    assert await agent.find_worlds_for_owner(ADA) == []
