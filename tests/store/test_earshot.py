"""What is known of people, for whoever hears it: facts, relationships, contacts."""

from typing import Final

import pytest

from bot_host.store import Database
from bot_host.types.content import ChannelType, Content
from bot_host.types.hearing import Hearing
from bot_host.types.ids import UUID
from bot_host.types.knowledge import Audience, Component, Relationship
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.places import Room
from tests.store.samples import ACCOUNT, AGENT, make_id, make_person, make_room, make_world

BEN, ANN = make_id("ben"), make_id("ann")
ROOMS: Final = {
    "dm": make_room("dm", world_id=make_id("dms"), type=ChannelType.DM),
    "open": make_room("open", open=True),
    "closed": make_room("closed", open=False),
    "abroad": make_room("abroad", world_id=make_id("elsewhere"), open=True),
}
HEARINGS: Final = {
    "Ben's chat": Hearing(room_ids=(make_id("dm"),), persons=(BEN,)),
    "Ann's chat": Hearing(room_ids=(make_id("ann's"),), persons=(ANN,)),
    "open": Hearing(room_ids=(make_id("open"),), world_id=make_id("guild")),
    "closed": Hearing(room_ids=(make_id("closed"),), world_id=make_id("guild")),
    "abroad": Hearing(room_ids=(make_id("abroad"),), world_id=make_id("elsewhere")),
    "shared": Hearing(room_ids=(make_id("shared"),)),
}


async def plant(store: Database) -> None:
    """In each room, for each kind of ears, a fact that Ben told, and a relationship."""
    worlds = [make_world(key) for key in ("guild", "dms", "elsewhere")]
    await store.apply_places(ACCOUNT, worlds, list(ROOMS.values()), [make_person(), make_person("ann")], None)
    for key, room in ROOMS.items():
        for audience in Audience:
            said = a_memory(room, MemoryType.MESSAGE, f"said {key} {audience}")
            fact = a_memory(room, MemoryType.FACT, f"{key} {audience}", audience, source=said.id)
            await store.create_memory(said)
            await store.create_memory(fact)
            await store.put_relationship(
                Relationship(
                    agent_id=AGENT,
                    source_entity_id=BEN,
                    target_entity_id=ANN,
                    tags=(f"{key} {audience}",),
                    source_memory_id=said.id,
                    audience=audience,
                )
            )
        await store.create_component(
            Component(
                agent_id=AGENT,
                entity_id=BEN,
                type="contact",
                data={"value": key},
                room_id=room.id,
                source_entity_id=BEN,
            )
        )


def a_memory(
    room: Room, type: MemoryType, text: str, audience: Audience | None = None, source: UUID | None = None
) -> Memory:
    return Memory(
        agent_id=AGENT,
        entity_id=BEN,
        room_id=room.id,
        world_id=room.world_id,
        type=type,
        content=Content(text=text),
        audience=audience,
        source_memory_id=source,
    )


EVERYONE: Final = {f"{key} agent" for key in ROOMS}
ALL: Final = {f"{key} {audience}" for key in ROOMS for audience in Audience}
HEARD: Final = {
    "Ben's chat": ALL,
    "Ann's chat": EVERYONE,
    "open": EVERYONE | {"open world", "open room"},
    "closed": EVERYONE | {"open world", "closed world", "closed room"},
    "abroad": EVERYONE | {"abroad world", "abroad room"},
    "shared": EVERYONE,
}


@pytest.mark.parametrize("who", HEARINGS)
async def test_facts_and_relationships_are_heard_by_their_audience_alone(store: Database, who: str) -> None:
    await plant(store)
    hearing = HEARINGS[who]
    facts = await store.heard_facts(AGENT, hearing, entity_ids=[BEN, ANN])
    assert {fact.content.text for fact in facts} == HEARD[who]
    links = await store.heard_relationships(AGENT, hearing, ANN)
    assert {tag for link in links for tag in link.tags} == HEARD[who]
    both = await store.heard_facts(AGENT, hearing, entity_ids=[BEN], room_id=make_id("closed"))
    assert {fact.content.text for fact in both} == HEARD[who]
    assert await store.heard_facts(make_id("another"), hearing, entity_ids=[BEN]) == []
    assert await store.heard_relationships(make_id("another"), hearing, BEN) == []


@pytest.mark.parametrize(
    ("who", "heard"),
    [
        ("Ben's chat", {"dm", "open", "closed", "abroad"}),
        ("Ann's chat", set()),
        ("open", {"open"}),
        ("closed", {"open", "closed"}),
        ("abroad", {"abroad"}),
        ("shared", set()),
    ],
)
async def test_contacts_are_heard_where_they_were_told(store: Database, who: str, heard: set[str]) -> None:
    await plant(store)
    found = await store.heard_components(AGENT, HEARINGS[who], [BEN])
    assert {component.data["value"] for component in found} == heard
    assert await store.heard_components(make_id("another"), HEARINGS[who], [BEN]) == []


async def test_a_room_that_is_closed_is_heard_no_more(store: Database) -> None:
    await plant(store)
    await store.narrow_rooms(make_id("guild"), [])
    hearing = HEARINGS["closed"]
    heard = EVERYONE | {"closed world", "closed room"}
    assert {fact.content.text for fact in await store.heard_facts(AGENT, hearing, entity_ids=[BEN])} == heard
    links = await store.heard_relationships(AGENT, hearing, BEN)
    assert {tag for link in links for tag in link.tags} == heard


async def test_what_code_told_of_two_is_for_them_in_private_or_for_all(store: Database) -> None:
    await plant(store)
    for source, target, audience in ((BEN, ANN, Audience.ROOM), (ANN, BEN, Audience.AGENT)):
        await store.put_relationship(
            Relationship(
                agent_id=AGENT,
                source_entity_id=source,
                target_entity_id=target,
                tags=(f"told {audience}",),
                audience=audience,
            )
        )
    for who, heard in (("Ann's chat", {"told room", "told agent"}), ("open", {"told agent"})):
        links = await store.heard_relationships(AGENT, HEARINGS[who], ANN)
        assert {link.tags[0] for link in links if link.source_memory_id is None} == heard


async def test_the_newest_come_first_up_to_a_number(store: Database) -> None:
    await plant(store)
    facts = await store.heard_facts(AGENT, HEARINGS["Ben's chat"], entity_ids=[BEN], count=3)
    assert [fact.content.text for fact in facts] == ["abroad agent", "abroad world", "abroad room"]
    assert await store.heard_facts(AGENT, HEARINGS["open"]) == []
