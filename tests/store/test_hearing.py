"""Who may hear what: the rule in Python and the one in SQL are one."""

from itertools import product
from typing import Final

import pytest
from sqlalchemy import select

from bot_host.store import Database, hearing
from bot_host.store.schema import memories
from bot_host.store.statement import Statement, Unit
from bot_host.types.content import ChannelType, Content
from bot_host.types.hearing import Hearing
from bot_host.types.ids import UUID
from bot_host.types.knowledge import Audience
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.places import Room
from tests.store.samples import AGENT, make_id, make_person, make_room, make_world

HEARD: Final = Statement("test.heard", select(memories.c.id).where(hearing.HEARD))

ROOMS: Final = (
    make_room("dm", world_id=make_id("private"), type=ChannelType.DM),
    make_room("other-dm", world_id=make_id("private"), type=ChannelType.DM),
    make_room("here", open=True),
    make_room("closed-here", open=False),
    make_room("open-there", open=True),
    make_room("unknown-there"),
    make_room("abroad", world_id=make_id("elsewhere"), open=True),
)
PEOPLE: Final = (make_id("ben"), make_id("ann"))


def a_memory(room: Room, person: UUID, type: MemoryType, audience: Audience | None) -> Memory:
    return Memory(
        agent_id=AGENT,
        entity_id=person,
        room_id=room.id,
        world_id=room.world_id,
        type=type,
        content=Content(text="something"),
        audience=audience,
    )


HEARINGS: Final = {
    "in a DM": Hearing(room_ids=(make_id("dm"),), persons=PEOPLE[:1]),
    "in a DM of a linked person": Hearing(room_ids=(make_id("dm"), make_id("other-dm")), persons=PEOPLE),
    "in an open channel": Hearing(room_ids=(make_id("here"),), world_id=make_id("guild")),
    "in a closed channel": Hearing(room_ids=(make_id("closed-here"),), world_id=make_id("guild")),
    "in a room without a world": Hearing(room_ids=(make_id("here"),)),
    "in another world": Hearing(room_ids=(make_id("abroad"),), world_id=make_id("elsewhere")),
}


@pytest.mark.parametrize("who", HEARINGS)
async def test_both_rules_say_the_same_of_all_there_is(store: Database, who: str) -> None:
    await store.apply_places(
        "discord:1",
        worlds=[make_world(key) for key in ("guild", "private", "elsewhere")],
        rooms=ROOMS,
        people=[make_person("ben"), make_person("ann")],
        mark=None,
    )
    types = (MemoryType.MESSAGE, MemoryType.FACT)
    audiences = (None, *Audience)
    kept = {room.id: room for room in ROOMS}
    made = [a_memory(*each) for each in product(ROOMS, PEOPLE, types, audiences)]
    for memory in made:
        assert await store.create_memory(memory)
    heard = HEARINGS[who]
    expected = {each.id for each in made if heard.hears(each, room_open=bool(kept[each.room_id].open))}

    def find() -> Unit[set[UUID]]:
        return {row[0] for row in (yield HEARD(**hearing.values(heard)))}

    assert await store._driver.read(find) == expected
    assert 0 < len(expected) < len(made)


def hears(who: str, room: str, **how: object) -> bool:
    place = next(each for each in ROOMS if each.id == make_id(room))
    given = {"person": PEOPLE[0], "type": MemoryType.MESSAGE, "audience": None, **how}
    memory = a_memory(place, given["person"], given["type"], given["audience"])  # type: ignore[arg-type]
    return HEARINGS[who].hears(memory, room_open=bool(place.open))


FACT: Final = MemoryType.FACT


def test_a_private_chat_is_heard_nowhere_else() -> None:
    for who in HEARINGS:
        assert hears(who, "dm") is (who in ("in a DM", "in a DM of a linked person"))
        assert hears(who, "dm", type=FACT, audience=Audience.ENTITY) is ("DM" in who)


def test_what_an_open_room_heard_all_of_its_world_may_hear() -> None:
    assert hears("in a closed channel", "open-there")
    assert hears("in a closed channel", "open-there", audience=Audience.WORLD)
    assert not hears("in a closed channel", "open-there", audience=Audience.ROOM)
    assert not hears("in another world", "open-there")
    assert not hears("in a DM", "open-there")


def test_a_room_that_is_closed_or_not_known_keeps_what_it_heard() -> None:
    for room in ("closed-here", "unknown-there"):
        assert not hears("in an open channel", room)
        assert not hears("in an open channel", room, audience=Audience.WORLD)


def test_who_told_something_of_themselves_may_hear_it_in_private() -> None:
    assert hears("in a DM", "closed-here", type=FACT, audience=Audience.ROOM)
    assert not hears("in a DM", "closed-here", type=FACT, audience=Audience.ROOM, person=PEOPLE[1])
    assert not hears("in a DM", "closed-here")


def test_what_is_for_one_person_is_not_for_the_room_it_was_said_in() -> None:
    assert not hears("in an open channel", "here", audience=Audience.ENTITY)


async def test_a_room_is_open_until_it_is_said_to_be_closed(store: Database) -> None:
    await store.apply_places("discord:1", [make_world()], [make_room(open=True)], [], None)
    await store.apply_places("discord:1", [make_world()], [make_room()], [], None)
    found = await store.find_room(make_id("room"))
    assert found is not None
    assert found.open is True
    await store.apply_places("discord:1", [make_world()], [make_room(open=False)], [], None)
    found = await store.find_room(make_id("room"))
    assert found is not None
    assert found.open is False
