"""What an admin sees of worlds, rooms and people."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from bot_host.store import Database
from bot_host.types.character import Character
from bot_host.types.content import ChannelType, Content
from bot_host.types.ids import UUID, new_id
from bot_host.types.knowledge import Audience, Relationship
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.outbound import ClosedRoom, Target
from bot_host.types.places import ParticipantState
from bot_host.types.turn import Operation, OutboxState, Outcome
from tests.store.samples import (
    ACCOUNT,
    AGENT,
    NOON,
    make_admission,
    make_commit,
    make_id,
    make_part,
    make_person,
    make_reply,
    make_room,
    make_world,
    put_summary,
)

T = TypeVar("T")
BEN, ZOE, ROOM, LOUNGE = (make_id(key) for key in ("ben", "zoe", "room", "lounge"))
OTHER = Character(name="Bob")


async def all_pages(load: Callable[..., Awaitable[Sequence[T]]], place: Callable[[T], Any]) -> list[T]:
    """Read page by page of two; no page but the last is short."""
    found: list[T] = []
    after = None
    while True:
        rows = await load(after=after, count=2)
        found += rows
        if len(rows) < 2:
            return found
        after = place(rows[-1])


async def rooms(store: Database, **given: Any) -> list[str]:
    async def load(**how: Any) -> list[Any]:
        return await store.room_rows(**given, **how)

    return [row.room.channel_id for row in await all_pages(load, lambda row: (row.at, row.room.id))]


class TestRooms:
    @pytest.fixture(autouse=True)
    async def places(self, store: Database) -> None:
        """Somebody spoke in three rooms, from noon on; two are silent."""
        await store.apply_places(
            ACCOUNT, [], [make_room(f"silent {i}", world_id=None, name="50%") for i in range(2)], [], None
        )
        await store.admit(
            [
                make_admission("m0", "first"),
                make_admission("m1", "in the lounge", room="lounge", minutes=5),
                make_admission("m2", "from Zoe", person="zoe", room="den", minutes=10),
                make_admission("m3", "and again", room="lounge", minutes=12),
            ]
        )
        await store.update_room(make_room("lounge", name="Ärger & Späße", source="slack"))
        await store.ensure_agent(OTHER.agent_id, OTHER)

    async def test_they_come_by_what_was_said_last_page_by_page(self, store: Database) -> None:
        found = await rooms(store)
        assert found[:3] == ["lounge", "den", "room"]
        assert set(found[3:]) == {"silent 0", "silent 1"}

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ({"platform": "slack"}, ["lounge"]),
            ({"world_id": make_id("guild")}, ["lounge", "den", "room"]),
            ({"agent_id": OTHER.agent_id}, []),
            ({"agent_id": AGENT, "text": "GUILD"}, ["lounge", "den", "room"]),
            ({"text": "Späße"}, ["lounge"]),
            ({"text": "den"}, ["den"]),
            ({"text": ROOM.upper()}, ["room"]),
            ({"text": "general", "platform": "discord"}, ["den", "room"]),
            ({"text": "gen_ral"}, []),
            ({"text": "0%x"}, []),
        ],
    )
    async def test_they_are_found_by_what_they_are(
        self, store: Database, given: dict[str, Any], expected: list[str]
    ) -> None:
        assert await rooms(store, **given) == expected
        assert len(await rooms(store, text="0%")) == 2

    async def test_a_row_tells_who_is_there_and_what_was_said(self, store: Database) -> None:
        await store.set_participant_state(AGENT, LOUNGE, BEN, ParticipantState.FOLLOWED)
        (row,) = await store.room_rows(platform="slack", after=None, count=9)
        assert (row.agent_name, row.world_name, row.people, row.state) == ("Ada", "The guild", 1, None)
        assert (row.closed, row.first_name, row.speaker) == ("", "Ben", "Ben")
        assert row.last is not None
        assert (row.last.content.text, row.at) == ("and again", NOON + timedelta(minutes=12))
        await store.set_participant_state(AGENT, LOUNGE, AGENT, ParticipantState.MUTED)
        await store.close_room(
            ClosedRoom(
                destination=f"{ACCOUNT}/lounge",
                account=ACCOUNT,
                agent_id=AGENT,
                room_id=LOUNGE,
                reason="kicked",
                closed_at=NOON,
            )
        )
        (row,) = await store.room_rows(platform="slack", after=None, count=9)
        assert (row.state, row.closed, row.people) == (ParticipantState.MUTED, "kicked", 1)
        silent = (await store.room_rows(text="50%", after=None, count=1))[0]
        assert (silent.last, silent.world_name, silent.people) == (None, "", 0)
        assert (silent.first_name, silent.speaker) == ("", "")

    async def test_worlds_come_by_name_with_their_rooms_counted(self, store: Database) -> None:
        await store.apply_places(
            ACCOUNT, [make_world(key, name=key.title()) for key in ("alps", "zoo", "alpaca")], [], [], None
        )

        async def load(**how: Any) -> list[Any]:
            return await store.world_rows(**how)

        found = await all_pages(load, lambda row: (row.world.name, row.world.id))
        assert {(row.world.name, row.rooms) for row in found} == {
            ("Alpaca", 0),
            ("Alps", 0),
            ("The guild", 3),
            ("Zoo", 0),
        }
        assert [row.world.name for row in await store.world_rows(text="alp", after=None, count=9)] == [
            "Alpaca",
            "Alps",
        ]
        assert await store.world_rows(agent_id=OTHER.agent_id, after=None, count=9) == []
        assert await store.world_rows(agent_id=AGENT, platform="slack", after=None, count=9) == []


class TestOneRoom:
    async def test_there_is_none(self, store: Database) -> None:
        assert await store.room_state(new_id()) is None
        assert (await store.room_talk(new_id(), after=None, count=9)).said == ()

    async def test_how_it_stands(self, store: Database) -> None:
        await store.admit([make_admission(f"m{i}", minutes=i) for i in range(3)])
        await store.update_room(make_room("room", open=True, metadata={"a": 1}))
        (row,) = (await store.take_turn(AGENT, ROOM, 1)).rows
        part = make_part(target=Target(source="discord", room_id=ROOM, channel_id="room"))
        await store.enqueue([part, replace(part, part=1), make_part()], None)
        await put_summary(store, ROOM, count=1)
        state = await store.room_state(ROOM.upper())
        assert state is not None
        assert (state.waiting, state.unsent, state.account) == (3, 2, ACCOUNT)
        assert (state.row.room.open, state.hearing.world_id) == (True, make_id("guild"))
        assert state.world is not None
        assert [part.text for part in state.summary.parts] == ["They said hello."]
        assert row.memory_id == make_id("memory m0")

    async def test_what_was_said_newest_first_with_what_became_of_it(self, store: Database) -> None:
        await store.admit([make_admission("m1", "hello"), make_admission("m2", "later", minutes=90)])
        (row,) = (await store.take_turn(AGENT, ROOM, 1)).rows
        reply = make_reply(row, "hi Ben")
        commit = make_commit(row, reply=reply)
        await store.commit_turn(commit)
        aside = Memory(
            agent_id=AGENT,
            entity_id=AGENT,
            room_id=ROOM,
            type=MemoryType.CUSTOM,
            audience=Audience.ENTITY,
            content=Content(text="for you alone", in_reply_to=row.memory_id),
            created_at=NOON + timedelta(hours=1),
        )
        await store.create_memory(aside)
        talk = await store.room_talk(ROOM, after=None, count=9)
        assert [each.memory.content.text for each in talk.said] == [
            "later",
            "for you alone",
            "hi Ben",
            "hello",
        ]
        later, _, answer, asked = talk.said
        assert later.receipt is not None
        assert (later.receipt.done, later.receipt.outcome) == (False, None)
        assert asked.receipt is not None
        assert (asked.receipt.outcome, asked.receipt.message_id) == (Outcome.ANSWERED, "m1")
        assert asked.receipt.run_id == commit.run.id
        assert asked.parts == ()
        assert answer.receipt == asked.receipt
        assert [(part.state, part.operation) for part in answer.parts] == [
            (OutboxState.PENDING, Operation.SEND)
        ]
        assert talk.replied[row.memory_id].content.text == "hello"
        assert talk.people[BEN].names == ("Ben",)

    async def test_pages_of_one_moment_lose_and_repeat_nothing(self, store: Database) -> None:
        ids: list[UUID] = []
        for i in range(7):
            kind = MemoryType.CUSTOM if i % 3 == 1 else MemoryType.MESSAGE
            admission = make_admission(f"m{i}")
            await store.admit([replace(admission, memory=admission.memory.model_copy(update={"type": kind}))])
            ids.append(admission.memory.id)

        async def load(**how: Any) -> Sequence[Any]:
            return (await store.room_talk(ROOM, **how)).said

        found = await all_pages(load, lambda row: (row.memory.created_at, row.seq))
        assert [row.memory.id for row in found] == ids[::-1]

    async def test_what_was_deleted_is_told_of_once(self, store: Database) -> None:
        admissions = [make_admission(f"m{i}", minutes=i) for i in range(6)]
        for each in admissions:
            await store.admit([each])
        for i in (0, 1, 3, 5):
            await store.apply_delete(ACCOUNT, [admissions[i].event_key], None)
        talk = await store.room_talk(ROOM, after=None, count=9)
        assert [row.memory.id for row in talk.said] == [admissions[i].memory.id for i in (4, 2)]
        received = [each.received_at for each in talk.gone]
        assert len(received) == 4
        assert received == sorted(received, reverse=True)
        assert {each.entity_id for each in talk.gone} == {BEN}
        await store.delete_memories([row.memory.id for row in talk.said])
        emptied = await store.room_talk(ROOM, after=None, count=9)
        assert (emptied.said, len(emptied.gone)) == ((), 6)
        assert talk.people.keys() == emptied.people.keys() == {BEN}
        assert (await store.room_talk(LOUNGE, after=None, count=9)).gone == ()

    async def test_what_is_replied_to_may_be_gone(self, store: Database) -> None:
        await store.admit([make_admission("m1", in_reply_to=new_id())])
        talk = await store.room_talk(ROOM, after=None, count=9)
        assert (len(talk.said), talk.replied) == (1, {})


class TestPeople:
    async def test_who_is_in_a_room(self, store: Database) -> None:
        await store.admit(
            [
                make_admission(f"m{i}", person=name)
                for i, name in enumerate(("ben", "zoe", "kim", "lee", "al"))
            ]
        )
        await store.set_participant_state(AGENT, ROOM, ZOE, ParticipantState.MUTED)

        async def load(**how: Any) -> Sequence[Any]:
            return await store.room_people(ROOM, **how)

        found = await all_pages(load, lambda row: (row.joined_at, row.entity.id))
        assert [row.entity.names[0] for row in found] == ["Ben", "Ada", "Zoe", "Kim", "Lee", "Al"]
        assert [row.state for row in found if row.state] == [ParticipantState.MUTED]
        assert not any(row.linked for row in found)

    async def test_they_are_found_by_how_a_name_begins_each_once(self, store: Database) -> None:
        names = [("Ben", "benny"), ("BENEDICT",), ("Ulla", "ben_5"), ("Zoe",), ("Be",)]
        people = [
            make_person(f"p{i}", names=each, metadata={"discord": {"id": str(i)}})
            for i, each in enumerate(names)
        ]
        await store.create_entities(people)

        async def load(**how: Any) -> Sequence[Any]:
            return await store.people_by_name(AGENT, begins="BEN", **how)

        found = await all_pages(load, lambda row: (row.name, row.entity.id))
        assert sorted(row.entity.names[0] for row in found) == ["BENEDICT", "Ben", "Ulla"]
        (under,) = await store.people_by_name(AGENT, begins="ben_", after=None, count=9)
        assert under.entity.names[0] == "Ulla"
        assert len(await store.people_by_name(AGENT, begins="", after=None, count=9)) == 6
        assert await store.people_by_name(new_id(), begins="", after=None, count=9) == []

    async def test_what_is_known_of_somebody(self, store: Database) -> None:
        await store.admit([make_admission("m1"), make_admission("m2", room="dm", person="zoe")])
        await store.update_room(make_room("dm", type=ChannelType.DM, world_id=None))
        await store.put_link_code(BEN, ROOM, "ABCDEFGHJKLM", now=NOON)
        await store.use_link_code(ZOE, "ABCDEFGHJKLM", by=make_id("memory m2"), now=NOON)
        await store.create_memory(
            Memory(
                agent_id=AGENT,
                entity_id=BEN,
                room_id=ROOM,
                type=MemoryType.FACT,
                content=Content(text="likes tea"),
                audience=Audience.ROOM,
            )
        )
        await store.put_relationship(
            Relationship(agent_id=AGENT, source_entity_id=ZOE, target_entity_id=BEN, tags=("friend",))
        )
        person = await store.person_view(BEN, count=9)
        assert person is not None
        assert (person.agent_name, [each.id for each in person.linked]) == ("Ada", [ZOE])
        assert [room.id for room, _ in person.rooms] == [ROOM]
        assert person.worlds[make_id("guild")].name == "The guild"
        assert [fact.content.text for fact in person.facts] == ["likes tea"]
        assert [(one.tags, person.people[one.source_entity_id].id) for one in person.contacts] == [
            (("friend",), ZOE)
        ]
        assert (await store.room_people(ROOM, after=None, count=9))[0].linked
        assert await store.person_view(new_id(), count=9) is None
