"""Worlds, rooms and participants beyond the message path; logs and audit."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot_host.store import Database
from bot_host.types.character import Character
from bot_host.types.content import ChannelType
from bot_host.types.errors import StoreError
from bot_host.types.ids import new_id
from bot_host.types.knowledge import AuditEntry, LogEntry
from bot_host.types.places import ParticipantState
from bot_host.types.turn import InboxState
from tests.store.samples import (
    ACCOUNT,
    AGENT,
    NOON,
    make_admission,
    make_commit,
    make_id,
    make_person,
    make_room,
    make_world,
)

BEN, ZOE, ROOM, LOUNGE = (make_id(key) for key in ("ben", "zoe", "room", "lounge"))
OTHER = Character(name="Bob")


@pytest.fixture(autouse=True)
async def places(store: Database) -> None:
    """Ben is in both rooms, Zoe in one."""
    await store.admit(
        [
            make_admission("m0"),
            make_admission("m1", room="lounge"),
            make_admission("m2", person="zoe"),
        ]
    )


class TestWorlds:
    async def test_worlds_come_by_name_and_are_the_agents_own(self, store: Database) -> None:
        await store.ensure_agent(OTHER.agent_id, OTHER)
        await store.apply_places(ACCOUNT, [make_world("b", name="Alps")], [], [], None)
        assert [world.name for world in await store.get_worlds(AGENT)] == ["Alps", "The guild"]
        assert await store.get_worlds(OTHER.agent_id) == []

    async def test_an_update_replaces_even_with_nothing(self, store: Database) -> None:
        bare = make_world(name="", metadata={"roles": {BEN: "ADMIN"}})
        assert await store.update_world(bare)
        assert await store.find_world(bare.id) == bare
        assert not await store.update_world(make_world("unknown"))

    async def test_a_world_goes_with_its_rooms_and_what_waits_there_ends(self, store: Database) -> None:
        await store.apply_places(ACCOUNT, [], [make_room("free", world_id=None)], [], None)
        await store.admit([make_admission("m3", room="elsewhere")])
        await store.update_room(make_room("elsewhere", world_id=None))
        assert await store.remove_world(make_id("guild"))
        assert not await store.remove_world(make_id("guild"))
        assert {room.channel_id for room in await store.get_rooms(AGENT)} == {"free", "elsewhere"}
        assert await store.pending_rooms(9) == [(AGENT, make_id("elsewhere"))]
        assert await store.pending_count() == 1
        (memory,) = await store.list_memories(AGENT)
        assert (memory.room_id, memory.world_id) == (make_id("elsewhere"), None)


class TestRooms:
    async def test_rooms_come_by_name_and_by_world(self, store: Database) -> None:
        await store.apply_places(ACCOUNT, [], [make_room("free", world_id=None, name="a")], [], None)
        await store.update_room(make_room("lounge", name="zz"))
        assert [room.channel_id for room in await store.get_rooms(AGENT)] == ["free", "room", "lounge"]
        in_world = await store.get_rooms(AGENT, world_id=make_id("guild"))
        assert [room.channel_id for room in in_world] == ["room", "lounge"]
        assert await store.get_rooms(OTHER.agent_id) == []

    async def test_an_update_replaces_what_is_no_id(self, store: Database) -> None:
        changed = make_room(name="", type=ChannelType.FORUM, metadata={"a": 1}, world_id=None, thread_id="7")
        assert await store.update_room(changed)
        assert await store.find_room(ROOM) == changed
        assert not await store.update_room(make_room("unknown"))

    async def test_a_room_is_found_by_its_channel(self, store: Database) -> None:
        thread = make_room("t", channel_id="room", thread_id="7")
        await store.apply_places(ACCOUNT, [], [thread], [], None)
        found = await store.find_room_by_channel(AGENT, "discord", "room")
        assert found is not None
        assert found.id == ROOM
        assert await store.find_room_by_channel(AGENT, "discord", "room", "7") == thread
        assert await store.find_room_by_channel(AGENT, "slack", "room") is None
        assert await store.find_room_by_channel(OTHER.agent_id, "discord", "room") is None

    async def test_a_room_deleted_in_mid_turn_makes_the_turn_stale(self, store: Database) -> None:
        rows = (await store.take_turn(AGENT, ROOM, 9)).rows
        assert [row.state for row in rows] == [InboxState.RUNNING] * 2
        assert await store.delete_room(ROOM)
        assert await store.commit_turn(make_commit(*rows)) is None
        await store.put_back([row.seq for row in rows], blameless=True)
        assert await store.recover() == [(AGENT, LOUNGE)]
        assert await store.unsent_count() == 0


class TestParticipants:
    async def test_rooms_of_several_are_those_where_all_are(self, store: Database) -> None:
        async def shared(*entity_ids: str) -> set[str]:
            return {room.id for room in await store.get_rooms_for_participants(entity_ids)}

        assert await shared(BEN) == {ROOM, LOUNGE}
        assert await shared(BEN, ZOE.upper(), ZOE) == {ROOM}
        assert await shared(BEN, new_id()) == set()
        assert await shared() == set()

    async def test_they_join_once_and_leave(self, store: Database) -> None:
        await store.create_entities([make_person("max")])
        await store.set_participant_state(AGENT, ROOM, ZOE, ParticipantState.MUTED)
        assert await store.add_participants(AGENT, ROOM, [ZOE, make_id("max"), make_id("max")]) == 1
        assert await store.get_participant_state(ROOM, ZOE) is ParticipantState.MUTED
        assert await store.remove_participant(ROOM, ZOE)
        assert not await store.remove_participant(ROOM, ZOE)
        assert await store.get_participants_for_entity(ZOE) == []
        found = await store.get_participants_for_entity(BEN)
        assert {participant.room_id for participant in found} == {ROOM, LOUNGE}
        with pytest.raises(StoreError, match="does not know"):
            await store.add_participants(AGENT, ROOM, [new_id()])


class TestRecords:
    async def test_logs_come_newest_first_by_each_filter(self, store: Database) -> None:
        await store.ensure_agent(OTHER.agent_id, OTHER)
        first = LogEntry(agent_id=AGENT, type="a", body={"n": [1]}, entity_id=BEN, created_at=NOON)
        later = NOON + timedelta(hours=1)
        second = LogEntry(agent_id=AGENT, type="b", room_id=ROOM, created_at=later)
        for entry in (first, second, first, LogEntry(agent_id=OTHER.agent_id, type="a")):
            await store.add_log(entry)
        assert await store.get_logs(AGENT) == [second, first]
        assert await store.get_logs(AGENT, count=1, offset=1) == [first]
        assert await store.get_logs(AGENT, entity_id=BEN) == [first]
        assert await store.get_logs(AGENT, room_id=ROOM, type="b") == [second]
        assert await store.get_logs(AGENT, type="c") == []
        assert await store.delete_log(AGENT, first.id)
        assert not await store.delete_log(AGENT, first.id)
        assert await store.get_logs(AGENT) == [second]

    async def test_audit_entries_come_newest_first(self, store: Database) -> None:
        first = AuditEntry(agent_id=AGENT, actor=BEN, action="role changed", subject=ZOE, at=NOON)
        second = replace(first, id=new_id(), details={"to": "ADMIN"}, at=NOON + timedelta(hours=1))
        for entry in (first, second):
            await store.add_audit(entry)
        assert await store.get_audit(AGENT) == [second, first]
        assert await store.get_audit(AGENT, count=1, offset=1) == [first]
        assert await store.get_audit(OTHER.agent_id) == []
