"""Rooms that all of their world may read: told, kept, taken back with their threads."""

from dataclasses import replace

from bot_host.store import Database
from bot_host.types.content import ChannelType
from bot_host.types.hearing import Hearing
from bot_host.types.ids import new_id
from bot_host.types.places import OUTSIDERS, PARENT_ID, Room
from tests.store.samples import ACCOUNT, AGENT, make_admission, make_id, make_person, make_room, make_world


async def tell(store: Database, *rooms: Room) -> None:
    await store.apply_places(ACCOUNT, [make_world(), make_world("other")], rooms, [], None)


async def open_rooms(store: Database) -> set[str]:
    return {room.channel_id or room.name for room in await store.get_rooms(AGENT) if room.open}


async def test_what_nobody_says_keeps_what_is_known(store: Database) -> None:
    await tell(store, make_room(open=True), make_room("b"))
    await tell(store, make_room(name="new"), make_room("b"))
    assert await open_rooms(store) == {"room"}
    room = await store.find_room(make_id("b"))
    assert room is not None
    assert room.open is None


async def test_a_room_that_was_there_before_is_opened_by_its_next_message(store: Database) -> None:
    await store.admit([make_admission("m1")])
    assert await open_rooms(store) == set()
    admission = make_admission("m2")
    await store.admit([replace(admission, room=replace(admission.room, open=True))])
    assert await open_rooms(store) == {"room"}


async def test_threads_are_closed_with_their_channel(store: Database) -> None:
    threads = [
        make_room("d-thread", open=True, metadata={PARENT_ID: "a"}),
        replace(make_room("s-thread", open=True, thread_id="7"), channel_id="a"),
    ]
    elsewhere = replace(make_room("x", open=True, world_id=make_id("other")), channel_id="a")
    await tell(store, make_room("a", open=True), make_room("b", open=True), elsewhere, *threads)
    await tell(store, make_room("a", open=False))
    found = await store.get_rooms(AGENT)
    assert {room.id for room in found if room.open} == {make_id("b"), make_id("x")}


async def test_a_thread_says_it_for_its_channel_also_by_a_new_id(store: Database) -> None:
    thread = replace(make_room("thread", open=True, thread_id="7"), channel_id="a")
    await tell(store, make_room("a", open=True), make_room("b", open=True), thread)
    await tell(store, replace(thread, open=False, channel_id="new"))
    assert await open_rooms(store) == {"b"}
    await tell(store, make_room("b2", open=True))
    await tell(store, replace(make_room("a thread that is new", open=False), channel_id="b2"))
    assert await open_rooms(store) == {"b"}


async def test_all_others_of_the_world_are_closed(store: Database) -> None:
    await tell(
        store,
        make_room("a", open=True),
        make_room("b", open=True),
        make_room("thread", open=True, metadata={PARENT_ID: "a"}),
        make_room("lost", open=True, metadata={PARENT_ID: "gone"}),
        make_room("abroad", open=True, world_id=make_id("other")),
        make_room("c"),
    )
    assert await store.narrow_rooms(make_id("guild"), ["a", "c"]) == 2
    assert await open_rooms(store) == {"a", "thread", "abroad"}
    assert await store.narrow_rooms(make_id("guild"), []) == 2
    assert await open_rooms(store) == {"abroad"}


async def test_who_hears_in_a_room(store: Database) -> None:
    dm = make_room("dm", type=ChannelType.DM, world_id=make_id("dms"))
    again = make_room("dm thread", type=ChannelType.DM, world_id=make_id("dms"))
    shared = make_room("shared", metadata={OUTSIDERS: True})
    several = make_room("api", type=ChannelType.API)
    await store.apply_places(
        ACCOUNT,
        [make_world(), make_world("dms")],
        [make_room(), dm, again, shared, several],
        [make_person(), make_person("ann")],
        None,
    )
    for room in (dm, again):
        await store.add_participants(AGENT, room.id, [make_id("ben"), AGENT])
    await store.add_participants(AGENT, several.id, [make_id("ben"), make_id("ann"), AGENT])
    await store.add_participants(AGENT, make_id("room"), [make_id("ben"), AGENT])
    world = make_id("guild")
    assert await store.hearing_in(AGENT, make_id("room")) == Hearing(
        room_ids=(make_id("room"),), world_id=world
    )
    assert await store.hearing_in(AGENT, shared.id) == Hearing(room_ids=(shared.id,))
    assert await store.hearing_in(AGENT, several.id) == Hearing(room_ids=(several.id,))
    heard = await store.hearing_in(AGENT, dm.id)
    assert heard.room_ids[0] == dm.id
    assert set(heard.room_ids) == {dm.id, again.id}
    assert (heard.world_id, heard.persons) == (None, (make_id("ben"),))
    unknown = new_id()
    assert await store.hearing_in(AGENT, unknown) == Hearing(room_ids=(unknown,))
    assert await store.hearing_in(make_id("another agent"), dm.id) == Hearing(room_ids=(dm.id,))
