"""Worlds, rooms, entities, participants."""

from dataclasses import replace

from bot_host.store import Database
from bot_host.types.content import ChannelType
from bot_host.types.ids import new_id
from bot_host.types.inbound import Mark
from bot_host.types.places import Entity, ParticipantState
from tests.store.samples import (
    ACCOUNT,
    AGENT,
    CHARACTER,
    make_admission,
    make_id,
    make_person,
    make_room,
    make_world,
)


async def test_places_are_made_and_renamed_but_never_blanked(store: Database) -> None:
    world, room = make_world(name="Old", metadata={"owner": "1"}), make_room(metadata={"topic": "tea"})
    await store.apply_places(ACCOUNT, [world], [room], [], Mark(name="g", value=1))
    assert await store.find_world(world.id) == world
    assert await store.find_room(room.id) == room
    assert await store.find_mark(ACCOUNT, "g") == 1

    blank_world = make_world(name="", metadata={"owner": "", "icon": "x"})
    blank_room = make_room(name="", world_id=None, metadata={"topic": None})
    await store.apply_places(ACCOUNT, [blank_world], [blank_room], [], None)
    assert await store.find_world(world.id) == replace(world, metadata={"owner": "1", "icon": "x"})
    assert await store.find_room(room.id) == room

    await store.apply_places(ACCOUNT, [make_world(name="New")], [make_room(name="lounge")], [], None)
    renamed = await store.find_world(world.id)
    assert renamed is not None
    assert (renamed.name, renamed.metadata) == ("New", {"owner": "1", "icon": "x"})
    assert await store.find_room(room.id) == replace(room, name="lounge")


async def test_a_room_takes_over_a_new_kind_thread_and_channel(store: Database) -> None:
    room = make_room(world_id=None)
    await store.apply_places(ACCOUNT, [], [room], [], None)
    changed = replace(room, type=ChannelType.THREAD, thread_id="7", channel_id="8")
    await store.apply_places(ACCOUNT, [], [changed], [], None)
    assert await store.find_room(room.id) == changed


async def test_a_new_name_comes_first_and_old_ones_stay(store: Database) -> None:
    await store.apply_places(ACCOUNT, [], [], [make_person(names=("Ben", "Benny"))], None)
    await store.apply_places(ACCOUNT, [], [], [make_person(names=("Benjamin",))], None)
    await store.apply_places(ACCOUNT, [], [], [make_person(names=())], None)
    await store.apply_places(ACCOUNT, [], [], [make_person(names=("",))], None)
    entity = await store.find_entity(make_id("ben"))
    assert entity is not None
    assert entity.names == ("Benjamin", "Ben", "Benny")
    await store.apply_places(ACCOUNT, [], [], [make_person(names=("Ben",))], None)
    entity = await store.find_entity(make_id("ben"))
    assert entity is not None
    assert entity.names == ("Ben", "Benjamin", "Benny")
    for number in range(50):
        await store.apply_places(ACCOUNT, [], [], [make_person(names=(f"Ben {number}",))], None)
    entity = await store.find_entity(make_id("ben"))
    assert entity is not None
    assert (len(entity.names), entity.names[0]) == (16, "Ben 49")


async def test_metadata_is_merged_per_platform_and_nothing_is_erased(store: Database) -> None:
    discord = {"id": "1", "name": "Ben", "user_name": "ben_", "is_bot": True}
    await store.apply_places(ACCOUNT, [], [], [make_person(metadata={"discord": discord})], None)
    more = {"discord": {"id": "1", "name": "", "user_name": None, "is_bot": False}, "slack": {"id": "U1"}}
    await store.apply_places(ACCOUNT, [], [], [make_person(metadata=more)], None)
    entity = await store.find_entity(make_id("ben"))
    assert entity is not None
    assert entity.metadata == {"discord": {**discord, "is_bot": False}, "slack": {"id": "U1"}}


async def test_get_entities_leaves_out_the_unknown_and_minds_no_case(store: Database) -> None:
    people = [make_person("ben"), make_person("zoe")]
    await store.apply_places(ACCOUNT, [], [], people, None)
    shouted = people[1].id.upper()
    found = await store.get_entities([people[0].id, shouted, new_id()])
    assert found == {people[0].id: people[0], shouted: people[1]}
    assert await store.get_entities([]) == {}


async def test_what_is_unknown_is_none(store: Database) -> None:
    assert await store.find_world(new_id()) is None
    assert await store.find_room(new_id()) is None
    assert await store.find_entity(new_id()) is None
    assert await store.get_participants(new_id()) == []


async def test_participants_come_once_and_keep_their_state(store: Database) -> None:
    room_id, ben = make_id("room"), make_id("ben")
    await store.admit([make_admission("m1")])
    assert await store.get_participant_state(room_id, AGENT) is None
    await store.set_participant_state(AGENT, room_id, AGENT, ParticipantState.MUTED)
    await store.admit([make_admission("m2"), make_admission("m3", person="zoe")])
    participants = await store.get_participants(room_id)
    assert [p.entity_id for p in participants].count(ben) == 1
    assert {p.entity_id for p in participants} == {AGENT, ben, make_id("zoe")}
    assert all(p.joined_at is not None and p.agent_id == AGENT for p in participants)
    joined = [p.joined_at for p in participants if p.joined_at]
    assert joined == sorted(joined)
    assert await store.get_participant_state(room_id, AGENT) is ParticipantState.MUTED
    await store.set_participant_state(AGENT, room_id, AGENT, None)
    assert await store.get_participant_state(room_id, AGENT) is None


async def test_setting_a_state_makes_the_participant(store: Database) -> None:
    await store.apply_places(ACCOUNT, [make_world()], [make_room()], [make_person()], None)
    await store.set_participant_state(AGENT, make_id("room"), make_id("ben"), ParticipantState.FOLLOWED)
    (participant,) = await store.get_participants(make_id("room"))
    assert (participant.entity_id, participant.state) == (make_id("ben"), ParticipantState.FOLLOWED)


async def test_an_agent_is_an_entity_with_its_newest_name(store: Database) -> None:
    assert await store.find_entity(AGENT) == Entity(id=AGENT, agent_id=AGENT, names=("Ada",))
    await store.ensure_agent(AGENT, CHARACTER.model_copy(update={"name": "Ada L."}))
    entity = await store.find_entity(AGENT)
    assert entity is not None
    assert entity.names == ("Ada L.", "Ada")
