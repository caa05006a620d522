"""Entities, components, relationships."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot_host.store import Database
from bot_host.types.character import Character
from bot_host.types.errors import StoreError
from bot_host.types.ids import new_id
from bot_host.types.knowledge import Audience, Component, Relationship
from bot_host.types.memory import Memory, MemoryType
from tests.store.samples import ACCOUNT, AGENT, NOON, make_admission, make_id, make_person

BEN, ZOE, ROOM = make_id("ben"), make_id("zoe"), make_id("room")
OTHER = Character(name="Bob")


@pytest.fixture(autouse=True)
async def people(store: Database) -> None:
    await store.admit([make_admission("m0"), make_admission("m1", person="zoe")])


async def names(store: Database, name: str, agent_id: str = AGENT) -> list[str]:
    return [entity.id for entity in await store.find_entities_by_name(agent_id, name)]


class TestNames:
    async def test_an_entity_is_found_by_each_name_without_case(self, store: Database) -> None:
        await store.apply_places(ACCOUNT, [], [], [make_person(names=("Ström", "ÉLODIE"))], None)
        for name in ("ben", "BEN", "ström", "STRÖM", "élodie"):
            assert await names(store, name) == [BEN], name
        assert await names(store, "be") == []
        assert await names(store, "straße") == []

    async def test_a_name_that_was_dropped_finds_nobody(self, store: Database) -> None:
        assert await store.update_entity(make_person(names=("Max", "max"), metadata={"a": 1}))
        assert await names(store, "ben") == []
        assert await names(store, "MAX") == [BEN]
        entity = await store.find_entity(BEN)
        assert entity is not None
        assert (entity.names, entity.metadata) == (("Max", "max"), {"a": 1})
        assert not await store.update_entity(make_person("nobody"))

    async def test_namesakes_come_in_the_order_they_were_met(self, store: Database) -> None:
        await store.update_entity(make_person("zoe", names=("Ben",)))
        assert await names(store, "ben") == [BEN, ZOE]

    async def test_the_agent_is_found_by_its_newest_name_and_others_are_not(self, store: Database) -> None:
        await store.ensure_agent(OTHER.agent_id, OTHER)
        assert await names(store, "ada") == [AGENT]
        assert await names(store, "ben", OTHER.agent_id) == []


async def test_only_unknown_entities_are_made(store: Database) -> None:
    known, new = make_person(names=("Other",)), make_person("new", names=("New", "N"))
    assert await store.create_entities([known, new, new]) == 1
    assert (await store.find_entity(BEN)) == make_person()
    assert await store.find_entity(new.id) == new
    assert await names(store, "n") == [new.id]


async def test_those_of_a_room_come_by_time_of_joining(store: Database) -> None:
    found = [entity.id for entity in await store.get_entities_for_room(ROOM)]
    assert found[0] in (BEN, AGENT)
    assert set(found) == {BEN, AGENT, ZOE}
    assert found[-1] == ZOE
    assert await store.get_entities_for_room(new_id()) == []


async def test_components_are_kept_changed_filtered_and_deleted(store: Database) -> None:
    mail = Component(agent_id=AGENT, entity_id=BEN, type="mail", data={"at": "b@x"}, created_at=NOON)
    told = replace(mail, id=new_id(), type="note", source_entity_id=ZOE, world_id=make_id("guild"))
    newer = replace(mail, id=new_id(), room_id=ROOM, created_at=NOON + timedelta(hours=1))
    for component in (mail, told, newer):
        assert await store.create_component(component)
    assert not await store.create_component(replace(mail, data={}))
    assert await store.get_components(AGENT, BEN, type="mail") == [newer, mail]
    assert await store.get_components(AGENT, BEN, source_entity_id=ZOE) == [told]
    assert await store.get_components(AGENT, BEN, world_id=make_id("guild"), type="mail") == []
    assert len(await store.get_components(AGENT, BEN)) == 3
    assert await store.update_component(AGENT, mail.id, {"at": "new"})
    assert await store.get_components(AGENT, BEN, type="mail") == [newer, replace(mail, data={"at": "new"})]
    assert await store.delete_component(AGENT, newer.id)
    assert not await store.delete_component(AGENT, newer.id)
    assert not await store.update_component(AGENT, newer.id, {})
    with pytest.raises(StoreError, match="does not know"):
        await store.create_component(replace(mail, id=new_id(), entity_id=new_id()))


class TestRelationships:
    async def test_a_second_telling_is_merged_into_the_first(self, store: Database) -> None:
        first = Relationship(
            agent_id=AGENT,
            source_entity_id=BEN,
            target_entity_id=ZOE,
            tags=("friend", "friend"),
            metadata={"since": 1, "how": "school"},
            confidence=0.5,
            created_at=NOON,
            updated_at=NOON,
        )
        made = await store.put_relationship(first)
        assert made == replace(first, tags=("friend",))
        second = replace(
            first,
            id=new_id(),
            tags=("colleague",),
            metadata={"since": 2},
            confidence=0.9,
            audience=Audience.AGENT,
        )
        merged = await store.put_relationship(second)
        assert merged == replace(
            second,
            id=first.id,
            tags=("friend", "colleague"),
            metadata={"since": 2, "how": "school"},
            updated_at=merged.updated_at,
        )
        assert merged.updated_at > NOON
        assert await store.find_relationship(AGENT, BEN, ZOE) == merged
        assert await store.find_relationship(AGENT, ZOE, BEN) is None
        assert await store.get_relationships(AGENT, ZOE) == [merged]

    async def test_what_was_learned_from_different_messages_stands_apart(self, store: Database) -> None:
        def told(*tags: str, source: str | None = None) -> Relationship:
            source_id = make_id(f"memory {source}") if source else None
            return Relationship(
                agent_id=AGENT,
                source_entity_id=BEN,
                target_entity_id=ZOE,
                tags=tags,
                source_memory_id=source_id,
            )

        by_code = await store.put_relationship(told("friend"))
        one = await store.put_relationship(told("married", source="m0"))
        other = await store.put_relationship(told("colleague", source="m1"))
        again = await store.put_relationship(told("boss", source="m1"))
        assert (again.id, again.tags) == (other.id, ("colleague", "boss"))
        assert set(ids(await store.get_relationships(AGENT, BEN))) == {by_code.id, one.id, other.id}
        assert await store.find_relationship(AGENT, BEN, ZOE) == by_code
        await store.delete_memories([make_id("memory m1")])
        assert set(ids(await store.get_relationships(AGENT, BEN))) == {by_code.id, one.id}

    async def test_those_of_an_entity_go_both_ways_and_by_all_tags(self, store: Database) -> None:
        await store.ensure_agent(OTHER.agent_id, OTHER)

        async def put(source: str, target: str, *tags: str) -> Relationship:
            told = Relationship(agent_id=AGENT, source_entity_id=source, target_entity_id=target, tags=tags)
            return await store.put_relationship(told)

        out, back, other = await put(BEN, ZOE, "a", "b"), await put(ZOE, BEN, "a"), await put(AGENT, ZOE, "a")
        assert set(ids(await store.get_relationships(AGENT, BEN))) == {out.id, back.id}
        assert set(ids(await store.get_relationships(AGENT, ZOE, tags=["a"]))) == {out.id, back.id, other.id}
        assert ids(await store.get_relationships(AGENT, ZOE, tags=["a", "b"])) == [out.id]
        assert await store.get_relationships(OTHER.agent_id, BEN) == []

    async def test_it_goes_with_the_message_that_it_was_learned_from(self, store: Database) -> None:
        told = Relationship(
            agent_id=AGENT, source_entity_id=BEN, target_entity_id=ZOE, source_memory_id=make_id("memory m0")
        )
        await store.put_relationship(told)
        await store.delete_memories([make_id("memory m0")])
        assert await store.find_relationship(AGENT, BEN, ZOE) is None

    async def test_a_fact_may_be_its_source(self, store: Database) -> None:
        fact = Memory(
            agent_id=AGENT, entity_id=BEN, room_id=ROOM, type=MemoryType.FACT, content={"text": "f"}
        )
        await store.create_memory(fact)
        told = Relationship(
            agent_id=AGENT, source_entity_id=BEN, target_entity_id=ZOE, source_memory_id=fact.id
        )
        assert (await store.put_relationship(told)).source_memory_id == fact.id


def ids(found: list[Relationship]) -> list[str]:
    return [relationship.id for relationship in found]
