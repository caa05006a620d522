"""Sources of knowledge as rows: read by one at a time, whole or not at all, gone with all that was read."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot_host.store import Database
from bot_host.types.content import Content
from bot_host.types.hearing import Hearing
from bot_host.types.ids import UUID, new_id
from bot_host.types.knowledge import Audience
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.places import World
from bot_host.types.sources import (
    KnowledgeSource,
    SourceKind,
    SourceRead,
    SourceState,
    knowledge_room,
)
from bot_host.types.turn import Move
from tests.store.samples import ACCOUNT, AGENT, NOON, make_admission, make_id, make_room, make_world

GUILD = make_id("guild")
HOUR = timedelta(hours=1)
LATER = NOON + timedelta(days=365)
"""After all that is made here, by whatever clock."""


def source(location: str = "/docs/a.md", **more: Any) -> KnowledgeSource:
    fields: dict[str, Any] = {"kind": SourceKind.FILE, "location": location, "added_at": NOON, **more}
    return KnowledgeSource(agent_id=AGENT, **fields)


def memory(kind: MemoryType, text: str, *, world: UUID | None = None, of: UUID | None = None) -> Memory:
    return Memory(
        agent_id=AGENT,
        entity_id=AGENT,
        room_id=knowledge_room(AGENT).id,
        world_id=world,
        type=kind,
        content=Content(text=text),
        source_memory_id=of,
        audience=Audience.WORLD if world else Audience.AGENT,
    )


async def read(store: Database, known: KnowledgeSource, *texts: str, **more: Any) -> UUID:
    """Read it to its end; the document's id."""
    claimed = await store.claim_source(known.id, now=LATER, until=LATER + HOUR)
    assert claimed is not None
    document = memory(MemoryType.DOCUMENT, "a", world=known.world_id)
    assert await store.begin_document(known.id, document)
    fragments = [memory(MemoryType.FRAGMENT, text, world=known.world_id, of=document.id) for text in texts]
    assert await store.add_fragments(known.id, document.id, fragments)
    told = SourceRead(**{"title": "A", "hash": "h", "size": 7, "due_at": LATER + HOUR, **more})
    assert await store.finish_source(known.id, document.id, told, fragments=len(texts), now=LATER)
    return document.id


async def known_texts(store: Database) -> set[str]:
    found = await store.list_memories(AGENT, type=MemoryType.FRAGMENT, count=100)
    return {each.content.text for each in found}


async def test_a_source_is_kept_once_and_due_at_once(store: Database) -> None:
    first = await store.add_source(source(title="Handbook"))
    assert (first.state, first.title, first.document_id) == (SourceState.NEW, "Handbook", None)
    assert [each.id for each in await store.due_sources(AGENT, now=LATER, count=9)] == [first.id]
    await read(store, first, "one")
    assert await store.due_sources(AGENT, now=LATER, count=9) == []
    again = await store.add_source(source())
    assert (again.id, again.title, again.fragments) == (first.id, "Handbook", 1)
    assert [each.id for each in await store.due_sources(AGENT, now=LATER, count=9)] == [first.id]
    await store.admit([make_admission("m1")])
    other = await store.add_source(source(world_id=GUILD))
    assert {each.id for each in await store.get_sources(AGENT)} == {first.id, other.id}


async def test_one_reads_at_a_time_and_a_dead_reader_leaves_nothing(store: Database) -> None:
    known = await store.add_source(source())
    assert await store.claim_source(known.id, now=LATER, until=LATER + HOUR) is not None
    assert await store.claim_source(known.id, now=LATER, until=LATER + HOUR) is None
    assert await store.due_sources(AGENT, now=LATER, count=9) == []
    half = memory(MemoryType.DOCUMENT, "half")
    assert await store.begin_document(known.id, half)
    assert await store.add_fragments(known.id, half.id, [memory(MemoryType.FRAGMENT, "h", of=half.id)])
    late = LATER + 2 * HOUR
    assert await store.claim_source(known.id, now=late, until=late + HOUR) is not None
    assert await known_texts(store) == set()
    # The first one wakes up: its document is not the one that is being written.
    assert not await store.add_fragments(known.id, half.id, [memory(MemoryType.FRAGMENT, "x")])
    assert not await store.finish_source(known.id, half.id, SourceRead(), fragments=1, now=late)


async def test_a_new_reading_takes_the_old_ones_place_whole(store: Database) -> None:
    known = await store.add_source(source())
    old = await read(store, known, "old 1", "old 2")
    assert (await store.claim_source(known.id, now=LATER, until=LATER + HOUR)) is not None
    document = memory(MemoryType.DOCUMENT, "a")
    await store.begin_document(known.id, document)
    await store.add_fragments(known.id, document.id, [memory(MemoryType.FRAGMENT, "new", of=document.id)])
    half_way = await store.find_source(known.id)
    assert half_way is not None
    assert half_way.document_id == old
    told = SourceRead(title="other", remark="cut")
    await store.finish_source(known.id, document.id, told, fragments=1, now=LATER)
    swapped = await store.find_source(known.id)
    assert swapped is not None
    assert (swapped.document_id, swapped.draft_id) == (document.id, old)
    assert [await store.tidy_source(known.id, count=1) for _ in range(4)] == [True, True, False, False]
    assert await known_texts(store) == {"new"}
    assert await store.find_memory(old) is None
    now = await store.find_source(known.id)
    assert now is not None
    assert (now.document_id, now.draft_id, now.claimed_until) == (document.id, None, None)
    assert (now.title, now.remark, now.fragments, now.embedded) == ("A", "cut", 1, False)


async def test_what_was_not_tidied_up_goes_with_the_source_and_with_the_next_reading(store: Database) -> None:
    known = await store.add_source(source())
    await read(store, known, "old")
    await read(store, known, "new")
    assert await known_texts(store) == {"old", "new"}
    await read(store, known, "newest")
    assert await known_texts(store) == {"new", "newest"}
    # Not while it is read: what is written then is the draft.
    assert await store.claim_source(known.id, now=LATER, until=LATER + HOUR) is not None
    await store.begin_document(known.id, memory(MemoryType.DOCUMENT, "draft"))
    assert not await store.tidy_source(known.id)
    await store.remove_sources([known.id])
    assert await store.list_memories(AGENT, type=MemoryType.FRAGMENT) == []


async def test_what_cannot_be_read_again_stays_known_until_it_is_gone(store: Database) -> None:
    known = await store.add_source(source("https://a.example/", kind=SourceKind.URL))
    await read(store, known, "text", etag='"1"')
    await store.fail_source(known.id, now=LATER, due_at=LATER, remark="no answer")
    kept = await store.find_source(known.id)
    assert kept is not None
    assert (kept.state, kept.remark, kept.fragments, kept.hash) == (SourceState.READY, "no answer", 1, "h")
    await store.keep_source(known.id, now=LATER, due_at=LATER + HOUR, modified="9")
    assert await known_texts(store) == {"text"}
    await store.fail_source(known.id, now=LATER, due_at=None, remark="HTTP status 404", forget=True)
    gone = await store.find_source(known.id)
    assert gone is not None
    assert (gone.state, gone.fragments, gone.document_id, gone.hash) == (SourceState.FAILED, 0, None, "")
    assert await known_texts(store) == set()


async def test_a_folder_goes_with_its_files_and_what_was_read_of_them(store: Database) -> None:
    folder = await store.add_source(source("/docs", kind=SourceKind.FOLDER))
    inner = await store.add_source(source("/docs/in", kind=SourceKind.FOLDER, parent_id=folder.id))
    await read(store, await store.add_source(source(parent_id=folder.id)), "one")
    await read(store, await store.add_source(source("/docs/in/b.md", parent_id=inner.id)), "two")
    stays = await store.add_source(source("/else.md"))
    await read(store, stays, "three")
    assert await store.remove_sources([folder.id]) == 4
    assert await known_texts(store) == {"three"}
    assert [each.id for each in await store.get_sources(AGENT)] == [stays.id]
    assert await store.list_memories(AGENT, type=MemoryType.DOCUMENT, count=9) != []
    assert await store.remove_sources([folder.id]) == 0


async def test_fragments_wait_for_their_vectors_once(store: Database) -> None:
    known = await store.add_source(source())
    assert await store.unembedded_sources(AGENT) == []
    await read(store, known, "one", "two")
    assert [each.id for each in await store.unembedded_sources(AGENT)] == [known.id]
    assert await store.queue_source(known.id, priority=0) == 2
    assert await store.queue_source(known.id, priority=0) == 0
    assert await store.unembedded_sources(AGENT) == []
    waiting = {each.content.text for each in await store.next_embedding_jobs(AGENT, 9)}
    assert waiting == {"one", "two"}
    assert await store.queue_source(new_id(), priority=0) == 0


async def test_a_mark_tells_whether_anything_has_changed(store: Database) -> None:
    marks = [await store.sources_mark(AGENT)]
    known = await store.add_source(source())
    marks.append(await store.sources_mark(AGENT))
    await read(store, known, "one")
    marks.append(await store.sources_mark(AGENT))
    await store.fail_source(known.id, now=LATER, due_at=None, remark="gone", forget=True)
    marks.append(await store.sources_mark(AGENT))
    assert len(set(marks)) == 4
    await store.remove_sources([known.id])
    assert await store.sources_mark(AGENT) == marks[0]


async def test_a_worlds_knowledge_is_heard_in_that_world_alone(store: Database) -> None:
    await store.admit([make_admission("m1")])
    await read(store, await store.add_source(source()), "for all")
    await read(store, await store.add_source(source(world_id=GUILD)), "for the guild")
    room = await store.find_room(knowledge_room(AGENT).id)
    assert room is not None
    assert (room.open, room.world_id) == (True, None)
    found = await store.list_memories(AGENT, type=MemoryType.FRAGMENT, count=9)

    def heard(**hearing: Any) -> set[str]:
        who = Hearing(room_ids=(make_id("room"),), **hearing)
        return {each.content.text for each in found if who.hears(each, room_open=True)}

    assert heard(world_id=GUILD) == {"for all", "for the guild"}
    assert heard(world_id=make_id("other")) == {"for all"}
    assert heard(persons=(make_id("ben"),)) == {"for all"}


async def test_it_goes_with_its_world_and_moves_with_it(store: Database) -> None:
    await store.admit([make_admission("m1")])
    known = await store.add_source(source(world_id=GUILD))
    await read(store, known, "for the guild")
    new_world = make_world("new guild")
    await store.apply_move(
        Move(
            agent_id=AGENT,
            account=ACCOUNT,
            old_world=make_world(),
            old_room=make_room(),
            world=new_world,
            room=make_room("new room", world_id=new_world.id),
        ),
        None,
    )
    moved = await store.find_source(known.id)
    assert moved is not None
    assert moved.world_id == new_world.id
    found = await store.list_memories(AGENT, world_id=new_world.id, count=9)
    assert {each.type for each in found} >= {MemoryType.DOCUMENT, MemoryType.FRAGMENT}
    assert await store.remove_world(new_world.id)
    assert await store.get_sources(AGENT) == []
    assert await known_texts(store) == set()


async def test_removing_another_world_leaves_it(store: Database) -> None:
    await store.admit([make_admission("m1")])
    other = World(id=make_id("other"), agent_id=AGENT)
    await store.apply_places(ACCOUNT, [other], [], [], None)
    await read(store, await store.add_source(source(world_id=GUILD)), "stays")
    await store.remove_world(other.id)
    assert await known_texts(store) == {"stays"}


async def test_whoever_gave_it_is_forgotten_and_the_knowledge_stays(store: Database) -> None:
    await store.admit([make_admission("m1")])
    known = await store.add_source(source(added_by=make_id("ben")))
    await read(store, known, "stays")
    exported = await store.export_entity(make_id("ben"))
    assert [row["location"] for row in exported["knowledge_sources"]] == ["/docs/a.md"]
    receipt = await store.erase_entity(make_id("ben"))
    assert receipt["knowledge_sources"] == 1
    after = await store.find_source(known.id)
    assert after is not None
    assert after.added_by == "erased"
    assert await known_texts(store) == {"stays"}


async def test_a_text_is_replaced_by_a_newer_one(store: Database) -> None:
    text = source("text 1", kind=SourceKind.TEXT, text="We open at nine.")
    first = await store.add_source(text)
    second = await store.add_source(replace(text, id=new_id(), text="We open at ten."))
    assert (second.id, second.text) == (first.id, "We open at ten.")
