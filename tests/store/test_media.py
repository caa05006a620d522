"""What was read of files, and which files are still to be sent, in the store."""

import pytest

from bot_host.store import Database
from bot_host.types.content import Content, Media, Quote, Reading
from bot_host.types.ids import new_id
from bot_host.types.outbound import Target
from tests.store.samples import ACCOUNT, AGENT, NOON, make_admission, make_id, make_part, make_step

ROOM = make_id("room")
FILE, OTHER = "a" * 32 + ".png", "b" * 32 + ".png"


async def test_what_was_read_is_kept_and_makes_no_new_revision(store: Database) -> None:
    picture, quoted = Media(id="1", title="old"), Media(id="2")
    admission = make_admission("m1", "see", attachments=[picture], quotes=[Quote(attachments=[quoted])])
    await store.admit([admission])
    told = {"reading": Reading.DESCRIBED, "description": "a cat", "size": 5}
    read = Content(
        attachments=[picture.model_copy(update=told)],
        quotes=[Quote(attachments=[quoted.model_copy(update=told)])],
    )
    assert await store.note_readings(admission.memory.id, 0, read)
    memory = await store.find_memory(admission.memory.id)
    assert memory is not None
    assert (memory.revision, memory.content.text) == (0, "see")
    assert [media.description for media in memory.content.attachments] == ["a cat"]
    assert [media.description for media in memory.content.quotes[0].attachments] == ["a cat"]
    # The platform says the same once more, and knows nothing of what was read.
    assert not (await store.apply_edit(ACCOUNT, "room/m1", admission.memory.content, NOON, None)).changed
    edit = admission.memory.content.model_copy(
        update={"text": "look", "attachments": [picture, Media(id="3")]}
    )
    assert (await store.apply_edit(ACCOUNT, "room/m1", edit, NOON, None)).changed
    memory = await store.find_memory(admission.memory.id)
    assert memory is not None
    assert [media.description for media in memory.content.attachments] == ["a cat", None]
    assert [media.description for media in memory.content.quotes[0].attachments] == ["a cat"]


async def test_what_was_read_of_an_older_text_is_not_written(store: Database) -> None:
    admission = make_admission("m1", "see", attachments=[Media(id="1")])
    await store.admit([admission])
    await store.apply_edit(ACCOUNT, "room/m1", Content(text="look", attachments=[]), NOON, None)
    read = Content(attachments=[Media(id="1", reading=Reading.NAMED)])
    assert not await store.note_readings(admission.memory.id, 0, read)
    assert not await store.note_readings(new_id(), 0, read)
    memory = await store.find_memory(admission.memory.id)
    assert memory is not None
    assert memory.content.attachments == []


async def test_a_failed_reading_is_not_carried_over(store: Database) -> None:
    admission = make_admission("m1", "see", attachments=[Media(id="1")])
    await store.admit([admission])
    read = Content(attachments=[Media(id="1", reading="it took too long")])
    assert await store.note_readings(admission.memory.id, 0, read)
    edit = Content(text="look", attachments=[Media(id="1")])
    assert (await store.apply_edit(ACCOUNT, "room/m1", edit, NOON, None)).changed
    memory = await store.find_memory(admission.memory.id)
    assert memory is not None
    assert memory.content.attachments[0].reading is None


@pytest.mark.parametrize("done", ["mark_sent", "mark_failed"])
async def test_files_are_needed_until_their_parts_are_done(store: Database, done: str) -> None:
    payloads = ({"text": "x"}, {"files": [{"file": FILE}, {"file": OTHER}]})
    parts = [make_part(payload=payload) for payload in payloads]
    queued = await store.enqueue(parts, None)
    assert await store.needed_files() == {FILE, OTHER}
    if done == "mark_sent":
        await store.mark_sending(queued.seqs[1])
        await store.mark_sent(queued.seqs[1], "1")
    else:
        await store.mark_failed(queued.seqs[1], "no")
    assert await store.needed_files() == set()


async def test_a_persons_files_stand_in_what_was_said_sent_and_made_for_them(store: Database) -> None:
    names = [letter * 32 + ".json" for letter in "cdef"]
    said, sent, made, others = names
    mine = make_admission("m1", "mine", attachments=[Media(id="1", file=said)])
    await store.admit(
        [mine, make_admission("m2", "zoe's", attachments=[Media(id="2", file=others)], person="zoe")]
    )
    [row] = (await store.take_turn(AGENT, ROOM, 1)).rows
    target = Target(source="fake", account=ACCOUNT, channel_id="ben", entity_id=row.entity_id)
    await store.enqueue([make_part(target=target, payload={"files": [{"file": sent}]})], None)
    step = make_step(answering={row.memory_id: (0, "mention")}, data={"attachments": [{"file": made}]})
    await store.add_steps([step], room_id=ROOM, seqs=[row.seq], revisions={})
    assert await store.entity_files(row.entity_id) == {said, sent, made}
    assert await store.entity_files(new_id()) == set()
    await store.erase_entity(row.entity_id)
    assert await store.entity_files(make_id("zoe")) == {others}
    assert await store.needed_files() == set()
