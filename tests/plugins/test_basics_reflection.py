"""REFLECTION: what is learned, from whom, for whom; and what is not."""

from functools import partial
from typing import Any

import pytest

from bot_host.kit.clock import utc_now
from bot_host.plugin import Audience, Content, Memory, ModelError, ModelType, Plugin
from bot_host.types.outbound import Target
from bot_host.types.turn import Admission
from tests.plugins.basics_room import ADA, ADAS, BOB, CAT, GROUP, ME, OTHER, WORLD, Place, Small, open_place


async def turns(place: Place, *said: str, sender: str = ADA, room: str = GROUP) -> list[Memory]:
    """Each is a message and the agent's answer, and the look back after it."""
    messages = []
    for text in said:
        message = place.message(text, sender=sender, room=room)
        await place.keep(message, place.message("I see.", sender=ME, room=room))
        await place.agent.evaluate(message, did_respond=True)
        messages.append(message)
    return messages


async def come_in(place: Place, text: str) -> Memory:
    """A message by the inbox's way, so that it can be edited."""
    memory = place.message(text)
    room, sender = await place.store.find_room(GROUP), await place.store.find_entity(ADA)
    world = await place.store.find_world(WORLD)
    assert room is not None
    assert sender is not None
    assert world is not None
    admission = Admission(
        agent_id=ME,
        account="fake:1",
        event_key=memory.id,
        message_id="1",
        world=world,
        room=room,
        sender=sender,
        memory=memory,
        target=Target(source="fake"),
        sent_at=memory.created_at,
    )
    await place.store.admit([admission])
    return memory


async def edit(place: Place, memory: Memory, text: str) -> None:
    edited = await place.store.apply_edit("fake:1", memory.id, Content(text=text), utc_now(), None)
    assert edited.changed


def fact(text: str, about: str = "P1", message: str = "M1", **more: Any) -> dict[str, Any]:
    return {"facts": [{"about": about, "fact": text, "message": message, **more}]}


async def test_every_eight_messages_facts_are_learned_with_their_source() -> None:
    small = Small()
    small.answers = [fact("lives in Berlin", confidence=0.9)]
    async with open_place(small.plugin, settings={"REFLECTION_INTERVAL": 8}) as place:
        first, *_ = await turns(place, "I live in Berlin", "b", "c")
        assert small.asked == []
        await turns(place, "d")
        assert len(small.asked) == 1
        assert "M1 P1: I live in Berlin" in small.asked[0]
        assert "M2 Eliza: I see." in small.asked[0]
        [learned] = (await place.facts()).values()
        assert learned.content.text == "lives in Berlin"
        assert (learned.entity_id, learned.room_id, learned.source_memory_id) == (ADA, GROUP, first.id)
        assert (learned.confidence, learned.audience) == (0.9, Audience.ROOM)
        await turns(place, "e", "f", "g")
        assert len(small.asked) == 1
        await turns(place, "h")
        assert len(small.asked) == 2
        assert "I live in Berlin" not in small.asked[1]
        assert "F1 P1: lives in Berlin" in small.asked[1]
        assert "Ada: lives in Berlin" in await place.told("FACTS")


async def test_what_was_told_in_private_is_for_that_person_alone() -> None:
    small = Small()
    small.answers = [fact("is ill")]
    async with open_place(small.plugin) as place:
        await turns(place, "I am ill", "b", "c", "d", room=ADAS)
        [learned] = (await place.facts()).values()
        assert learned.audience is Audience.ENTITY
        await turns(place, "a", "b", "c", "d")
        assert "is ill" not in small.asked[1]


async def test_facts_are_not_doubled_and_are_corrected() -> None:
    small = Small()
    again = fact("Lives in Berlin.", message="M3")
    small.answers = [fact("lives in Berlin"), again, fact("lives in Hamburg", replaces="F1")]
    async with open_place(small.plugin, settings={"REFLECTION_INTERVAL": 2}) as place:
        await turns(place, "I live in Berlin")
        [old] = (await place.facts()).values()
        await turns(place, "Berlin is where I live")
        assert set(await place.facts()) == {"lives in Berlin"}
        await turns(place, "I moved to Hamburg")
        [new] = (await place.facts()).values()
        assert new.content.text == "lives in Hamburg"
        assert new.metadata == {"supersedes": old.id}


@pytest.mark.parametrize(
    "answer",
    [
        fact("likes tea", about="P9"),
        fact("likes tea", message="M99"),
        fact("likes tea", message="M2"),  # the agent's own words
        fact("likes tea", confidence=0.2),
        fact("  "),
        {"facts": None},
        {"facts": ["likes tea"]},
        {},
    ],
)
async def test_what_does_not_hold_is_not_kept(answer: dict[str, Any]) -> None:
    small = Small()
    small.answers = [answer]
    async with open_place(small.plugin, settings={"REFLECTION_INTERVAL": 4}) as place:
        await turns(place, "Bob is a thief")
        await turns(place, "hm", sender=BOB)
        assert len(small.asked) == 1
        assert await place.facts() == {}


async def test_what_is_said_of_others_stays_in_the_room_as_the_speakers_words() -> None:
    small = Small()
    small.answers = [fact("is a thief", about="P2", message="M1", replaces="F1")]
    async with open_place(small.plugin, settings={"REFLECTION_INTERVAL": 4}) as place:
        await place.open_up(GROUP)
        await place.fact("is honest", about=BOB)
        await turns(place, "Bob is a thief")
        await turns(place, "hm", sender=BOB)
        learned = (await place.facts())["is a thief"]
        assert (learned.entity_id, learned.audience) == (ADA, Audience.ROOM)
        told = await place.told("FACTS", place.message(sender=CAT))
        assert "- Ada said of Bob: is a thief" in told
        assert "- Bob: is honest" in told  # nobody corrects somebody else
        assert await place.told("FACTS", place.message(sender=BOB, room=OTHER)) == ""
        assert "is a thief" in await place.told("FACTS", place.message(room=ADAS))


@pytest.mark.parametrize(
    ("room", "is_open", "wished", "audience"),
    [
        (GROUP, True, "", Audience.WORLD),
        (GROUP, False, None, Audience.ROOM),
        (GROUP, True, "room", Audience.ROOM),
        (GROUP, True, "entity", Audience.ENTITY),
        (GROUP, True, "agent", Audience.WORLD),
        (GROUP, False, "world", Audience.ROOM),
        (GROUP, True, "everyone!", Audience.WORLD),
        (ADAS, False, "agent", Audience.ENTITY),
        (ADAS, True, "room", Audience.ENTITY),
    ],
)
async def test_the_model_may_narrow_who_hears_and_never_widen(
    room: str, is_open: bool, wished: str | None, audience: Audience
) -> None:
    small = Small()
    link = {"from": "P1", "to": "P2", "tags": ["brother"], "message": "M1", "audience": wished}
    small.answers = [{**fact("lives in Berlin", audience=wished), "relationships": [link]}]
    async with open_place(small.plugin, settings={"REFLECTION_INTERVAL": 4}) as place:
        await place.open_up(room, closed=not is_open)
        await turns(place, "I live in Berlin with my brother Bob", room=room)
        await turns(place, "yes", sender=BOB, room=room)
        [learned] = (await place.facts()).values()
        [link_learned] = await place.store.get_relationships(ME, ADA)
        assert (learned.audience, link_learned.audience) == (audience, audience)


async def test_what_is_said_again_is_surer() -> None:
    small = Small()
    small.answers = [fact("lives in Berlin", confidence=0.6), fact("Lives in Berlin!", confidence=0.6)]
    async with open_place(small.plugin, settings={"REFLECTION_INTERVAL": 2}) as place:
        await turns(place, "I live in Berlin")
        await turns(place, "Berlin, I said")
        [learned] = (await place.facts()).values()
        assert learned.confidence == pytest.approx(0.84)
        assert learned.content.text == "lives in Berlin"


async def test_relationships_of_two_rooms_are_not_mixed() -> None:
    small = Small()
    married = {"from": "P1", "to": "P2", "tags": ["married"], "message": "M1"}
    working = {"from": "P1", "to": "P2", "tags": ["colleague"], "message": "M1"}
    small.answers = [{"relationships": [married]}, {"relationships": [working]}]
    async with open_place(small.plugin, settings={"REFLECTION_INTERVAL": 4}) as place:
        await place.open_up(OTHER)
        await turns(place, "I married Bob")
        await turns(place, "yes", sender=BOB)
        await turns(place, "I work with Bob", room=OTHER)
        await turns(place, "yes", sender=BOB, room=OTHER)
        here = await place.told("RELATIONSHIPS")
        assert "- Ada and Bob: colleague, married" in here
        there = await place.told("RELATIONSHIPS", place.message(room=OTHER))
        assert "- Ada and Bob: colleague" in there
        assert "married" not in there


async def test_nobody_corrects_what_is_known_of_somebody_else() -> None:
    small = Small()
    small.answers = [fact("likes tea", about="P1", message="M1", replaces="F1")]
    async with open_place(small.plugin, settings={"REFLECTION_INTERVAL": 4}) as place:
        await place.fact("likes coffee", about=BOB)
        await turns(place, "I like tea")
        await turns(place, "hm", sender=BOB)
        assert set(await place.facts()) == {"likes tea", "likes coffee"}


async def test_relationships_are_learned_where_both_speak() -> None:
    small = Small()
    item = {"from": "P1", "to": "P2", "tags": ["brother"], "message": "M1"}
    wrong = {"from": "P2", "to": "P1", "tags": ["enemy"], "message": "M1"}
    small.answers = [{"relationships": [item, wrong]}]
    async with open_place(small.plugin, settings={"REFLECTION_INTERVAL": 4}) as place:
        [source] = await turns(place, "Bob is my brother")
        await turns(place, "yes", sender=BOB)
        [found] = await place.store.get_relationships(ME, ADA)
        assert (found.source_entity_id, found.target_entity_id, found.tags) == (ADA, BOB, ("brother",))
        assert found.source_memory_id == source.id
        assert "- Ada and Bob: brother" in await place.told("RELATIONSHIPS")


async def test_the_offline_model_is_never_asked_nor_is_anybody_when_it_is_off() -> None:
    small = Small("offline")
    async with open_place(small.plugin) as place:
        await turns(place, *"abcdefgh")
        assert small.asked == []
    small, large = Small("offline"), Small()
    mine = Plugin(name="mine", models={ModelType.OBJECT_LARGE: large.plugin.models[ModelType.OBJECT_SMALL]})
    async with open_place(small.plugin, mine) as place:
        await turns(place, *"abcd")
        assert (len(small.asked), len(large.asked)) == (0, 1)
    small = Small()
    async with open_place(small.plugin, settings={"REFLECTION_INTERVAL": 0}) as place:
        await turns(place, *"abcdefgh")
        assert small.asked == []


async def test_a_model_that_fails_is_asked_again_later_and_hurts_nobody() -> None:
    small = Small()
    small.answers = [ModelError("down"), fact("lives in Berlin")]
    async with open_place(small.plugin) as place:
        await turns(place, "I live in Berlin", "b", "c", "d")
        assert await place.facts() == {}
        await turns(place, "e", "f", "g", "h")
        assert "I live in Berlin" in small.asked[1]
        assert set(await place.facts()) == {"lives in Berlin"}


async def test_what_was_to_be_forgotten_is_not_learned_again() -> None:
    small = Small()
    async with open_place(small.plugin) as place:
        await place.fact("lives in Berlin")
        said = await turns(place, "I live in Berlin", "b", "forget that I live in Berlin")
        assert (await place.do("FORGET_FACT", said[-1], fact="lives in Berlin")).success
        await turns(place, "d", "e", "f", "g")
        assert len(small.asked) == 1
        assert " P1: d\n" in small.asked[0]
        assert "I live in Berlin" not in small.asked[0]


async def test_a_deleted_message_takes_with_it_what_was_learned_from_it() -> None:
    small = Small()
    small.answers = [fact("lives in Berlin")]
    async with open_place(small.plugin) as place:
        first, *_ = await turns(place, "I live in Berlin", "b", "c", "d")
        assert await place.facts()
        await place.store.delete_memories([first.id])
        assert await place.facts() == {}
        assert await place.told("FACTS") == ""


async def test_what_was_edited_is_learned_anew() -> None:
    small = Small()
    small.answers = [fact("lives in Berlin"), fact("lives in Bonn")]
    async with open_place(small.plugin) as place:
        first = await come_in(place, "I live in Berlin")
        await turns(place, "b", "c", "d", "e")
        [learned] = (await place.facts()).values()
        assert learned.source_memory_id == first.id
        await edit(place, first, "I live in Bonn")
        assert await place.facts() == {}
        await turns(place, "f", "g", "h", "i")
        assert "M1 P1: I live in Bonn" in small.asked[1]
        assert "P1: e\n" not in small.asked[1]
        [learned] = (await place.facts()).values()
        assert learned.content.text == "lives in Bonn"


async def test_what_is_edited_while_it_is_reflected_on_teaches_nothing_old() -> None:
    small = Small()
    small.answers = [
        {**fact("lives in Berlin"), "relationships": [{"from": "P1", "to": "P2", "message": "M1"}]}
    ]
    async with open_place(small.plugin, settings={"REFLECTION_INTERVAL": 2}) as place:
        first = await come_in(place, "I live in Berlin with Bob")
        await place.keep(place.message("Yes.", sender=BOB))
        small.meanwhile = partial(edit, place, first, "Nonsense.")
        await place.agent.evaluate(first, did_respond=True)
        assert len(small.asked) == 1
        assert await place.facts() == {}
        assert await place.store.get_relationships(ME, ADA) == []


async def test_messages_that_were_not_answered_count_too() -> None:
    small = Small()
    async with open_place(small.plugin, settings={"REFLECTION_INTERVAL": 2}) as place:
        await place.keep(*(place.message(f"talk {n}", sender=CAT) for n in range(3)))
        await turns(place, "hello")
        assert "talk 0" in small.asked[0]


async def test_a_character_has_its_own_template() -> None:
    small = Small()
    async with open_place(small.plugin, settings={"REFLECTION_INTERVAL": 2}) as place:
        templates = {"reflectionTemplate": "{{agentName}} heard:\n{{recentMessages}}"}
        place.agent.use_character(place.agent.character.model_copy(update={"templates": templates}))
        await turns(place, "hello")
        assert small.asked == ["Eliza heard:\nM1 P1: hello\nM2 Eliza: I see."]
