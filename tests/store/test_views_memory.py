"""What people look at of what an agent remembers, and what they put right, on both databases."""

from datetime import timedelta
from typing import Any

import pytest

from bot_host.store import Database
from bot_host.types.content import Content
from bot_host.types.errors import StateError
from bot_host.types.ids import UUID, new_id
from bot_host.types.knowledge import Audience, Relationship
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.sources import KnowledgeSource, SourceKind, SourceState
from bot_host.types.summary import SummaryState
from tests.store.samples import AGENT, NOON, make_admission, make_id, make_person, make_room, put_summary


async def say(store: Database, key: str = "m1", **more: Any) -> Memory:
    admission = make_admission(key, **more)
    await store.admit([admission])
    return admission.memory


async def add_fact(store: Database, text: str, source: Memory, *, minutes: float = 0, **more: Any) -> Memory:
    fact = Memory(
        agent_id=AGENT,
        entity_id=source.entity_id,
        room_id=source.room_id,
        world_id=source.world_id,
        type=MemoryType.FACT,
        content=Content(text=text),
        created_at=NOON + timedelta(minutes=minutes),
        source_memory_id=source.id,
        **{"confidence": 0.5, "audience": Audience.ROOM, **more},
    )
    assert await store.create_memory(fact)
    return fact


async def test_facts_come_newest_first_page_by_page(store: Database) -> None:
    source = await say(store)
    made = [await add_fact(store, f"fact {n}", source, minutes=n // 2) for n in range(5)]
    first = await store.facts(AGENT, after=None, count=2)
    last = first[-1]
    rest = await store.facts(AGENT, after=(last.memory.created_at, last.seq), count=9)
    assert [each.memory.id for each in (*first, *rest)] == [each.id for each in reversed(made)]
    assert first[0].memory.source_memory_id == source.id


async def test_facts_are_narrowed_by_person_room_and_audience(store: Database) -> None:
    here, there = await say(store), await say(store, "m2", room="attic", person="cleo")
    one = await add_fact(store, "one", here)
    two = await add_fact(store, "two", there, audience=Audience.AGENT)

    async def found(**by: Any) -> list[UUID]:
        return [each.memory.id for each in await store.facts(AGENT, after=None, count=9, **by)]

    assert await found(entity_id=make_id("ben")) == [one.id]
    assert await found(room_id=make_id("attic")) == [two.id]
    assert await found(audience=Audience.AGENT) == [two.id]
    assert await found(room_id=make_id("attic"), entity_id=make_id("ben")) == []
    assert await store.facts(new_id(), after=None, count=9) == []


async def test_a_fact_is_put_right_and_loses_its_vector(store: Database) -> None:
    fact = await add_fact(store, "lives in Bern", await say(store))
    await store.set_embedding(fact.id, [1.0, 0.0], model="m")
    assert await store.correct_memory(fact.id, audience=Audience.AGENT)
    assert await store.search_memories_by_embedding(AGENT, [1.0, 0.0], model="m")
    assert await store.correct_memory(fact.id, text="lives in Basel", confidence=1.0)
    now = await store.find_memory(fact.id)
    assert now is not None
    assert (now.content.text, now.audience, now.confidence) == ("lives in Basel", Audience.AGENT, 1.0)
    assert await store.search_memories_by_embedding(AGENT, [1.0, 0.0], model="m") == []
    assert [each.id for each in await store.search_memories_by_text(AGENT, "Basel")] == [fact.id]
    assert not await store.correct_memory(new_id(), text="nothing")


async def test_relationships_are_listed_put_right_and_deleted(store: Database) -> None:
    source = await say(store)
    people = [make_person(key) for key in ("ada", "cleo", "dan")]
    await store.create_entities(people)
    made = [
        await store.put_relationship(
            Relationship(
                agent_id=AGENT,
                source_entity_id=source.entity_id,
                target_entity_id=each.id,
                tags=("colleague",),
                source_memory_id=source.id,
                updated_at=NOON + timedelta(minutes=n),
            )
        )
        for n, each in enumerate(people)
    ]
    first = await store.relationships(AGENT, after=None, count=1)
    rest = await store.relationships(AGENT, after=(first[0].updated_at, first[0].id), count=9)
    assert [each.id for each in (*first, *rest)] == [each.id for each in reversed(made)]
    of_cleo = await store.relationships(AGENT, entity_id=people[1].id, after=None, count=9)
    assert [each.id for each in of_cleo] == [made[1].id]
    assert await store.relationships(new_id(), entity_id=people[1].id, after=None, count=9) == []

    changed = await store.correct_relationship(made[1].id, tags=["friend"], audience=Audience.ENTITY)
    assert changed is not None
    assert (changed.tags, changed.audience, changed.confidence) == (("friend",), Audience.ENTITY, 1.0)
    assert changed.updated_at > made[1].updated_at
    assert await store.find_relationship_by_id(made[1].id) == changed
    assert await store.correct_relationship(new_id(), confidence=0.1) is None
    assert await store.delete_relationship(made[1].id)
    assert not await store.delete_relationship(made[1].id)


async def test_what_was_derived_and_where_are_found(store: Database) -> None:
    source = await say(store)
    made = [await add_fact(store, text, source) for text in ("one", "two")]
    first = await store.derived(source.id, after=None, count=1)
    rest = await store.derived(source.id, after=first[0].seq, count=9)
    assert [each.memory.id for each in (*first, *rest)] == [each.id for each in made]
    found = await store.places([source.room_id, new_id()])
    assert [(each.room.name, each.world) for each in found.values()] == [("general", "The guild")]


async def test_summaries_are_listed_by_room_and_made_anew(store: Database) -> None:
    for n in range(4):
        await say(store, f"m{n}", minutes=n)
        await say(store, f"o{n}", room="attic", minutes=n + 10)
    await put_summary(store, make_id("room"), count=2)
    await put_summary(store, make_id("room"), count=2)
    await put_summary(store, make_id("attic"), "Elsewhere.", count=4)
    first = await store.summed_rooms(AGENT, after=None, count=1)
    rest = await store.summed_rooms(AGENT, after=(first[0].last_at, first[0].room_id), count=9)
    told = [(each.room_id, each.parts, each.messages, each.stale) for each in (*first, *rest)]
    assert told == [(make_id("attic"), 1, 4, 0), (make_id("room"), 2, 4, 0)]

    below = (await store.room_summary(make_id("room"))).parts
    above = below[0].__class__(
        **{name: getattr(below[0], name) for name in ("agent_id", "room_id", "first_seq", "first_at")},
        level=1,
        last_seq=below[1].last_seq,
        last_at=below[1].last_at,
        count=4,
        text="All of it.",
    )
    assert await store.merge_summaries(above, below)
    assert await store.renew_summaries(make_id("room")) == 2
    now = (await store.room_summary(make_id("room"))).parts
    assert [(each.state, each.text, each.revision) for each in now] == [(SummaryState.STALE, "", 1)] * 2
    assert await store.rooms_to_summarize_anew(AGENT) == [make_id("room")]
    assert await store.renew_summaries(make_id("room")) == 0


async def test_sources_come_by_location_with_figures(store: Database) -> None:
    folder = await store.add_source(KnowledgeSource(agent_id=AGENT, kind=SourceKind.FOLDER, location="/docs"))
    for name in ("b.md", "a.md"):
        await store.add_source(
            KnowledgeSource(
                agent_id=AGENT,
                kind=SourceKind.TEXT,
                location=f"/docs/{name}",
                text="long",
                parent_id=folder.id,
            )
        )
    first = await store.sources(AGENT, after=None, count=2)
    rest = await store.sources(AGENT, after=(first[-1].location, first[-1].id), count=9)
    assert [each.location for each in (*first, *rest)] == ["/docs", "/docs/a.md", "/docs/b.md"]
    assert (first[1].text, first[1].kind, first[1].state) == ("", SourceKind.TEXT, SourceState.NEW)
    counts = {(each.parent_id, each.state): each.count for each in await store.source_counts(AGENT)}
    assert counts == {(None, SourceState.NEW): 1, (folder.id, SourceState.NEW): 2}


async def test_people_are_found_by_the_beginning_of_a_name_each_once(store: Database) -> None:
    await store.create_entities(
        [
            make_person("1", names=("Anna", "Ann")),
            make_person("2", names=("ÄNNE",)),
            make_person("3", names=("Bob", "anna")),
            make_person("4", names=("%", "Zoe")),
        ]
    )

    async def found(beginning: str) -> list[UUID]:
        names: list[UUID] = []
        after: tuple[str, UUID] | None = None
        while page := await store.people_named(AGENT, beginning, after=after, count=1):
            names.append(page[0].entity.id)
            after = (page[0].name, page[0].entity.id)
        return names

    assert await found("AN") == [make_id("1"), make_id("3")]
    assert await found("än") == [make_id("2")]
    assert await found("%") == [make_id("4")]
    assert sorted(await found("")) == sorted(make_id(key) for key in "1234")
    assert await found("nobody") == []


async def test_what_is_held_of_a_person_is_counted(store: Database) -> None:
    source = await say(store)
    await add_fact(store, "one", source)
    await store.update_room(make_room(name="renamed"))
    held = await store.held(source.entity_id)
    assert (held["memories"], held["entities"], held["inbox"]) == (2, 1, 1)
    assert await store.held(new_id()) == {}
    with pytest.raises(StateError):
        await store.held(AGENT)
    assert await store.count_learned(AGENT) == {"fact": 1}
