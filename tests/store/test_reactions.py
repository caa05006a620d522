"""Reactions are counted with the message that they were put to."""

from bot_host.store import Database
from bot_host.store.reactions import KINDS
from bot_host.types.ids import new_id
from bot_host.types.inbound import Mark
from bot_host.types.ledger import EventKind
from bot_host.types.memory import Memory
from bot_host.types.places import Entity, World
from tests.store.samples import ACCOUNT, AGENT, make_admission, make_commit, make_reply


async def react(
    store: Database, key: str, emoji: str = "👍", *, added: bool = True, channel: str = "room"
) -> Memory | None:
    mark = Mark(name="r", value=1)
    return await store.apply_reaction(ACCOUNT, AGENT, f"{channel}/{key}", key, channel, emoji, added, mark)


async def test_they_are_counted_up_and_down(store: Database) -> None:
    admission = make_admission("m1", "hello")
    await store.admit([admission])
    await react(store, "m1")
    await react(store, "m1")
    memory = await react(store, "m1", ":party:")
    assert memory is not None
    assert memory == await store.find_memory(admission.memory.id)
    assert memory.metadata["reactions"] == {"👍": 2, ":party:": 1}
    assert memory.revision == admission.memory.revision
    await react(store, "m1", ":party:", added=False)
    memory = await react(store, "m1", added=False)
    assert memory is not None
    assert memory.metadata["reactions"] == {"👍": 1}
    memory = await react(store, "m1", added=False)
    assert memory is not None
    assert memory.metadata == admission.memory.metadata
    assert await store.find_mark(ACCOUNT, "r") == 1


async def test_where_only_numbers_are_told_they_take_the_place_of_all(store: Database) -> None:
    admission = make_admission("m1", "hello")
    await store.admit([admission])
    await react(store, "m1")
    for totals, kept in (
        ({"🔥": 3, "👎": 0}, {"🔥": 3}),
        ({f":{number}:": number for number in range(1, KINDS + 3)}, None),
        ({}, {}),
    ):
        memory = await store.apply_reaction(ACCOUNT, AGENT, "room/m1", "m1", "room", "", True, None, totals)
        assert memory is not None
        counts = memory.metadata.get("reactions", {})
        assert counts == kept if kept is not None else (len(counts), min(counts.values())) == (KINDS, 3)


async def test_more_kinds_than_a_prompt_can_use_are_not_kept(store: Database) -> None:
    await store.admit([make_admission("m1", "hello")])
    for number in range(KINDS + 5):
        await react(store, "m1", f":{number}:")
    memory = await react(store, "m1", ":0:")
    assert memory is not None
    assert len(memory.metadata["reactions"]) == KINDS
    assert memory.metadata["reactions"][":0:"] == 2


async def test_what_the_agent_said_is_found_by_its_platform_id(store: Database) -> None:
    await store.admit([make_admission("m1", "hello")])
    [row] = (await store.take_turn(AGENT, make_admission("m1").room.id, 10)).rows
    reply = make_reply(row)
    await store.commit_turn(make_commit(row, reply=reply))
    sent = await store.next_part(f"{ACCOUNT}/room")
    assert sent is not None
    await store.mark_sending(sent.seq)
    await store.mark_sent(sent.seq, "p1")
    memory = await react(store, "p1")
    assert memory is not None
    assert (memory.id, memory.metadata["reactions"]) == (reply.id, {"👍": 1})
    assert await react(store, "p1", channel="elsewhere") is None
    assert await react(store, "p2") is None


async def test_they_are_counted_as_events(store: Database) -> None:
    await store.admit([make_admission("m1", "hello")])
    await react(store, "m1")
    await react(store, "m2")
    world = World(id=new_id(), agent_id=AGENT, name="Workshop", platform="fake", platform_id="1")
    ada = Entity(id=new_id(), agent_id=AGENT, names=("Ada",))
    await store.apply_membership(ACCOUNT, world, ada, True, None)
    await store.apply_membership(ACCOUNT, world, ada, False, None)
    figures = await store.figures()
    assert figures.count(EventKind.REACTION, "received") == 2
    assert figures.count(EventKind.REACTION, "applied") == 1
    assert figures.count(EventKind.REACTION, "handled") == 1
    assert figures.count(EventKind.MEMBERSHIP, "applied") == 2
    assert await store.find_world(world.id) == world
    assert await store.find_entity(ada.id) == ada
