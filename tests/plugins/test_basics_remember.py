"""REMEMBER, FORGET_FACT, and what a plugin finds in a turn."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bot_host.plugin import Audience, Memory
from bot_host.runtime.runs import Run, use_run
from bot_host.types.ids import new_id
from tests.plugins.basics_room import ADA, ADAS, BOB, CAT, GROUP, ME, OTHER, Place, open_place


async def remember(place: Place, fact: str, *, sender: str = ADA, room: str = GROUP, **how: Any) -> Any:
    """Said in a message that is kept, as the pipeline does."""
    message = place.message(f"remember: {fact}", sender=sender, room=room)
    await place.keep(message)
    return await place.do("REMEMBER", message, fact=fact, **how)


@pytest.mark.parametrize(
    ("room", "is_open", "how", "audience"),
    [
        (GROUP, True, {}, Audience.WORLD),
        (GROUP, False, {}, Audience.ROOM),
        (GROUP, True, {"private": True}, Audience.ENTITY),
        (GROUP, True, {"about": "us"}, Audience.WORLD),
        (GROUP, True, {"about": "Bob"}, Audience.ROOM),
        (GROUP, True, {"about": "Dora"}, Audience.ROOM),
        (ADAS, False, {}, Audience.ENTITY),
        (ADAS, False, {"about": "us"}, Audience.ENTITY),
    ],
)
async def test_what_is_to_be_remembered_is_kept_for_the_ears_of_its_room(
    room: str, is_open: bool, how: dict[str, Any], audience: Audience
) -> None:
    async with open_place() as place:
        await place.open_up(room, closed=not is_open)
        assert (await remember(place, "likes tea", room=room, **how)).success
        [fact] = (await place.facts()).values()
        assert (fact.entity_id, fact.audience, fact.confidence) == (ADA, audience, 1.0)
        assert fact.source_memory_id is not None


async def test_the_message_that_says_it_is_for_no_wider_ears_than_the_fact() -> None:
    async with open_place() as place:
        await place.open_up(GROUP)
        await remember(place, "xyzzy is near", private=True)
        await remember(place, "xyzzy is far")
        with turn_in(OTHER):
            found = await place.agent.search_memories("xyzzy")
        assert {each.content.text for each in found} == {"remember: xyzzy is far", "xyzzy is far"}
        with turn_in(ADAS):
            found = await place.agent.search_memories("xyzzy")
        assert {each.content.text for each in found} == {"xyzzy is near", "xyzzy is far"}


async def test_whom_it_is_about_is_told_with_who_said_it() -> None:
    async with open_place() as place:
        await remember(place, "likes tea")
        await remember(place, "likes cake", about="bob")
        await remember(place, "the door code changes on Mondays", about="us")
        await remember(place, "has moved", about="Dora")
        await remember(place, "likes tea too", about="me", sender=BOB)
        assert (await place.told("FACTS")).splitlines()[1:] == [
            "- Ada: likes tea",
            "- Ada said of Bob: likes cake",
            "- Ada said: the door code changes on Mondays",
            "- Ada said: Dora: has moved",
            "- Bob: likes tea too",
        ]


async def test_it_is_said_at_once_and_put_right() -> None:
    async with open_place() as place:
        assert await place.told("FACTS") == ""
        await remember(place, "lives in Berlin")
        assert "lives in Berlin" in await place.told("FACTS")
        [old] = (await place.facts()).values()
        again = await remember(place, "Lives in Berlin")
        assert (again.success, again.text) == (True, "That is known already.")
        assert (await remember(place, "lives in Bonn", replaces="Berlin")).success
        [new] = (await place.facts()).values()
        assert (new.content.text, new.metadata["supersedes"]) == ("lives in Bonn", old.id)


async def test_nobody_puts_right_what_others_said_nor_speaks_for_all() -> None:
    async with open_place() as place:
        await place.fact("likes tea", about=BOB)
        await remember(place, "likes coffee", replaces="likes tea")
        assert set(await place.facts()) == {"likes tea", "likes coffee"}
        refused = await remember(place, "the shop is closed", about="everyone")
        assert not refused.success
        assert "owner" in str(refused.error)
        assert not (await remember(place, "…")).success


async def test_an_owner_of_the_bot_may_have_everyone_told_and_take_it_back() -> None:
    async with open_place() as place:
        place.agent.owners.add(ADA)
        said = await remember(place, "the shop is closed on Mondays", about="everyone", room=ADAS)
        assert said.success, said.error
        for message in (place.message(room=OTHER, sender=CAT), place.message(sender=BOB)):
            assert "- the shop is closed on Mondays" in await place.told("FACTS", message)
        assert not (
            await place.do("FORGET_FACT", place.message(sender=BOB), fact="closed on Mondays")
        ).success
        assert (await place.do("FORGET_FACT", fact="closed on Mondays")).success
        assert await place.facts() == {}


async def test_what_others_said_here_of_a_person_is_forgotten_for_them() -> None:
    async with open_place() as place:
        await remember(place, "is ill", about="Bob")
        await remember(place, "is broke", about="Bob", room=ADAS)
        assert not (await place.do("FORGET_FACT", place.message(sender=CAT), fact="is ill")).success
        assert (await place.do("FORGET_FACT", place.message(sender=BOB), fact="is ill")).success
        # What was said of him in private he cannot know of, and is not told.
        assert not (await place.do("FORGET_FACT", place.message(sender=BOB), all=True)).success
        assert set(await place.facts()) == {"Bob: is broke"}


@contextmanager
def turn_in(room_id: str) -> Iterator[None]:
    with use_run(Run(run_id=new_id(), agent_id=ME, room_id=room_id)):
        yield


async def test_a_plugin_finds_in_a_turn_only_what_may_be_heard_there() -> None:
    async with open_place() as place:
        secret, here = place.message("the word is xyzzy", room=ADAS), place.message("xyzzy is a word")
        await place.keep(secret, here)
        fact = await place.fact("xyzzy", room=ADAS, audience=Audience.ENTITY)
        for memory in (secret, here, fact):
            await place.store.set_embedding(memory.id, [1.0, 0.0], model="m")

        async def found() -> set[str]:
            by_text: list[Memory] = await place.agent.search_memories("xyzzy")
            by_vector = await place.agent.search_memories_by_embedding([1.0, 0.0])
            facts = await place.agent.search_facts("xyzzy")
            ids = {memory.id for memory in by_text}
            assert ids == {memory.id for memory in by_vector}
            return ids | {memory.id for memory in facts}

        assert await found() == {secret.id, here.id, fact.id}
        with turn_in(GROUP):
            assert await found() == {here.id}
            asked = await place.agent.hearing(place.message(room=ADAS))
            told = await place.agent.search_memories("xyzzy", hearing=asked)
            assert {memory.id for memory in told} == {secret.id, fact.id}
        with turn_in(ADAS):
            assert await found() == {secret.id, fact.id}


async def test_a_plugin_finds_in_a_turn_only_relationships_that_may_be_heard_there() -> None:
    async with open_place() as place:
        source = place.message("I married Bob", room=ADAS)
        await place.keep(source)
        learned = await place.agent.create_relationship(
            {"source_entity_id": ADA, "target_entity_id": BOB, "source_memory_id": source.id}
        )
        own = await place.agent.create_relationship(ADA, BOB, ["seen"])
        for room, ids in ((GROUP, {own.id}), (ADAS, {own.id, learned.id})):
            with turn_in(room):
                assert {each.id for each in await place.agent.get_relationships(ADA)} == ids
